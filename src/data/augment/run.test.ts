import { aten, liveTensors, setThreads, type Tensor, tensor, threads, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { differences } from './golden.test-data.js';
import { AUGMENTATIONS, augment, SIIM } from './index.js';
import { dealOut, sometimes, type Transform } from './pipeline.js';
import { runProgram } from './program.js';
import { randAugment, randAugmentOperations } from './rand-augment.js';
import { encodeShares, runShares, runTensors, type Share } from './run.js';
import { drawSettings } from './settings.js';
import { elastic } from './transforms.js';

const streams = (seed: number, n: number): Random[] =>
  Array.from({ length: n }, (_, i) => new Random(seed).fork(i));

/** Smooth shapes with noise on them: greys, borders and flat parts, as photographs have. */
function bytes(n: number, height: number, width: number): Tensor {
  const random = new Random(7);
  const data = new Uint8Array(n * 3 * height * width);
  for (let i = 0; i < n * 3; i++) {
    const [fx, fy, shift] = [random.uniform(0.02, 0.3), random.uniform(0.02, 0.3), random.uniform(0, 6)];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const value = 127 + 140 * Math.sin(fx * x + fy * y + shift) + random.uniform(-20, 20);
        data[(i * height + y) * width + x] = Math.max(0, Math.min(255, value));
      }
  }
  return tensor(data, [n, 3, height, width]);
}

/** With less contrast, so that there is some to gain. */
const dull = (pixels: Tensor): Tensor =>
  tidy(() => pixels.to({ dtype: 'float32' }).mul(0.6).add(40).to({ dtype: 'uint8' }));

const unitOf = (pixels: Tensor): Tensor => pixels.to({ dtype: 'float32' }).div_(255);

/** Both ways of making the same changes. */
function compare(pixels: Tensor, shares: readonly Share[]): { most: number; mean: number } {
  return tidy(() => {
    const programs = encodeShares(pixels, shares);
    if (!programs) throw new Error('there is no program');
    const expected = runTensors(unitOf(pixels), shares).toFloat32Array();
    return differences(runProgram(pixels, programs).toFloat32Array(), expected);
  });
}

const always = (one: Transform, n: number): Share[] => dealOut([sometimes(1, one)], streams(3, n));

/**
 * Largest and mean difference from the tensor operations. Where pixels are interpolated, coordinates are rounded
 * elsewhere, at about 1e-5 px.
 */
const EXACT = { most: 0, mean: 0 };
const ROUNDED = { most: 5e-7, mean: 1e-8 };
const SAMPLED = { most: 3e-5, mean: 1e-6 };
const TOLERANCES: Record<string, { most: number; mean: number }> = {
  Transpose: EXACT,
  VerticalFlip: EXACT,
  HorizontalFlip: EXACT,
  RandomBrightness: ROUNDED,
  RandomContrast: ROUNDED,
  MotionBlur: ROUNDED,
  MedianBlur: EXACT,
  GaussianBlur: ROUNDED,
  GaussNoise: ROUNDED,
  OpticalDistortion: SAMPLED,
  GridDistortion: SAMPLED,
  ElasticTransform: SAMPLED,
  // A lightness at one half may be rounded to the next level, of one pixel in thousands.
  CLAHE: { most: 0.05, mean: 3e-6 },
  HueSaturationValue: { most: 3e-6, mean: 1e-7 },
  ShiftScaleRotate: SAMPLED,
  Cutout: EXACT,
};

function expectWithin(
  found: { most: number; mean: number },
  tolerance: { most: number; mean: number },
): void {
  expect(found.most).toBeLessThanOrEqual(tolerance.most);
  expect(found.mean).toBeLessThanOrEqual(tolerance.mean);
}

describe('the CPU’s kernels', () => {
  const transforms = SIIM.flatMap(({ oneOf }) => oneOf);

  it('are there for every transform of the SIIM winners’ list', () => {
    expect(transforms.map(({ name }) => name).sort()).toEqual(Object.keys(TOLERANCES).sort());
  });

  // 45: odd, no multiple of CLAHE's tiles nor of a vector.
  it.each(transforms.flatMap((one) => [64, 45].map((side) => [one.name, side, one] as const)))(
    'do %s at %i px as the tensor operations do',
    (name, side, one) => {
      const pixels = bytes(12, side, side);
      const shares = always(one, 12);
      expectWithin(compare(pixels, shares), TOLERANCES[name]!);
      const changed = runShares(pixels, shares).toFloat32Array();
      expect(differences(changed, unitOf(pixels).toFloat32Array()).mean).toBeGreaterThan(1e-3);
    },
  );

  it('take pictures that are wider than high', () => {
    for (const one of transforms.filter(({ name }) => !/Transpose|Rotate/.test(name)))
      expectWithin(compare(bytes(3, 40, 56), always(one, 3)), TOLERANCES[one.name]!);
  });

  it('do the original’s list as the tensor operations do, each part and all together', () => {
    const { standard, none } = AUGMENTATIONS;
    const parts = [
      { ...none, transpose: 0.5, verticalFlip: 0.5, flip: 0.5 },
      { ...none, contrast: standard.contrast },
      { ...none, cutout: standard.cutout },
      { ...none, transpose: 0.5, flip: 0.5, shiftScaleRotate: standard.shiftScaleRotate },
      { ...none, brightnessContrast: standard.brightnessContrast },
      { ...none, hueSaturationValue: standard.hueSaturationValue },
      standard,
    ];
    for (const settings of parts)
      expectWithin(compare(bytes(16, 48, 48), drawSettings(settings, streams(4, 16))), {
        most: 2e-4, // what is sampled may become more contrasty, and greys more colourful
        mean: 1e-6,
      });
    // Pixels that are only moved are not touched.
    expect(compare(bytes(16, 48, 48), drawSettings(parts[0]!, streams(4, 16))).most).toBe(0);
  });

  it('do the whole of the winners’ list', () => {
    const { mean } = compare(bytes(24, 64, 64), dealOut(SIIM, streams(9, 24)));
    expect(mean).toBeLessThan(2e-5);
  });

  // At the top magnitude, so that each operation shows.
  const operations = randAugmentOperations(30).filter(({ name }) => name !== 'Identity');
  const OPERATIONS: Record<string, { most: number; mean: number }> = {
    AutoContrast: EXACT,
    Equalize: EXACT,
    Posterize: EXACT,
    Solarize: EXACT,
    Brightness: ROUNDED,
    Color: ROUNDED,
    // The mean of the whole picture is added up in another order.
    Contrast: { most: 1e-6, mean: 3e-7 },
    Sharpness: { most: 1e-6, mean: 1e-7 },
    ...{ Rotate: SAMPLED, ShearX: SAMPLED, ShearY: SAMPLED, TranslateX: SAMPLED, TranslateY: SAMPLED },
  };

  it.each(operations.flatMap((one) => [64, 45].map((side) => [one.name, side, one] as const)))(
    'do RandAugment’s %s at %i px as the tensor operations do',
    (name, side, one) => {
      const colour = dull(bytes(12, side, side));
      for (const pixels of [colour, colour.narrow(1, 1, 1)]) {
        const isGrey = pixels.shape[1] === 1;
        const shares = always(one, 12);
        expectWithin(compare(pixels, shares), OPERATIONS[name]!);
        const changed = runShares(pixels, shares).toFloat32Array();
        if (!isGrey || name !== 'Color')
          expect(differences(changed, unitOf(pixels).toFloat32Array()).mean).toBeGreaterThan(1e-3);
      }
    },
  );

  it('leave a channel of one level as RandAugment’s tensor operations do', () => {
    const flat = aten.full([2, 3, 8, 8], 77, { dtype: 'uint8' });
    for (const one of operations.filter(({ name }) => name === 'AutoContrast' || name === 'Equalize'))
      expect(compare(flat, always(one, 2))).toEqual(EXACT);
  });

  it('do three of RandAugment’s operations one after the other', () => {
    const { mean } = compare(
      bytes(24, 64, 64),
      dealOut(randAugment({ operations: 3, magnitude: 9 }), streams(9, 24)),
    );
    // What was interpolated may be cut or equalised to the next level, of few pixels.
    expect(mean).toBeLessThan(2e-5);
  });

  it('take bytes for shares of 255, and any number of threads, to the bit', () => {
    tidy(() => {
      const pixels = bytes(9, 48, 48);
      const fromBytes = augment(pixels, 'siim', streams(2, 9));
      expect(fromBytes.dtype).toBe('float32');
      expect(aten.equal(fromBytes, augment(unitOf(pixels), 'siim', streams(2, 9)))).toBe(true);
      const before = threads();
      try {
        for (const count of [1, 3]) {
          setThreads(count);
          expect(aten.equal(fromBytes, augment(pixels, 'siim', streams(2, 9)))).toBe(true);
        }
      } finally {
        setThreads(before);
      }
      expect(aten.equal(augment(pixels, 'none', streams(2, 9)), unitOf(pixels))).toBe(true);
    });
  });

  it('take memory in any order, and leave it as it was', () => {
    tidy(() => {
      const pixels = bytes(4, 32, 32);
      const last = aten.contiguous(pixels, { memory_format: 'channelsLast' });
      const expected = augment(pixels, 'standard', streams(6, 4));
      const live = liveTensors();
      const changed = augment(last, 'standard', streams(6, 4));
      expect(liveTensors()).toBe(live + 1);
      expect(aten.equal(changed, expected)).toBe(true);
      expect(aten.equal(last, pixels)).toBe(true);
    });
  });
});

describe('where there is no kernel', () => {
  const pixels = bytes(3, 32, 32);

  it('tensor operations do it: a transform of one’s own, a field that is seen, other types', () => {
    const own = always({ name: 'half', draw: () => null, apply: (images) => images.mul(0.5) }, 3);
    expect(encodeShares(pixels, own)).toBeNull();
    const visible = always(elastic({ alpha: 300, sigma: 8, affine: 10, atSize: 512 }), 3);
    expect(encodeShares(pixels, visible)).toBeNull();
    const double = unitOf(pixels).to({ dtype: 'float64' });
    expect(encodeShares(double, dealOut(SIIM, streams(1, 3)))).toBeNull();
    for (const shares of [own, visible]) {
      const fromBytes = runShares(pixels, shares);
      expect(aten.equal(fromBytes, runTensors(unitOf(pixels), shares))).toBe(true);
    }
    expect(augment(double, 'standard', streams(1, 3)).dtype).toBe('float64');
  });

  it('and a program that is none is refused', () => {
    const run = (...program: number[]) => runProgram(pixels, [program, [], []]);
    expect(() => run(99, 0)).toThrow(/no instruction 99/);
    expect(() => run(1, 2, 1)).toThrow(/ends beyond its program/);
    expect(() => run(1, 3, 1, 0, 0)).toThrow(/takes 2 parameters, got 3/);
    expect(() => run(4, 4, 0, 33, 0, 5)).toThrow(/beyond its picture/);
    expect(() => run(8, 4, 1, 1, 1, 1)).toThrow(/odd side/);
    expect(() => run(9, 1, 7)).toThrow(/3 or 5/);
    expect(() => run(10, 2, 2, 40)).toThrow(/tiles/);
    expect(() => run(6, 1, Number.NaN)).toThrow(/out of range/);
    expect(() => run(13, 1, 9)).toThrow(/1 to 8 bits/);
    expect(() => run(12, 1, 0)).toThrow(/takes 0 parameters, got 1/);
    const tiny = tensor(new Uint8Array(12), [1, 3, 2, 2]);
    expect(() => runProgram(tiny, [[17, 1, 2]])).toThrow(/3 px or more/);
    expect(() => runProgram(pixels, [[]])).toThrow(/an end for each image/);
  });
});
