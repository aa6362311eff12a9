/** What a calibration needs to know of a trial's verdict, by the code that judges real trials. */
import { analyse } from './analysis.js';
import type { Comparison } from './comparison.js';
import { kindOf, scopeOf, type VerdictKind } from './kind.js';
import type { TrialScores } from './scores.js';

export interface Judgement {
  kind: VerdictKind;
  /** The claim is of the recipe, not of one generator alone. */
  ofRecipe: boolean;
  low: number;
  high: number;
  external: { low: number; high: number } | null;
}

export type Judge = (scores: TrialScores) => Judgement;

/** @param change what is done to the primary comparison first; only a test that the check can fail does anything */
export const judgeWith =
  (change: (primary: Comparison) => Comparison): Judge =>
  (scores) => {
    const analysis = analyse(scores, { replicates: 0, kindOnly: true });
    const primary = change(analysis.comparisons[analysis.primary!]!);
    const { low, high } = primary.difference;
    return {
      kind: kindOf(primary),
      ofRecipe: scopeOf(primary) === 'recipe',
      low,
      high,
      external: analysis.external[0]?.comparisons[0]?.difference ?? null,
    };
  };

export const judgeScores: Judge = judgeWith((primary) => primary);
