import { readFileSync } from 'node:fs';
import { liveTensors, ones, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { fill } from '../../test/engine/goldens.js';
import { drawBeta } from './beta.js';
import { drawMix, type Mix, mixImages, mixTargets } from './mixing.js';

const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/classify/fine_tuning.json', import.meta.url), 'utf8'),
) as {
  beta: { shares: number[]; quantiles: Record<string, number[]> };
  mixing: {
    shape: [number, number, number, number];
    lambdas: number[];
    boxes: [number, number, number, number][];
    mixup: { images: number[]; targets: number[] };
    cutmix: { images: number[]; targets: number[] };
  };
};

describe('drawBeta', () => {
  it.each(Object.entries(golden.beta.quantiles))(
    'has the quantiles of Beta(%s, same)',
    (alpha, quantiles) => {
      const random = new Random(7).fork(alpha);
      const draws = Array.from({ length: 20_000 }, () => drawBeta(Number(alpha), random));
      golden.beta.shares.forEach((share, i) => {
        const found = draws.filter((draw) => draw <= quantiles[i]!).length / draws.length;
        // Four standard errors.
        expect(Math.abs(found - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / draws.length));
      });
    },
  );

  it('stays a number where gamma variates are too small for one', () => {
    const random = new Random(1);
    const draws = Array.from({ length: 500 }, () => drawBeta(1e-4, random));
    expect(draws.every((draw) => draw >= 0 && draw <= 1)).toBe(true);
    expect(new Set(draws.map(Math.round)).size).toBe(2);
  });
});

describe('mixing', () => {
  const { shape, lambdas, boxes } = golden.mixing;
  const area = shape[2] * shape[3];
  const mixups = lambdas.map((lambda): Mix => ({ weight: lambda, box: null, share: lambda }));
  const cuts = boxes.map(
    ([top, bottom, left, right]): Mix => ({
      weight: 1,
      box: { rows: [top, bottom], columns: [left, right] },
      share: 1 - ((bottom - top) * (right - left)) / area,
    }),
  );

  it.each([
    ['mixup', mixups],
    ['cutmix', cuts],
  ] as const)('agrees with the formula, image by image: %s', (name, mixes) => {
    const live = liveTensors();
    tidy(() => {
      const images = mixImages(fill('mix.x', [...shape], 'float64'), mixes);
      const targets = mixTargets(fill('mix.t', [shape[0], 2], 'float64', 0.5, 0.5), mixes);
      for (const [found, wanted] of [
        [images, golden.mixing[name].images],
        [targets, golden.mixing[name].targets],
      ] as const) {
        const values = Array.from(found.toArray() as Float64Array);
        expect(values).toHaveLength(wanted.length);
        values.forEach((value, i) => {
          expect(value).toBeCloseTo(wanted[i]!, 6);
        });
      }
    });
    expect(liveTensors()).toBe(live);
  });

  it('cuts exactly: pixels are of one image or the other', () => {
    tidy(() => {
      const images = fill('mix.x', [...shape], 'float32');
      const both = new Set(images.toArray() as Float32Array);
      for (const value of mixImages(images, cuts).toArray() as Float32Array)
        expect(both.has(value)).toBe(true);
    });
  });

  it('draws rectangles whose area the share counts, borders included', () => {
    const random = new Random(3);
    const shares: number[] = [];
    for (let i = 0; i < 2000; i++) {
      const { weight, box, share } = drawMix(random.fork(i), { mixup: 0, cutmix: 1 }, [20, 30]);
      const [rows, columns] = [box!.rows, box!.columns];
      expect(weight).toBe(1);
      expect(0 <= rows[0] && rows[0] <= rows[1] && rows[1] <= 20).toBe(true);
      expect(0 <= columns[0] && columns[0] <= columns[1] && columns[1] <= 30).toBe(true);
      expect(share).toBeCloseTo(1 - ((rows[1] - rows[0]) * (columns[1] - columns[0])) / 600, 12);
      shares.push(share);
    }
    // Uncut, λ would be uniform with mean ½; what the border cuts off stays the image's own.
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    expect(mean).toBeGreaterThan(0.55);
    expect(mean).toBeLessThan(0.75);
  });

  it('draws one or the other where both are asked for, and the same for the same stream', () => {
    const settings = { mixup: 0.2, cutmix: 1 };
    const draw = (i: number): Mix => drawMix(new Random(5).fork(i), settings, [32, 32]);
    const mixes = Array.from({ length: 1000 }, (_, i) => draw(i));
    const cutting = mixes.filter(({ box }) => box !== null).length;
    expect(cutting).toBeGreaterThan(440);
    expect(cutting).toBeLessThan(560);
    expect(draw(17)).toEqual(mixes[17]);
    expect(mixes.filter(({ box }) => box === null).every(({ weight, share }) => weight === share)).toBe(true);
  });

  it('leaves alone what is equal', () => {
    tidy(() => {
      const mixed = mixImages(ones([5, 3, 6, 8]), cuts).toArray() as Float32Array;
      expect(mixed.every((value) => value === 1)).toBe(true);
    });
  });
});
