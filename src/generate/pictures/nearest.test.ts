import { cat, dispose, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pngPicture } from '../../report/picture.js';
import { golden } from './golden.test-data.js';
import { nearestGrid, nearestImages, pixelDistance, realNearness } from './nearest.js';

/** Bytes that the golden script makes in the same way. */
function formulaImages(n: number, offset: number): Tensor {
  const data = new Uint8Array(n * 3 * 64 * 64);
  let at = 0;
  for (let k = offset; k < offset + n; k++)
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < 64; y++)
        for (let x = 0; x < 64; x++)
          data[at++] = (k * 37 + 2 * x * ((k % 3) + 1) + y * (k % 5) + 11 * c * k) % 256;
  return tensor(data, [n, 3, 64, 64]);
}

let [before, queries, real]: [number, Tensor, Tensor] = [0, null!, null!];
beforeEach(() => {
  before = liveTensors();
  queries = formulaImages(4, 100);
  real = formulaImages(40, 0);
});
afterEach(() => {
  dispose([queries, real]);
  expect(liveTensors()).toBe(before);
});

describe('nearest images', () => {
  test.each(['euclidean', 'cosine'] as const)('%s: those of scikit-learn on OpenCV’s averages', (metric) => {
    const { indices, distances } = nearestImages(queries, real, {
      k: 3,
      distance: { ...pixelDistance, metric },
    });
    expect(indices).toEqual(golden.nearest[metric].indices);
    distances.forEach((own, i) => {
      own.forEach((d, j) => {
        // Sums of 3,072 squares in float32.
        expect(Math.abs(d / golden.nearest[metric].distances[i]![j]! - 1)).toBeLessThan(3e-5);
      });
    });
  });

  test('a copy has distance 0 and comes first, an image that is excepted does not count', () => {
    const own = tidy(() => real.narrow(0, 7, 2).contiguous());
    const found = nearestImages(own, real, { k: 2 });
    expect(found.indices.map(([first]) => first)).toEqual([7, 8]);
    expect(found.distances.map(([first]) => first)).toEqual([0, 0]);
    const others = nearestImages(own, real, { k: 1, except: [7, 8] });
    expect(others.indices.map(([first]) => first)).toEqual(found.indices.map(([, second]) => second));
    own.dispose();
  });

  test('only the rows that are asked for are searched', () => {
    const rows = [3, 11, 30, 31];
    const { indices } = nearestImages(queries, real, { k: 4, rows });
    for (const own of indices) expect(own.toSorted((a, b) => a - b)).toEqual(rows);
  });

  test('batches do not matter', () => {
    // 300 candidates are two batches; the near ones of the second are found, too.
    const many = tidy(() => cat([...Array.from({ length: 7 }, () => real), queries, real.narrow(0, 0, 16)]));
    const { indices, distances } = nearestImages(queries, many, { k: 1 });
    expect(many.shape[0]).toBe(300);
    expect(indices).toEqual([[280], [281], [282], [283]]);
    expect(distances).toEqual([[0], [0], [0], [0]]);
    many.dispose();
  });

  test('features of a network take the place of pixels', () => {
    // The mean colour is blind to where things are: mirrored images are the same to it.
    const distance = {
      name: 'mean colour',
      features: (images: Tensor) => images.float().mean([2, 3]),
      metric: 'euclidean' as const,
    };
    const mirrored = tidy(() => real.narrow(0, 5, 1).flip([3]).contiguous());
    const found = nearestImages(mirrored, real, { k: 1, distance });
    expect(found.indices).toEqual([[5]]);
    expect(found.distances[0]![0]).toBeLessThan(1e-4);
    expect(nearestImages(mirrored, real, { k: 1 }).distances[0]![0]).toBeGreaterThan(1);
    mirrored.dispose();
  });

  test('more neighbours than candidates, and k 0, are refused', () => {
    expect(() => nearestImages(queries, real, { k: 3, rows: [1, 2] })).toThrow(
      /3 neighbours of 2 candidates/,
    );
    expect(() => nearestImages(queries, real, { k: 0 })).toThrow(/k 0: expected 1 or more/);
  });
});

test('real images held against the rest: the same found one by one', () => {
  const rows = [0, 4, 9, 12, 20, 33];
  const nearestOf = (row: number, among: number[]): [number, number] => {
    const one = tidy(() => real.narrow(0, row, 1).contiguous());
    const { indices, distances } = nearestImages(one, real, { k: 1, rows: among });
    one.dispose();
    return [indices[0]![0]!, distances[0]![0]!];
  };
  const each = rows.map((row) => {
    const rest = rows.filter((other) => other !== row);
    const [nearest, distance] = nearestOf(row, rest);
    const [, other] = nearestOf(
      nearest,
      rest.filter((one) => one !== nearest),
    );
    return { distance, isNearer: distance < other };
  });
  const sorted = each.map(({ distance }) => distance).toSorted((a, b) => a - b);
  const { median, nearerShare } = realNearness(real, { rows });
  expect(median).toBeCloseTo((sorted[2]! + sorted[3]!) / 2, 4);
  expect(nearerShare).toBeCloseTo(each.filter(({ isNearer }) => isNearer).length / 6, 12);
  expect(nearerShare).toBeGreaterThan(0);
  expect(nearerShare).toBeLessThan(1);
});

test('a copy lies nearer than any other image', async () => {
  const copies = tidy(() => real.narrow(0, 7, 3).contiguous());
  expect((await nearestGrid(copies, real, { k: 1 })).nearer).toBe(3);
  copies.dispose();
});

test('the grid has a row an image and room for titles and distances', async () => {
  const { png, indices, nearer, real: own, distance } = await nearestGrid(queries, real, { k: 3, scale: 1 });
  const { width, height } = pngPicture(png)!;
  expect(indices).toEqual(golden.nearest.euclidean.indices);
  expect(own.median).toBeGreaterThan(0);
  expect(nearer).toBeLessThan(4);
  expect(distance).toBe(pixelDistance.name);
  expect([width, height]).toEqual([2 + 4 * 66 + 10, 16 + 2 + 4 * (66 + 16)]);
});
