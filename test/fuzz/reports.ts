/** Names and notes of datasets, classes and trials that are programs where a report does not escape them. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from 'graft-torch/base';
import { parseHTML } from 'linkedom';
import { parse, stringify } from 'yaml';
import { exampleSummary } from '../../src/trial/example.test-data.js';
import { writeReport } from '../../src/trial/report/index.js';
import { pick } from './mutate.js';
import { fault, judgeCommand, type Outcome, read, refused } from './outcome.js';
import { graft } from './program.js';
import { trainClassifier, type Workshop } from './workshop.js';

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
  if (random.chance(0.3)) return tryTrial(dir, random);
  const run = await hostileRun(workshop);
  const set = join(workshop.dir, 'hostile');
  const about = parse(readFileSync(join(set, 'dataset.yaml'), 'utf8')) as Record<string, unknown>;
  const provenance = { ...(about.provenance as object), source: pick(names, random) };
  const words = { name: pick(names, random), licence: names.join(' '), provenance };
  writeFileSync(join(set, 'dataset.yaml'), stringify({ ...about, ...words }));
  const [args, out] = pick(
    [
      [['classify', 'card', run, '--out', join(dir, 'card.md')], 'card.md'],
      [['classify', 'evaluate', run, '--replicates', '100', '--report', join(dir, 'page.html')], 'page.html'],
      [['data', 'describe', set, '--report', join(dir, 'page.html')], 'page.html'],
    ] as [string[], string][],
    random,
  );
  const outcome = judgeCommand(await graft(args, { cwd: dir }));
  return outcome.kind === 'read' ? judgeFile(join(dir, out)) : outcome;
}

/** A classifier of classes, and on a dataset with metadata, that are called so. */
async function hostileRun(workshop: Workshop): Promise<string> {
  const [run, set, table] = ['hostile-run', 'hostile', 'hostile.csv'].map((name) =>
    join(workshop.dir, name),
  ) as [string, string, string];
  if (existsSync(run)) return run;
  const images = join(await workshop.phantoms(), 'images');
  const [positive, negative] = [names[0]!, names[3]!];
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const rows = readdirSync(images).map((file, i) =>
    [file.replace(/\.\w+$/, ''), quoted(i % 2 ? positive : negative), quoted(names[i % names.length]!)].join(
      ',',
    ),
  );
  writeFileSync(table, ['image,diagnosis,sex', ...rows].join('\n'));
  const labels = ['--label-column', 'diagnosis', '--positive', positive];
  const steps = [
    ['data', 'import', images, '--metadata', table, '--mapping', 'plain', ...labels, '--out', set, '--quiet'],
    trainClassifier(set, run),
  ];
  for (const args of steps) {
    const { status, stderr } = await graft(args, { cwd: workshop.dir });
    if (status !== 0) throw new Error(`the fuzz cannot make its hostile classifier: ${stderr}`);
  }
  return run;
}

function tryTrial(dir: string, random: Random): Outcome {
  const made = exampleSummary({ testImages: 60 });
  const name = pick(names, random);
  const dataset = { ...made.dataset, name, licence: names.join(' ') };
  // Each name in a fence of its own and all of them together: one may close what another opened.
  const configYaml = `name: ${JSON.stringify(name)}\n${pick([names.join('\n'), name], random)}\n`;
  try {
    const { html, markdown } = writeReport({ ...made, name, dataset, configYaml }, dir);
    const bad = [html, markdown].map(judgeFile).find(({ kind }) => kind === 'fault');
    return bad ?? read;
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
}
