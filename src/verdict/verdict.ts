/**
 * One sentence in plain words, and a paragraph, from an analysis. The sentence never claims more than the
 * interval: "helps" and "harms" need the interval of the primary comparison on one side of zero; "no difference
 * that matters" needs all of it inside the margin fixed beforehand; everything else is "underpowered", with the
 * smallest effect the trial could have found and what it would take to find the margin. One seed never gets a verdict.
 */
import { plural, pValue, signed, whole } from '../report/format.js';
import type { Comparison, TrialAnalysis } from './analysis.js';

export type VerdictKind = 'helps' | 'harms' | 'equivalent' | 'underpowered' | 'single-seed' | 'not-asked';

export interface Verdict {
  kind: VerdictKind;
  /** Two to five words for a headline. */
  short: string;
  sentence: string;
  /** What the sentence means and what would sharpen it. */
  paragraph: string;
  /** The other comparisons, one line each. */
  others: string[];
}

/** Rounded up, so that the trial never looks sharper than it is. */
const detectableText = (value: number): string =>
  value >= 0.5 ? '±0.5, which is to say nothing' : `±${(Math.ceil(value * 1000 - 1e-9) / 1000).toFixed(3)}`;

/** '95 %', '96.3 %' */
const levelText = (level: number): string => `${Number((100 * level).toFixed(1))} %`;

/** What the primary comparison alone says. */
export function kindOf(primary: Comparison): Exclude<VerdictKind, 'not-asked'> {
  const { low, high } = primary.difference;
  const { margin } = primary.equivalence;
  if (primary.variance.seeds === null) return 'single-seed';
  if (low >= -margin && high <= margin) return 'equivalent';
  return low > 0 ? 'helps' : high < 0 ? 'harms' : 'underpowered';
}

/** Decides on the primary comparison; the other ones are told in `others`. */
export function decideVerdict(analysis: TrialAnalysis): Verdict {
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  if (!primary) {
    return {
      kind: 'not-asked',
      short: 'No comparison',
      sentence:
        'This trial has no arm with synthetic images beside one without: it cannot say whether they help.',
      paragraph: 'Add the arms real and real+synthetic (and both with +standard) over the same seeds.',
      others: [],
    };
  }
  const kind = kindOf(primary);
  const { value, low, high } = primary.difference;
  const told: Told = {
    primary,
    interval: `${signed(value)} (${levelText(primary.level)} interval ${signed(low)} to ${signed(high)})`,
    basis: `${runsText(analysis, primary)} on ${plural(analysis.test.images, 'test image')}`,
    context: primary.phrase,
    beyondZero: low > 0 || high < 0,
    looks: looksText(analysis),
  };
  const { paragraph, ...rest } = words[kind](told, analysis);
  return {
    kind,
    ...rest,
    paragraph: [paragraph, disagreement(primary)].filter(Boolean).join(' '),
    others: otherComparisons(analysis, primary),
  };
}

interface Told {
  primary: Comparison;
  interval: string;
  basis: string;
  context: string;
  beyondZero: boolean;
  looks: string;
}

type Words = Pick<Verdict, 'short' | 'sentence' | 'paragraph'>;

const subject = 'these synthetic images';
const scope =
  'It holds for these images, this classifier and this training budget; another GAN, another set or a ' +
  'pretrained classifier may answer differently.';

const effect = (told: Told, helps: boolean): Words => {
  const { primary, interval, basis, context, looks } = told;
  const { margin } = primary.equivalence;
  const bound = helps ? primary.difference.low : primary.difference.high;
  const modest =
    Math.abs(bound) < margin
      ? ` The interval also allows an effect as small as ${signed(bound)}, below the ±${margin} that was set as mattering.`
      : '';
  const rough =
    primary.variance.degreesOfFreedom < 2
      ? ' With two seeds the spread between them rests on a single degree of freedom: run more before building on it.'
      : '';
  return {
    short: helps ? 'Synthetic images help' : 'Synthetic images harm',
    sentence: `${capital(subject)} ${helps ? 'help' : 'harm'} ${context}: AUC ${interval}, p ${pValue(primary.p)}, ${basis}.`,
    paragraph: `${scope}${modest}${rough}${looks}`,
  };
};

const words: Record<Exclude<VerdictKind, 'not-asked'>, (told: Told, analysis: TrialAnalysis) => Words> = {
  helps: (told) => effect(told, true),
  harms: (told) => effect(told, false),
  equivalent: ({ primary, interval, basis, context, beyondZero, looks }) => {
    const { margin, p } = primary.equivalence;
    const small = beyondZero
      ? `There is a difference that chance does not explain (p ${pValue(primary.p)}), but it is smaller than the ±${margin} that was set as mattering. `
      : '';
    return {
      short: 'No difference that matters',
      sentence: `${capital(subject)} make no difference that matters ${context}: AUC ${interval}, all of it within ±${margin} (${basis}).`,
      paragraph: `${small}Two one-sided tests against ±${margin}: p ${pValue(p)}. ${scope}${looks}`,
    };
  },
  underpowered: ({ primary, interval, basis, context, looks }, analysis) => {
    const { low, high } = primary.difference;
    const detectable = detectableText(primary.detectable.difference);
    const allows =
      low < 0 && high > 0
        ? `A gain of up to ${signed(high)} and a loss of up to ${signed(low).slice(1)} both remain possible. `
        : '';
    return {
      short: 'Underpowered: no answer',
      sentence: `No evidence that ${subject} help or harm ${context}: AUC ${interval}; ${basis} can detect no less than ${detectable}.`,
      paragraph: `${allows}${remedy(primary, analysis)}${looks}`.trim(),
    };
  },
  'single-seed': ({ primary, interval, context, beyondZero }, { test }) => {
    const { value } = primary.difference;
    const direction = value > 0 ? 'higher' : value < 0 ? 'lower' : 'the same';
    const beyond = beyondZero
      ? 'The choice of test images alone does not explain that, but training with another seed might'
      : 'The choice of test images alone could explain that';
    return {
      short: 'One seed: no verdict',
      sentence: `No verdict from a single seed: with ${subject} the test AUC was ${direction}, ${interval}, ${context}.`,
      paragraph:
        `${beyond}; one seed cannot tell an effect from the luck of training. The interval covers the choice of ` +
        `${plural(test.images, 'test image')} only (DeLong). Run the trial with three seeds at least.`,
    };
  },
};

/** '3 seeds'; '5 folds × 3 seeds' */
function runsText({ folds }: TrialAnalysis, { seeds }: Comparison): string {
  return folds > 1
    ? `${plural(folds, 'fold')} × ${plural(seeds.length, 'seed')}`
    : plural(seeds.length, 'seed');
}

function looksText({ look }: TrialAnalysis): string {
  if (!look) return '';
  return (
    ` Seeds were added step by step (look ${look.number} of ${look.looks.length}); interval and p-value allow for ` +
    'having looked before.'
  );
}

/** Folds that differ by more than chance are told: the interval takes their training sets and GANs as given. */
function disagreement({ foldSpread, foldDifferences, resampled }: Comparison): string {
  if (!foldSpread || foldSpread.p >= 0.05) return '';
  const values = foldDifferences.map(({ difference }) => difference);
  const sample = resampled
    ? ` With the folds as the sample it would be ${signed(resampled.low)} to ${signed(resampled.high)} (resampled t).`
    : '';
  return (
    `The folds disagree by more than seeds and test images explain (p ${pValue(foldSpread.p)}): ` +
    `${signed(Math.min(...values))} to ${signed(Math.max(...values))}. Each has its own training images and GAN, which the ` +
    `interval takes as given: it is about these, not about others of their kind.${sample}`
  );
}

/** What would sharpen the answer: seeds, test images, or both. */
function remedy(primary: Comparison, { folds, test, names }: TrialAnalysis): string {
  const { detectable, seeds } = primary;
  const { margin } = primary.equivalence;
  const goal = `To detect ±${margin} with ${Math.round(detectable.power * 100)} % power, `;
  if (detectable.difference <= margin) {
    return `The trial would have found a difference of ±${margin} with ${Math.round(detectable.power * 100)} % power, but its interval does not exclude one: more seeds or test images would narrow it.`;
  }
  const inEach = folds > 1 ? ' in each fold' : '';
  const groupsText = (groups: number): string => {
    const positives = Math.ceil((groups * test.positiveGroups) / test.groups);
    return `${plural(groups, `test ${names.group}`)} (${whole(positives)} of them ${names.positive}; now ${whole(test.groups)} and ${whole(test.positiveGroups)})`;
  };
  const { seedsForMargin, groupsForMargin, bothForMargin } = detectable;
  const ways = [
    seedsForMargin !== null && seedsForMargin > seeds.length
      ? `about ${plural(seedsForMargin, 'seed')}${inEach} (${whole(seedsForMargin - seeds.length)} more)`
      : null,
    groupsForMargin !== null && groupsForMargin > test.groups ? `about ${groupsText(groupsForMargin)}` : null,
    bothForMargin
      ? `about ${plural(bothForMargin.seeds, 'seed')}${inEach} together with ${groupsText(bothForMargin.groups)}`
      : null,
  ].filter((way) => way !== null);
  const needed = ways.length > 0 ? `${goal}${ways.join(', or ')} would be needed.` : '';
  if (primary.variance.between === 'folds') {
    return 'With one seed in each fold nobody can tell what more seeds or more test images would bring; run two seeds or more in each.';
  }
  const never =
    seedsForMargin === null && detectable.floor !== null
      ? `On this test set no number of seeds would detect less than ${detectableText(detectable.floor)}: only more test images would. `
      : '';
  return `${never}${needed}`.trim();
}

/** The comparisons that the sentence is not about. */
function otherComparisons(analysis: TrialAnalysis, primary: Comparison): string[] {
  return analysis.comparisons
    .filter((comparison) => comparison !== primary)
    .map(({ arm, baseline, difference, role, correctedP, p, level }) => {
      const purpose = role === 'control' ? ' (control: what standard augmentation itself brings)' : '';
      const corrected = correctedP === null ? `p ${pValue(p)}` : `corrected p ${pValue(correctedP)}`;
      return `${arm} against ${baseline}${purpose}: ${signed(difference.value)} (${levelText(level)} interval ${signed(difference.low)} to ${signed(difference.high)}), ${corrected}.`;
    });
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
