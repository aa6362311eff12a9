/** Sets whose figures would look well: copies of the real images, images of one colour. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from 'graft-torch/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import { encodePng } from '../image/grid.js';
import { inProcessAloud } from './in-process.test-data.js';
import { register } from './metrics.js';

const metrics = inProcessAloud('metrics', register);
const dir = mkdtempSync(join(tmpdir(), 'graft-cautions-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const [real, held, copies, flat] = ['real', 'held', 'copies', 'flat'].map((name) => join(dir, name)) as [
  string,
  string,
  string,
  string,
];

beforeAll(async () => {
  const random = new Random(4);
  for (const [folder, count] of [
    [real, 60],
    [held, 60],
  ] as const) {
    mkdirSync(folder);
    for (let i = 0; i < count; i++) {
      const pixels = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), 32);
      writeFileSync(join(folder, `${i}.png`), await encodePng(pixels, { width: 32, height: 32 }));
    }
  }
  cpSync(real, copies, { recursive: true });
  mkdirSync(flat);
  const grey = new Uint8Array(32 * 32 * 3).fill(120);
  for (let i = 0; i < 110; i++)
    writeFileSync(join(flat, `${i}.png`), await encodePng(grey, { width: 32, height: 32 }));
});

const sets = (synthetic: string): string[] => ['--real', real, '--synthetic', synthetic, '--no-cache'];

test('a copy of the real images is called so, on the screen, in JSON and on the page, and nowhere better', async () => {
  const page = join(dir, 'page.html');
  const { stdout } = await metrics('distribution', ...sets(copies), '--report', page, '--quiet');
  expect(stdout).toMatch(
    /^60 of 60 synthetic images are real images, pixel for pixel: .*graft metrics privacy/,
  );
  expect(stdout).not.toContain('better than real');
  const html = readFileSync(page, 'utf8');
  expect(html).toContain('Copies of real images');
  expect(html).toContain('60 of 60 synthetic images are real images');
  const json = await metrics(
    'image',
    '--real',
    real,
    '--synthetic',
    copies,
    '--json',
    '--quiet',
    '--metric',
    'psnr',
  );
  expect(
    (JSON.parse(json.stdout) as { cautions: { kind: string }[] }).cautions.map(({ kind }) => kind),
  ).toEqual(['copies']);
});

test('images of one colour pass no check of privacy', async () => {
  expect(readdirSync(flat)).toHaveLength(110);
  const { stdout, error } = await metrics('privacy', ...sets(flat), '--held-out', held, '--quiet');
  expect(stdout).toMatch(/^110 of 110 synthetic images are one colour/);
  expect(stdout).not.toContain('PASS');
  expect(error!.message).toMatch(/privacy: (UNDECIDED|FAIL)/);
});
