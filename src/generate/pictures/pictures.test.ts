import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cat,
  Generator,
  liveTensors,
  manualSeed,
  noGrad,
  randn,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DcganGenerator } from '../../models/dcgan.js';
import { pngPicture } from '../../report/picture.js';
import { createRun } from '../../run/run-folder.js';
import { toPixels } from '../data.js';
import { classGridPng } from './class-grid.js';
import { type Generate, generateFrom, planar, sameLabel } from './generate.js';
import { golden } from './golden.test-data.js';
import { interpolationPng, slerp } from './interpolation.js';
import { realFakePng } from './real-fake.js';
import { spread, trainingFrames, writeTrainingAnimation } from './training.js';

const root = mkdtempSync(join(tmpdir(), 'graft-pictures-'));
let before = 0;
beforeAll(() => {
  before = liveTensors();
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  expect(liveTensors()).toBe(before);
});

const row = (values: number[]): Tensor => tensor(values, [1, values.length], { dtype: 'float64' });
const norms = (x: Tensor): number[] => [...x.square().sum(1).sqrt().toArray()].map(Number);

/** A generator that is plain to see through: 8 × 8 px, red from z₀, green from z₁, blue from the label. */
const plain: Generate = (z, labels) =>
  tidy(() => {
    const n = z.shape[0]!;
    const channel = (values: Tensor): Tensor => values.reshape([n, 1, 1, 1]).expand([n, 1, 8, 8]);
    const blue = labels ? labels.float().mul(100) : z.select(1, 0).mul(0);
    const bytes = cat(
      [channel(z.select(1, 0).mul(40).add(128)), channel(z.select(1, 1).mul(40).add(128)), channel(blue)],
      1,
    );
    return bytes.clamp({ min: 0, max: 255 }).to({ dtype: 'uint8' }).contiguous();
  });

async function pixelsOf(png: Buffer) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return {
    ...info,
    at: (x: number, y: number) => [...data.subarray((y * info.width + x) * 3).subarray(0, 3)],
  };
}

describe('slerp', () => {
  test('the published formula, in float64', () => {
    for (const { a, b, t, value } of golden.slerp)
      tidy(() => {
        [...slerp(row(a), row(b), t).toArray()].forEach((v, i) => {
          expect(Number(v)).toBeCloseTo(value[i]!, 12);
        });
      });
  });

  test('stays on the sphere and goes at constant speed', () => {
    tidy(() => {
      const random = Generator.seeded(1);
      const onSphere = (): Tensor => {
        const x = randn([20, 16], { generator: random, dtype: 'float64' });
        return x.div(x.square().sum(1, true).sqrt()).mul(4);
      };
      const [a, b] = [onSphere(), onSphere()];
      const path = [0, 0.25, 0.5, 0.75, 1].map((t) => slerp(a, b, t));
      for (const point of path) for (const norm of norms(point)) expect(norm).toBeCloseTo(4, 12);
      const chords = path.slice(1).map((point, i) => norms(point.sub(path[i]!)));
      for (const chord of chords)
        for (const [i, d] of chord.entries()) expect(d).toBeCloseTo(chords[0]![i]!, 12);
    });
  });

  test('parallel and opposite rows are joined by a straight line, without NaN', () => {
    tidy(() => {
      const a = row([1, 2, 2]);
      expect([...slerp(a, a, 0.3).toArray()]).toEqual([1, 2, 2]);
      expect([...slerp(a, a.mul(3), 0.5).toArray()]).toEqual([2, 4, 4]);
      [...slerp(a, a.neg(), 0.5).toArray()].forEach((v) => {
        expect(Number(v)).toBeCloseTo(0, 12);
      });
    });
  });
});

describe('grids of a generator', () => {
  test('an interpolation’s ends are the latents drawn, and between them lies slerp', async () => {
    const { width, height, at } = await pixelsOf(
      await interpolationPng(plain, { latent: 5, random: Generator.seeded(3), pairs: 2, steps: 3, scale: 1 }),
    );
    expect([width, height]).toEqual([3 * 10 + 2, 2 * 10 + 2]);
    const want = tidy(() =>
      noGrad(() => {
        const random = Generator.seeded(3);
        const from = randn([2, 5], { generator: random });
        const to = randn([2, 5], { generator: random });
        return [0, 0.5, 1].map((t) => {
          const z = slerp(from, to, t);
          return [...plain(z, null).toArray()].map(Number);
        });
      }),
    );
    for (const i of [0, 1, 2])
      for (const pair of [0, 1])
        expect(at(2 + 10 * i, 2 + 10 * pair)).toEqual([
          want[i]![pair * 192],
          want[i]![pair * 192 + 64],
          want[i]![pair * 192 + 128],
        ]);
  });

  test('a class grid has the same latent in each column and a class in each row', async () => {
    const classes = ['benign', 'malignant'];
    const png = await classGridPng(plain, {
      classes,
      latent: 2,
      random: Generator.seeded(4),
      columns: 3,
      scale: 1,
    });
    const { width, at } = await pixelsOf(png);
    const margin = width - (3 * 10 + 2);
    expect(margin).toBeGreaterThan(50); // the names
    const cells = [0, 1].map((r) => [0, 1, 2].map((c) => at(margin + 2 + 10 * c, 2 + 10 * r)));
    cells[0]!.forEach(([red, green], c) => {
      expect(cells[1]![c]!.slice(0, 2)).toEqual([red, green]);
    });
    expect(cells[0]!.map(([, , blue]) => blue)).toEqual([0, 0, 0]);
    expect(cells[1]!.map(([, , blue]) => blue)).toEqual([100, 100, 100]);
    expect(new Set(cells[0]!.map(String)).size).toBe(3);
  });

  test('real and generated stand side by side under their titles', async () => {
    const flat = (value: number) => ({
      data: new Uint8Array(2 * 3 * 64).fill(value),
      n: 2,
      height: 8,
      width: 8,
    });
    const { width, height, at } = await pixelsOf(
      await realFakePng(flat(10), flat(90), { titles: ['a', 'b'], columns: 2 }),
    );
    expect([width, height]).toEqual([22 + 16 + 22, 24 + 12]);
    expect([at(5, 30), at(22 + 16 + 5, 30), at(30, 30)]).toEqual([
      [10, 10, 10],
      [90, 90, 90],
      [255, 255, 255],
    ]);
  });
});

test('a network’s batches do not matter, and nothing is left of them', () => {
  manualSeed(0);
  const network = new DcganGenerator({ size: 64, latent: 4, features: 2 }).eval();
  const held = liveTensors();
  tidy(() => {
    const z = randn([5, 4], { generator: Generator.seeded(2) });
    const whole = noGrad(() => toPixels(network.forward(z)));
    const parts = generateFrom(network, 'cpu', 2)(z, null);
    expect(parts.shape).toEqual([5, 3, 64, 64]);
    expect(planar(parts).data).toEqual(planar(whole).data);
  });
  expect(liveTensors()).toBe(held);
  network.dispose();
});

test('labels: one for all, or none', () => {
  tidy(() => {
    expect(sameLabel(null, 3)).toBeNull();
    expect([...sameLabel(2, 3)!.toArray()]).toEqual([2n, 2n, 2n]);
  });
});

describe('the training as an animation', () => {
  const samples = [0, 200, 400, 1200].map((step) => ({ step, path: `step-${step}.png` }));

  test('the first and the last frame stay, whatever is left out', () => {
    expect(spread(samples, 9)).toEqual(samples);
    expect(spread(samples, 3).map(({ step }) => step)).toEqual([0, 400, 1200]);
    expect(spread(samples, 1).map(({ step }) => step)).toEqual([1200]);
    expect(trainingFrames(samples).labels.at(-1)).toBe('step 1,200');
  });

  test('is made of a run’s sample grids', async () => {
    const dir = join(root, 'run');
    const run = createRun(dir, { kind: 'gan', config: { data: 'x' } });
    await expect(writeTrainingAnimation(dir, join(root, 'none.webp'))).rejects.toThrow(/no sample grid yet/);
    for (const step of [0, 10, 20])
      await sharp({
        create: { width: 90, height: 60, channels: 3, background: { r: step * 10, g: 0, b: 0 } },
      })
        .png()
        .toFile(run.samplePath(step));
    run.close();
    const path = join(root, 'training.webp');
    expect(await writeTrainingAnimation(dir, path)).toBe(3);
    const { pages, delay, pageHeight } = await sharp(path, { pages: -1 }).metadata();
    expect([pages, delay, pageHeight]).toEqual([3, [200, 200, 2000], 84]);
    expect(pngPicture(new Uint8Array(30))).toBeNull();
  });
});
