/** Goldens of albumentations, OpenCV and Pillow (`test/goldens/augment/transforms.py`), and how far a tensor is from one. */
import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from 'graft-torch';
import { expect } from 'vitest';

/** Base64 of bytes or of float32. */
type Packed = string;

export const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/augment/transforms.json', import.meta.url), 'utf8'),
) as {
  side: number;
  image: Packed;
  rough: Packed;
  lines: [side: number, x0: number, y0: number, x1: number, y1: number, bits: string][];
  gaussian: Packed[];
  median: Packed[];
  motion: { side: number; from: [number, number]; to: [number, number]; image: Packed }[];
  brightnessContrast: { gain: number; bias: number; image: Packed }[];
  optical: { k: number; image: Packed }[];
  grid: { columns: number[]; rows: number[]; image: Packed; opencv: Packed }[];
  elastic: {
    alpha: number;
    sigma: number;
    shifts: [number, number, number, number, number, number];
    noise: Packed;
    affine: number[];
    image: Packed;
  }[];
  clahe: { height: number; width: number; limit: number; levels: Packed; equal: Packed }[];
  colourful: Packed;
  claheColour: { limit: number; float: Packed; bytes: Packed }[];
  rotations: {
    angle: number;
    scale: number;
    shiftX: number;
    shiftY: number;
    padding: 'zeros' | 'reflection';
    image: Packed;
  }[];
  hsv: { hue: number; saturation: number; value: number; bytes: Packed; float: Packed }[];
  pillow: {
    lowContrast: Packed;
    autoContrast: Packed;
    equalize: Packed;
    posterize: { bits: number; image: Packed }[];
    solarize: { threshold: number; image: Packed }[];
    enhance: { name: 'Brightness' | 'Color' | 'Contrast' | 'Sharpness'; factor: number; image: Packed }[];
    shear: { axis: 'x' | 'y'; factor: number; image: Packed }[];
  };
};

export const bytesOf = (packed: Packed): Uint8Array => new Uint8Array(Buffer.from(packed, 'base64'));
export const floatsOf = (packed: Packed): Float32Array => new Float32Array(bytesOf(packed).buffer);

/** Bytes of one image as floats in [0, 1], `[1, 3, side, side]`. */
export const unitImage = (packed: Packed, side = golden.side): Tensor =>
  tensor(
    Float32Array.from(bytesOf(packed), (byte) => byte / 255),
    [1, 3, side, side],
  );

/** Largest and mean absolute difference. */
export function differences(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): { most: number; mean: number } {
  expect(actual.length).toBe(expected.length);
  let [most, sum] = [0, 0];
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    // NaN counts as infinitely far.
    most = difference <= most ? most : Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    sum += difference;
  }
  return { most, mean: sum / actual.length };
}

/** The same in levels of 255, against bytes. */
export const levelsFrom = (actual: Tensor, packed: Packed): { most: number; mean: number } =>
  differences(
    actual.toFloat32Array().map((value) => value * 255),
    bytesOf(packed),
  );
