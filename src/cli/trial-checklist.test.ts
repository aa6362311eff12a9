import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createRun } from '../run/run-folder.js';
import { exampleSummary } from '../trial/example.test-data.js';
import { scoresOf } from '../trial/scores.js';
import { inProcessAloud } from './in-process.test-data.js';
import { register } from './trial.js';

const root = mkdtempSync(join(tmpdir(), 'graft-checklist-'));
const trialDir = join(root, 'trial');
const tableDir = join(root, 'table');
const summary = exampleSummary({ folds: 2 });
const graft = inProcessAloud('trial', register);

beforeAll(() => {
  const run = createRun(trialDir, { kind: 'trial', config: { name: 'example' } });
  run.finish(summary as unknown as Record<string, unknown>);
  run.close();
  mkdirSync(tableDir);
  const table = { format: 'graft-verdict-1', scores: scoresOf(summary), isProbability: true };
  writeFileSync(join(tableDir, 'summary.json'), JSON.stringify(table));
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('of a trial: all four, as pages, Markdown and tables, with the count', async () => {
  const { stdout, error } = await graft('checklist', trialDir);
  expect(error).toBeUndefined();
  expect(stdout).toMatch(
    /CLAIM, 2024 update: \d+ of 44 items filled, \d+ filled in part, \d+ for the author/,
  );
  const out = join(trialDir, 'checklists');
  expect(readdirSync(out).sort()).toEqual(
    ['claim', 'metrics', 'stard-ai', 'tripod-ai'].flatMap((id) => [`${id}.csv`, `${id}.html`, `${id}.md`]),
  );
  const page = readFileSync(join(out, 'claim.html'), 'utf8');
  expect(page).toContain('https://doi.org/10.1148/ryai.240300');
  expect(page).toContain('No lesion is in more than one of training, validation and test images'.slice(3));
  const csv = readFileSync(join(out, 'stard-ai.csv'), 'utf8');
  expect(csv.split('\n')[0]).toBe('guideline,item,section,asks,status,answer,report,for the author');
  expect(csv).toContain('STARD-AI,15c,');
  // Once more, over the first.
  expect((await graft('checklist', trialDir)).error).toBeUndefined();
});

test('of a table of scores: one of them, as JSON; what a table cannot know is for the author', async () => {
  const { stdout } = await graft(
    'checklist',
    tableDir,
    '--guideline',
    'claim',
    '--out',
    join(root, 'paper'),
    '--json',
  );
  const { checklists } = JSON.parse(stdout);
  expect(checklists).toHaveLength(1);
  const item = (number: string) =>
    checklists[0].items.find((one: { number: string }) => one.number === number);
  expect(item('9').status).toBe('author');
  expect(item('29').status).toBe('filled');
  expect(item('20').left).toContain('not recorded');
  expect(readdirSync(join(root, 'paper')).sort()).toEqual(['claim.csv', 'claim.html', 'claim.md']);
});

test('what is no result is refused, and a file of somebody else’s is not replaced', async () => {
  expect((await graft('checklist', root)).error?.message).toContain('not a run folder');
  const paper = join(root, 'mine');
  mkdirSync(paper);
  writeFileSync(join(paper, 'claim.md'), 'my own');
  const { error } = await graft('checklist', tableDir, '--out', paper);
  expect(error?.message).toContain('not from here');
  expect(readFileSync(join(paper, 'claim.md'), 'utf8')).toBe('my own');
});
