/** The verdict on a trial: what its analysis comes to (./kind.ts), how far that reaches (./limits.ts), and in words. */
import type { TrialAnalysis } from './analysis.js';
import type { Comparison } from './comparison.js';
import { liesWithin, requiredOf, type Scope, scopeOf, type VerdictKind, verdictKind } from './kind.js';
import { limitsIn } from './limits.js';
import type { Limit } from './scores.js';
import { type Decided, type Told, tell } from './words.js';

export interface Verdict extends Told {
  kind: VerdictKind;
  scope: Scope | null;
  /** How far it reaches. */
  limits: Limit[];
  /** Whether the interval for other collections (Nadeau & Bengio) says the same; null where there is none, or no claim. */
  robust: boolean | null;
}

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
  const decided: Decided = {
    analysis,
    primary,
    ...requiredOf(analysis),
    kind,
    scope: scopeOf(primary),
    limits: limitsIn(analysis, primary, kind),
    robust: isRobust(kind, primary),
  };
  const { scope, limits, robust } = decided;
  return { kind, scope, ...tell(decided), limits, robust };
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
