import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import type { DecodedImage } from './decode.js';
import { straightLineContrast } from './ruler.js';

/** Light skin of 64 × 64 px, darker by what `inkAt` says. */
function draw(inkAt: (x: number, y: number) => number, side = 64): DecodedImage {
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return 200 - inkAt(pixel % side, Math.floor(pixel / side));
  });
  return { data, width: side, height: side };
}

/** Ink along a segment through the point, one pixel wide. */
const segment =
  (cx: number, cy: number, degrees: number, length: number) =>
  (x: number, y: number): number => {
    const angle = (degrees * Math.PI) / 180;
    const [dx, dy] = [x - cx, y - cy];
    const along = dx * Math.cos(angle) + dy * Math.sin(angle);
    const across = dy * Math.cos(angle) - dx * Math.sin(angle);
    return Math.abs(along) <= length / 2 ? 40 * Math.max(0, 1 - Math.abs(across)) : 0;
  };

describe('straight lines', () => {
  test.each([0, 17, 45, 90, 133])('at %i° are found, as dark as they are', (degrees) => {
    const contrast = straightLineContrast(draw(segment(30, 36, degrees, 24)));
    expect(contrast).toBeGreaterThan(18);
    expect(contrast).toBeLessThanOrEqual(40);
  });

  test('at twice the size they are found as well', () => {
    const thick = segment(30, 36, 20, 24);
    expect(straightLineContrast(draw((x, y) => thick(x / 2, y / 2), 128))).toBeGreaterThan(18);
  });

  test('short, bent, broad and faint ones are none, nor is the edge of a round aperture', () => {
    expect(straightLineContrast(draw(segment(30, 36, 17, 12)))).toBe(0);
    const ring = (x: number, y: number) => 40 * Math.max(0, 1 - Math.abs(Math.hypot(x - 32, y - 32) - 14));
    expect(straightLineContrast(draw(ring))).toBe(0);
    expect(straightLineContrast(draw((_, y) => (y > 24 && y < 36 ? 40 : 0)))).toBe(0);
    const faint = segment(30, 36, 17, 24);
    expect(straightLineContrast(draw((x, y) => faint(x, y) / 10))).toBe(0);
    expect(straightLineContrast(draw((x, y) => (Math.hypot(x - 31.5, y - 31.5) > 34 ? 180 : 0)))).toBe(0);
  });

  test('images too small for a line have none', () => {
    expect(straightLineContrast(draw(() => 0, 8))).toBe(0);
  });

  test('phantoms with a bar have more contrast than without', () => {
    const random = new Random(12);
    let found = 0;
    let wrong = 0;
    for (let i = 0; i < 16; i++) {
      const factors = samplePhantom(random, { prevalence: 0.3 });
      const contrast = (ruler: 'bar' | 'none') =>
        straightLineContrast({
          data: renderPhantom({ ...factors, nuisance: { ...factors.nuisance, ruler, hairs: 0 } }, 64),
          width: 64,
          height: 64,
        });
      if (contrast('bar') > 13) found++;
      if (contrast('none') > 13) wrong++;
    }
    expect(found).toBeGreaterThanOrEqual(7);
    expect(wrong).toBeLessThanOrEqual(2);
  });
});
