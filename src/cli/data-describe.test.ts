import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { wholeProgram } from './in-process.test-data.js';

let root: string;
let phantoms: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-cli-describe-'));
  phantoms = join(root, 'phantoms');
  await createPhantomDataset(phantoms, { count: 60, sizePx: 16, prevalence: 0.4, seed: 2 });
});
afterAll(() => rmSync(root, { recursive: true }));

const data = wholeProgram('data');
const run = (args: readonly string[]) => data(['describe', ...args]);

test('--report: a page with the audit, its figures beside it, both named in --json', async () => {
  const path = join(root, 'out/eda.html');
  const { code, stdout, stderr } = await run([phantoms, '--report', path, '--json']);
  expect(code, stderr).toBe(0);
  for (const part of ['auditing', 'taking pictures', 'drawing figures', `wrote ${path}`])
    expect(stderr).toContain(part);
  const json = JSON.parse(stdout);
  expect(json).toMatchObject({
    images: 60,
    report: { html: path },
    audit: { format: 'graft-audit-1', leaks: [] },
  });
  expect(
    json.report.figures.map((figure: string) => figure.slice(join(root, 'out/eda-figures/').length)).sort(),
  ).toEqual(readdirSync(join(root, 'out/eda-figures')).sort());
  const html = readFileSync(path, 'utf8');
  expect(html).toContain('These are phantoms');
  expect(html).toContain('<figure id="figure-numbers"');
  expect(html).toContain('No: no id, file, near-duplicate, lesion, patient or group is in two splits.');
});

test('--no-audit and --figures', async () => {
  const path = join(root, 'quick.html');
  const figures = join(root, 'pictures');
  const { code, stderr, stdout } = await run([
    phantoms,
    '--report',
    path,
    '--no-audit',
    '--figures',
    figures,
    '--quiet',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/60 images in 60 groups/);
  expect(readFileSync(path, 'utf8')).toContain('The audit was not run');
  expect(readdirSync(figures)).toContain('samples.png');
  expect(existsSync(join(root, 'quick-figures'))).toBe(false);
});

test.each([
  [['--figures', 'x'], /--figures belongs to a report: name one with --report eda\.html/],
  [['--no-audit'], /--no-audit belongs to a report/],
  [['--report', tmpdir()], /is a folder: name a file in it/],
])('%j: wrong usage in one line', async (args, message) => {
  const { code, stderr } = await run([phantoms, ...args]);
  expect(code).toBe(2);
  expect(stderr.trim()).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
