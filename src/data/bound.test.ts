import { expect, test } from 'vitest';
import { Random } from '../random.js';
import { correlation, correlationBound, fillBlockMeans, meansArea } from './bound.js';
import { hashSizePx } from './phash.js';

const random = new Random(3);
const count = 60;
const area = hashSizePx * hashSizePx;

/** From smooth to all detail: waves of growing frequency, and noise. */
function image(k: number): Float32Array {
  const reach = (k / count) ** 2 * 1.5;
  const waves = Array.from({ length: 4 }, () => [
    random.uniform(-reach, reach),
    random.uniform(-reach, reach),
    random.uniform(0, 6),
  ]);
  const values = Float64Array.from({ length: area }, (_, i) =>
    waves.reduce(
      (sum, [fx, fy, phase]) => sum + Math.sin(fx! * (i & 31) + fy! * (i >> 5) + phase!),
      random.normal(0, 0.1),
    ),
  );
  const mean = values.reduce((sum, value) => sum + value / area, 0);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2 / area, 0));
  return Float32Array.from(values, (value) => (value - mean) / deviation);
}

const images = Array.from({ length: count }, (_, k) => image(k));
const all = Float32Array.from(images.flatMap((one) => [...one]));
const blocks = { means: new Float32Array(count * meansArea), rest: new Float32Array(count) };
images.forEach((one, i) => {
  fillBlockMeans(one, blocks, i);
});
const partsOf = (i: number) => ({
  means: blocks.means.slice(i * meansArea, (i + 1) * meansArea),
  rest: blocks.rest[i]!,
});

test('the correlation is that of the definition', () => {
  for (const i of [0, 17, 59])
    expect(correlation(images[i]!, all, 40)).toBeCloseTo(
      images[i]!.reduce((sum, value, p) => sum + value * images[40]![p]!, 0) / area,
      9,
    );
});

test('no correlation exceeds its bound, and an image meets it with itself and with its blocks', () => {
  let tight = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      const bound = correlationBound(partsOf(i), blocks, j);
      expect(bound).toBeGreaterThanOrEqual(correlation(images[i]!, all, j));
      if (bound < 0.75) tight++;
    }
    expect(correlationBound(partsOf(i), blocks, i)).toBeCloseTo(1, 4);
  }
  expect(tight).toBeGreaterThan(0.2 * count * count); // of use
});
