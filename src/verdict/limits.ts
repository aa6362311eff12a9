/** How far a verdict reaches, by what the scores show: folds that disagree, other collections, a baseline at chance. */
import { list, plural, pValue, range, signed, signedRange } from '../report/index.js';
import type { TrialAnalysis } from './analysis.js';
import type { Comparison } from './comparison.js';
import type { VerdictKind } from './kind.js';
import type { Limit } from './scores.js';

/** All that limits a verdict of this kind: what the scores show, and what was known from elsewhere. */
export function limitsIn(analysis: TrialAnalysis, primary: Comparison, kind: VerdictKind): Limit[] {
  const own = [
    partial(analysis, primary),
    copiedBaseline(primary),
    foldsDisagree(primary),
    othersDisagree(analysis, primary, kind),
    atChance(analysis, primary),
  ];
  return [
    ...own.filter((limit) => limit !== null),
    ...analysis.limits.filter(({ only }) => only === undefined || only === kind),
  ];
}

/** The claim and how far it reaches, in one sentence. @param claim without its full stop */
export const limited = (claim: string, limits: readonly Limit[]): string =>
  limits.length === 0 ? `${claim}.` : `${claim}; but ${limits.map(({ clause }) => clause).join(', and ')}.`;

/** The same for a headline. */
export const limitedShort = (claim: string, limits: readonly Limit[]): string =>
  limits.length === 0 ? claim : `${claim}, but: ${limits.map(({ short }) => short).join(', ')}`;

/** Of a design that cannot tell what balance alone brings. @param remedy which arm to add, and how to say so */
export const balanceAlone = (remedy: string): Limit => ({
  id: 'balance',
  short: 'balance not ruled out',
  clause: 'no arm re-balances the real images alone, which may do as much',
  detail: `Synthetic images of the rare class also re-balance the training set. Oversampling or class weights do so for nothing: ${remedy}`,
  only: 'helps',
});

/** Runs of one arm without their twins in the other: a trial that was stopped, or of which somebody shows a part. */
function partial({ arms }: TrialAnalysis, { arm, baseline, runs }: Comparison): Limit | null {
  const most = Math.max(
    ...arms.filter((one) => one.arm === arm || one.arm === baseline).map((one) => one.runs.length),
  );
  if (runs.length === most) return null;
  return {
    id: 'partial',
    short: 'trial incomplete',
    clause: `only ${runs.length} of ${most} runs of an arm have a twin in the other`,
    detail: `The trial is incomplete: ${runs.length} of ${most} runs could be paired by fold and seed. The rest may say otherwise; finish it.`,
  };
}

/** A baseline that was trained once, and handed over under several seeds: its luck is in every difference alike. */
function copiedBaseline({ baseline, baselineCopied, degenerate }: Comparison): Limit | null {
  if (!baselineCopied || degenerate.includes('constant')) return null;
  return {
    id: 'copies',
    short: 'baseline trained once',
    clause: `seeds of ${baseline} are one run under several names`,
    detail: `Seeds of ${baseline} in a fold rank every image alike: its luck stands in every difference, and no interval knows it. Train it anew for each seed; where training has no luck, that is as it should be.`,
  };
}

/** Folds that differ by more than seeds and images make them: each has its own training images and generator. */
function foldsDisagree({ foldSpread, foldDifferences, forThese, generators }: Comparison): Limit | null {
  if (!foldSpread || foldSpread.p >= 0.05) return null;
  const values = foldDifferences.map(({ difference }) => difference);
  const span = `${signed(Math.min(...values))} to ${signed(Math.max(...values))}`;
  return {
    id: 'folds',
    short: 'folds disagree',
    clause: `the folds disagree (${span})`,
    detail: `The folds disagree by more than seeds and test images explain (p ${pValue(foldSpread.p)}): ${span}. Each has its own training images${generators > 0 ? ' and generator' : ''}, and another one may do otherwise; for these alone the interval would be ${signedRange(forThese)}.`,
  };
}

/** External sets on which the interval lies where the verdict says it does not. */
function othersDisagree({ external }: TrialAnalysis, primary: Comparison, kind: VerdictKind): Limit | null {
  const { margin } = primary.equivalence;
  const against = external.flatMap(({ name, comparisons }) => {
    const own = comparisons.find(({ role }) => role === 'primary');
    if (!own) return [];
    const { low, high } = own.difference;
    const contradicts =
      kind === 'helps'
        ? high < 0
        : kind === 'harms'
          ? low > 0
          : kind === 'equivalent' && (low > margin || high < -margin);
    return contradicts ? [{ name, own }] : [];
  });
  if (against.length === 0) return null;
  const names = list(against.map(({ name }) => name));
  const told = against.map(
    ({ name, own }) => `${name}: ${signed(own.difference.value)} (${signedRange(own.difference)})`,
  );
  const what = kind === 'equivalent' ? 'there is a difference' : 'the opposite holds';
  return {
    id: 'external',
    short: `not on ${names}`,
    clause: `${what} on ${told.join(', ')}`,
    detail: `On ${plural(against.length, 'external set')} ${what}: ${told.join(', ')}. The verdict is about images of the training images' own collection alone.`,
  };
}

function atChance({ arms, names }: TrialAnalysis, { baseline, degenerate }: Comparison): Limit | null {
  if (!degenerate.includes('chance')) return null;
  const { auc } = arms.find(({ arm }) => arm === baseline)!;
  const told = `AUC ${auc.value.toFixed(3)}, ${range(auc)}`;
  return {
    id: 'chance',
    short: 'baseline at chance',
    clause: `the baseline itself is not shown to know anything (${told})`,
    detail: `The interval of ${baseline} holds 0.5 (${told}): ${auc.value < 0.6 ? 'nobody would use such a classifier, and' : 'that is wide for want of folds, seeds or test images;'} what ${names.subject} ${names.plural ? 'do' : 'does'} to one that works may be something else. ${auc.value < 0.6 ? 'Train it better first: more steps, pretrained weights, larger pictures.' : 'Add some of these first.'}`,
  };
}
