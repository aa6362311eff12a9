import { cat, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { rowsOf } from '../distribution/features.js';
import { authenticity } from './authenticity.js';
import { exceedanceLimit, exceedanceTail, expectedShare } from './exceedances.js';
import { freshSets, gaussian, golden, goldenSets } from './golden.test-data.js';
import { matchedShare } from './matched-share.js';
import { membership } from './membership.js';
import { nearestDistances, nearShare } from './nearest-distances.js';
import { partDrawer } from './partition.js';
import { nearestOfOtherGroup, type PrivacySets } from './sets.js';

const line = (values: number[]): Tensor => tensor(Float64Array.from(values), [values.length, 1]);

/** New draws, the first of which are training images with a little noise. */
function withCopies(counts: readonly [number, number, number], copies: number, seed: number): PrivacySets {
  const sets = freshSets(counts, 6, seed);
  const random = new Random(seed + 1000);
  const drawn = Int32Array.from({ length: copies }, () => random.int(counts[0]));
  const copied = rowsOf(sets.train, drawn).add(gaussian(copies, 6, random), 0.02);
  return { ...sets, synthetic: cat([copied, sets.synthetic.narrow(0, 0, counts[2] - copies)]) };
}

describe('exceedances', () => {
  it.each(golden.exceedances)(
    'are the beta-binomial of scipy: $draws draws, rank $rank of $reference',
    ({ count, mean, tail, limits, ...design }) => {
      expect(expectedShare(design) * design.draws).toBeCloseTo(mean, 9);
      expect(exceedanceTail(count, design)).toBeCloseTo(tail, 10);
      for (const [falseAlarm, limit] of limits) expect(exceedanceLimit(falseAlarm, design)).toBe(limit);
    },
  );
});

describe('nearest distances', () => {
  it.each(golden.sets)('are those of scipy: $name', (set) => {
    tidy(() => {
      for (const dtype of ['float32', 'float64'] as const) {
        const { near, summary, ...distances } = nearestDistances(goldenSets(set, dtype));
        for (const key of ['syntheticToTrain', 'syntheticToHeldOut', 'heldOutToTrain'] as const) {
          distances[key].forEach((distance, i) => {
            expect(distance).toBeCloseTo(set[key][i]!, 10);
          });
        }
        expect(summary.syntheticToTrain.median).toBeCloseTo(set.medians[0], 10);
        expect(summary.syntheticToHeldOut.median).toBeCloseTo(set.medians[1], 10);
        expect(summary.syntheticToTrain.low).toBeCloseTo(set.low, 10);
        const threshold = set.heldOutToTrain.slice().sort((a, b) => a - b)[near.rank - 1]!;
        expect(near.threshold).toBeCloseTo(threshold, 10);
        expect(near.count).toBe(set.syntheticToTrain.filter((d) => d < threshold - 1e-12).length);
      }
    });
  });

  it('count what is nearer than the rank that holds 5 % of the held-out images', () => {
    const reference = Float64Array.from({ length: 59 }, (_, i) => i + 1); // (59 + 1) · 0.05 = 3
    const near = nearShare(Float64Array.of(0.5, 2.5, 3, 3.5, 50), reference);
    expect(near).toMatchObject({ rank: 3, threshold: 3, count: 2, value: 0.4, expected: 0.05 });
    // Ranks go by n + 1: (29 + 1) · 0.05 = 1.5, which is rounded up.
    expect(nearShare(reference, reference.slice(0, 29))).toMatchObject({ rank: 2, expected: 2 / 30 });
    expect(near.p).toBeLessThan(0.05);
    expect(near.interval.low).toBeLessThanOrEqual(0.4);
    expect(near.interval.high).toBeGreaterThanOrEqual(0.4);
    expect(nearShare(reference, reference, { seed: 3 })).toEqual(
      nearShare(reference, reference, { seed: 3 }),
    );
  });

  it('give new draws the share that is expected, and an interval that holds it', () => {
    let [sum, held, alarms] = [0, 0, 0];
    const repetitions = 80;
    for (let seed = 0; seed < repetitions; seed++) {
      tidy(() => {
        const { near } = nearestDistances(freshSets([30, 59, 60], 2, seed), {
          replicates: 200,
          falseAlarm: 0.05,
        });
        sum += near.value;
        if (near.interval.low <= 0.05 && near.interval.high >= 0.05) held++;
        if (near.value > near.limit) alarms++;
      });
    }
    expect(Math.abs(sum / repetitions - 0.05)).toBeLessThan(0.015);
    expect(held / repetitions).toBeGreaterThan(0.85);
    expect(alarms / repetitions).toBeLessThan(0.1);
  });
});

describe('matched share', () => {
  it.each(golden.sets)('is the mean over the cuts, in exact fractions: $name', (set) => {
    tidy(() => {
      const sets = goldenSets(set);
      const options = { permutations: 20 };
      // Tied copies are nearer to train than to any held-out image in either program.
      expect(matchedShare(sets, options).value).toBeCloseTo(set.matchedShare, 5);
      const swapped = { ...sets, train: sets.heldOut, heldOut: sets.train };
      expect(matchedShare(swapped, options).value).toBeCloseTo(set.matchedShareSwapped, 5);
      expect(matchedShare(sets, options).matched).toBe(
        Math.min(set.train.length, set.heldOut.length) / set.length,
      );
    });
  });

  it('is a half for new draws, also with few held-out images; p is uniform', () => {
    const ps: number[] = [];
    let sum = 0;
    for (let seed = 0; seed < 60; seed++) {
      tidy(() => {
        const share = matchedShare(freshSets([90, 20, 60], 3, seed), { permutations: 99, seed });
        ps.push(share.p);
        sum += share.value;
      });
    }
    expect(Math.abs(sum / 60 - 0.5)).toBeLessThan(0.03);
    expect(ps.filter((p) => p <= 0.1).length).toBeLessThan(14);
    expect(ps.filter((p) => p <= 0.5).length).toBeGreaterThan(17);
    expect(ps.filter((p) => p <= 0.5).length).toBeLessThan(43);
  });

  it('rises with copies beyond what chance gives', () => {
    tidy(() => {
      const copied = matchedShare(withCopies([90, 80, 100], 60, 1));
      expect(copied.value).toBeGreaterThan(copied.limit);
      expect(copied.p).toBeLessThan(0.01);
      expect(copied.interval.low).toBeGreaterThan(0.55);
    });
  });

  it('lets groups change sides whole, which widens chance', () => {
    tidy(() => {
      const random = new Random(8);
      // Ten images a patient, all of them about alike.
      const patients = (n: number) =>
        cat(
          Array.from({ length: n }, () =>
            gaussian(1, 3, random)
              .mul(4)
              .add(gaussian(10, 3, random).mul(0.3)),
          ),
        );
      const sets = { train: patients(12), heldOut: patients(6), synthetic: gaussian(150, 3, random).mul(4) };
      const names = (set: string, n: number) =>
        Array.from({ length: n }, (_, i) => `${set} ${Math.floor(i / 10)}`);
      const groups = { train: names('t', 120), heldOut: names('h', 60) };
      const width = ({ chance }: { chance: { low: number; high: number } }) => chance.high - chance.low;
      expect(width(matchedShare(sets, { groups }))).toBeGreaterThan(1.2 * width(matchedShare(sets)));
    });
  });
});

describe('authenticity', () => {
  it.each(golden.sets)('is the definition, image by image: $name', (set) => {
    tidy(() => {
      const result = authenticity(goldenSets(set));
      expect([...result.authentic]).toEqual(set.authentic);
      expect(result.heldOut.value).toBeCloseTo(set.heldOutAuthentic, 12);
    });
  });

  it('compares with the gap of the nearest training image, not of the synthetic one', () => {
    tidy(() => {
      // Gaps: 0 and 1 lie 1 apart; 10 is 9 from its nearest.
      const train = line([0, 1, 10]);
      const { synthetic, authentic } = authenticity({
        train,
        heldOut: line([20, 30]),
        synthetic: line([-0.5, -2, 12, 25]),
      });
      expect([...authentic]).toEqual([0, 1, 0, 1]);
      expect(synthetic).toMatchObject({ value: 0.5, count: 2, n: 4 });
    });
  });

  it('of new draws is that of held-out images, far from 100 %; the interval of the difference holds 0', () => {
    let held = 0;
    let sum = 0;
    for (let seed = 0; seed < 100; seed++) {
      tidy(() => {
        const { synthetic, difference } = authenticity(freshSets([40, 40, 60], 3, seed));
        sum += synthetic.value;
        if (difference.low <= 0 && difference.high >= 0) held++;
      });
    }
    expect(sum / 100).toBeLessThan(0.8);
    expect(held).toBeGreaterThan(88);
    tidy(() => {
      const { synthetic, difference } = authenticity(withCopies([60, 60, 80], 80, 3));
      expect(synthetic.value).toBe(0);
      expect(difference.high).toBeLessThan(0);
    });
  });
});

describe('membership', () => {
  it.each(golden.sets)('has the AUC, variance and rates of scikit-learn and loops: $name', (set) => {
    tidy(() => {
      const { auc, interval, truePositiveRates } = membership(goldenSets(set), {
        falsePositiveRates: [0.05, 0.1],
        repeats: 10,
      });
      expect(auc).toBeCloseTo(set.auc, 12);
      truePositiveRates.forEach(({ value }, i) => {
        expect(value).toBeCloseTo(set.truePositiveRates[i]!, 12);
      });
      const logit = (p: number) => Math.log(p / (1 - p));
      const half = (logit(interval.high) - logit(interval.low)) / 2;
      expect(half / 1.959963984540054).toBeCloseTo(Math.sqrt(set.aucVariance) / (auc * (1 - auc)), 9);
    });
  });

  it('finds members whose copies are among the synthetic images', () => {
    const before = liveTensors();
    tidy(() => {
      const { auc, interval, truePositiveRates, control } = membership(withCopies([60, 60, 200], 150, 4));
      expect(interval.low).toBeGreaterThan(0.7);
      expect(auc).toBeGreaterThan(control.interval.high);
      expect(Math.abs(control.mean - 0.5)).toBeLessThan(0.02);
      // 1 % of 60 held-out images is none of them.
      expect(truePositiveRates[0]).toMatchObject({
        falsePositiveRate: 0.01,
        value: null,
        limit: null,
        p: null,
      });
      expect(truePositiveRates[1]!.value!).toBeGreaterThan(truePositiveRates[1]!.limit!);
    });
    expect(liveTensors()).toBe(before);
  });

  it('of new draws is a half, within the interval and within the noise of the control', () => {
    let [covered, within, sum, rates] = [0, 0, 0, 0];
    for (let seed = 0; seed < 60; seed++) {
      tidy(() => {
        const { auc, interval, control, truePositiveRates } = membership(freshSets([80, 40, 60], 3, seed), {
          repeats: 200,
          seed,
        });
        sum += auc;
        rates += truePositiveRates[1]!.value!;
        expect(truePositiveRates[1]!.expected).toBeCloseTo(3 / 41, 12);
        if (interval.low <= 0.5 && interval.high >= 0.5) covered++;
        if (auc >= control.interval.low && auc <= control.interval.high) within++;
      });
    }
    expect(Math.abs(sum / 60 - 0.5)).toBeLessThan(0.025);
    // Above the third of 40 held-out images: 3/41 of the members.
    expect(Math.abs(rates / 60 - 3 / 41)).toBeLessThan(0.02);
    expect(covered).toBeGreaterThan(51);
    expect(within).toBeGreaterThan(51);
  });

  it('by group has a wider interval and control where images of a group are alike', () => {
    tidy(() => {
      const random = new Random(3);
      const patients = (n: number) =>
        cat(
          Array.from({ length: n }, () =>
            gaussian(1, 3, random)
              .mul(3)
              .add(gaussian(8, 3, random).mul(0.1)),
          ),
        );
      const sets = { train: patients(10), heldOut: patients(8), synthetic: gaussian(50, 3, random).mul(3) };
      const names = (set: string, n: number) =>
        Array.from({ length: n }, (_, i) => `${set}${Math.floor(i / 8)}`);
      const groups = { train: names('t', 80), heldOut: names('h', 64) };
      const [plain, grouped] = [membership(sets), membership(sets, { groups })];
      const width = ({ low, high }: { low: number; high: number }) => high - low;
      expect(grouped.auc).toBe(plain.auc);
      expect(width(grouped.interval)).toBeGreaterThan(1.5 * width(plain.interval));
      expect(width(grouped.control.interval)).toBeGreaterThan(1.5 * width(plain.control.interval));
    });
  });
});

describe('parts and groups', () => {
  it('draw whole groups, at least as many images as asked, and leave one out', () => {
    const groups = ['a', 'a', 'b', 'c', 'c', 'c'];
    const draw = partDrawer(6, 3, groups);
    const random = new Random(1);
    for (let i = 0; i < 50; i++) {
      const part = draw(random);
      for (const name of 'abc') {
        expect(new Set([...part].filter((_, at) => groups[at] === name)).size).toBe(1);
      }
      const count = part.reduce((sum, flag) => sum + flag, 0);
      expect(count).toBeLessThan(6);
    }
    expect(partDrawer(10, 4)(random).reduce((sum, flag) => sum + flag, 0)).toBe(4);
  });

  it('measure distances to other groups alone', () => {
    tidy(() => {
      const x = line([0, 1, 5, 7]);
      const groups = ['a', 'a', 'b', 'c'];
      const options = { groups, candidateGroups: groups };
      expect([...nearestOfOtherGroup(x, x, options)]).toEqual([5, 4, 2, 2]);
      const one = ['a', 'a', 'a', 'a'];
      expect(() => nearestOfOtherGroup(x, x, { groups: one, candidateGroups: one })).toThrow(/one group/);
    });
  });
});

describe('bad input', () => {
  it('is refused in one line that names the set or the row', () => {
    tidy(() => {
      const { train, heldOut, synthetic } = freshSets([5, 5, 5], 2, 1);
      const refused = (sets: Partial<PrivacySets>) =>
        nearestDistances({ train, heldOut, synthetic, ...sets });
      expect(() => refused({ heldOut: heldOut.narrow(0, 0, 1) })).toThrow(/heldOut.*at least two.*\[1, 2\]/);
      expect(() => refused({ synthetic: gaussian(5, 3, new Random(1)) })).toThrow(
        /length 2 \(train\) and 3 \(synthetic\)/,
      );
      const broken = tensor(Float64Array.of(1, 2, 3, 4, 5, Number.NaN, 7, 8), [4, 2]);
      expect(() => refused({ synthetic: broken })).toThrow(
        /synthetic image 3 \(row 2 of synthetic\).*not finite/,
      );
      const groups = { train: ['a', 'b', 'c', 'd', 'e'], heldOut: ['f', 'g', 'h', 'c', 'i'] };
      expect(() => membership({ train, heldOut, synthetic }, { groups })).toThrow(
        /'c' has images in train and in heldOut/,
      );
      expect(() =>
        matchedShare({ train, heldOut, synthetic }, { groups: { ...groups, heldOut: ['f'] } }),
      ).toThrow(/1 groups for 5 images of heldOut/);
    });
  });
});
