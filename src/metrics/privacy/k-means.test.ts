import { liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { gaussian, golden, goldenSets } from './golden.test-data.js';
import { assignCells, kMeans, lloyd } from './k-means.js';

const points = (values: number[], length: number): Tensor =>
  tensor(Float64Array.from(values), [values.length / length, length]);

describe('k-means', () => {
  it.each(golden.sets)('is that of scikit-learn from the same start: $name', (set) => {
    tidy(() => {
      const sets = goldenSets(set);
      const { centres, cells, inertia } = lloyd(sets.train, sets.train.narrow(0, 0, 3));
      expect([...cells]).toEqual(set.cells.train);
      expect(inertia).toBeCloseTo(set.inertia, 8);
      expect([...assignCells(sets.heldOut, centres)]).toEqual(set.cells.heldOut);
      expect([...assignCells(sets.synthetic, centres)]).toEqual(set.cells.synthetic);
    });
  });

  it('finds clusters that lie apart, whatever the seed', () => {
    tidy(() => {
      const random = new Random(2);
      const truth = Array.from({ length: 90 }, (_, i) => i % 3);
      const x = points(
        truth.flatMap((cluster) => [10 * cluster + random.normal(), 10 * (cluster % 2) + random.normal()]),
        2,
      );
      for (const seed of [1, 2, 3]) {
        const { cells, centres } = kMeans(x, 3, { random: new Random(seed) });
        expect(new Set(truth.map((cluster, i) => `${cluster} ${cells[i]}`)).size).toBe(3);
        expect(centres.shape).toEqual([3, 2]);
      }
    });
  });

  it('starts in clusters that no centre is in yet', () => {
    tidy(() => {
      const random = new Random(6);
      // The first half lies in one place, so that uniform starts would miss most of the other places.
      const x = points(
        Array.from({ length: 100 }, (_, i) => (i < 50 ? 0 : 1000 * (i % 5)) + random.normal()),
        1,
      );
      for (let seed = 0; seed < 10; seed++) {
        expect(kMeans(x, 5, { random: new Random(seed), starts: 1 }).inertia).toBeLessThan(200);
      }
    });
  });

  it('keeps the best of its starts, and the same one for the same seed', () => {
    const before = liveTensors();
    tidy(() => {
      const x = gaussian(80, 3, new Random(4));
      const inertia = (starts: number): number => kMeans(x, 6, { random: new Random(9), starts }).inertia;
      expect(inertia(20)).toBeLessThan(inertia(1));
      const [a, b] = [1, 2].map(() => kMeans(x, 6, { random: new Random(9) }));
      expect([...a!.cells]).toEqual([...b!.cells]);
      expect(a!.centres.toArray()).toEqual(b!.centres.toArray());
    });
    expect(liveTensors()).toBe(before);
  });

  it('gives a cell that lost its points to the point that lies worst', () => {
    tidy(() => {
      const x = points([0, 1, 2, 30], 1);
      // Nothing is nearest to the second centre.
      const { cells, inertia } = lloyd(x, points([1, 1000, 2], 1));
      expect(new Set(cells).size).toBe(3);
      expect(cells[3]).not.toBe(cells[2]);
      expect(inertia).toBeCloseTo(0.5, 12);
    });
  });

  it('takes points that coincide, and refuses more cells than points', () => {
    tidy(() => {
      const same = points([1, 1, 1, 1], 1);
      expect(kMeans(same, 2, { random: new Random(1) }).inertia).toBe(0);
      expect(() => kMeans(same, 5, { random: new Random(1) })).toThrow(/5 cells of 4 images: use 1…4/);
      expect(() => kMeans(points([1, Number.NaN], 1), 1, { random: new Random(1) })).toThrow(/not finite/);
    });
  });
});
