/**
 * What an analysis comes to, in a word. "Helps" and "harms" need the interval of the primary comparison on one side of zero,
 * "helps" that of the required comparison as well; "no difference that matters" needs all of it inside the margin fixed
 * beforehand, and arms that could have differed; everything else is undecided, with the reason. One run an arm never gets a
 * verdict.
 */
import type { Interval } from '../stats/index.js';
import type { TrialAnalysis } from './analysis.js';
import type { Comparison } from './comparison.js';
import type { Degeneracy } from './degenerate.js';
import type { PlannedComparison } from './scores.js';

/**
 *   helps, harms    the primary interval lies on one side of zero
 *   balance-only    it lies above zero, but not that against re-balanced real images
 *   equivalent      it lies within the margin: no difference that matters
 *   underpowered    it does not say
 *   not-decidable   nothing could have been seen: collapsed or identical arms, a test that all pass, too few groups
 *   single-seed     one run an arm
 *   not-asked       there is no primary comparison
 */
export type VerdictKind =
  | 'helps'
  | 'harms'
  | 'balance-only'
  | 'equivalent'
  | 'underpowered'
  | 'not-decidable'
  | 'single-seed'
  | 'not-asked';

/** Kinds that answer the question. */
export const decidedKinds: readonly VerdictKind[] = ['helps', 'harms', 'balance-only', 'equivalent'];

/**
 * Whom the verdict speaks of.
 *
 *   recipe          generators of this kind: two or more were a sample
 *   one-generator   the images of the one generator that there was
 *   no-generator    a way to train, without synthetic images
 */
export type Scope = 'recipe' | 'one-generator' | 'no-generator';

/** Of a decided verdict on the primary comparison; these degeneracies leave nothing to decide on. */
const fatal: readonly Degeneracy[] = ['few-groups', 'inverted', 'copies', 'constant'];
/** These leave no difference to be seen. */
const blind: readonly Degeneracy[] = ['identical', 'saturated'];

/**
 * What the primary comparison says.
 * @param balanceHolds whether it holds against the re-balanced real images, where the design has them
 */
export function kindOf(primary: Comparison, balanceHolds = true): Exclude<VerdictKind, 'not-asked'> {
  const { difference, degenerate, variance } = primary;
  const is = (kinds: readonly Degeneracy[]): boolean => degenerate.some((one) => kinds.includes(one));
  if (variance.seeds === null) return 'single-seed';
  if (is(fatal)) return 'not-decidable';
  if (isEquivalent(primary)) return is(['identical', 'chance']) ? 'not-decidable' : 'equivalent';
  if (difference.low > 0) return balanceHolds ? 'helps' : 'balance-only';
  if (difference.high < 0) return 'harms';
  return is(blind) ? 'not-decidable' : 'underpowered';
}

/** A comparison that shows its arm to be better; one with a collapsed or inverted control shows nothing. */
const showsGain = ({ difference, degenerate, variance }: Comparison): boolean =>
  difference.low > 0 && variance.seeds !== null && !degenerate.some((one) => fatal.includes(one));

/** Few groups may all have been spared what befalls others: it takes more than the interval within the margin. */
const isEquivalent = ({ difference, equivalence: { margin, halfWidth } }: Comparison): boolean =>
  liesWithin(difference, margin) && Math.abs(difference.value) + halfWidth <= margin;

export const liesWithin = ({ low, high }: Interval, margin: number): boolean =>
  low >= -margin && high <= margin;

/** What "helps" needs besides the primary comparison. */
export interface Required {
  required: readonly Comparison[];
  /** Of these, what does not hold, and what has no runs. */
  failed: readonly Comparison[];
  unmade: readonly PlannedComparison[];
}

export function requiredOf({ comparisons, unmade }: TrialAnalysis): Required {
  const required = comparisons.filter(({ role }) => role === 'required');
  return {
    required,
    failed: required.filter((one) => !showsGain(one)),
    unmade: unmade.filter(({ role }) => role === 'required'),
  };
}

export function verdictKind(analysis: TrialAnalysis): VerdictKind {
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  const { failed, unmade } = requiredOf(analysis);
  return primary ? kindOf(primary, failed.length + unmade.length === 0) : 'not-asked';
}

export const scopeOf = ({ generators }: Comparison): Scope =>
  generators === 0 ? 'no-generator' : generators === 1 ? 'one-generator' : 'recipe';
