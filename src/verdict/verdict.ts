/**
 * What an analysis comes to. "Helps" and "harms" need the interval of the primary comparison on one side of zero, "helps"
 * that of the required comparison as well; "no difference that matters" needs all of it inside the margin fixed beforehand,
 * and arms that could have differed; everything else is undecided, with the reason. One run an arm never gets a verdict.
 */
import type { Interval } from '../stats/index.js';
import type { Comparison, TrialAnalysis } from './analysis.js';
import type { Degeneracy } from './degenerate.js';
import { limitsIn } from './limits.js';
import type { Limit } from './scores.js';
import { type Told, tell } from './words.js';

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

export interface Verdict {
  kind: VerdictKind;
  scope: Scope | null;
  /** What is estimated, in words; it comes first. */
  estimand: string;
  /** A headline of a few words, with its limits. */
  short: string;
  /** The headline in one sentence, with its limits. */
  sentence: string;
  /** What the sentence means and what would sharpen it. */
  paragraph: string;
  /** How far it reaches. */
  limits: Limit[];
  /** Whether the interval for other collections (Nadeau & Bengio) says the same; null where there is none, or no claim. */
  robust: boolean | null;
  /** The other comparisons, one line each. */
  others: string[];
}

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

const liesWithin = ({ low, high }: Interval, margin: number): boolean => low >= -margin && high <= margin;

/** What "helps" needs besides the primary comparison, and what of it does not hold. */
function requiredOf({ comparisons, unmade }: TrialAnalysis): Pick<Told, 'required' | 'failed' | 'unmade'> {
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

/** Whether the corrected resampled t says the same as the verdict; null where either says nothing. */
function isRobust(kind: VerdictKind, { resampled, equivalence }: Comparison): boolean | null {
  if (!resampled) return null;
  if (kind === 'helps') return resampled.low > 0;
  if (kind === 'harms') return resampled.high < 0;
  return kind === 'equivalent' ? liesWithin(resampled, equivalence.margin) : null;
}

/** Decides on the primary comparison; the other ones are told in `others`. */
export function decideVerdict(analysis: TrialAnalysis): Verdict {
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  const kind = verdictKind(analysis);
  if (!primary || kind === 'not-asked') {
    return {
      kind: 'not-asked',
      scope: null,
      estimand: '',
      short: 'No comparison',
      sentence: analysis.unmade.some(({ role }) => role === 'primary')
        ? 'The arms of the verdict have no runs with fold and seed in common: there is nothing to pair.'
        : 'This trial has no arm with synthetic images beside one without: it cannot say whether they help.',
      paragraph:
        'Both arms (real and real+synthetic, or both with +standard) are needed over the same folds and seeds.',
      limits: [],
      robust: null,
      others: [],
    };
  }
  const told: Told = {
    analysis,
    primary,
    ...requiredOf(analysis),
    kind,
    scope: scopeOf(primary),
    limits: limitsIn(analysis, primary, kind),
    robust: isRobust(kind, primary),
  };
  const { scope, limits, robust } = told;
  return { kind, scope, ...tell(told), limits, robust };
}

/** What was asked, as a sentence. */
export const askedText = ({ estimand }: Pick<Verdict, 'estimand'>): string => `Asked: ${estimand}.`;

/** Question, headline, paragraph and limits, a line each, for a terminal. */
export const verdictLines = (verdict: Verdict): string[] => [
  ...(verdict.estimand ? [askedText(verdict)] : []),
  verdict.sentence,
  verdict.paragraph,
  ...verdict.limits.map(({ detail }) => `- ${detail}`),
];
