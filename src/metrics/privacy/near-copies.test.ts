import { cat, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { renderPhantom, samplePhantom } from '../../data/phantom/index.js';
import { symmetries, symmetryMap } from '../../data/pixels/symmetry.js';
import { featureCopies, shrunkenCopies } from './near-copies.js';
import { pictureCopies } from './picture-copies.js';
import { joinPictures, type PrivacySets } from './sets.js';
import { shrunken, shrunkenSymmetries } from './shrunken.js';

const side = 64;
const random = new Random(21);

/** [3, 64, 64] bytes, as tensors hold them. */
function phantom(): Uint8Array {
  const rgb = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), side);
  return Uint8Array.from(rgb, (_, at) => rgb[(at % side ** 2) * 3 + Math.floor(at / side ** 2)]!);
}

/** Applies a symmetry of the square by the table of data/symmetry.ts. */
function turned(image: Uint8Array, symmetry: number): Uint8Array {
  const map = symmetryMap(symmetry, side);
  return image.map((_, at) => image[at - (at % side ** 2) + map[at % side ** 2]!]!);
}

const noisy = (image: Uint8Array, deviation: number): Uint8Array =>
  image.map((value) => Math.min(255, Math.max(0, Math.round(value + random.normal(0, deviation)))));

const bytes = (images: Uint8Array[]): Tensor => tensor(joined(images), [images.length, 3, side, side]);

function joined(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.length * parts[0]!.length);
  for (const [i, part] of parts.entries()) all.set(part, i * part.length);
  return all;
}

const train = Array.from({ length: 24 }, phantom);
const heldOut = Array.from({ length: 12 }, phantom);
const fresh = Array.from({ length: 20 }, phantom);
const setsOf = (synthetic: Uint8Array[], seen = train): PrivacySets => ({
  train: bytes(seen),
  heldOut: bytes(heldOut),
  synthetic: bytes(synthetic),
});

describe('picture copies', () => {
  it('are found as they are, mirrored and turned, with the symmetry; new pictures are none', () => {
    const before = liveTensors();
    tidy(() => {
      const copies = Array.from({ length: symmetries }, (_, k) => turned(noisy(train[k]!, 1), k));
      const { pairs, heldOut: unseen, realPairs } = pictureCopies(setsOf([...copies, ...fresh]));
      expect(unseen).toBe(0);
      expect(realPairs).toEqual([]);
      const found = pairs.map(({ synthetic, train: of, symmetry }) => [synthetic, of, symmetry]);
      expect(found.sort((a, b) => a[0]! - b[0]!)).toEqual(Array.from({ length: 8 }, (_, k) => [k, k, k]));
      for (const { correlation, informative } of pairs) {
        expect(correlation).toBeGreaterThan(0.84);
        expect(informative).toBeGreaterThan(0.2);
      }
      const sorted = pairs.map(({ correlation }) => correlation).sort((a, b) => b - a);
      expect(pairs.map(({ correlation }) => correlation)).toEqual(sorted);
    });
    expect(liveTensors()).toBe(before);
  });

  it('tell how many images were compared, of both searches, from their beginning to the end', () => {
    tidy(() => {
      const told: number[][] = [];
      pictureCopies(setsOf(fresh), { onProgress: (done, total) => told.push([done, total]) });
      const all = train.length + heldOut.length + fresh.length;
      expect(told[0]).toEqual([0, 2 * all]);
      expect(told.at(-1)).toEqual([2 * all, 2 * all]);
      expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).sort((a, b) => a! - b!));
    });
  });

  it('tell pictures that the real sets have in common', () => {
    tidy(() => {
      const sets = { ...setsOf(fresh), heldOut: bytes([...heldOut, turned(train[3]!, 1)]) };
      const { heldOut: unseen, realPairs, pairs } = pictureCopies(sets);
      expect(unseen).toBe(1);
      expect(realPairs).toEqual([{ a: 3, b: train.length + heldOut.length }]);
      expect(pairs).toEqual([]);
    });
  });

  it('refuse what are no bytes', () => {
    tidy(() => {
      const sets = setsOf(fresh);
      expect(() => pictureCopies({ ...sets, synthetic: sets.synthetic.float() })).toThrow(
        /images of synthetic must be bytes.*float32 \[20, 3, 64, 64\]/,
      );
    });
  });
});

describe('shrunken pictures', () => {
  it('of a turned picture are those of its symmetry', () => {
    tidy(() => {
      const all = shrunkenSymmetries(bytes([train[0]!])); // [8, 768]
      for (let k = 0; k < symmetries; k++) {
        const own = shrunken(bytes([turned(train[0]!, k)]));
        expect(all.narrow(0, k, 1).sub(own).abs().amax().item()).toBeLessThan(1e-6);
      }
      expect(all.square().sum([1]).sub(1).abs().amax().item()).toBeLessThan(1e-5);
    });
  });

  it('know neither brightness nor contrast, and are zero for one colour', () => {
    tidy(() => {
      const image = bytes([train[1]!]);
      const paler = image.to({ dtype: 'float32' }).mul(0.5).add(60).to({ dtype: 'uint8' });
      expect(shrunken(image).sub(shrunken(paler)).norm().item()).toBeLessThan(0.03);
      const flat = bytes([new Uint8Array(3 * side * side).fill(77)]);
      expect(shrunken(flat).abs().amax().item()).toBe(0);
    });
  });
});

describe('near copies', () => {
  it('are found under noise that hides them from the search for near-duplicates', () => {
    tidy(() => {
      const copies = Array.from({ length: 6 }, (_, k) => turned(noisy(train[k]!, 20), k + 1));
      const sets = setsOf([...fresh, ...copies]);
      expect(pictureCopies(sets).pairs.length).toBeLessThan(4);
      const { pairs, threshold } = shrunkenCopies(sets);
      const found = pairs
        .filter(({ distance }) => distance < 0.5 * threshold)
        .map(({ synthetic, train: of, symmetry }) => [synthetic - fresh.length, of, symmetry]);
      expect(found.sort((a, b) => a[0]! - b[0]!)).toEqual(Array.from({ length: 6 }, (_, k) => [k, k, k + 1]));
    });
  });

  it('are counted below the smallest distance of real images, nearest first', () => {
    tidy(() => {
      const line = (values: number[]): Tensor => tensor(Float64Array.from(values), [values.length, 1]);
      const sets = {
        train: line([0, 10, 14]),
        heldOut: line([30, 33]),
        synthetic: line([3, 13, 9, 14.5, 20]),
      };
      const copies = featureCopies(sets);
      expect(copies.threshold).toBe(4); // 10 to 14
      expect(copies.pairs).toEqual([
        { synthetic: 3, train: 2, distance: 0.5, symmetry: 0 },
        { synthetic: 1, train: 2, distance: 1, symmetry: 0 },
        { synthetic: 2, train: 1, distance: 1, symmetry: 0 },
        { synthetic: 0, train: 0, distance: 3, symmetry: 0 },
      ]);
      // Two held-out images and three training images: 2 + 1 independent distances.
      expect(copies.expected).toBe(5 / 4);
      // Of one patient, 10 and 14 are no reference: what is left is 0 to 10.
      const groups = { train: ['a', 'b', 'b'], heldOut: ['c', 'd'] };
      expect(featureCopies(sets, { groups }).threshold).toBe(10);
    });
  });

  it('of duplicates among the real images are blind, unless they are joined', () => {
    tidy(() => {
      const seen = [...train, turned(train[0]!, 1)];
      const sets = setsOf(fresh, seen);
      expect(shrunkenCopies(sets).threshold).toBeLessThan(1e-3);
      const { realPairs } = pictureCopies(sets);
      const groups = joinPictures({ train: seen.length, heldOut: heldOut.length }, realPairs);
      expect(shrunkenCopies(sets, { groups }).threshold).toBeGreaterThan(0.05);
    });
  });

  it('join groups over pictures, also across both sets', () => {
    const groups = { train: ['a', 'b', 'a'], heldOut: ['c', 'd'] };
    const apart = joinPictures({ train: 3, heldOut: 2 }, [{ a: 2, b: 4 }], groups);
    expect(apart.train[0]).toBe(apart.train[2]);
    expect(apart.heldOut[1]).toBe(apart.train[0]);
    expect(new Set([...apart.train, ...apart.heldOut]).size).toBe(3);
  });

  it('among new draws are as many as chance gives', () => {
    let [sum, expected, alarms] = [0, 0, 0];
    for (let seed = 0; seed < 100; seed++) {
      tidy(() => {
        const stream = new Random(seed);
        const draw = (n: number) =>
          tensor(
            Float64Array.from({ length: 3 * n }, () => stream.normal()),
            [n, 3],
          );
        const copies = featureCopies(
          { train: draw(40), heldOut: draw(20), synthetic: cat([draw(100)]) },
          { falseAlarm: 0.05 },
        );
        sum += copies.pairs.length;
        expected += copies.expected;
        if (copies.pairs.length > copies.limit) alarms++;
      });
    }
    expect(sum / expected).toBeGreaterThan(0.6);
    expect(sum / expected).toBeLessThan(1.5);
    expect(alarms).toBeLessThan(13);
  });
});
