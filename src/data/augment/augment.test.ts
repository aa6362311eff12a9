import { readFileSync } from 'node:fs';
import { aten, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { gainAndBias, hsvToRgb, rgbToHsv, shiftHsv } from './colour.js';
import { cutHoles } from './cutout.js';
import { applyGeometry } from './geometry.js';
import { AUGMENTATIONS, augment } from './index.js';
import { drawParameters, type SampleParameters } from './parameters.js';

type Geometry = Pick<
  SampleParameters,
  'transpose' | 'horizontalFlip' | 'verticalFlip' | 'shiftX' | 'shiftY' | 'scale' | 'angle'
>;
const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/augment/augment.json', import.meta.url), 'utf8'),
) as {
  colours: number[];
  hsv: number[];
  shifts: [number, number, number][];
  shifted: number[][];
  side: number;
  images: number[];
  geometry: Geometry[];
  warped: number[];
};

const still = drawParameters(AUGMENTATIONS.none, new Random(0));
const values = (t: Tensor): number[] => Array.from(t.toFloat32Array());
const streams = (seed: number, n: number, first = 0): Random[] =>
  Array.from({ length: n }, (_, i) => new Random(seed).fork(first + i));

function randomImages(n: number, side: number, seed = 1): Tensor {
  const random = new Random(seed);
  return tensor(
    Float32Array.from({ length: n * 3 * side * side }, () => random.next()),
    [n, 3, side, side],
  );
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!));
  expect(worst).toBeLessThanOrEqual(tolerance);
}

describe('colour', () => {
  // One "image" of the golden's colours in a row: [1, 3, 1, K].
  const count = golden.colours.length / 3;
  const picture = (flat: number[]): Tensor =>
    aten.contiguous(aten.permute(tensor(Float32Array.from(flat), [1, 1, count, 3]), [0, 3, 1, 2]));
  const flat = (image: Tensor): number[] => values(aten.permute(image, [0, 2, 3, 1]));

  it('converts to HSV as colorsys does', () => {
    const { hue, saturation, value } = rgbToHsv(picture(golden.colours));
    expectClose(flat(aten.cat([hue, saturation, value], 1)), golden.hsv, 2e-6);
  });

  it('and back again', () => {
    const { hue, saturation, value } = rgbToHsv(picture(golden.colours));
    expectClose(flat(hsvToRgb(hue, saturation, value)), golden.colours, 2e-6);
  });

  it('shifts hue, saturation and value as colorsys does', () => {
    golden.shifts.forEach(([hue, saturation, value], i) => {
      const shifted = shiftHsv(picture(golden.colours), [{ hue, saturation, value }]);
      expectClose(flat(shifted), golden.shifted[i]!, 5e-6);
    });
  });

  it('leaves samples without a shift as they are, to the bit', () => {
    const images = randomImages(3, 8);
    const shifted = shiftHsv(images, [still, { hue: 0.1, saturation: 0, value: 0 }, still]);
    const [before, after] = [values(images), values(shifted)];
    expect(after.slice(0, 192)).toEqual(before.slice(0, 192));
    expect(after.slice(384)).toEqual(before.slice(384));
    expect(after.slice(192, 384)).not.toEqual(before.slice(192, 384));
  });

  it('multiplies, adds and clips', () => {
    const images = tensor(Float32Array.of(0.2, 0.5, 0.9, 0.2, 0.5, 0.9), [2, 3, 1, 1]);
    expectClose(
      values(gainAndBias(images, [1.3, 0.7], [-0.3, 0.3])),
      [0, 0.35, 0.87, 0.44, 0.65, 0.93],
      1e-6,
    );
  });
});

describe('geometry', () => {
  it('agrees with OpenCV’s matrix and reflect-101 border, computed by scipy', () => {
    const n = golden.geometry.length;
    const images = tensor(Float32Array.from(golden.images), [n, 2, golden.side, golden.side]);
    const moved = applyGeometry(
      images,
      golden.geometry.map((g) => ({ ...still, ...g })),
    );
    expectClose(values(moved), golden.warped, 5e-6);
  });

  it('moves pixels without touching them where nothing is interpolated', () => {
    const images = randomImages(8, 7);
    const all = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => ({
      ...still,
      transpose: (bits & 1) > 0,
      horizontalFlip: (bits & 2) > 0,
      verticalFlip: (bits & 4) > 0,
    }));
    const moved = applyGeometry(images, all);
    all.forEach((p, i) => {
      let expected = aten.select.int(images, 0, i);
      if (p.transpose) expected = aten.transpose.int(expected, 1, 2);
      const dims = [...(p.verticalFlip ? [1] : []), ...(p.horizontalFlip ? [2] : [])];
      expect(values(aten.select.int(moved, 0, i))).toEqual(values(aten.flip(expected, dims)));
    });
  });

  it('refuses to turn images that are not square', () => {
    const wide = tensor(new Float32Array(3 * 4 * 6), [1, 3, 4, 6]);
    expect(() => augment(wide, 'flips', [new Random(3)])).toThrow(/square/);
    expect(augment(wide, 'none', [])).toBe(wide);
  });
});

describe('cutout', () => {
  it('blackens squares of the given side, cut off at the border, and nothing else', () => {
    const images = aten.full([2, 3, 16, 16], 0.5, { dtype: 'float32' });
    const holes = [
      [
        [0.5, 0.25],
        [0, 0],
      ] as const,
      [],
    ];
    const cut = cutHoles(images, holes, { side: 0.25 });
    const kept = values(aten.select.int(aten.select.int(cut, 0, 0), 0, 1)); // one channel
    for (let y = 0; y < 16; y++) {
      for (let x = 0; x < 16; x++) {
        const inFirst = y >= 6 && y < 10 && x >= 2 && x < 6;
        const inCorner = y < 2 && x < 2;
        expect(kept[16 * y + x]).toBe(inFirst || inCorner ? 0 : 0.5);
      }
    }
    expect(values(aten.select.int(cut, 0, 1)).every((v) => v === 0.5)).toBe(true);
  });
});

describe('augment', () => {
  it('does the same to a sample whatever batch it is in', () => {
    const images = randomImages(12, 33);
    const together = values(augment(images, 'standard', streams(5, 12)));
    const size = 3 * 33 * 33;
    for (const [first, count] of [
      [0, 1],
      [7, 1],
      [3, 4],
    ] as const) {
      const part = aten.narrow(images, 0, first, count);
      expect(values(augment(part, 'standard', streams(5, count, first)))).toEqual(
        together.slice(first * size, (first + count) * size),
      );
    }
  });

  it('keeps values in [0, 1], changes with the seed and repeats with it', () => {
    const images = randomImages(6, 16);
    const first = values(augment(images, 'standard', streams(1, 6)));
    expect(Math.min(...first)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...first)).toBeLessThanOrEqual(1);
    expect(values(augment(images, 'standard', streams(1, 6)))).toEqual(first);
    expect(values(augment(images, 'standard', streams(2, 6)))).not.toEqual(first);
  });

  it('does not change its input and leaves no tensors behind', () => {
    tidy(() => {
      const images = randomImages(4, 16);
      const before = values(images);
      const live = liveTensors();
      const result = augment(images, 'standard', streams(1, 4));
      expect(liveTensors()).toBe(live + 1);
      expect(values(images)).toEqual(before);
      result.dispose();
      augment(images, { ...AUGMENTATIONS.none }, streams(1, 4));
      expect(images.disposed).toBe(false);
      expect(liveTensors()).toBe(live);
    });
  });

  it('draws each symmetry of the square equally often in `flips`', () => {
    const counts = new Array<number>(8).fill(0);
    const n = 8000;
    for (let i = 0; i < n; i++) {
      const p = drawParameters(AUGMENTATIONS.flips, new Random(9).fork(i));
      counts[(p.transpose ? 1 : 0) + (p.horizontalFlip ? 2 : 0) + (p.verticalFlip ? 4 : 0)]! += 1;
      expect(p.angle === 0 && p.scale === 1 && p.gain === 1 && p.hue === 0 && p.holes.length === 0).toBe(
        true,
      );
    }
    // Binomial(8000, 1/8): deviation 29.6; five of them.
    for (const count of counts) expect(Math.abs(count - n / 8)).toBeLessThan(148);
  });

  it('draws `standard` with the original’s probabilities and ranges', () => {
    const n = 4000;
    const drawn = Array.from({ length: n }, (_, i) =>
      drawParameters(AUGMENTATIONS.standard, new Random(4).fork(i)),
    );
    const share = (test: (p: SampleParameters) => boolean): number => drawn.filter(test).length / n;
    const near = (value: number, expected: number): void =>
      expect(Math.abs(value - expected)).toBeLessThan(0.04);
    near(
      share((p) => p.transpose),
      0.5,
    );
    // Its own fair coin decides, whatever the second flip does.
    near(
      share((p) => p.verticalFlip),
      0.5,
    );
    near(
      share((p) => p.horizontalFlip),
      1 / 3,
    );
    near(
      share((p) => p.angle !== 0),
      0.5,
    );
    near(
      share((p) => p.contrast !== 1),
      0.5,
    );
    near(
      share((p) => p.hue !== 0),
      0.5,
    );
    expect(share((p) => p.gain !== 1)).toBe(1);
    expect(share((p) => p.holes.length === 8)).toBe(1);
    // The wide range is drawn half of the time, and a third of it lies beyond the narrow one's: ½ · ⅔.
    near(
      share((p) => Math.abs(p.bias) > 0.1),
      1 / 3,
    );
    const most = (of: (p: SampleParameters) => number): number =>
      Math.max(...drawn.map((p) => Math.abs(of(p))));
    const limits: [number, number][] = [
      [most((p) => p.angle), 45],
      [most((p) => p.scale - 1), 0.1],
      [most((p) => p.shiftX), 0.0625],
      [most((p) => p.shiftY), 0.0625],
      [most((p) => p.contrast - 1), 0.2],
      [most((p) => p.gain - 1), 0.3],
      [most((p) => p.bias), 0.3],
      [most((p) => p.hue), 20 / 180],
      [most((p) => p.saturation), 30 / 255],
      [most((p) => p.value), 20 / 255],
    ];
    for (const [seen, limit] of limits) {
      expect(seen).toBeLessThanOrEqual(limit + 1e-12);
      expect(seen).toBeGreaterThan(0.97 * limit);
    }
  });
});
