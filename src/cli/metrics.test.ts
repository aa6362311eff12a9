import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { Random, writeJson } from 'graft-torch/base';
import sharp from 'sharp';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { Lineage } from '../data/lineage/lineage.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import { encodePng } from '../image/grid.js';
import type { MetricRecord } from '../metrics/sets/record.js';
import { addGlobalOptions } from './common.js';
import { register } from './metrics.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-metrics-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function writePhantoms(
  name: string,
  n: number,
  seed: number,
  { prevalence = 0.5, sizePx = 32 } = {},
): Promise<string> {
  const folder = join(dir, name);
  mkdirSync(folder);
  const random = new Random(seed);
  for (let k = 0; k < n; k++) {
    const pixels = renderPhantom(samplePhantom(random, { prevalence }), sizePx);
    writeFileSync(join(folder, `${k}.png`), await encodePng(pixels, { width: sizePx, height: sizePx }));
  }
  return folder;
}

const run = (...args: string[]): Promise<string> => runMetrics('image', ...args);

async function runMetrics(...args: string[]): Promise<string> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  const program = new Command();
  addGlobalOptions(program);
  await register(program, args);
  await program.parseAsync(['metrics', ...args], { from: 'user' });
  return printed;
}

interface Printed {
  pairs: number;
  records: MetricRecord[];
  diversity: Record<string, { mean: number }>;
}

const recordOf = ({ records }: Printed, id: string): MetricRecord =>
  records.find(({ metric }) => metric === id)!;

describe('graft metrics image', () => {
  const sets = async (name: string): Promise<string[]> => [
    ...['--real', await writePhantoms(`${name}-real`, 12, 1)],
    ...['--synthetic', await writePhantoms(`${name}-synthetic`, 9, 2)],
    ...['--device', 'cpu', '--quiet', '--seed', '3'],
  ];

  it('prints records with figure, null and protocol, the same for the same seed', async () => {
    const args = [...(await sets('plain')), '--size', '24'];
    const text = await run(...args, '--json');
    const printed = JSON.parse(text) as Printed;
    expect(printed.records.map(({ metric }) => metric)).toContain('mdsi');
    expect(printed.pairs).toBe(9);
    const psnr = recordOf(printed, 'psnr');
    expect(psnr.n).toEqual({ real: 12, synthetic: 9 });
    expect(psnr.value).toBeGreaterThan(5);
    expect(psnr.value).toBeLessThan(30);
    expect(psnr.interval![0]).toBeLessThan(psnr.value);
    expect(psnr.floor!.value).toBeGreaterThan(5);
    expect(psnr.protocol).toMatchObject({ sizePx: 24, widthPx: 24, stretch: 'none', kernel: 'lanczos3' });
    expect(printed.diversity.ssim!.mean).toBeGreaterThan(0);
    expect(await run(...args, '--json')).toBe(text);
    const table = await run(...args);
    expect(table).toContain(psnr.value.toFixed(3));
    expect(table).toContain('9 pairs');
  });

  it('follows the original’s protocol, pairs with the nearest, and takes only what is asked for', async () => {
    const args = await sets('ways');
    const printed = async (...more: string[]) => JSON.parse(await run(...args, ...more, '--json')) as Printed;
    const original = await printed('--protocol', 'original', '--metric', 'psnr', '--metric', 'ssim');
    expect(original.records.map(({ metric }) => metric)).toEqual(['psnr', 'ssim']);
    expect(recordOf(original, 'ssim').protocol).toMatchObject({ stretch: 'image', pairing: /by index/ });
    // The images' own size where none is asked for.
    expect(recordOf(original, 'ssim').protocol.sizePx).toBe(32);
    const nearest = await printed('--protocol', 'nearest', '--metric', 'ssim');
    const random = await printed('--metric', 'ssim');
    expect(recordOf(nearest, 'ssim').value).toBeGreaterThan(recordOf(random, 'ssim').value);
    await expect(run(...args, '--metric', 'fid')).rejects.toThrow(/--metric fid: there is psnr, ssim, /);
  });

  it('writes a page that stands alone', async () => {
    const path = join(dir, 'pages', 'image.html');
    await run(...(await sets('page')), '--report', path);
    const page = readFileSync(path, 'utf8');
    expect(page).toContain('page-synthetic against page-real');
    expect(page).toContain('<table class="sortable">');
    expect(page.match(/<figure /g)).toHaveLength(2);
    expect(page).toContain('most alike');
    expect(page).not.toMatch(/(src|href)="(?!data:|#)/);
  });

  it('names the folder or file that stands in the way, and the remedy', async () => {
    const real = await writePhantoms('odd-real', 4, 1);
    const args = ['--real', real, '--device', 'cpu', '--quiet', '--synthetic'];
    const folder = (name: string): string => {
      const path = join(dir, name);
      mkdirSync(path);
      return path;
    };
    const empty = folder('empty');
    await expect(run(...args, empty)).rejects.toThrow(/empty: no images to take for the synthetic set/);
    const one = await writePhantoms('one', 1, 1);
    await expect(run(...args, one)).rejects.toThrow(/one: a single image .*two or more/);
    const mixed = await writePhantoms('mixed', 3, 1);
    await sharp(join(mixed, '0.png')).resize(40, 40).toFile(join(mixed, 'large.png'));
    await expect(run(...args, mixed)).rejects.toThrow(
      /large\.png: is 40×40 pixels, .*0\.png 32×32: .*--size/,
    );
    expect(await run(...args, mixed, '--size', '32')).toContain('PSNR');
    const wide = await writePhantoms('wide', 3, 1);
    await sharp(join(wide, '1.png')).resize(40, 20, { fit: 'fill' }).toFile(join(wide, '0.5.png'));
    await expect(run(...args, wide)).rejects.toThrow(/0\.5\.png: is 40×20 pixels/);
    const clear = await writePhantoms('clear', 3, 1);
    await sharp(join(clear, '1.png')).ensureAlpha(0.5).png().toFile(join(clear, 'clear.png'));
    await expect(run(...args, clear)).rejects.toThrow(/clear\.png: has transparent pixels.*background/);
    const tiny = ['--size', '12', '--metric', 'ms-ssim'];
    await expect(run(...args, one.replace(/one$/, 'odd-real'), ...tiny)).rejects.toThrow(
      /0\.png: 12×12 pixels are too few for MS-SSIM, which needs 21/,
    );
  });

  it('compares with the training images of the class where --real is a dataset', async () => {
    const synthetic = await writePhantoms('of-class', 6, 5);
    const dataset = join(dir, 'dataset');
    const made = await createPhantomDataset(dataset, { count: 60, sizePx: 32, prevalence: 0.4, seed: 1 });
    const count = made.dataset.counts.train.malignant;
    const args = ['--real', dataset, '--synthetic', synthetic, '--device', 'cpu', '--quiet', '--json'];
    const printed = JSON.parse(await run(...args, '--class', 'malignant')) as Printed;
    expect(recordOf(printed, 'psnr')).toMatchObject({
      class: 'malignant',
      n: { real: count, synthetic: 6 },
    });
    await expect(run(...args)).rejects.toThrow(
      /has no lineage\.json: say with --class which class .*benign, malignant/,
    );
    await expect(run(...args, '--class', 'nevus')).rejects.toThrow(
      /no class 'nevus'; the classes are benign, malignant/,
    );
  });
});

describe('graft metrics compare', () => {
  it('puts figures side by side, and refuses those that were measured differently', async () => {
    const real = await writePhantoms('c-real', 12, 1);
    const measured = async (name: string, ...more: string[]): Promise<string> => {
      const synthetic = await writePhantoms(name, 9, name.length);
      const path = join(dir, `${name}.json`);
      const args = ['--real', real, '--synthetic', synthetic, '--device', 'cpu', '--quiet', '--json'];
      writeFileSync(path, await run(...args, '--metric', 'psnr', ...more));
      return path;
    };
    const [first, second, other] = [
      await measured('c-one'),
      await measured('c-second'),
      await measured('c-stretched', '--protocol', 'original'),
    ];
    const [row] = JSON.parse(await runMetrics('compare', first!, second!, '--json')) as {
      values: [number, number];
      difference: number;
      better: string;
    }[];
    expect(row!.difference).toBeCloseTo(row!.values[1] - row!.values[0], 12);
    expect(row!.better).toBe(row!.difference > 0 ? 'second' : 'first');
    expect(await runMetrics('compare', first!, second!)).toMatch(/PSNR .* is better/);
    await expect(runMetrics('compare', first!, other!)).rejects.toThrow(
      /c-one\.json, .*c-stretched\.json: PSNR: .*pairing \(both sets shuffled.* against by index.*stretch \(none against image\)/,
    );
  });
});

/** A dataset of phantoms, and two folders of other phantoms: malignant ones, and benign ones. */
async function classes(name: string): Promise<Record<'dataset' | 'malignant' | 'benign', string>> {
  const dataset = join(dir, `${name}-dataset`);
  await createPhantomDataset(dataset, { count: 240, sizePx: 48, prevalence: 0.5, seed: 1 });
  const folders = { dataset, malignant: join(dir, `${name}-malignant`), benign: join(dir, `${name}-benign`) };
  const random = new Random(7);
  for (const label of ['malignant', 'benign'] as const) {
    mkdirSync(folders[label]);
    for (let k = 0; k < 110; k++) {
      const phantom = samplePhantom(random, { prevalence: label === 'malignant' ? 1 : 0 });
      const png = await encodePng(renderPhantom(phantom, 48), { width: 48, height: 48 });
      writeFileSync(join(folders[label], `${k}.png`), png);
    }
  }
  return folders;
}

/** What `graft generator sample` writes beside its images. */
const exampleLineage: Lineage = {
  graft: '0.1.0',
  run: 'phantoms',
  checkpoint: { file: 'step-1.safetensors', step: 1, sha256: '0'.repeat(64) },
  weights: 'ema',
  standing: 0,
  seed: 0,
  truncation: null,
  keptShare: 1,
  choice: null,
  count: 110,
  imageSize: 48,
  framing: { fit: 'cover', kernel: 'lanczos3', exact: false },
  class: 'malignant',
  dataset: { name: 'phantoms', hash: '0'.repeat(64) },
  trainingGroups: [],
  unknownTraining: null,
};

describe('graft metrics distribution', () => {
  it('puts blurred images further away than other real ones, beside the floor, with its protocol', async () => {
    const real = await writePhantoms('d-real', 40, 1);
    const same = await writePhantoms('d-same', 40, 2);
    const blurred = join(dir, 'd-blurred');
    mkdirSync(blurred);
    for (const name of readdirSync(same)) {
      await sharp(join(same, name)).blur(2).toFile(join(blurred, name));
    }
    const page = join(dir, 'd.html');
    const measured = async (synthetic: string, ...more: string[]) =>
      JSON.parse(
        await runMetrics(
          ...['distribution', '--real', real, '--synthetic', synthetic, '--replicates', '10'],
          ...['--device', 'cpu', '--json', '--quiet', '--no-cache', ...more],
        ),
      ) as Printed;
    const [near, far] = [await measured(same), await measured(blurred, '--report', page)];
    expect(recordOf(far, 'frechet').value).toBeGreaterThan(2 * recordOf(near, 'frechet').value);
    expect(recordOf(far, 'kernel').value).toBeGreaterThan(recordOf(near, 'kernel').value);
    expect(recordOf(far, 'coverage').value).toBeLessThan(recordOf(near, 'coverage').value);
    const { n, floor, interval, protocol } = recordOf(near, 'frechet');
    expect(n).toEqual({ real: 40, synthetic: 40 });
    expect(floor!.value).toBeGreaterThan(0);
    expect(floor!.matched!.value).toBeGreaterThan(0);
    expect(interval![0]).toBeLessThan(recordOf(near, 'frechet').value);
    expect(protocol).toMatchObject({ backbone: /random/, sizePx: 32, realImages: 40 });
    const html = readFileSync(page, 'utf8');
    expect(html.match(/<figure /g)!.length).toBeGreaterThanOrEqual(3);
    expect(html).toContain('farthest from real images');
    expect(html).not.toMatch(/(src|href)="(?!data:|#)/);
  });

  it('measures classes for themselves and together', async () => {
    const { dataset, malignant, benign } = await classes('both');
    const common = ['distribution', '--real', dataset, '--device', 'cpu', '--quiet', '--no-cache', '--json'];
    // Folders without lineage.json have the class they are told: one --class for both is refused.
    await expect(
      runMetrics(...common, '--synthetic', malignant, '--synthetic', benign, '--class', 'benign'),
    ).rejects.toThrow(/both show benign: give one folder a class/);
    for (const [label, folder] of [
      ['malignant', malignant],
      ['benign', benign],
    ] as const) {
      writeJson(join(folder, 'lineage.json'), { ...exampleLineage, class: label });
    }
    const { records } = JSON.parse(
      await runMetrics(...common, '--synthetic', malignant, '--synthetic', benign, '--replicates', '0'),
    ) as Printed;
    const ofClass = (label: string | null) =>
      records.find((record) => record.metric === 'frechet' && record.class === label)!;
    expect(ofClass(null).n.synthetic).toBe(220);
    expect(ofClass('malignant').n.synthetic).toBe(110);
    expect(ofClass(null).n.real).toBe(ofClass('malignant').n.real + ofClass('benign').n.real);
    expect(ofClass('malignant').protocol.reference).not.toBe(ofClass(null).protocol.reference);
  });
});

describe('graft metrics privacy', () => {
  it('passes fresh images, fails planted copies by name, and shows the pairs', async () => {
    const { dataset, malignant } = await classes('private');
    const args = [
      'privacy',
      '--real',
      dataset,
      '--class',
      'malignant',
      '--device',
      'cpu',
      '--quiet',
      '--no-cache',
    ];
    const held = ['--held-out', await writePhantoms('private-held', 60, 11, { prevalence: 1, sizePx: 48 })];
    const fresh = JSON.parse(await runMetrics(...args, ...held, '--synthetic', malignant, '--json')) as {
      passed: boolean;
      checks: { id: string; passed: boolean | null }[];
    };
    expect(fresh.checks.filter(({ passed }) => passed !== true)).toEqual([]);
    expect(fresh.passed).toBe(true);
    const rows = readFileSync(join(dataset, 'manifest.csv'), 'utf8').split('\n');
    const [copied] = rows.filter((row) => row.includes('malignant') && row.includes('train'));
    const file = copied!.split(',').find((cell) => cell.endsWith('.png'))!;
    await sharp(join(dataset, file)).flop().toFile(join(malignant, 'planted.png'));
    const page = join(dir, 'private.html');
    await expect(runMetrics(...args, ...held, '--synthetic', malignant, '--report', page)).rejects.toThrow(
      /privacy: FAIL: Copied pictures/,
    );
    expect(readFileSync(page, 'utf8')).toContain('mirrored left to right');
  });

  it('says what is missing or wrong', async () => {
    const real = await writePhantoms('p-real', 6, 1);
    const synthetic = await writePhantoms('p-synthetic', 6, 2);
    const args = [
      'privacy',
      '--real',
      real,
      '--synthetic',
      synthetic,
      '--device',
      'cpu',
      '--quiet',
      '--no-cache',
    ];
    await expect(runMetrics(...args)).rejects.toThrow(/--held-out: .*p-real is a plain folder/);
    const held = ['--held-out', await writePhantoms('p-held', 6, 3)];
    await expect(runMetrics(...args, ...held)).rejects.toThrow(/UNDECIDED, which is not a pass/);
    await expect(runMetrics(...args, ...held, '--threshold', 'copies=1')).rejects.toThrow(
      /--threshold copies=1: expected key=number; the keys are falseAlarm \(0\.005\)/,
    );
  });
});

describe('graft metrics artefacts', () => {
  it('finds a planted checkerboard that other real images do not have', async () => {
    const real = await writePhantoms('a-real', 60, 1, { sizePx: 64 });
    const same = await writePhantoms('a-same', 60, 2, { sizePx: 64 });
    const planted = join(dir, 'a-planted');
    mkdirSync(planted);
    for (const name of readdirSync(same)) {
      const { data, info } = await sharp(join(same, name)).raw().toBuffer({ resolveWithObject: true });
      for (let i = 0; i < data.length; i++) {
        const pixel = Math.floor(i / 3);
        data[i] = Math.min(255, data[i]! + 8 * ((Math.floor(pixel / 64) + pixel) % 2));
      }
      await sharp(data, { raw: info }).png().toFile(join(planted, name));
    }
    const page = join(dir, 'a.html');
    const measured = async (synthetic: string) =>
      JSON.parse(
        await runMetrics(
          ...['artefacts', '--real', real, '--synthetic', synthetic, '--report', page],
          ...['--device', 'cpu', '--json', '--quiet'],
        ),
      ) as Printed;
    const board = recordOf(await measured(planted), 'checkerboard');
    const plain = recordOf(await measured(same), 'checkerboard');
    expect(board.interval![0]).toBeGreaterThan(board.floor!.interval![1]);
    expect(plain.interval![0]).toBeLessThan(plain.floor!.interval![1]);
    expect(readFileSync(page, 'utf8')).toContain('Radial power spectrum');
  });
});
