import { cat, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { renderPhantom, samplePhantom } from '../../data/phantom/index.js';
import { rowsOf } from '../distribution/features.js';
import { assessPrivacy, type PrivacyInput } from './assess.js';
import { type PrivacyCheck, sharedNotes } from './checks.js';
import { freshSets, gaussian } from './golden.test-data.js';
import { type PrivacySets, setNames } from './sets.js';
import { defaultThresholds, type PrivacyThresholds } from './thresholds.js';

const side = 32;
const random = new Random(77);

/** Phantoms, [3, side, side] bytes each. */
const phantoms = (n: number): Uint8Array[] =>
  Array.from({ length: n }, () => {
    const rgb = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), side);
    return Uint8Array.from(rgb, (_, at) => rgb[(at % side ** 2) * 3 + Math.floor(at / side ** 2)]!);
  });

const mirrored = (image: Uint8Array): Uint8Array =>
  image.map((_, at) => image[at - (at % side) + side - 1 - (at % side)]!);

const noisy = (image: Uint8Array, deviation: number): Uint8Array =>
  image.map((value) => Math.min(255, Math.max(0, Math.round(value + random.normal(0, deviation)))));

/** Means of 2×2 pixels: what is left of a picture that was memorised without its details. */
const soft = (image: Uint8Array): Uint8Array =>
  image.map((_, at) => {
    const corner = at - (at % 2) - (Math.floor(at / side) % 2) * side;
    return (image[corner]! + image[corner + 1]! + image[corner + side]! + image[corner + side + 1]!) / 4;
  });

const pictures: PrivacySets<Uint8Array[]> = {
  train: phantoms(60),
  heldOut: phantoms(50),
  synthetic: phantoms(100),
};

/** The pictures, and their pixels at 4×4 as features. */
function inputOf(sets: PrivacySets<Uint8Array[]>): PrivacyInput & { images: PrivacySets } {
  const images = Object.fromEntries(
    setNames.map((set) => {
      const all = new Uint8Array(sets[set].length * 3 * side ** 2);
      for (const [i, image] of sets[set].entries()) all.set(image, i * image.length);
      return [set, tensor(all, [sets[set].length, 3, side, side])];
    }),
  ) as unknown as PrivacySets;
  const features = Object.fromEntries(
    setNames.map((set) => {
      const n = sets[set].length;
      const blocks = images[set].to({ dtype: 'float32' }).reshape([n, 3, 4, 8, 4, 8]);
      return [set, blocks.mean([3, 5]).reshape([n, 48])];
    }),
  ) as unknown as PrivacySets;
  return { images, features };
}

const few: Partial<PrivacyThresholds> = { minimum: { train: 20, heldOut: 20, synthetic: 20 } };
const check = (checks: PrivacyCheck[], id: PrivacyCheck['id']): PrivacyCheck =>
  checks.find((one) => one.id === id)!;

/** Every check of new draws, over repetitions: how often one failed, and each. */
function alarms(repetitions: number, sets: (seed: number) => PrivacySets): { any: number; of: Set<string> } {
  const of = new Set<string>();
  let any = 0;
  for (let seed = 0; seed < repetitions; seed++) {
    tidy(() => {
      const failed = assessPrivacy({ features: sets(seed) }, few, { seed }).checks.filter(
        ({ passed }) => passed === false,
      );
      for (const { id } of failed) of.add(id);
      if (failed.length > 0) any++;
    });
  }
  return { any, of };
}

describe('assessment', () => {
  it('passes new pictures of the same kind, with every check decided and explained', () => {
    const before = liveTensors();
    tidy(() => {
      const assessment = assessPrivacy(inputOf(pictures));
      expect(assessment.passed).toBe(true);
      expect(assessment.counts).toEqual({ train: 60, heldOut: 50, synthetic: 100 });
      expect(assessment.thresholds).toEqual(defaultThresholds);
      expect(new Set(assessment.checks.map(({ id }) => id)).size).toBe(9);
      for (const { passed, meaning, name, value, threshold } of assessment.checks) {
        expect(passed).toBe(true);
        expect(Number.isFinite(value) && Number.isFinite(threshold)).toBe(true);
        expect(name).not.toBe('');
        expect(meaning).toMatch(/^[A-Z].*\.$/);
      }
      // It goes into records: nothing may be lost in JSON.
      expect(JSON.parse(JSON.stringify(assessment))).toEqual(assessment);
      expect(assessPrivacy(inputOf(pictures))).toEqual(assessment);
    });
    expect(liveTensors()).toBe(before);
  });

  it.each([
    ['as they are', (image: Uint8Array) => image],
    ['mirrored', mirrored],
    ['with noise', (image: Uint8Array) => noisy(image, 3)],
    ['soft and mirrored', (image: Uint8Array) => soft(mirrored(image))],
    ['mirrored, with more noise', (image: Uint8Array) => noisy(mirrored(image), 8)],
  ])('fails copies of a twentieth, %s, and names them', (_, copy) => {
    tidy(() => {
      const synthetic = pictures.synthetic.map((image, j) =>
        j % 20 === 3 ? copy(pictures.train[j % 60]!) : image,
      );
      const names = {
        train: pictures.train.map((_, i) => `real/${i}.png`),
        heldOut: pictures.heldOut.map((_, i) => `held/${i}.png`),
        synthetic: synthetic.map((_, i) => `made/${i}.png`),
      };
      const { passed, checks } = assessPrivacy({ ...inputOf({ ...pictures, synthetic }), names });
      expect(passed).toBe(false);
      const copies = check(checks, 'pictureCopies');
      expect(copies).toMatchObject({ value: 5, passed: false });
      expect(copies.notes).toHaveLength(5);
      expect(copies.notes.join('\n')).toMatch(/made\/23\.png shows real\/23\.png/);
    });
  });

  it('fails a generator that gives back noisy training images, in every check', () => {
    tidy(() => {
      const { train, heldOut } = freshSets([60, 50, 2], 8, 3);
      const stream = new Random(1);
      const drawn = Int32Array.from({ length: 120 }, () => stream.int(60));
      const synthetic = rowsOf(train, drawn).add(gaussian(120, 8, stream), 0.02);
      const { passed, checks } = assessPrivacy({ features: { train, heldOut, synthetic } });
      expect(passed).toBe(false);
      // Without images the two checks of pictures are open.
      for (const { id, passed: one } of checks) {
        expect([id, one]).toEqual([id, ['pictureCopies', 'shrunkenCopies'].includes(id) ? null : false]);
      }
    });
  });

  it('fails copies of a twentieth by features alone', () => {
    tidy(() => {
      const sets = freshSets([283, 61, 1000], 8, 5);
      const stream = new Random(1);
      const copies = rowsOf(
        sets.train,
        Int32Array.from({ length: 50 }, () => stream.int(283)),
      ).add(0.01);
      const synthetic = cat([copies, sets.synthetic.narrow(0, 0, 950)]);
      const { passed, checks } = assessPrivacy({ features: { ...sets, synthetic } });
      expect(passed).toBe(false);
      expect(check(checks, 'featureCopies').passed).toBe(false);
    });
  });

  it('lets new draws pass: of 40 repetitions at small numbers, few fail', () => {
    // Nominally 4 % at most; 7 or more of 40 would come once in 1000.
    expect(alarms(40, (seed) => freshSets([40, 30, 60], 4, seed)).any).toBeLessThan(7);
  });

  it('does not mistake what is far off for copying', () => {
    const { any, of } = alarms(5, (seed) => {
      const { synthetic, ...real } = freshSets([60, 50, 80], 6, seed);
      return { ...real, synthetic: synthetic.mul(2).add(1) };
    });
    expect([any, [...of]]).toEqual([0, []]);
  });

  it('does not mistake bland images, which are near to everything, for copies', () => {
    tidy(() => {
      const sets = freshSets([280, 120, 600], 6, 4);
      const nearShare = (synthetic: Tensor): PrivacyCheck =>
        check(assessPrivacy({ features: { ...sets, synthetic } }).checks, 'nearShare');
      const bland = nearShare(sets.synthetic.mul(0.35));
      // More than twice the 5 % of real images, and as many near to held-out ones.
      expect(bland.value).toBeGreaterThan(0.12);
      expect(bland).toMatchObject({ passed: true });
      const copies = sets.train.add(gaussian(280, 6, new Random(9)).mul(0.1));
      expect(nearShare(cat([copies, sets.synthetic.narrow(0, 0, 320)]))).toMatchObject({ passed: false });
    });
  });

  it('decides nothing about a few images, but a copy is a copy', () => {
    tidy(() => {
      const small = { ...pictures, synthetic: pictures.synthetic.slice(0, 30) };
      const open = assessPrivacy(inputOf(small));
      expect(open.passed).toBeNull();
      expect(check(open.checks, 'nearShare')).toMatchObject({ passed: null });
      expect(check(open.checks, 'nearShare').notes[0]).toBe('30 synthetic images: at least 100 are needed');
      expect(sharedNotes(open.checks)).toEqual(['30 synthetic images: at least 100 are needed']);
      const copied = assessPrivacy(
        inputOf({ ...small, synthetic: [...small.synthetic, pictures.train[0]!] }),
      );
      expect(copied.passed).toBe(false);
    });
  });

  it('does not go blind where the real sets have a picture in common, and says so', () => {
    tidy(() => {
      const heldOut = [...pictures.heldOut, pictures.train[7]!];
      const { checks } = assessPrivacy(inputOf({ ...pictures, heldOut }));
      for (const id of ['shrunkenCopies', 'featureCopies'] as const) {
        expect(check(checks, id).passed).toBe(true);
      }
      expect(check(checks, 'pictureCopies')).toMatchObject({ reference: 1, passed: true });
      expect(check(checks, 'pictureCopies').notes[0]).toMatch(/1 held-out images show a training image too/);
    });
  });

  it('passes nothing without pictures to look at', () => {
    tidy(() => {
      const { passed, checks } = assessPrivacy({ features: freshSets([60, 50, 100], 6, 2) });
      expect(passed).toBeNull();
      expect(check(checks, 'pictureCopies')).toMatchObject({ value: null, passed: null });
      expect(check(checks, 'pictureCopies').notes[0]).toMatch(/no images were given/);
    });
  });

  it('holds to thresholds that are given', () => {
    tidy(() => {
      const features = freshSets([60, 50, 100], 6, 2);
      const strict = assessPrivacy({ features }, { copyTestZ: 5 });
      expect(check(strict.checks, 'copyTest')).toMatchObject({ threshold: 5, passed: false });
      expect(() => assessPrivacy({ features }, { falseAlarm: 0 })).toThrow(/falseAlarm must be between/);
      expect(() => assessPrivacy({ features }, { minimum: { train: 1, heldOut: 5, synthetic: 5 } })).toThrow(
        /minimum.train must be a whole number from 2 up, not 1/,
      );
    });
  });

  it('refuses input that does not fit together', () => {
    tidy(() => {
      const { images, features } = inputOf(pictures);
      const short = { ...images, heldOut: images.heldOut.narrow(0, 0, 7) };
      expect(() => assessPrivacy({ features, images: short })).toThrow(
        /7 images for 50 rows of features of heldOut/,
      );
      const names = { train: ['a'], heldOut: [], synthetic: [] };
      expect(() => assessPrivacy({ features, names })).toThrow(/1 names for 60 rows of features of train/);
      const broken = { ...features, synthetic: features.synthetic.div(0) };
      const named = {
        train: pictures.train.map(String),
        heldOut: pictures.heldOut.map(String),
        synthetic: pictures.synthetic.map((_, i) => `made/${i}.png`),
      };
      expect(() => assessPrivacy({ features: broken, names: named })).toThrow(
        /made\/0\.png \(row 0 of synthetic\)/,
      );
    });
  });
});
