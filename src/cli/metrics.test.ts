import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import sharp from 'sharp';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import { encodePng } from '../image/grid.js';
import type { DistanceRecord } from '../metrics/distribution/distances.js';
import type { ImageMetricReport } from '../metrics/image.js';
import { Random } from '../random.js';
import { addGlobalOptions } from './common.js';
import { register } from './metrics.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-metrics-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function writePhantoms(name: string, n: number, seed: number): Promise<string> {
  const folder = join(dir, name);
  mkdirSync(folder);
  const random = new Random(seed);
  for (let k = 0; k < n; k++) {
    const pixels = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), 32);
    writeFileSync(join(folder, `${k}.png`), await encodePng(pixels, { width: 32, height: 32 }));
  }
  return folder;
}

const run = (...args: string[]): Promise<string> => runMetrics('image', ...args);

async function runMetrics(kind: string, ...args: string[]): Promise<string> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  const program = new Command();
  addGlobalOptions(program);
  register(program);
  await program.parseAsync(['metrics', kind, ...args], { from: 'user' });
  return printed;
}

describe('graft metrics image', () => {
  it('prints a record with figures, null and protocol, the same for the same seed', async () => {
    const real = await writePhantoms('real', 12, 1);
    const synthetic = await writePhantoms('synthetic', 9, 2);
    const args = ['--real', real, '--synthetic', synthetic, '--size', '24', '--device', 'cpu', '--seed', '3'];
    const text = await run(...args, '--json');
    const report = JSON.parse(text) as ImageMetricReport & {
      protocol: { resize: { sizePx: number; kernel: string } };
    };
    expect(report.psnr.synthetic.n).toBe(9);
    expect(report.psnr.realNull!.n).toBe(6);
    expect(report.psnr.synthetic.mean).toBeGreaterThan(5);
    expect(report.psnr.synthetic.mean).toBeLessThan(30);
    expect(report.ssim.synthetic.interval[0]).toBeLessThan(report.ssim.synthetic.mean);
    expect(report.counts).toEqual({ real: 12, synthetic: 9 });
    expect(report.protocol).toMatchObject({
      seed: 3,
      stretch: 'none',
      resize: { sizePx: 24, kernel: 'lanczos3' },
    });
    expect(await run(...args, '--json')).toBe(text);
    const table = await run(...args);
    expect(table).toContain(report.psnr.synthetic.mean.toFixed(3));
    expect(table).toContain('N=9');
  });

  it('fails on a folder without images', async () => {
    const empty = join(dir, 'empty');
    mkdirSync(empty);
    await expect(run('--real', empty, '--synthetic', empty, '--device', 'cpu')).rejects.toThrow(/no images/);
  });

  it('compares with the training images of the class where --real is a dataset', async () => {
    const synthetic = await writePhantoms('of-class', 6, 5);
    const dataset = join(dir, 'dataset');
    const made = await createPhantomDataset(dataset, { count: 60, sizePx: 32, prevalence: 0.4, seed: 1 });
    const count = made.dataset.counts.train.malignant;
    const args = [
      '--real',
      dataset,
      '--synthetic',
      synthetic,
      '--size',
      '24',
      '--device',
      'cpu',
      '--quiet',
      '--json',
    ];
    const report = JSON.parse(await run(...args, '--class', 'malignant')) as ImageMetricReport;
    expect(report.counts).toEqual({ real: count, synthetic: 6 });
    await expect(run(...args)).rejects.toThrow(
      /has no lineage\.json: say with --class which class .*benign, malignant/,
    );
    await expect(run(...args, '--class', 'nevus')).rejects.toThrow(
      /no class 'nevus'; the classes are benign, malignant/,
    );
  });
});

describe('graft metrics distribution', () => {
  it('puts blurred images further away than other real ones, beside the floor, with its protocol', async () => {
    const real = await writePhantoms('d-real', 40, 1);
    const same = await writePhantoms('d-same', 40, 2);
    const blurred = join(dir, 'd-blurred');
    mkdirSync(blurred);
    for (const name of readdirSync(same)) {
      await sharp(join(same, name)).blur(2).toFile(join(blurred, name));
    }
    const distances = async (synthetic: string) =>
      JSON.parse(
        await runMetrics(
          ...['distribution', '--real', real, '--synthetic', synthetic, '--size', '32'],
          ...['--device', 'cpu', '--json', '--quiet'],
        ),
      ) as Record<'frechet' | 'kernel', DistanceRecord>;
    const [near, far] = [await distances(same), await distances(blurred)];
    expect(far.frechet.value).toBeGreaterThan(2 * near.frechet.value);
    expect(far.kernel.value).toBeGreaterThan(near.kernel.value);
    expect(near.frechet).toMatchObject({
      real: 40,
      synthetic: 40,
      backbone: expect.stringContaining('random'),
    });
    expect(near.frechet.floor).toBeGreaterThan(0);
  });
});
