import { cat, grad, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { gridAxis, gridDistortion, opticalDistortion } from './distortion.js';
import { cornerAffine, elasticTransform, fieldDeviation, smoothingMatrix } from './elastic.js';
import { shiftScaleRotate, turn } from './geometry.js';
import { differences, floatsOf, golden, levelsFrom, unitImage } from './golden.test-data.js';

const image = unitImage(golden.image);
const twice = (): Tensor => cat([image, image]);
const both = (packed: readonly string[]): number[] => packed.flatMap((one) => Array.from(floatsOf(one)));

describe('distortions', () => {
  it('bulge and pinch along the map that albumentations hands to OpenCV', () => {
    const bent = opticalDistortion(
      twice(),
      golden.optical.map(({ k }) => k),
    );
    const expected = both(golden.optical.map((one) => one.image));
    expect(differences(bent.toFloat32Array(), expected).most).toBeLessThan(2e-6);
  });

  it('leave the image as it is at no strength', () => {
    const same = opticalDistortion(image, [0]);
    expect(differences(same.toFloat32Array(), image.toFloat32Array()).most).toBeLessThan(1e-6);
  });

  it('draw cells out along albumentations’ map, and come within a level and a half of OpenCV’s own picture', () => {
    for (const { columns, rows, image: expected, opencv } of golden.grid) {
      const drawn = gridDistortion(twice(), [columns, columns], [rows, rows]);
      expect(differences(drawn.toFloat32Array(), both([expected, expected])).most).toBeLessThan(2e-6);
      // It rounds coordinates to 1/32 px and values to bytes.
      const one = gridDistortion(image, [columns], [rows]);
      expect(levelsFrom(one, opencv).most).toBeLessThan(1.5);
      expect(levelsFrom(one, opencv).mean).toBeLessThan(0.35);
    }
  });

  it('take each pixel of an axis from somewhere, whatever its length', () => {
    for (const length of [5, 7, 24, 25, 64, 128, 131]) {
      const source = gridAxis(length, [1, 1, 1, 1, 1, 1]);
      expect(source.length).toBe(length);
      expect(source.every((x, i) => i === 0 || x >= source[i - 1]!)).toBe(true);
      expect(source[0]).toBe(0);
      expect(Math.abs(source.at(-1)! - length)).toBeLessThanOrEqual(length / 5);
    }
  });

  it('deform elastically along albumentations’ affine map and field, interpolating once', () => {
    for (const { shifts, affine, noise, image: expected, alpha, sigma } of golden.elastic) {
      const own = cornerAffine(shifts, golden.side, golden.side);
      expect(differences(own, affine).most).toBeLessThan(1e-6);
      const field = tensor(floatsOf(noise), [1, 2, golden.side, golden.side]);
      const deformed = elasticTransform(image, { affines: [own], noise: field }, { alpha, sigma });
      expect(differences(deformed.toFloat32Array(), floatsOf(expected)).most).toBeLessThan(3e-6);
      const affineOnly = elasticTransform(image, { affines: [own], noise: null }, { alpha, sigma });
      // A field of a tenth of a pixel is seen, and one of a pixel and a half is seen well.
      const seen = differences(affineOnly.toFloat32Array(), floatsOf(expected)).mean;
      expect(seen).toBeGreaterThan(alpha > 10 ? 0.01 : 1e-3);
      expect(fieldDeviation({ alpha, sigma })).toBeCloseTo(alpha > 10 ? 1.63 : 0.0977, 2);
    }
  });

  it('smooth with rows that sum to one, also where the Gaussian is wider than the image', () => {
    for (const [length, sigma] of [
      [24, 3],
      [8, 10],
    ] as const) {
      const matrix = smoothingMatrix(length, sigma);
      for (let row = 0; row < length; row++) {
        const sum = matrix.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b, 0);
        expect(sum).toBeCloseTo(1, 6);
      }
    }
  });

  it('let gradients through', () => {
    tidy(() => {
      const random = new Random(4);
      const draw = (n: number): Float64Array => Float64Array.from({ length: n }, () => random.next());
      const x = tensor(draw(3 * 64), [1, 3, 8, 8]).requiresGrad_();
      const along = tensor(draw(3 * 64), [1, 3, 8, 8]);
      for (const f of [
        (y: Tensor): Tensor => opticalDistortion(y, [0.5]).square().sum(),
        (y: Tensor): Tensor =>
          gridDistortion(y, [[1, 0.5, 1.5]], [[1, 0.7, 1.2]])
            .square()
            .sum(),
      ]) {
        const [gradient] = grad(f(x), [x]);
        const numeric = f(x.add(along, 0.5)).item() - f(x.sub(along, 0.5)).item();
        expect(gradient!.mul(along).sum().item()).toBeCloseTo(numeric, 8);
      }
    });
  });
});

describe('shift, scale and rotation', () => {
  it('agree with cv2.warpAffine about the middle, with black and mirrored borders', () => {
    for (const rotation of golden.rotations) {
      const { most, mean } = levelsFrom(
        shiftScaleRotate(image, [rotation], rotation.padding),
        rotation.image,
      );
      // Coordinates of 1/32 px, bytes; at a black border the picture falls steeply.
      expect(most).toBeLessThan(rotation.padding === 'zeros' ? 4 : 1.5);
      expect(mean).toBeLessThan(0.35);
    }
  });

  it('turn a batch into memory of its own', () => {
    const small = tensor(Float32Array.of(1, 2, 3, 4), [1, 1, 2, 2]);
    const values = (how: Parameters<typeof turn>[1]): number[] =>
      Array.from(turn(small, how).toFloat32Array());
    expect(values({})).toEqual([1, 2, 3, 4]);
    expect(values({ horizontal: true })).toEqual([2, 1, 4, 3]);
    expect(values({ vertical: true })).toEqual([3, 4, 1, 2]);
    expect(values({ transpose: true })).toEqual([1, 3, 2, 4]);
    // Transposed first: what was the lower left corner is the upper right, and a flip brings it to the left.
    expect(values({ transpose: true, horizontal: true })).toEqual([3, 1, 4, 2]);
    turn(small, {}).fill_(9);
    expect(Array.from(small.toFloat32Array())).toEqual([1, 2, 3, 4]);
    expect(() => shiftScaleRotate(tensor(new Float32Array(6), [1, 1, 2, 3]), [], 'zeros')).toThrow(/square/);
  });
});
