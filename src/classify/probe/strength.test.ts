import { aten, liveTensors, manualSeed, randn, type Tensor, tensor, tidy } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { auc } from '../../stats/index.js';
import { largestDifference } from './golden.test-data.js';
import { classProbabilities, fitLogistic, logitsOf } from './logistic.js';
import { chooseStrength, type StrengthOptions } from './strength.js';

const f64 = { dtype: 'float64' } as const;
const values = (tensor: Tensor): Float64Array => tensor.toArray() as Float64Array;
const mean = (of: readonly number[]): number => of.reduce((sum, it) => sum + it, 0) / of.length;

interface Example {
  features: Tensor;
  targets: number[];
  groups: string[];
}

/** Rows in groups of one to three; `noise` in the units of the logits. */
function example({ rows = 120, width = 10, classes = 2, noise = 2, seed = 3 } = {}): Example {
  manualSeed(seed);
  const features = randn([rows, width], f64);
  const targets = tidy(() => {
    const z = features.matmul(randn([width, classes], f64)).add(randn([rows, classes], f64).mul(noise));
    return Array.from(z.argmax(1).toArray(), Number);
  });
  return { features, targets, groups: targets.map((_, i) => `g${Math.floor(i ** 0.9)}`) };
}

const rowsAt = (features: Tensor, rows: readonly number[]): Tensor =>
  features.indexSelect(0, tensor([...rows], [rows.length], { dtype: 'int64' }));

describe('chooseStrength', () => {
  it('penalises columns that are constant among the rows of a fold', () => {
    tidy(() => {
      // Features of a rectified network: most columns are the same but in one image, so that a fit without it sees a constant,
      // which would do the intercept's work if it were not penalised. One class is rare: there is much to do.
      const rows = 120;
      const { features, groups } = example({ rows, width: 12 });
      const targets = Array.from({ length: rows }, (_, i) => (i % 8 === 0 ? 1 : 0));
      const rare = Array.from({ length: rows }, (_, i) =>
        Array.from({ length: rows }, (_, k) => (i === k ? 1 + k / 7 : 0.1)),
      );
      const whole = aten.cat(
        [features.to({ dtype: 'float32' }), tensor(rare.flat(), [rows, rows], { dtype: 'float32' })],
        1,
      );
      const grid = [1e-3, 1e-1];
      const options = { groups, seed: 2, standardise: true, tolerance: 1e-9, grid };
      const { curve, foldOf } = chooseStrength(whole, targets, options);
      for (const { strength, mean: found } of curve) {
        const losses = [1, 2, 3, 4, 5].flatMap((fold) => {
          const [fit, held] = [true, false].map((fits) =>
            foldOf.flatMap((own, i) => ((own !== fold) === fits ? [i] : [])),
          ) as [number[], number[]];
          const labels = fit.map((i) => targets[i]!);
          const model = fitLogistic(rowsAt(whole, fit), labels, { strength, standardise: true });
          const shares = values(classProbabilities(model, rowsAt(whole, held)));
          return held.map((i, at) => -Math.log(shares[2 * at + targets[i]!]!));
        });
        expect(found).toBeCloseTo(mean(losses), 5);
      }
    });
  });

  it('keeps rows that are not scored in every fit, and looks at none of them', () => {
    tidy(() => {
      const { features, targets, groups } = example({ rows: 90 });
      const extra = rowsAt(features, [0, 1, 2]).mul(-3);
      const all = aten.cat([features, extra], 0);
      const labels = [...targets, 1, 0, 1];
      const options: StrengthOptions = {
        ...{ groups: [...groups, 'x', 'y', 'z'], seed: 1, folds: 3, tolerance: 1e-9, grid: [0.1, 1] },
        scored: labels.map((_, i) => i < 90),
      };
      const chosen = chooseStrength(all, labels, options);
      expect(chosen.foldOf.slice(90)).toEqual([0, 0, 0]);
      // By hand: each fold is fitted to the other folds' rows and all three extra ones.
      for (const { strength, mean: found } of chosen.curve) {
        const losses: number[] = [];
        for (const fold of [1, 2, 3]) {
          const rows = chosen.foldOf.flatMap((own, i) => (own !== fold ? [i] : []));
          const held = chosen.foldOf.flatMap((own, i) => (own === fold ? [i] : []));
          const model = fitLogistic(
            rowsAt(all, rows),
            rows.map((i) => labels[i]!),
            { strength },
          );
          const shares = values(classProbabilities(model, rowsAt(all, held)));
          losses.push(...held.map((i, at) => -Math.log(shares[2 * at + labels[i]!]!)));
        }
        expect(found).toBeCloseTo(mean(losses), 6);
      }
    });
  });

  it.each([
    { classes: 2, standardise: false, weighted: false },
    { classes: 2, standardise: true, weighted: true },
    { classes: 3, standardise: true, weighted: true },
  ])('scores each strength as a loop over the folds does: %o', ({ classes, standardise, weighted }) => {
    tidy(() => {
      const { features, targets, groups } = example({ classes });
      const sampleWeights = targets.map((_, i) => (weighted ? 1 + (i % 3) : 1));
      const fit = { classes, standardise, classWeights: weighted ? 'balanced' : 'none' } as const;
      const chosen = chooseStrength(features, targets, {
        ...fit,
        sampleWeights,
        groups,
        seed: 1,
        tolerance: 1e-9,
        grid: [0.003, 0.03, 0.3, 3, 30],
      });
      const sums = Array.from({ length: classes }, (_, k) =>
        sampleWeights.reduce((sum, weight, i) => sum + (targets[i] === k ? weight : 0), 0),
      );
      const scoreWeights = sampleWeights.map((it, i) => (weighted ? it / sums[targets[i]!]! : it));
      const weighedMean = (losses: readonly number[], rows: readonly number[]): number =>
        rows.reduce((sum, i) => sum + scoreWeights[i]! * losses[i]!, 0) /
        rows.reduce((sum, i) => sum + scoreWeights[i]!, 0);
      for (const point of chosen.curve) {
        const losses: number[] = [];
        const outOfFold: number[][] = [];
        const foldMeans = [1, 2, 3, 4, 5].map((fold) => {
          const own = targets.map((_, i) => i).filter((i) => chosen.foldOf[i] === fold);
          const rest = targets.map((_, i) => i).filter((i) => chosen.foldOf[i] !== fold);
          const model = fitLogistic(
            rowsAt(features, rest),
            rest.map((i) => targets[i]!),
            { ...fit, strength: point.strength, sampleWeights: rest.map((i) => sampleWeights[i]!) },
          );
          const p = values(classProbabilities(model, rowsAt(features, own)));
          const z = values(logitsOf(model, rowsAt(features, own)));
          own.forEach((i, at) => {
            losses[i] = -Math.log(p[at * classes + targets[i]!]!);
            const columns = z.length / own.length;
            outOfFold[i] = Array.from(z.slice(at * columns, (at + 1) * columns));
          });
          return weighedMean(losses, own);
        });
        expect(point.mean).toBeCloseTo(weighedMean(losses, [...targets.keys()]), 6);
        const middle = mean(foldMeans);
        const variance = foldMeans.reduce((sum, it) => sum + (it - middle) ** 2, 0) / 4;
        expect(point.standardError).toBeCloseTo(Math.sqrt(variance / 5), 6);
        if (point.strength === chosen.strength) {
          // The same number in every class's logit changes nothing.
          const centred = (z: readonly number[]): number[] =>
            z.length === 1 ? [...z] : z.map((it) => it - mean(z));
          const found = Array.from(values(chosen.outOfFold));
          const columns = found.length / targets.length;
          const byRow = targets.map((_, i) => centred(found.slice(i * columns, (i + 1) * columns)));
          expect(largestDifference(byRow.flat(), outOfFold.flatMap(centred))).toBeLessThan(1e-5);
        }
      }
      expect(Math.min(...chosen.curve.map((point) => point.mean))).toBe(
        chosen.curve.find(({ strength }) => strength === chosen.strength)!.mean,
      );
    });
  });

  it('ranks by the AUC of rows out of fold where asked to', () => {
    tidy(() => {
      const { features, targets, groups } = example();
      const { curve, strength, outOfFold } = chooseStrength(features, targets, {
        groups,
        seed: 1,
        criterion: 'auc',
      });
      const best = curve.find((point) => point.strength === strength)!;
      expect(best.mean).toBe(auc(targets, values(outOfFold)));
      expect(best.mean).toBe(Math.max(...curve.map((point) => point.mean)));
      expect(best.mean).toBeGreaterThan(0.7);
    });
  });

  it('never has a group in two folds, whatever the seed, and deals the same for the same', () => {
    tidy(() => {
      const { features, targets, groups } = example({ rows: 60, width: 3 });
      const dealt = [0, 1, 2, 3, 1].map((seed) => {
        const { foldOf } = chooseStrength(features, targets, { groups, seed, grid: [0.1], folds: 4 });
        const pairs = new Set(groups.map((group, i) => `${group} ${foldOf[i]}`));
        expect(pairs.size).toBe(new Set(groups).size);
        expect(new Set(foldOf)).toEqual(new Set([1, 2, 3, 4]));
        return foldOf.join('');
      });
      expect(dealt[4]).toBe(dealt[1]);
      expect(new Set(dealt).size).toBeGreaterThan(2);
    });
  });

  it('knows nothing of rows that it scores: labels of chance give no AUC', () => {
    tidy(() => {
      // Groups of four alike rows: whoever splits them tells their labels.
      manualSeed(5);
      const of = aten.repeat_interleave.self_int(randn([100, 30], f64), 4, 0);
      const targets = Array.from({ length: 400 }, (_, i) => (((i >> 2) * 7919) % 13 > 6 ? 1 : 0));
      const groups = targets.map((_, i) => `g${i >> 2}`);
      const together = chooseStrength(of, targets, { groups, seed: 0, criterion: 'auc', grid: [1] });
      expect(together.curve[0]!.mean).toBeLessThan(0.65);
      const apart = chooseStrength(of, targets, {
        groups: groups.map((group, i) => group + i),
        seed: 0,
        criterion: 'auc',
        grid: [1],
      });
      expect(apart.curve[0]!.mean).toBeGreaterThan(together.curve[0]!.mean + 0.1);
    });
  });

  it('goes on where the best lies at the edge of the grid', () => {
    tidy(() => {
      const { features, targets, groups } = example();
      const choose = (grid?: number[]): ReturnType<typeof chooseStrength> =>
        chooseStrength(features, targets, { groups, seed: 1, ...(grid && { grid }) });
      const inside = choose();
      expect(inside.warnings).toEqual([]);
      for (const grid of [
        [inside.strength / 100, inside.strength / 30],
        // So strong a penalty that the curve is flat there, all of it.
        [inside.strength / 1e8, inside.strength / 1e7],
        [inside.strength * 30, inside.strength * 100],
      ]) {
        const found = choose(grid);
        expect(found.curve.length).toBeGreaterThan(2);
        expect(Math.abs(Math.log10(found.strength / inside.strength))).toBeLessThan(0.6);
        const best = found.curve.findIndex(({ strength }) => strength === found.strength);
        expect(best).toBeGreaterThan(0);
        expect(best).toBeLessThan(found.curve.length - 1);
      }
    });
  });

  it('says so where the edge stays the best', () => {
    tidy(() => {
      const { features } = example({ seed: 0 });
      const chance = Array.from({ length: 120 }, (_, i) => ((i * 7919) % 11 > 5 ? 1 : 0));
      const groups = chance.map((_, i) => `g${i}`);
      const { warnings } = chooseStrength(features, chance, { groups, seed: 1, grid: [1e-3, 1e-2, 1] });
      expect(warnings).toEqual([expect.stringMatching(/is the smallest that was tried/)]);
    });
  });

  it('takes the strongest penalty within one standard error', () => {
    tidy(() => {
      const { features, targets, groups } = example();
      const best = chooseStrength(features, targets, { groups, seed: 1 });
      const careful = chooseStrength(features, targets, { groups, seed: 1, oneStandardError: true });
      const point = best.curve.find(({ strength }) => strength === best.strength)!;
      const limit = point.mean + point.standardError;
      const expected = best.curve.find((one) => one.mean <= limit)!.strength;
      expect(careful.strength).toBe(expected);
      expect(careful.strength).toBeLessThan(best.strength);
    });
  });

  it.each([2, 3])('scores a class that one fold alone holds, and says so: of %d classes', (classes) => {
    tidy(() => {
      const { features, targets, groups } = example({ classes });
      const rare = classes - 1;
      // Its rows, and no others, are of one group.
      const odd = targets.map((target, i) => (target === rare && i > 20 ? 0 : target));
      const named = groups.map((group, i) => (odd[i] === rare ? 'alone' : group));
      const { curve, warnings, outOfFold } = chooseStrength(features, odd, {
        groups: named,
        seed: 1,
        classes,
        classWeights: 'balanced',
      });
      expect(warnings[0]).toMatch(new RegExp(`Class ${rare} is in 1 of 5 folds.*never seen it`));
      expect(curve.every((point) => Number.isFinite(point.mean))).toBe(true);
      expect(outOfFold.isfinite().all().item()).toBeTruthy();
    });
  });

  it('is as good in float32, which coarse fits take', () => {
    tidy(() => {
      const { features, targets, groups } = example();
      const options: StrengthOptions = { groups, seed: 1, standardise: true };
      const coarse = chooseStrength(features, targets, options);
      const fine = chooseStrength(features, targets, { ...options, tolerance: 1e-9 });
      expect(coarse.strength).toBe(fine.strength);
      coarse.curve.forEach((point, i) => {
        expect(Math.abs(point.mean - fine.curve[i]!.mean)).toBeLessThan(1e-3);
      });
    });
  });

  it('leaves no tensor behind but the scores', () => {
    const { features, targets, groups } = example({ classes: 3 });
    const live = liveTensors();
    tidy(() => {
      chooseStrength(features, targets, { groups, seed: 1, standardise: true });
      expect(liveTensors()).toBe(live + 1);
    });
    expect(liveTensors()).toBe(live);
    features.dispose();
  });

  it('refuses what it cannot use', () => {
    tidy(() => {
      const { features, targets, groups } = example();
      const bad = features.clone();
      bad.narrow(0, 11, 1).fill_(Number.POSITIVE_INFINITY);
      expect(() => chooseStrength(bad, targets, { groups, seed: 1 })).toThrow(/row 11 /);
      expect(() => chooseStrength(features, targets, { groups: groups.slice(1), seed: 1 })).toThrow(
        DataError,
      );
      expect(() => chooseStrength(features, targets, { groups, seed: 1, grid: [0, 1] })).toThrow(ConfigError);
      const one = groups.map(() => 'one');
      expect(() => chooseStrength(features, targets, { groups: one, seed: 1 })).toThrow(
        /5 folds need as many/,
      );
    });
  });
});
