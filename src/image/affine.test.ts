import { grad, liveTensors, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Affine, compose, identity, rotation, scaling, translation, warp } from './affine.js';
import { onRows, rowsWhere } from './per-sample.js';

let live = 0;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

const at = ([a, b, c, d, e, f]: Affine, [x, y]: readonly [number, number]): [number, number] => [
  a * x + b * y + c,
  d * x + e * y + f,
];
const noise = (shape: number[], seed: number) => {
  const random = new Random(seed);
  return tensor(
    Float64Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
    shape,
  );
};

test('a product applies its last map first', () => {
  const maps = [translation(0.3, -2), scaling(2, 0.5), rotation(0.7), scaling(1.5), translation(-1, 4)];
  const point = [0.4, -1.3] as const;
  const stepwise = maps.reduceRight<[number, number]>((p, map) => at(map, p), [...point]);
  const together = at(compose(...maps), point);
  for (const i of [0, 1] as const) expect(together[i]).toBeCloseTo(stepwise[i], 12);
  // From x towards y.
  expect(at(rotation(Math.PI / 2), [1, 0])[1]).toBeCloseTo(1, 15);
  expect(compose(rotation(0.4), rotation(-0.4), identity)).toEqual([1, 0, 0, 0, 1, 0]);
});

test('what lies beyond the border is zero, or mirrored without repeating a pixel', () => {
  tidy(() => {
    const image = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3]);
    const right = [translation(-1, 0)]; // one pixel of a row of three is a unit
    const zeros = warp(image, right, { interpolation: 'nearest', padding: 'zeros' });
    expect([...zeros.toFloat32Array()]).toEqual([0, 1, 2, 0, 4, 5, 0, 7, 8]);
    const mirrored = warp(image, right, { interpolation: 'nearest' });
    expect([...mirrored.toFloat32Array()]).toEqual([2, 1, 2, 5, 4, 5, 8, 7, 8]);
  });
});

test('gradients flow through a warp, also to part of a batch', () => {
  tidy(() => {
    const images = noise([3, 2, 5, 4], 1).requiresGrad_();
    const weights = noise([3, 2, 7, 6], 2);
    const maps = [compose(rotation(0.6), scaling(1.3)), translation(0.31, -0.8)];
    const f = (x: typeof images) => {
      const some = onRows(x, [0, 2], (chosen) => warp(chosen, maps));
      return warp(some, [...maps, rotation(2)], { size: [7, 6] })
        .mul(weights)
        .sum();
    };
    const [gradient] = grad(f(images), [images]);
    // Linear in the images: any step gives the derivative.
    const direction = noise([3, 2, 5, 4], 3);
    const numeric = f(images.add(direction)).item() - f(images).item();
    expect(numeric).not.toBe(0);
    expect(gradient!.mul(direction).sum().item()).toBeCloseTo(numeric, 10);
  });
});

test('rows that are not chosen are copied to the bit, and none chosen costs nothing', () => {
  tidy(() => {
    const images = noise([4, 1, 2, 2], 4);
    const before = liveTensors();
    expect(onRows(images, [], () => expect.unreachable())).toBe(images);
    expect(liveTensors()).toBe(before);
    const rows = rowsWhere([5, 1, 7, 2], (value) => value > 4);
    expect(rows).toEqual([0, 2]);
    const values = [...images.toArray()];
    const changed = onRows(images, rows, (chosen) => chosen.mul(2));
    expect([...changed.toArray()]).toEqual(
      values.map((v, i) => (i < 4 || (i >= 8 && i < 12) ? 2 * Number(v) : v)),
    );
    expect([...images.toArray()]).toEqual(values);
  });
});
