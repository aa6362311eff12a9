import { aten, cat, tensor, tidy } from 'graft-torch';
import { describe, expect, it } from 'vitest';
import { clahe, equalizeTiles } from './clahe.js';
import { bytesOf, differences, floatsOf, golden, levelsFrom, unitImage } from './golden.test-data.js';

describe('CLAHE', () => {
  it('is OpenCV’s on planes of bytes, also where tiles do not divide the image', () => {
    for (const { height, width, limit, levels, equal } of golden.clahe) {
      const plane = tensor(Float32Array.from(bytesOf(levels)), [1, height, width]);
      const { most, mean } = differences(
        aten.round(equalizeTiles(plane, [limit])).toFloat32Array(),
        bytesOf(equal),
      );
      // A level where a sum ends at one half.
      expect(most).toBeLessThanOrEqual(1);
      expect(mean).toBeLessThan(0.02);
    }
  });

  it('treats each sample with its own limit', () => {
    const { height, width, levels } = golden.clahe.find((one) => one.width === 96)!;
    const plane = tensor(Float32Array.from(bytesOf(levels)), [1, height, width]);
    const limits = [1, 4, 40];
    const together = equalizeTiles(cat([plane, plane, plane]), limits);
    const one = limits.map((limit) => equalizeTiles(plane, [limit]).toFloat32Array());
    expect(one[0]).not.toEqual(one[1]);
    expect(one[1]).not.toEqual(one[2]);
    limits.forEach((_, i) => {
      expect(aten.select.int(together, 0, i).toFloat32Array()).toEqual(one[i]);
    });
  });

  it('changes lightness alone, by the definition of L*a*b*', () => {
    const image = unitImage(golden.colourful, 48);
    for (const { limit, float, bytes } of golden.claheColour) {
      const equal = clahe(image, [limit]);
      // The golden's new levels are rounded, ours are not.
      expect(differences(equal.toFloat32Array(), floatsOf(float)).most).toBeLessThan(0.01);
      expect(differences(equal.toFloat32Array(), floatsOf(float)).mean).toBeLessThan(0.002);
      // Most of this distance is OpenCV's own, whose L* comes from tables of bytes.
      expect(levelsFrom(equal, bytes).mean).toBeLessThan(4);
    }
  });

  it('keeps greys grey and values in [0, 1], and frees what it made', () => {
    tidy(() => {
      const ramp = Float32Array.from({ length: 32 * 32 }, (_, i) => ((i * 7) % 256) / 255);
      const grey = aten.expand(tensor(ramp, [1, 1, 32, 32]), [2, 3, 32, 32]);
      const [red, green, blue] = aten.split
        .Tensor(clahe(grey, [2, 4]), 1, 1)
        .map((channel) => channel.toFloat32Array());
      expect(differences(red!, green!).most).toBeLessThan(1e-4);
      expect(differences(red!, blue!).most).toBeLessThan(1e-4);
      expect(Math.min(...red!)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...red!)).toBeLessThanOrEqual(1);
    });
  });
});
