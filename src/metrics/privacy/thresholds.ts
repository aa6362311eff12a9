/**
 * What a set of synthetic images must keep to before it is called free of copies. Each threshold stands beside its
 * reason; docs/metrics.md gives the simulations behind them.
 */
import { ConfigError } from 'graft-torch/base';
import type { PrivacySets } from './sets.js';

export interface PrivacyThresholds {
  /**
   * How often a check may fail a generator that copies nothing. Eight checks err by chance: at 0.005 each, no more than
   * 4 % of such generators fail, however the checks hang together (Bonferroni).
   */
  falseAlarm: number;
  /** Synthetic images that show a training image. One is too many: it is published. */
  pictureCopies: number;
  /**
   * A shrunken picture within this part of the smallest distance between real ones is counted as a copy. In 300 random
   * splits of 1,437 real nevi (283, 61 and 1,000) no new image came nearer than 0.66. Of 100 training melanomas, mirrored,
   * it finds 100 and 96 after a blur of 1.2 and 2 of 64 px, 91 and 57 under noise of SD 8 and 16 grey levels.
   */
  copyRatio: number;
  /**
   * Share of synthetic images nearer to training images than 5 % of the held-out ones, as a multiple of what is expected,
   * or of the same share near to held-out images where that is larger: images a little blander than real ones lie nearer
   * to all of them without any being copied. Below twice, no matter how certain.
   */
  nearShareRatio: number;
  /**
   * Share of synthetic images nearer to the training images than to as many held-out ones. A tenth above a half and no
   * less counts, however certain: with thousands of images chance is narrower than any difference of the splits.
   */
  matchedShare: number;
  /** Standard score of the copy test. −3 is met by chance once in 740, and is the usual reading of C_T ≪ 0. */
  copyTestZ: number;
  /**
   * Lower end of the attack's AUC: how often it picks the training image from a pair of one seen and one not seen, 0.5 by
   * guessing. That it is above 0.5 by a hair is true of every generator.
   */
  membershipAuc: number;
  /** With fewer images of a set, chance is wider than what would be found: nothing is decided. */
  minimum: PrivacySets<number>;
}

export const defaultThresholds: PrivacyThresholds = {
  falseAlarm: 0.005,
  pictureCopies: 0,
  copyRatio: 0.5,
  nearShareRatio: 2,
  matchedShare: 0.55,
  copyTestZ: -3,
  membershipAuc: 0.55,
  minimum: { train: 50, heldOut: 50, synthetic: 100 },
};

/** @throws ConfigError naming the threshold that cannot be */
export function completeThresholds(given: Partial<PrivacyThresholds> = {}): PrivacyThresholds {
  const thresholds = { ...defaultThresholds, ...given };
  const within = (key: keyof Omit<PrivacyThresholds, 'minimum'>, low: number, high: number): void => {
    const value = thresholds[key];
    if (!(value >= low && value <= high)) {
      throw new ConfigError(`privacy: ${key} must be between ${low} and ${high}, not ${value}`);
    }
  };
  within('falseAlarm', 1e-6, 0.5);
  within('pictureCopies', 0, Number.MAX_SAFE_INTEGER);
  within('copyRatio', 0, 1);
  within('nearShareRatio', 0, Number.MAX_VALUE);
  within('matchedShare', 0, 1);
  within('copyTestZ', -40, 40);
  within('membershipAuc', 0, 1);
  for (const [set, count] of Object.entries(thresholds.minimum)) {
    if (!(Number.isInteger(count) && count >= 2)) {
      throw new ConfigError(`privacy: minimum.${set} must be a whole number from 2 up, not ${count}`);
    }
  }
  return thresholds;
}

/**
 * Thresholds in words: `membershipAuc=0.6`.
 * @throws ConfigError for a key that is none, or a value that is no number
 */
export function parseThresholds(given: readonly string[]): Partial<PrivacyThresholds> {
  const { minimum: _, ...known } = defaultThresholds;
  return Object.fromEntries(
    given.map((text): [string, number] => {
      const [, key = text, figure = ''] = /^([^=]+)=(.*)$/.exec(text) ?? [];
      const value = Number(figure);
      if (!(key in known) || figure.trim() === '' || !Number.isFinite(value)) {
        throw new ConfigError(
          `--threshold ${text}: expected key=number; the keys are ${Object.entries(known)
            .map(([name, standard]) => `${name} (${standard})`)
            .join(', ')}`,
        );
      }
      return [key, value];
    }),
  );
}
