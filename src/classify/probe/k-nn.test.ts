import { cat, liveTensors, manualSeed, randn, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { golden, largestDifference, rowsOf } from './golden.test-data.js';
import { kNearest } from './k-nn.js';

const values = (tensor: Tensor): Float64Array => tensor.toArray() as Float64Array;
const f64 = { dtype: 'float64' } as const;

describe('kNearest', () => {
  const { width, features, targets, queries, uniform, similarity } = golden.neighbours;
  const shares = (options: { k?: number; votes?: 'uniform' | 'similarity' }): Float64Array =>
    tidy(() =>
      values(
        kNearest(rowsOf(features, width), targets, {
          queries: rowsOf(queries, width),
          classes: 3,
          ...options,
        }),
      ),
    );

  it.each(Object.entries(uniform))('counts %s neighbours as scikit-learn does', (k, expected) => {
    expect(largestDifference(shares({ k: Number(k), votes: 'uniform' }), expected, 1)).toBeLessThan(1e-12);
  });

  it('weighs votes by similarity as DINO does', () => {
    expect(largestDifference(shares({}), similarity, 1)).toBeLessThan(1e-12);
  });

  it('lets rows that are equally near share the last places, whatever their order', () => {
    tidy(() => {
      // One row nearer, then three of one direction (and different lengths), for two places.
      const rows = [
        [1, 0],
        [1, 1],
        [2, 2],
        [3, 3],
        [-1, 0],
      ];
      const classes = [0, 0, 1, 1, 0];
      const query = tensor([[5, 0.1]], f64);
      const expected = [1 + 2 / 3, 4 / 3].map((it) => it / 3);
      for (const order of [
        [0, 1, 2, 3, 4],
        [4, 3, 2, 1, 0],
        [2, 0, 3, 4, 1],
      ]) {
        const found = kNearest(
          tensor(
            order.map((i) => rows[i]!),
            f64,
          ),
          order.map((i) => classes[i]!),
          { queries: query, k: 3, votes: 'uniform' },
        );
        expect(largestDifference(values(found), expected)).toBeLessThan(1e-12);
      }
    });
  });

  it('gives the same in several chunks as row by row, and leaves no tensor behind', () => {
    manualSeed(1);
    const known = randn([30_000, 3], f64);
    const asked = randn([600, 3], f64); // 18 million similarities: three chunks
    const classes = Array.from({ length: 30_000 }, (_, i) => i % 4);
    const live = liveTensors();
    tidy(() => {
      const all = kNearest(known, classes, { queries: asked });
      for (const row of [0, 278, 279, 280, 599]) {
        const one = kNearest(known, classes, { queries: asked.narrow(0, row, 1) });
        expect(largestDifference(values(all.narrow(0, row, 1)), values(one))).toBeLessThan(1e-9);
      }
    });
    expect(liveTensors()).toBe(live);
    known.dispose();
    asked.dispose();
  });

  it('stays finite at a small temperature', () => {
    tidy(() => {
      const known = tensor([[1, 0], [0, 1]], f64); // biome-ignore format: short
      const found = kNearest(known, [0, 1], { queries: tensor([[1, 0.2]], f64), k: 2, temperature: 1e-5 });
      expect(largestDifference(values(found), [1, 0])).toBe(0);
    });
  });

  it('refuses rows that are not finite, and a k that there is not', () => {
    tidy(() => {
      const known = randn([4, 2], f64);
      const bad = cat([known, tensor([[Number.NaN, 1]], f64)]);
      expect(() => kNearest(bad, [0, 1, 0, 1, 0], { queries: known, k: 1 })).toThrow(DataError);
      expect(() => kNearest(bad, [0, 1, 0, 1, 0], { queries: known, k: 1 })).toThrow(/row 4/);
      expect(() => kNearest(known, [0, 1, 0, 1], { queries: bad, k: 1 })).toThrow(/row 4 .* queries/);
      expect(() => kNearest(known, [0, 1, 0, 1], { queries: known, k: 5 })).toThrow(/from 1 to the 4 rows/);
    });
  });
});
