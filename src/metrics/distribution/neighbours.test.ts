import { aten, type DType, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { pairDistances } from './exact-distances.js';
import { kthNeighbourRadii, type NeighbourOptions, nearestNeighbours } from './neighbours.js';

type Rows = number[][];

const draw = (n: number, length: number, seed: number, mean = 0): Rows => {
  const random = new Random(seed);
  return Array.from({ length: n }, () =>
    // float32 holds them exactly, so that loops and tensors see the same numbers.
    Array.from({ length }, () => Math.fround(random.normal(mean))),
  );
};

const toTensor = (rows: Rows, dtype: DType = 'float64'): Tensor =>
  tensor(rows.flat(), [rows.length, rows[0]!.length], { dtype });

const euclidean = (a: number[], b: number[]): number =>
  Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0));
const cosine = (a: number[], b: number[]): number => {
  const dot = (x: number[], y: number[]) => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
  return 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

/** By loops over all pairs. */
function bruteForce(queries: Rows, candidates: Rows, options: NeighbourOptions) {
  const distance = options.metric === 'cosine' ? cosine : euclidean;
  const rows = queries.map((q, i) =>
    candidates
      .map((c, j) => ({ j, distance: distance(q, c) }))
      .filter(({ j }) => !options.excludeSelf || j !== i)
      .sort((a, b) => a.distance - b.distance || a.j - b.j)
      .slice(0, options.k),
  );
  return {
    indices: rows.flatMap((row) => row.map(({ j }) => j)),
    distances: rows.flatMap((row) => row.map((it) => it.distance)),
  };
}

function expectSame(queries: Rows, candidates: Rows, options: NeighbourOptions, dtype: DType = 'float64') {
  tidy(() => {
    const found = nearestNeighbours(toTensor(queries, dtype), toTensor(candidates, dtype), options);
    const expected = bruteForce(queries, candidates, options);
    expect(Array.from(found.indices)).toEqual(expected.indices);
    const scale = Math.max(...expected.distances);
    expected.distances.forEach((d, i) => {
      expect(Math.abs(found.distances[i]! - d)).toBeLessThan(1e-12 * (options.metric ? 1 : scale));
    });
  });
}

describe('nearest neighbours', () => {
  it.each(['float32', 'float64'] as const)('are those of loops over all pairs: %s', (dtype) => {
    const [queries, candidates] = [draw(70, 9, 1), draw(150, 9, 2)];
    for (const k of [1, 8, 150]) expectSame(queries, candidates, { k }, dtype);
    expectSame(queries, candidates, { k: 4, metric: 'cosine' }, dtype);
    expectSame(candidates, candidates, { k: 5, excludeSelf: true }, dtype);
    expectSame(candidates, candidates, { k: 149, excludeSelf: true }, dtype);
    expectSame(candidates, candidates, { k: 2, excludeSelf: true, metric: 'cosine' }, dtype);
  });

  it('hold where float32 cannot tell candidates apart', () => {
    // A crowd of 60 within 1e-4 of one place, 1000 from the centre of all: the bounds in float32 are useless.
    const far = draw(60, 5, 3).map((row) => row.map((v) => Math.fround(1000 + v * 1e-4)));
    const candidates = [...draw(40, 5, 4), ...far, ...draw(40, 5, 5, -500)];
    expectSame(far.slice(0, 20), candidates, { k: 3 });
    expectSame(candidates, candidates, { k: 3, excludeSelf: true });
    // A shell: all nearly as far as one another, in an order that float32 does not see.
    const order = new Random(13).shuffle(Array.from({ length: 80 }, (_, i) => i));
    const shell = draw(80, 5, 14).map((row, i) => {
      const length = euclidean(row, [0, 0, 0, 0, 0]);
      return row.map((v) => (v / length) * (1 + order[i]! * 1e-9));
    });
    expectSame([[0, 0, 0, 0, 0]], shell, { k: 5 });
    expectSame(
      [[0, 0, 0, 0, 0]],
      shell.map((row) => row.map((v) => v / 1024)),
      { k: 5 },
    );
    expectSame([[0, 0, 0, 0, 0], ...shell], [[0, 0, 0, 0, 0], ...shell], { k: 5, excludeSelf: true });
    // One outlier must not spoil the others.
    expectSame(draw(20, 5, 6), [...draw(50, 5, 7), [1e6, 0, 0, 0, 0]], { k: 3 });
    expectSame(draw(20, 5, 6), draw(50, 5, 7), { k: 3 });
  });

  it.each([1e-25, 1e25])('hold beyond the range of float32: × %d', (factor) => {
    const scaled = (rows: Rows): Rows => rows.map((row) => row.map((v) => v * factor));
    const candidates = scaled(draw(40, 4, 9));
    expectSame(scaled(draw(20, 4, 8)), candidates, { k: 3 });
    expectSame(candidates, candidates, { k: 30, excludeSelf: true });
    expectSame(candidates, candidates, { k: 39, excludeSelf: true });
  });

  it('put a copy at exactly 0, and of equal distances the lower index first', () => {
    tidy(() => {
      const candidates = draw(100, 33, 10, 40);
      candidates[70] = candidates[20]!;
      candidates[50] = candidates[20]!;
      for (const metric of ['euclidean', 'cosine'] as const) {
        for (const dtype of ['float32', 'float64'] as const) {
          const found = nearestNeighbours(toTensor([candidates[20]!], dtype), toTensor(candidates, dtype), {
            k: 4,
            metric,
          });
          expect(Array.from(found.indices.subarray(0, 3))).toEqual([20, 50, 70]);
          expect(Array.from(found.distances.subarray(0, 3))).toEqual([0, 0, 0]);
          expect(found.distances[3]).toBeGreaterThan(1e-5);
        }
      }
      // A set of one image, many times: every distance is 0, the image itself is not its neighbour.
      const copies = toTensor(Array.from({ length: 40 }, () => candidates[0]!));
      const found = nearestNeighbours(copies, copies, { k: 2, excludeSelf: true });
      expect(Array.from(found.indices.subarray(0, 8))).toEqual([1, 2, 0, 2, 0, 1, 0, 1]);
      expect(found.distances.every((d) => d === 0)).toBe(true);
    });
  });

  it('are the same over several tiles, of one set by itself as of two', () => {
    const before = liveTensors();
    tidy(() => {
      const random = new Random(11);
      const values = Float32Array.from({ length: 2500 * 3 }, () => random.normal());
      // Forty copies in the last tile, which only the comparison with all candidates can put in order.
      for (let i = 2400; i < 2440; i++) values.set(values.subarray(0, 3), i * 3);
      const features = tensor(values, [2500, 3]);
      const mirrored = nearestNeighbours(features, features, { k: 2, excludeSelf: true });
      expect(Array.from(mirrored.indices.subarray(0, 2))).toEqual([2400, 2401]);
      expect(Array.from(mirrored.indices.subarray(2400 * 2, 2403 * 2))).toEqual([0, 2401, 0, 2400, 0, 2400]);
      // The same values, but another tensor: the whole matrix is gone through.
      expect(nearestNeighbours(features, features.clone(), { k: 2, excludeSelf: true })).toEqual(mirrored);
      const all = nearestNeighbours(features, features, { k: 3 });
      const part = nearestNeighbours(features.narrow(0, 1000, 100), features, { k: 3 });
      expect(all.distances.subarray(3000, 3300)).toEqual(part.distances);
      expect(all.indices.subarray(3000, 3300)).toEqual(part.indices);
      for (let i = 0; i < 2400; i++) {
        if (i === 0) continue; // has copies
        expect(all.indices[i * 3]).toBe(i);
        expect(all.distances[i * 3]).toBe(0);
        expect(all.distances[i * 3 + 1]).toBe(mirrored.distances[i * 2]);
      }
      // Against distances of all pairs.
      const exact = aten.cdist(features.to({ dtype: 'float64' }), features.to({ dtype: 'float64' }), 2, 2);
      const [sorted] = aten.topk(exact, 3, 1, false);
      const furthest = sorted.select(1, 2).toArray();
      furthest.forEach((d, i) => {
        expect(Math.abs(mirrored.distances[i * 2 + 1]! - Number(d))).toBeLessThan(1e-12);
      });
    });
    expect(liveTensors()).toBe(before);
  });

  it('have to the last digit the distance that the pair has elsewhere', () => {
    tidy(() => {
      // Near copies far from the centre: these rows are compared with every candidate, the others are not.
      const crowd = draw(60, 37, 20).map((row) => row.map((v) => Math.fround(300 + v * 1e-2)));
      const all = toTensor([...crowd, ...draw(30, 37, 21, -300)], 'float32');
      for (const metric of ['euclidean', 'cosine'] as const) {
        const { indices, distances } = nearestNeighbours(all, all, { k: 3, metric, excludeSelf: true });
        const first = tensor(
          indices.map((_, i) => Math.floor(i / 3)),
          [270],
          { dtype: 'int64' },
        );
        const second = tensor(indices, [270], { dtype: 'int64' });
        expect(pairDistances(all, all, { first, second, metric }).toArray()).toEqual(distances);
      }
    });
  });

  it('leave the features as they are', () => {
    tidy(() => {
      for (const dtype of ['float32', 'float64'] as const) {
        const features = toTensor(draw(30, 4, 12, 5), dtype);
        const copy = features.clone();
        nearestNeighbours(features, features, { k: 2, excludeSelf: true });
        nearestNeighbours(features, features, { k: 2, metric: 'cosine' });
        expect(features.toArray()).toEqual(copy.toArray());
      }
    });
  });

  it('refuse what has no answer, in one line with the remedy', () => {
    tidy(() => {
      const x = toTensor(draw(5, 3, 1));
      const options = { k: 2 };
      expect(() => nearestNeighbours(x, x.narrow(1, 0, 2), options)).toThrow(/length 3 and 2.*one backbone/);
      expect(() => nearestNeighbours(x, x, { k: 6 })).toThrow(/k = 6 with 5 candidates.*1…5/);
      expect(() => nearestNeighbours(x, x, { k: 5, excludeSelf: true })).toThrow(/1…4/);
      expect(() => nearestNeighbours(x, x, { k: 0 })).toThrow(DataError);
      expect(() => nearestNeighbours(x.narrow(0, 0, 2), x, { k: 1, excludeSelf: true })).toThrow(
        /leave excludeSelf out/,
      );
      expect(() => nearestNeighbours(x, x.div(0), options)).toThrow(/candidate set.*not finite/);
      expect(() => nearestNeighbours(x.div(0), x, options)).toThrow(/query set.*not finite/);
      expect(() => nearestNeighbours(x.narrow(0, 0, 0), x, options)).toThrow(/at least one image/);
      expect(() => nearestNeighbours(x.mul(0), x, { k: 1, metric: 'cosine' })).toThrow(/no direction/);
    });
  });
});

describe('radii', () => {
  it('are the distances to the k-th other image', () => {
    tidy(() => {
      const line = tensor(Float64Array.from([0, 1, 3, 7, 15]), [5, 1]);
      expect(Array.from(kthNeighbourRadii(line, 1))).toEqual([1, 1, 2, 4, 8]);
      expect(Array.from(kthNeighbourRadii(line, 2))).toEqual([3, 2, 3, 6, 12]);
      expect(() => kthNeighbourRadii(line, 5)).toThrow(DataError);
    });
  });
});
