/**
 * Seeds that are added step by step: after each look, go on or stop? The error rate is spent over the looks
 * (../stats/spending.ts), on every claim alike: "helps", "harms" and "no difference that matters" each rest on the interval
 * of the look's own level. Hence a trial may stop at any look, for any reason, without claiming too much.
 */
import { ConfigError, DataError } from 'graft-torch/base';
import { signed } from '../report/index.js';
import { analyse } from './analysis.js';
import { decidedKinds, type VerdictKind, verdictKind } from './kind.js';
import type { TrialScores } from './scores.js';

export interface LookSettings {
  /** Numbers of seeds, ascending. */
  looks: readonly number[];
  /** Stops once the primary interval's half width is at most this; null: only when the verdict is decided. */
  halfWidth: number | null;
}

export interface LookDecision {
  /** From 1. */
  look: number;
  /** Why the trial ends here; null: go on to the next look. */
  stop: 'narrow' | 'decided' | 'budget' | null;
  /** What the verdict would be at this look. */
  kind: VerdictKind;
  /** Error rate that this look may spend. */
  alpha: number;
  /** Primary difference and the half width of its interval at level 1 − alpha. */
  value: number;
  halfWidth: number;
  sentence: string;
}

/**
 * Decides after a look.
 * @param scores the trial so far; the runs of the seeds up to this look, and no others
 * @param look from 1
 * @throws ConfigError where there is nothing to decide on; DataError where there are more seeds than the look has
 */
export function decideLook(scores: TrialScores, settings: LookSettings, look: number): LookDecision {
  const { looks, halfWidth: wanted } = settings;
  const seeds = looks[look - 1];
  if (seeds === undefined)
    throw new ConfigError(`sequential.looks: there is no look ${look} of ${looks.length}`);
  const analysis = analyse(
    { ...scores, sequential: { looks: [...looks], reached: look, stopped: 'running' } },
    { replicates: 0 },
  );
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  if (!primary) {
    throw new ConfigError(
      'sequential: no arm with synthetic images stands beside one without; give a fixed number of seeds instead',
    );
  }
  if (primary.seeds.length > seeds) {
    throw new DataError(
      `${scores.name}: ${primary.seeds.length} seeds at look ${look}, which is of ${seeds}; hand over the runs up to it alone.`,
    );
  }
  const { value, low, high } = primary.difference;
  const halfWidth = (high - low) / 2;
  const kind = verdictKind(analysis);
  const decided = decidedKinds.includes(kind);
  const narrow = wanted !== null && halfWidth <= wanted && primary.variance.seeds !== null;
  const stop = decided ? 'decided' : narrow ? 'narrow' : look === looks.length ? 'budget' : null;
  const reasons = {
    decided: 'the verdict is decided',
    narrow: `the interval is narrow enough (±${wanted})`,
    budget: 'this was the last look',
  };
  return {
    look,
    stop,
    kind,
    alpha: 1 - primary.level,
    value,
    halfWidth,
    sentence:
      `Look ${look} of ${looks.length}, ${primary.seeds.length} seeds: ${signed(value)} ± ${halfWidth.toFixed(3)}; ` +
      (stop ? `stops, ${reasons[stop]}.` : `goes on to ${looks[look]} seeds.`),
  };
}
