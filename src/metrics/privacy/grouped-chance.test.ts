import { cat, type Tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { rowsOf } from '../distribution/features.js';
import { assessPrivacy } from './assess.js';
import { copyTest } from './copy-test.js';
import { gaussian } from './golden.test-data.js';
import { groupedChance, isGrouped, waysToHoldOut } from './grouped-chance.js';
import { membership } from './membership.js';
import { featureCopies } from './near-copies.js';
import { nearestDistances } from './nearest-distances.js';
import type { PrivacySets, RealGroups } from './sets.js';

const LENGTH = 8;

/** Patients with ten images each that lie together, and synthetic images of the whole: nothing is copied. */
function patients(
  counts: { train: number; heldOut: number; synthetic: number },
  seed: number,
): { sets: PrivacySets; groups: RealGroups } {
  const random = new Random(seed);
  const images = (n: number): Tensor =>
    cat(
      Array.from({ length: n }, () =>
        gaussian(1, LENGTH, random)
          .mul(Math.sqrt(0.8))
          .add(gaussian(10, LENGTH, random).mul(Math.sqrt(0.2))),
      ),
    );
  const names = (set: string, n: number) =>
    Array.from({ length: 10 * n }, (_, i) => `${set} ${i % n}`).sort();
  return {
    sets: {
      train: images(counts.train),
      heldOut: images(counts.heldOut),
      synthetic: gaussian(counts.synthetic, LENGTH, random),
    },
    groups: { train: names('t', counts.train), heldOut: names('h', counts.heldOut) },
  };
}

describe('chance where patients have several images', () => {
  it('is kept to by every check that looks at distances, and not if images are taken for independent', () => {
    const repetitions = 40;
    const alarms = { grouped: 0, independent: 0 };
    for (let seed = 5000; seed < 5000 + repetitions; seed++) {
      tidy(() => {
        const { sets, groups } = patients({ train: 12, heldOut: 6, synthetic: 120 }, seed);
        for (const kind of ['grouped', 'independent'] as const) {
          const by = kind === 'grouped' ? groups : undefined;
          const { near } = nearestDistances(sets, { groups: by, seed, replicates: 2 });
          const rate = membership(sets, { groups: by, seed, repeats: 2 }).truePositiveRates[1]!;
          if (near.value > near.limit) alarms[kind]++;
          if (rate.value! > rate.limit!) alarms[kind]++;
          if (copyTest(sets, { groups: by?.heldOut, seed }).z! < -3) alarms[kind]++;
        }
        const copies = featureCopies(sets, { groups, seed });
        if (copies.pairs.length > copies.limit) alarms.grouped++;
      });
    }
    // At 0.5 % a check 0.8 are expected; 4 or more would come once in 100.
    expect(alarms.grouped).toBeLessThan(4);
    // Three checks, 0.6 expected.
    expect(alarms.independent).toBeGreaterThan(5);
  }, 120_000);

  it('still fails copies of many patients, and of three', () => {
    tidy(() => {
      const { sets, groups } = patients({ train: 12, heldOut: 6, synthetic: 200 }, 5);
      const random = new Random(3);
      const copied = (share: number, images: number) => {
        const copies = 200 * share;
        const drawn = Int32Array.from({ length: copies }, () => random.int(images));
        const made = rowsOf(sets.train, drawn).add(gaussian(copies, LENGTH, random).mul(0.02));
        const synthetic = cat([made, sets.synthetic.narrow(0, 0, 200 - copies)]);
        return assessPrivacy({ features: { ...sets, synthetic }, groups })
          .checks.filter(({ passed }) => passed === false)
          .map(({ id }) => id);
      };
      expect(copied(0.2, 120)).toEqual(expect.arrayContaining(['featureCopies', 'membershipRate']));
      expect(copied(0.5, 30)).toContain('featureCopies');
    });
  });

  it('decides nothing where too few patients were held out, and says so', () => {
    tidy(() => {
      const { sets, groups } = patients({ train: 14, heldOut: 2, synthetic: 100 }, 1);
      const thresholds = { minimum: { train: 20, heldOut: 20, synthetic: 20 } };
      const { checks } = assessPrivacy({ features: sets, groups }, thresholds);
      for (const id of ['nearShare', 'matchedShare', 'copyTest', 'membershipRate'] as const) {
        const check = checks.find((one) => one.id === id)!;
        expect(check.passed).toBeNull();
        expect(check.notes[0]).toBe(
          '2 of 16 patients or lesions were held out, which can be chosen in 120 ways: too few to decide',
        );
      }
    });
  });

  it('counts the ways to hold out groups, and sees where there are none', () => {
    const names = (set: string, n: number) => Array.from({ length: n }, (_, i) => `${set}${i}`);
    expect(waysToHoldOut({ train: names('t', 12), heldOut: names('h', 6) }).ways).toBe(18564);
    expect(isGrouped(undefined)).toBe(false);
    expect(isGrouped(['a', 'b'])).toBe(false);
    expect(isGrouped(['a', 'a'])).toBe(true);
  });

  it('allows the permutations half of the false alarm, the sets as they are being one of them', () => {
    const permuted = Float64Array.from({ length: 399 }, (_, i) => i);
    const design = { draws: 1000, reference: 60, rank: 3 };
    const options = { effective: { reference: 6 }, permuted };
    // 1 of 400 is 0.0025: only what is beyond all of them.
    expect(groupedChance(398, design, { ...options, falseAlarm: 0.005 }).limit).toBe(398);
    expect(groupedChance(399, design, { ...options, falseAlarm: 0.005 }).p).toBeLessThanOrEqual(0.005);
    expect(groupedChance(398, design, { ...options, falseAlarm: 0.005 }).p).toBeGreaterThan(0.005);
    // Too few permutations decide nothing; six patients that are all alike leave 1 − 0.0025^(1/6) of the images.
    const { limit } = groupedChance(1, design, {
      ...options,
      permuted: permuted.slice(0, 100),
      falseAlarm: 0.005,
    });
    expect(Math.abs(limit / 1000 - (1 - 0.0025 ** (1 / 6)))).toBeLessThan(0.01);
  });
});
