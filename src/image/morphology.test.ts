import { ConfigError, Random } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { blackHatCross, dilateCross } from './morphology.js';

/** By definition: every pixel under the cross is looked at. */
function dilateByDefinition(plane: Uint8Array, width: number, kernelPx: number): Uint8Array {
  const height = plane.length / width;
  const reach = (kernelPx - 1) / 2;
  return plane.map((_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    let most = 0;
    for (let d = -reach; d <= reach; d++) {
      if (x + d >= 0 && x + d < width) most = Math.max(most, plane[y * width + x + d]!);
      if (y + d >= 0 && y + d < height) most = Math.max(most, plane[(y + d) * width + x]!);
    }
    return most;
  });
}

test('the largest value under a cross, at every size of image and cross', () => {
  const random = new Random(3);
  for (const kernelPx of [1, 3, 5, 17]) {
    for (const [width, height] of [
      [1, 1],
      [1, 40],
      [40, 1],
      [16, 17],
      [17, 18],
      [35, 34],
      [9, 52],
    ] as const) {
      const plane = Uint8Array.from({ length: width * height }, () => Math.floor(256 * random.next()));
      expect(dilateCross(plane, { width, height }, kernelPx)).toEqual(
        dilateByDefinition(plane, width, kernelPx),
      );
    }
  }
});

test('a black hat finds dots and lines that the cross crosses, and no planes', () => {
  const size = { width: 30, height: 30 };
  const hatAt = (dark: (x: number, y: number) => boolean) => {
    const plane = Uint8Array.from({ length: 900 }, (_, i) => (dark(i % 30, Math.floor(i / 30)) ? 50 : 200));
    return blackHatCross(plane, size, 9)[15 * 30 + 15];
  };
  expect(hatAt((x, y) => x === 15 && y === 15)).toBe(150);
  expect(hatAt((x, y) => x === y)).toBe(150);
  expect(hatAt((x, y) => x > 10 && y > 10)).toBe(0);
  expect(hatAt(() => false)).toBe(0);
});

test.each([0, 2, 4.5, -3, Number.NaN])('a cross of %d px is refused', (kernelPx) => {
  expect(() => dilateCross(new Uint8Array(4), { width: 2, height: 2 }, kernelPx)).toThrow(ConfigError);
});
