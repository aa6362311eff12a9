import { aten, cat, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { gainAndBias, shiftHsv } from './colour.js';
import { cutHoles } from './cutout.js';
import { golden, levelsFrom, unitImage } from './golden.test-data.js';
import { augment, type Pipeline, SIIM, symmetry } from './index.js';
import { augmentationNames, TEST_TIME_VIEWS } from './parameters.js';
import { runPipeline, sometimes, transform } from './pipeline.js';

const streams = (seed: number, n: number, first = 0): Random[] =>
  Array.from({ length: n }, (_, i) => new Random(seed).fork(first + i));

function randomImages(n: number, side: number): Tensor {
  const random = new Random(1);
  return tensor(
    Float32Array.from({ length: n * 3 * side * side }, () => random.next()),
    [n, 3, side, side],
  );
}

const adds = (name: string, amount: number) =>
  transform(
    name,
    () => amount,
    (images, amounts: readonly number[]) =>
      aten.add.Tensor(images, tensor(amounts, [amounts.length, 1, 1, 1])),
  );

describe('pipeline', () => {
  it('happens with its probability, one transform of a step, equally often', () => {
    const pipeline: Pipeline = [
      { probability: 0.6, oneOf: [adds('one', 1), adds('two', 2), adds('three', 3)] },
    ];
    const n = 6000;
    const counts = [0, 0, 0, 0];
    const result = runPipeline(aten.zeros([n, 1, 1, 1], { dtype: 'float32' }), pipeline, streams(3, n));
    for (const value of result.toFloat32Array()) counts[value]! += 1;
    expect(Math.abs(counts[0]! - 0.4 * n)).toBeLessThan(5 * Math.sqrt(n * 0.24));
    for (const count of counts.slice(1))
      expect(Math.abs(count - 0.2 * n)).toBeLessThan(5 * Math.sqrt(n * 0.16));
  });

  it('goes in order, and a changed step leaves what the others drew', () => {
    const drawn = (pipeline: Pipeline): number[] =>
      Array.from(
        runPipeline(
          aten.zeros([50, 1, 1, 1], { dtype: 'float32' }),
          pipeline,
          streams(5, 50),
        ).toFloat32Array(),
      );
    const first = drawn([sometimes(0.5, adds('a', 1)), sometimes(0.5, adds('b', 10))]);
    const second = drawn([sometimes(0, adds('a', 1)), sometimes(0.5, adds('b', 10))]);
    expect(second).toEqual(first.map((value) => Math.floor(value / 10) * 10));
    expect(new Set(first)).toEqual(new Set([0, 1, 10, 11]));
    const doubling = transform(
      'double',
      () => null,
      (x) => aten.mul.Scalar(x, 2),
    );
    expect(drawn([sometimes(1, adds('a', 1)), sometimes(1, doubling)])).toEqual(new Array(50).fill(2));
  });

  it.each(['siim', 'randaugment', 'standard'] as const)(
    '%s does the same to a sample whatever batch it is in, and does not change its input',
    (name) => {
      tidy(() => {
        const [n, side] = [40, 100]; // more than one part on a CPU
        const images = randomImages(n, side);
        const before = images.clone();
        const live = liveTensors();
        const together = augment(images, name, streams(5, n));
        expect(liveTensors()).toBe(live + 1);
        expect(aten.equal(images, before)).toBe(true);
        expect(aten.amin(together).item()).toBeGreaterThanOrEqual(0);
        expect(aten.amax(together).item()).toBeLessThanOrEqual(1);
        for (const [first, count] of [
          [0, 1],
          [33, 3],
          [39, 1],
        ] as const) {
          const part = augment(aten.narrow(images, 0, first, count), name, streams(5, count, first));
          expect(aten.equal(part, aten.narrow(together, 0, first, count))).toBe(true);
        }
      });
    },
  );

  it('refuses another number of streams than images, and images that are not square', () => {
    expect(() => augment(randomImages(2, 8), SIIM, streams(1, 3))).toThrow(/as many random streams/);
    const wide = tensor(new Float32Array(8 * 3 * 8 * 9), [8, 3, 8, 9]);
    expect(() => augment(wide, 'siim', streams(1, 8))).toThrow(/square/);
  });

  it('gives every augmentation a name of its own', () => {
    expect(new Set(augmentationNames).size).toBe(augmentationNames.length);
    expect(augmentationNames).toEqual(['none', 'flips', 'light', 'standard', 'siim', 'randaugment']);
  });
});

describe('the SIIM winners’ list', () => {
  it('has their transforms, order and probabilities', () => {
    expect(SIIM.map(({ probability, oneOf }) => [probability, ...oneOf.map(({ name }) => name)])).toEqual([
      [0.5, 'Transpose'],
      [0.5, 'VerticalFlip'],
      [0.5, 'HorizontalFlip'],
      [0.75, 'RandomBrightness'],
      [0.75, 'RandomContrast'],
      [0.7, 'MotionBlur', 'MedianBlur', 'GaussianBlur', 'GaussNoise'],
      [0.7, 'OpticalDistortion', 'GridDistortion', 'ElasticTransform'],
      [0.7, 'CLAHE'],
      [0.5, 'HueSaturationValue'],
      [0.85, 'ShiftScaleRotate'],
      [0.7, 'Cutout'],
    ]);
  });

  it('draws within albumentations’ ranges, up to their ends', () => {
    const drawn = (name: string): unknown[] => {
      const one = SIIM.flatMap(({ oneOf }) => oneOf).find((candidate) => candidate.name === name)!;
      return Array.from({ length: 2000 }, (_, i) => one.draw(new Random(6).fork(i)));
    };
    const reaches = (values: number[], low: number, high: number): void => {
      const slack = 0.02 * (high - low);
      const [least, most] = [Math.min(...values), Math.max(...values)];
      expect(least).toBeGreaterThanOrEqual(low - 1e-12);
      expect(least).toBeLessThan(low + slack);
      expect(most).toBeLessThanOrEqual(high + 1e-12);
      expect(most).toBeGreaterThan(high - slack);
    };
    const of = (values: unknown[], key: string): number[] =>
      values.map((value) => (value as Record<string, number>)[key]!);
    reaches(drawn('RandomBrightness') as number[], -0.2, 0.2);
    reaches(drawn('RandomContrast') as number[], 0.8, 1.2);
    reaches(
      of(drawn('GaussNoise'), 'deviation').map((deviation) => (255 * deviation) ** 2),
      5,
      30,
    );
    reaches(drawn('OpticalDistortion') as number[], -1, 1);
    const grid = drawn('GridDistortion') as { columns: number[]; rows: number[] }[];
    reaches(
      grid.flatMap(({ columns }) => columns),
      0,
      2,
    );
    reaches(
      grid.flatMap(({ rows }) => rows),
      0,
      2,
    );
    expect(grid[0]!.columns.length).toBe(6);
    reaches(
      (drawn('ElasticTransform') as { corners: number[] }[]).flatMap(({ corners }) => corners),
      -50,
      50,
    );
    reaches(drawn('CLAHE') as number[], 1, 4);
    const hsv = drawn('HueSaturationValue');
    reaches(of(hsv, 'hue'), -10 / 180, 10 / 180);
    reaches(of(hsv, 'saturation'), -20 / 255, 20 / 255);
    reaches(of(hsv, 'value'), -10 / 255, 10 / 255);
    const moved = drawn('ShiftScaleRotate');
    reaches(of(moved, 'angle'), -15, 15);
    reaches(of(moved, 'scale'), 0.9, 1.1);
    reaches(of(moved, 'shiftX'), -0.1, 0.1);
    reaches(of(moved, 'shiftY'), -0.1, 0.1);
    const share = (values: unknown[], test: (value: unknown) => boolean): number =>
      values.filter(test).length / values.length;
    const isSmall = (kernel: unknown): boolean => (kernel as number[]).length === 9;
    expect(share(drawn('GaussianBlur'), isSmall)).toBeCloseTo(1 / 3, 1);
    expect(share(drawn('MotionBlur'), isSmall)).toBeCloseTo(1 / 2, 1);
    expect(share(drawn('MedianBlur'), (side) => side === 3)).toBeCloseTo(1 / 2, 1);
    // A line has two points at least.
    for (const kernel of drawn('MotionBlur') as number[][])
      expect(Math.max(...kernel)).toBeLessThanOrEqual(1 / 2);
  });

  it('changes brightness, contrast and colour as albumentations does', () => {
    const image = unitImage(golden.image);
    for (const { gain, bias, image: expected } of golden.brightnessContrast) {
      // albumentations rounds down.
      expect(levelsFrom(gainAndBias(image, [gain], [bias]), expected).most).toBeLessThan(1);
    }
    for (const { hue, saturation, value, bytes, float } of golden.hsv) {
      const shift = { hue: hue / 180, saturation: saturation / 255, value: value / 255 };
      const shifted = shiftHsv(image, [shift]);
      const expected = new Float32Array(new Uint8Array(Buffer.from(float, 'base64')).buffer);
      shifted.toFloat32Array().forEach((x, i) => {
        expect(Math.abs(x - expected[i]!)).toBeLessThan(2e-6);
      });
      // Its hue in bytes has steps of 2°.
      expect(levelsFrom(shifted, bytes).most).toBeLessThan(4);
      expect(levelsFrom(shifted, bytes).mean).toBeLessThan(0.5);
    }
  });

  it('cuts a hole of full size at the upper left corner, and a part of one at the lower right', () => {
    const white = aten.ones([2, 1, 16, 16], { dtype: 'float32' });
    const cut = cutHoles(white, [[[0, 0]], [[0.99, 0.99]]], { side: 0.375, slides: true });
    const black = (i: number): number =>
      aten.select
        .int(cut, 0, i)
        .toFloat32Array()
        .filter((v) => v === 0).length;
    expect(black(0)).toBe(36);
    expect(black(1)).toBe(16); // rows and columns 12 to 15
  });
});

describe('test-time views', () => {
  it('are the eight symmetries of the square, each once, the first four without transposing', () => {
    const image = tensor(Float32Array.of(1, 2, 3, 4), [1, 1, 2, 2]);
    const views = Array.from({ length: TEST_TIME_VIEWS.symmetries }, (_, view) =>
      Array.from(symmetry(image, view).toFloat32Array()).join(''),
    );
    expect(views).toEqual(['1234', '2143', '3412', '4321', '1324', '3142', '2413', '4231']);
    expect(new Set(views).size).toBe(8);
    expect(symmetry(image, 0)).toBe(image);
  });

  it('flip images that are not square, and refuse to transpose them', () => {
    const wide = tensor(new Uint8Array([1, 2, 3, 4, 5, 6]), [1, 1, 2, 3]);
    expect(symmetry(wide, 3).toArray()).toEqual(new Uint8Array([6, 5, 4, 3, 2, 1]));
    expect(() => symmetry(wide, 4)).toThrow(/square/);
    expect(() => symmetry(wide, 8)).toThrow(/0 to 7/);
  });

  it('keep batches apart', () => {
    const batch = cat([randomImages(1, 4), randomImages(1, 4)]);
    expect(symmetry(batch, 5).shape).toEqual([2, 3, 4, 4]);
  });
});
