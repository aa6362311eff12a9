/** Names and notes of datasets, classes and trials that are programs where a report does not escape them. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { parse, stringify } from 'yaml';
import type { Random } from '../../src/random.js';
import { exampleSummary } from '../../src/trial/example.test-data.js';
import { writeReport } from '../../src/trial/report/index.js';
import { pick } from './mutate.js';
import { fault, judgeCommand, type Outcome, read, refused } from './outcome.js';
import { graft } from './program.js';
import type { Workshop } from './workshop.js';

/** In whatever a report must not run, to find it again. */
const MARK = 'x9pwned';

const names = [
  `<script>alert("${MARK}")</script>`,
  `<img src=x onerror=${MARK}>`,
  `"><svg onload=${MARK}>`,
  `[a](javascript:${MARK})`,
  `![a](javascript:${MARK})`,
  `a\n\`\`\`\n<script>${MARK}</script>`,
  `\`<b onclick=${MARK}>\``,
  `</style><script>${MARK}</script>`,
  `]]><script>${MARK}</script>`,
  `a | b\n\n# <script>${MARK}</script>`,
  `\\\`<script>${MARK}</script>`,
];

/** What in a page would run. */
function runningInHtml(html: string): string | undefined {
  const { document } = parseHTML(html);
  for (const element of document.querySelectorAll('*')) {
    if (element.localName === 'script' && element.textContent?.trimStart().startsWith(`alert("${MARK}`))
      return 'a script';
    if (element.localName === 'script' && element.textContent?.trim() === MARK) return 'a script';
    for (const { name, value } of element.attributes)
      if (
        (name.startsWith('on') && value.includes(MARK)) ||
        new RegExp(`^\\s*javascript:.*${MARK}`).test(value)
      )
        return `${element.localName} ${name}`;
  }
  return undefined;
}

/** What in a Markdown file would become markup of somebody else's: outside of code, unescaped. */
function runningInMarkdown(text: string): string | undefined {
  let fence: string | undefined;
  for (const line of text.split('\n')) {
    const [, marks, rest] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (fence !== undefined) {
      if (marks?.startsWith(fence) && rest!.trim() === '') fence = undefined;
      continue;
    }
    if (marks !== undefined) {
      fence = marks;
      continue;
    }
    const plain = line.replaceAll(/(`+)(?!`).*?[^`]\1(?!`)/g, '').replaceAll(/\\[\\<>[\]()`!]/g, '');
    if (plain.includes(MARK) && (/<[a-z/!]/i.test(plain) || /\]\(\s*javascript:/i.test(plain)))
      return line.slice(0, 200);
  }
  return undefined;
}

function judgeFile(path: string): Outcome {
  const text = readFileSync(path, 'utf8');
  const found = path.endsWith('.html') ? runningInHtml(text) : runningInMarkdown(text);
  return found === undefined ? read : fault(`what a stranger wrote would run in ${path}: ${found}`);
}

/** A report or card whose words come from somebody who means harm. */
export async function tryReports(workshop: Workshop, dir: string, random: Random): Promise<Outcome> {
  if (random.chance(0.4)) return tryTrial(dir, random);
  const set = join(dir, 'set');
  cpSync(await workshop.phantoms(), set, { recursive: true });
  const path = join(set, 'dataset.yaml');
  const about = parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const provenance = { ...(about.provenance as object), source: pick(names, random) };
  writeFileSync(
    path,
    stringify({ ...about, name: pick(names, random), licence: pick(names, random), provenance }),
  );
  const [args, out] = random.chance(0.5)
    ? [
        ['classify', 'card', await workshop.classifier(), '--data', set, '--out', join(dir, 'card.md')],
        'card.md',
      ]
    : [['data', 'describe', set, '--report', join(dir, 'page.html')], 'page.html'];
  const outcome = judgeCommand(await graft(args, { cwd: dir }));
  return outcome.kind === 'read' ? judgeFile(join(dir, out)) : outcome;
}

function tryTrial(dir: string, random: Random): Outcome {
  const [name, yaml] = [pick(names, random), pick(names, random)];
  const made = exampleSummary({ testImages: 60 });
  try {
    const { html, markdown } = writeReport(
      {
        ...made,
        name,
        dataset: { ...made.dataset, name, licence: pick(names, random) },
        configYaml: `name: ${JSON.stringify(yaml)}\n${yaml}\n`,
      },
      dir,
    );
    const bad = [html, markdown].map(judgeFile).find(({ kind }) => kind === 'fault');
    return bad ?? read;
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
}
