import { liveTensors } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { FULL_REFERENCE_METRICS } from '../full-reference/index.js';
import { type ImageMetricReport, imageMetrics } from './image.js';
import type { ImageSet } from './image-set.js';
import { pairByIndex, pairHalves, pairInOrder, pairNearest } from './pairing.js';

const SIDE = 16;
const PIXELS = 3 * SIDE * SIDE;

/** Images of a random base colour with texture; `shift` makes them systematically brighter. */
function images(n: number, seed: number, shift: number): ImageSet {
  const random = new Random(seed);
  const data = new Uint8Array(n * PIXELS);
  for (let k = 0; k < n; k++) {
    const base = random.uniform(60, 120) + shift;
    for (let i = 0; i < PIXELS; i++) data[k * PIXELS + i] = base + random.uniform(-20, 20);
  }
  return { data, n, height: SIDE, width: SIDE };
}

const recordOf = ({ records }: ImageMetricReport, id: string) => records.find(({ metric }) => metric === id)!;

describe('pairing', () => {
  it('uses no image twice, depends on the seed, and shuffles', () => {
    const pairs = pairByIndex({ real: 50, synthetic: 30 }, 7);
    expect(pairs.left.length).toBe(30);
    expect(new Set(pairs.left).size).toBe(30);
    expect([...pairs.right].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(pairs).toEqual(pairByIndex({ real: 50, synthetic: 30 }, 7));
    expect([...pairs.left]).not.toEqual([...pairByIndex({ real: 50, synthetic: 30 }, 8).left]);
    expect(pairByIndex({ real: 50, synthetic: 30 }, 7, 4).left).toEqual(pairs.left.subarray(0, 4));
  });

  it('goes by index where it is told to', () => {
    expect(pairInOrder(5, 3)).toEqual({ left: Int32Array.of(0, 1, 2), right: Int32Array.of(0, 1, 2) });
  });

  it('never pairs a real image with itself, nor uses one twice, in the null', () => {
    const { left, right } = pairHalves(51, 3);
    expect(left.length).toBe(25);
    expect(new Set([...left, ...right]).size).toBe(50);
    expect(() => pairHalves(1, 3)).toThrow(DataError);
    expect(() => pairByIndex({ real: 0, synthetic: 3 }, 1)).toThrow(DataError);
  });

  it('finds the nearest real image of each synthetic one, and never the image itself in the null', () => {
    const before = liveTensors();
    const real = images(40, 1, 0);
    // Copies of the reals, in another order and a little brighter.
    const order = new Random(2).shuffle(Int32Array.from({ length: 25 }, (_, i) => i));
    const data = new Uint8Array(25 * PIXELS);
    order.forEach((from, to) => {
      data.set(
        real.data.subarray(from * PIXELS, (from + 1) * PIXELS).map((v) => v + 2),
        to * PIXELS,
      );
    });
    const { left, right } = pairNearest(real, { ...real, data, n: 25 }, { seed: 3 });
    expect([...right].sort((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, i) => i));
    right.forEach((synthetic, pair) => {
      expect(left[pair]).toBe(order[synthetic]);
    });
    const own = pairNearest(real, real, { seed: 3, excludeSelf: true });
    own.right.forEach((image, pair) => {
      expect(own.left[pair]).not.toBe(image);
    });
    expect(pairNearest(real, real, { seed: 3, excludeSelf: true, limit: 5 }).right).toEqual(
      own.right.subarray(0, 5),
    );
    expect(liveTensors()).toBe(before);
  });
});

describe('image metrics', () => {
  it('score a set from the same source as the null does, and a shifted one lower', () => {
    const real = images(160, 1, 0);
    const same = imageMetrics(real, images(160, 2, 0), { seed: 4 });
    const shifted = imageMetrics(real, images(160, 3, 80), { seed: 4 });
    const { interval, floor } = recordOf(same, 'psnr');
    expect(interval![0]).toBeLessThan(floor!.interval![1]);
    expect(interval![1]).toBeGreaterThan(floor!.interval![0]);
    expect(recordOf(shifted, 'psnr').interval![1]).toBeLessThan(floor!.interval![0]);
    expect(recordOf(shifted, 'psnr').floor).toEqual(floor);
    expect(same.pairs.synthetic.left.length).toBe(160);
    expect(same.pairs.realNull!.left.length).toBe(80);
    expect(recordOf(same, 'psnr').protocol.reference).toBe(recordOf(shifted, 'psnr').protocol.reference);
  });

  it('do not depend on the batch size, and leak nothing', () => {
    const real = images(21, 1, 0);
    const synthetic = images(30, 2, 10);
    const before = liveTensors();
    const seen: number[] = [];
    const whole = imageMetrics(real, synthetic, { onProgress: (done, total) => seen.push(done / total) });
    const bits = imageMetrics(real, synthetic, { batchSize: 4 });
    expect(liveTensors()).toBe(before);
    for (const { metric, value, sd } of whole.records) {
      expect(recordOf(bits, metric).value, metric).toBeCloseTo(value, 5);
      expect(recordOf(bits, metric).sd, metric).toBeCloseTo(sd!, 5);
    }
    expect(seen.at(-1)).toBe(1);
  });

  it('are perfect for a copy of the real images, paired with itself', () => {
    const real = images(9, 1, 0);
    const report = imageMetrics(real, real, { pairing: 'index' });
    expect(recordOf(report, 'psnr').value).toBeCloseTo(80, 4);
    expect(recordOf(report, 'ssim').value).toBeCloseTo(1, 6);
    const alone = imageMetrics(images(1, 1, 0), images(1, 1, 0));
    expect(recordOf(alone, 'ssim').floor).toBeNull();
    expect(alone.diversity).toEqual({});
  });

  it('tell repeated images by their likeness among themselves', () => {
    const real = images(40, 1, 0);
    const one = images(1, 2, 0);
    const repeated = new Uint8Array(40 * PIXELS);
    for (let k = 0; k < 40; k++) repeated.set(one.data, k * PIXELS);
    const { diversity } = imageMetrics(real, { ...real, data: repeated });
    expect(diversity.ssim!.mean).toBeCloseTo(1, 6);
    expect(imageMetrics(real, images(40, 5, 0)).diversity.ssim!.mean).toBeLessThan(0.9);
  });

  it('stretch each image to its full range when asked to', () => {
    const dim = images(40, 1, -40);
    const bright = images(40, 5, 60);
    const plain = recordOf(imageMetrics(dim, bright, { seed: 2 }), 'psnr');
    const stretched = recordOf(imageMetrics(dim, bright, { seed: 2, stretch: 'image' }), 'psnr');
    expect(stretched.protocol.stretch).toBe('image');
    // Only the brightness differs between the sets; stretching takes it away.
    expect(Math.abs(stretched.value - stretched.floor!.value)).toBeLessThan(0.5);
    expect(plain.floor!.value - plain.value).toBeGreaterThan(2);
  });

  it('draw lesions whole: the interval widens where images of a group are alike', () => {
    const alone = images(60, 1, 0);
    // Six groups of ten; each group's images are of one brightness.
    const grouped = images(60, 1, 0);
    for (let k = 0; k < 60; k++) {
      const shift = 30 * (Math.floor(k / 10) % 2);
      for (let i = 0; i < PIXELS; i++) grouped.data[k * PIXELS + i]! += shift;
    }
    const groups = Array.from({ length: 60 }, (_, k) => `lesion ${Math.floor(k / 10)}`);
    const width = (set: ImageSet): number => {
      const { interval } = recordOf(imageMetrics(set, alone, { seed: 1 }), 'psnr');
      return interval![1] - interval![0];
    };
    expect(width({ ...grouped, groups })).toBeGreaterThan(1.3 * width(grouped));
  });

  it('refuse what cannot be compared, naming the file and the remedy', () => {
    const real = images(4, 1, 0);
    expect(() => imageMetrics(real, { ...real, height: 8, width: 32 })).toThrow(/16×16 .* 32×8: bring both/);
    const needy = FULL_REFERENCE_METRICS.reduce((a, b) => (a.minSidePx > b.minSidePx ? a : b));
    const small = { ...real, height: 12, width: 12, data: real.data.subarray(0, 4 * 432) };
    const files = ['a.png', 'b.png', 'c.png', 'd.png'];
    expect(() => imageMetrics(small, { ...small, files }, { metrics: [needy] })).toThrow(
      new RegExp(`a\\.png: 12×12 pixels are too few for ${needy.name}, which needs ${needy.minSidePx}`),
    );
    // Not asked for, it is left out.
    expect(recordOf(imageMetrics(small, small), 'psnr')).toBeDefined();
    expect(recordOf(imageMetrics(small, small), needy.id)).toBeUndefined();
  });
});
