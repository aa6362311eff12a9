import { eye, liveTensors, tensor, tidy, zeros } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { gaussian, golden } from './golden.test-data.js';
import { inceptionScore } from './inception-score.js';

describe('inception score', () => {
  it.each(golden.scores)('is that of scipy, and of torch-fidelity: $classes classes', (set) => {
    const before = liveTensors();
    tidy(() => {
      for (const dtype of ['float64', 'float32'] as const) {
        const shape = [set.logits.length / set.classes, set.classes];
        const logits = tensor(set.logits, shape, { dtype }).div(64);
        for (const [splits, expected] of Object.entries(set.bySplits)) {
          const found = inceptionScore(logits, { splits: Number(splits) });
          expect(found.mean).toBeCloseTo(expected.mean, 11);
          expect(found.sd).toBeCloseTo(expected.sd, 11);
        }
        expect(inceptionScore(logits)).toEqual(inceptionScore(logits, { splits: 10 }));
      }
    });
    expect(liveTensors()).toBe(before);
  });

  it('is 1 where nothing is told apart, and the number of classes where all are', () => {
    tidy(() => {
      expect(inceptionScore(zeros([20, 5])).mean).toBeCloseTo(1, 12);
      const sure = eye(6).mul(1e4); // probabilities of exactly 0
      expect(inceptionScore(sure, { splits: 1 })).toEqual({ mean: expect.closeTo(6, 10), sd: 0, splits: 1 });
      // One class for all: sure of each, but without variety.
      expect(inceptionScore(sure.narrow(0, 0, 1).expand([20, 6])).mean).toBeCloseTo(1, 12);
    });
  });

  it('does not change where all logits of an image do, nor with the order inside one split', () => {
    tidy(() => {
      const logits = gaussian(30, 4, 1, 0, 3);
      const { mean } = inceptionScore(logits, { splits: 1 });
      expect(inceptionScore(logits.add(gaussian(30, 1, 2, 0, 500)), { splits: 1 }).mean).toBeCloseTo(mean, 9);
      expect(inceptionScore(logits, { splits: 1, random: new Random(1) }).mean).toBeCloseTo(mean, 12);
      const shuffled = () => inceptionScore(logits, { random: new Random(1) });
      expect(shuffled()).toEqual(shuffled());
      expect(shuffled().mean).not.toBeCloseTo(inceptionScore(logits).mean, 6);
    });
  });

  it('refuses what has no score', () => {
    tidy(() => {
      expect(() => inceptionScore(zeros([5, 3]))).toThrow(/10 splits of 5 images: use 1…5/);
      expect(() => inceptionScore(zeros([20, 1]))).toThrow(/two or more/);
      expect(() => inceptionScore(zeros([20, 3]).div(0))).toThrow(DataError);
    });
  });
});
