import { liveTensors, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it, test } from 'vitest';
import { golden, setOf } from './golden.test-data.js';
import { fitProbe, probabilities, probeQuality } from './label-probe.js';

describe('probe', () => {
  test.each(golden.probes)('is that of scikit-learn: $name', ({ length, targets, ...set }) => {
    const before = liveTensors();
    tidy(() => {
      const probe = fitProbe(setOf(set.features, length), targets);
      const weights = [...(probe.weights.flatten().toArray() as Float64Array)];
      [...set.weights, set.intercept].forEach((expected, i) => {
        expect(weights[i]).toBeCloseTo(expected, 6);
      });
      const found = probabilities(probe, setOf(set.queries, length));
      set.probabilities.forEach((expected, i) => {
        expect(found[i]).toBeCloseTo(expected, 6);
      });
    });
    expect(liveTensors()).toBe(before);
  });

  it('takes a feature that never changes', () => {
    tidy(() => {
      const features = tensor([1, 7, 2, 7, 3, 7, 4, 7], [4, 2], { dtype: 'float32' });
      const found = probabilities(fitProbe(features, [0, 0, 1, 1]), features);
      expect(found[0]).toBeLessThan(0.3);
      expect(found[3]).toBeGreaterThan(0.7);
    });
  });

  it('refuses images of one side, and features that are not finite', () => {
    tidy(() => {
      const features = tensor([1, 2, 3, Number.NaN], [4, 1], { dtype: 'float32' });
      expect(() => fitProbe(features.narrow(0, 0, 3), [1, 1, 1])).toThrow(
        /3 of 3 training images are of the class; .*choose without filtered/,
      );
      expect(() => fitProbe(features, [0, 0, 1, 1])).toThrow(/not finite/);
    });
  });
});

describe('what a probe knows', () => {
  /** `perGroup` images a group, all of one value: a probe that saw a group knows its images by heart. */
  const noise = (count: number, perGroup: number, shift: number) => {
    const random = new Random(3);
    const width = 24;
    const groups = Array.from({ length: count * perGroup }, (_, i) => `g${Math.floor(i / perGroup)}`);
    const targets = groups.map((_, i) => Math.floor(i / perGroup) % 2);
    let last: number[] = [];
    const values = groups.flatMap((_, i) => {
      if (i % perGroup === 0)
        last = Array.from({ length: width }, () => random.normal() + shift * targets[i]!);
      return last;
    });
    return { features: tensor(values, [groups.length, width], { dtype: 'float32' }), targets, groups };
  };
  const quality = (set: ReturnType<typeof noise>) =>
    probeQuality(set.features, set.targets, { groups: set.groups, threshold: 0.5, random: new Random(0) });

  it('is near to all where classes are apart', () => {
    tidy(() => {
      const { sensitivity, specificity, knows } = quality(noise(60, 2, 2));
      expect(sensitivity).toBeGreaterThan(0.95);
      expect(specificity).toBeGreaterThan(0.95);
      expect(knows).toBe(true);
    });
  });

  it('is guessing where there is nothing to know: images of one group are not told from each other', () => {
    tidy(() => {
      const { sensitivity, specificity, knows } = quality(noise(60, 3, 0));
      expect((sensitivity + specificity) / 2).toBeLessThan(0.65);
      expect(knows).toBe(false);
    });
  });

  it('needs two groups of both sides', () => {
    tidy(() => {
      const features = tensor([1, 2, 3, 4], [4, 1], { dtype: 'float32' });
      const options = { groups: ['a', 'b', 'c', 'c'], threshold: 0.5, random: new Random(0) };
      expect(() => probeQuality(features, [0, 0, 1, 1], options)).toThrow(/1 groups of one side/);
    });
  });
});
