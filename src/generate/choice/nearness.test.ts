import { cat, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it, test } from 'vitest';
import { renderPhantom, samplePhantom } from '../../data/phantom/index.js';
import { shrunken, shrunkenSymmetries } from '../../metrics/privacy/shrunken.js';
import { golden, setOf } from './golden.test-data.js';
import { boundSpace, featureSpace, nearnessTo, pictureSpace } from './nearness.js';

const side = 32;

/** uint8 [n, 3, side, side] */
function phantoms(n: number, seed: number): Tensor {
  const random = new Random(seed);
  return tidy(() =>
    cat(
      Array.from({ length: n }, () =>
        tensor(Uint8Array.from(renderPhantom(samplePhantom(random, { prevalence: 0.5 }), side)), [
          1,
          side,
          side,
          3,
        ]).permute([0, 3, 1, 2]),
      ),
    ).contiguous(),
  );
}

describe('features', () => {
  const { length, groups, ...set } = golden.nearness;

  test.each(Object.entries(set.thresholds))('the quantile %s is the rank of numpy', (quantile, expected) => {
    tidy(() => {
      const train = setOf(set.train, length);
      const bounded = boundSpace(featureSpace(train), train, { groups, quantile: Number(quantile) });
      expect(bounded.threshold).toBeCloseTo(expected, 12);
    });
  });

  it('finds the nearest training image', () => {
    tidy(() => {
      const { distances, images } = nearnessTo(
        featureSpace(setOf(set.train, length)),
        setOf(set.queries, length),
      );
      expect([...images]).toEqual(set.images);
      expect(distances[0]).toBe(0);
      set.distances.forEach((expected, i) => {
        expect(distances[i]).toBeCloseTo(expected, 12);
      });
    });
  });

  it('says so where two groups hold one image, which would hide every copy', () => {
    tidy(() => {
      const train = setOf([1, 1, 5, 9], 1);
      expect(() =>
        boundSpace(featureSpace(train), train, { groups: ['a', 'b', 'c', 'd'], quantile: 0.01 }),
      ).toThrow(/2 of 4 training images are the same as one of another group; .*graft data import/);
    });
  });
});

describe('pictures', () => {
  it('sees through mirroring and turns, names the image, and spares new ones', () => {
    tidy(() => {
      const train = phantoms(50, 1);
      const parts = [train.narrow(0, 0, 40), train.narrow(0, 40, 10)].map(shrunkenSymmetries);
      const { space, queries } = pictureSpace(parts);
      const groups = Array.from({ length: 50 }, (_, i) => String(i));
      const bounded = boundSpace(space, queries, { groups, quantile: 0.01 });

      const turned = [train.flip([3]), train.flip([2, 3]), train.transpose(2, 3), train];
      const copies = turned.map((all, i) => all.narrow(0, 11 * i + 9, 1)); // 9, 20, 31, 42: of both batches
      const found = nearnessTo(bounded, shrunken(cat(copies)));
      expect([...found.images]).toEqual([9, 20, 31, 42]);
      expect(Math.max(...found.distances)).toBeLessThan(bounded.threshold / 10);

      const fresh = nearnessTo(bounded, shrunken(phantoms(50, 2))).distances;
      expect(fresh.filter((distance) => distance <= bounded.threshold).length).toBeLessThan(4);
    });
  });
});
