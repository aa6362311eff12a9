import { oneLine, Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { toMarkdown } from './markdown.js';
import { codeBlock, codeSpan, escapeMarkdown, fileAddress, markdownTable, md } from './markdown-text.js';

const hostile = [
  '</title><script>alert(1)</script>',
  '[a](javascript:alert(1))',
  '![x](http://x/y.png)',
  'back"><img src=x onerror=alert(1)>',
  '`$_{7*7}`',
  '``` \n<script>',
  'a | b | c',
  '# heading\n## another',
  '- item\n1. item\n> quote',
  '---\ntitle: x\n---',
  '&lt;script&gt; &#106;avascript',
  '~~struck~~ $x_1$ **bold** _em_',
  'trailing \\',
  '1. first',
  '+ plus',
  '=====',
  'line\r\n\u2028    code',
  '\u001b[2J\u0000\u202egpj',
];

/** What a reader sees of escaped text: backslashes before punctuation and entities resolved (CommonMark 2.4, 2.5). */
const seen = (markdown: string): string =>
  markdown.replace(/\\([!-/:-@[-`{-~])|&(lt|gt|amp);/g, (_, sign?: string, entity?: string) =>
    sign ? sign : { lt: '<', gt: '>', amp: '&' }[entity!]!,
  );

/** The signs that stand bare, without a backslash before them. */
const bare = (markdown: string): string => markdown.replace(/\\[!-/:-@[-`{-~]/g, '');

function texts(): string[] {
  const random = new Random(3);
  const signs = [...'ab 1.)#-+=*_`~[]()<>|&;\\$!\n\t"\'ü'];
  const drawn = Array.from({ length: 500 }, () =>
    Array.from({ length: random.int(14) }, () => signs[random.int(signs.length)]!).join(''),
  );
  return [...hostile, ...drawn];
}

describe('text in Markdown', () => {
  test('is shown as it is, on one line, and is nothing but text', () => {
    for (const text of texts()) {
      const escaped = escapeMarkdown(text);
      expect(seen(escaped)).toBe(oneLine(text).replace(/\s+/g, ' ').trim());
      expect(bare(escaped)).not.toMatch(/[`*_[\]<>|~$\n]/);
      expect(escaped).not.toMatch(/^(#|[+-](\s|$)|\d+[.)](\s|$)|=+$)|&(?!lt;|gt;|amp;)#?\w+;/);
    }
  });

  test('numbers and plain words stay as they are', () => {
    for (const text of ['0.812', '-0.3', '3 of 7 (43 %)', 'benign', 'AT&T', 'http://example.org/a?b=1&c'])
      expect(escapeMarkdown(text)).toBe(text);
  });

  test('of a code span does not end it, and has no HTML in it', () => {
    for (const text of texts()) {
      const { markdown } = codeSpan(text);
      expect(markdown).not.toMatch(/<|\n/);
      const [, ticks, inner] = /^(`+) ?(.*?) ?\1$/s.exec(markdown) ?? [];
      if (ticks) expect(inner!.match(/`+/g)?.some((run) => run.length === ticks.length) ?? false).toBe(false);
      else expect(bare(markdown)).not.toMatch(/[`*_[\]<>|~$\n]/);
    }
  });

  test('of a code block does not end it', () => {
    for (const text of [...texts(), 'name: "\n```\n<script>"', '````\n`````']) {
      const [first, ...rest] = codeBlock(text, 'yaml').split('\n');
      const fence = first!.replace('yaml', '');
      expect(rest.pop()).toBe(fence);
      expect(rest.join('\n')).toBe(text);
      expect(rest.some((line) => line.trim().startsWith(fence))).toBe(false);
    }
  });

  test('of a cell stays in its cell', () => {
    for (const text of texts()) {
      const [head, rule, row] = markdownTable([
        ['a', 'b'],
        [text, { markdown: md`${text} \\*` }],
      ]);
      expect([head, rule]).toEqual(['| a | b |', '| --- | --- |']);
      expect(row!.replace(/\\[!-/:-@[-`{-~]/g, '').split('|')).toHaveLength(4);
    }
  });

  test('of an address cannot end the link', () => {
    expect(fileAddress('a b/c(1).svg')).toBe('a%20b/c%281%29.svg');
    expect(fileAddress(') [x](javascript:1')).not.toMatch(/[\s()[\]]/);
  });
});

test('a report made of hostile text has no HTML, no link and no heading of its own', () => {
  const block = (text: string) =>
    [
      { kind: 'prose', lead: text, text },
      { kind: 'subheading', text },
      { kind: 'list', items: [{ lead: text, text }] },
      { kind: 'code', title: text, text },
      {
        kind: 'table',
        title: text,
        columns: [{ title: text, align: 'left' }],
        rows: [[text]],
        note: text,
        strong: [0],
      },
    ] as const;
  for (const text of hostile) {
    const markdown = toMarkdown({
      title: text,
      subtitle: text,
      summary: { sentence: text, paragraph: text, tone: 'unclear' },
      sections: [{ id: 'x', title: text, blocks: block(text) }],
      footer: text,
    } as never);
    // Without the block of code, which shows the text as it is.
    const page = bare(markdown.replace(/(`{3,})yaml\n[\s\S]*?\n\1/g, ''));
    expect(page).not.toMatch(/<|\]\(|`/);
    expect(page.match(/^#+ /gm)).toHaveLength(3);
  }
});
