/** The verdict in words: question, headline, sentence and paragraph never claim more than the interval. */
import { capital, levelText, list, plural, pValue, signed, signedRange, whole } from '../report/index.js';
import type { TrialAnalysis } from './analysis.js';
import type { Comparison } from './comparison.js';
import { type Degeneracy, LEAST_DEGREES_OF_FREEDOM } from './degenerate.js';
import type { Required, Scope, VerdictKind } from './kind.js';
import { limited, limitedShort } from './limits.js';
import type { Limit } from './scores.js';

/** What there is to be told. */
export interface Decided extends Required {
  analysis: TrialAnalysis;
  primary: Comparison;
  kind: Exclude<VerdictKind, 'not-asked'>;
  scope: Scope;
  limits: Limit[];
  robust: boolean | null;
}

interface Words {
  /** A headline of a few words, with its limits. */
  short: string;
  /** The headline in one sentence, with its limits. */
  sentence: string;
  /** What the sentence means and what would sharpen it. */
  paragraph: string;
}

/** A verdict in words. */
export interface Told extends Words {
  /** What is estimated; it comes first. */
  estimand: string;
  /** The other comparisons, one line each. */
  others: string[];
}

export function tell(told: Decided): Told {
  const { analysis, primary } = told;
  const { short, sentence, paragraph } = words[told.kind](told);
  return {
    estimand: estimandText({
      scope: told.scope,
      folds: primary.folds,
      group: analysis.names.group,
      one: analysis.names.one,
    }),
    short,
    sentence,
    paragraph,
    others: otherComparisons(analysis, primary),
  };
}

/** Rounded up, so that the trial never looks sharper than it is. */
const detectableText = (value: number): string =>
  value >= 0.5 ? '±0.5, which is to say nothing' : `±${(Math.ceil(value * 1000 - 1e-9) / 1000).toFixed(3)}`;

/**
 * What is estimated, in words: over which sample of generators, seeds and training sets, and for whom.
 * @param of.one what is judged where there is one generator alone
 */
export function estimandText(of: { scope: Scope; folds: number; group: string; one?: string }): string {
  const { scope, folds, group, one = 'the images of this one generator' } = of;
  const over = {
    recipe: 'generators of this recipe and classifier seeds',
    'one-generator': `classifier seeds, with ${one}`,
    'no-generator': 'classifier seeds',
  }[scope];
  const trained = folds > 1 ? 'trained on partitions of this collection' : 'trained on this one training set';
  const whom = group === 'image' ? 'images' : `${group}s`;
  return `the mean difference in AUC over ${over}, ${trained}, for new ${whom} like those tested`;
}

const subjectOf = ({ analysis: { names }, scope }: Decided): string =>
  scope === 'one-generator' ? names.one : names.subject;

const verb = ({ analysis: { names } }: Decided, word: 'help' | 'harm' | 'make'): string =>
  names.plural ? word : `${word}s`;

const intervalText = ({ difference, level }: Pick<Comparison, 'difference' | 'level'>): string =>
  `${signed(difference.value)} (${levelText(level)} interval ${signedRange(difference)})`;

/** '5 folds × 3 seeds on 900 test images' */
function basisOf({ primary }: Decided): string {
  const { folds, seeds, test } = primary;
  const runs =
    folds > 1 ? `${plural(folds, 'fold')} × ${plural(seeds.length, 'seed')}` : plural(seeds.length, 'seed');
  return `${runs} on ${plural(test.images, 'test image')}`;
}

/** 'Synthetic images help'; of one generator 'One GAN’s images help'. */
const headline = (told: Decided, claim: string): string =>
  `${told.scope === 'one-generator' ? 'The images of one GAN' : told.analysis.names.short} ${claim}`;

/** What was taken as given, and what other collections might say. */
function reach(told: Decided): string {
  const { primary, scope, robust } = told;
  const { forThese, resampled, folds } = primary;
  const sentences = [
    scope === 'one-generator'
      ? 'It is about these images and no others: another run of the same recipe may do otherwise. Train a generator in each fold, or for each seed (`each: seed`), to learn about the recipe.'
      : '',
    folds > 1 && scope === 'recipe'
      ? `With these ${plural(folds, 'training set')} and their generators taken as given the interval is ${signedRange(forThese)}.`
      : '',
    folds > 1 && resampled
      ? robust === null
        ? `For other collections like this one it would be ${signedRange(resampled)} (Nadeau and Bengio).`
        : robust
          ? `Robust: for other collections like this one the interval says the same, ${signedRange(resampled)} (Nadeau and Bengio).`
          : `Not robust: for other collections like this one the interval would be ${signedRange(resampled)} (Nadeau and Bengio), which does not say so.`
      : '',
    'Another classifier, training budget or collection may answer differently.',
  ];
  return sentences.filter(Boolean).join(' ');
}

function looksText({ analysis: { look } }: Decided): string {
  if (!look) return '';
  return (
    ` Seeds were added step by step (look ${look.number} of ${look.looks.length}); interval and p-value allow for ` +
    'having looked before.'
  );
}

const effect = (told: Decided, helps: boolean): Words => {
  const { primary, required, limits } = told;
  const { margin } = primary.equivalence;
  const bound = helps ? primary.difference.low : primary.difference.high;
  const { low, high } = primary.difference;
  const small = low >= -margin && high <= margin;
  const modest = small
    ? ` All of it is smaller than the ±${margin} that was set as mattering; the groups are too few to call that no difference.`
    : Math.abs(bound) < margin
      ? ` The interval also allows an effect as small as ${signed(bound)}, below the ±${margin} that was set as mattering.`
      : '';
  const rough =
    primary.variance.degreesOfFreedom < 2
      ? ' With two seeds the spread between them rests on a single degree of freedom: run more before building on it.'
      : '';
  const balanced = helps
    ? required.map((against) => `, and ${intervalText(against)} ${against.phrase}`).join('')
    : '';
  const claim = `${capital(subjectOf(told))} ${verb(told, helps ? 'help' : 'harm')} ${primary.phrase}: AUC ${intervalText(primary)}, p ${pValue(primary.p)}${balanced}, ${basisOf(told)}`;
  return {
    short: limitedShort(headline(told, verb(told, helps ? 'help' : 'harm')), limits),
    sentence: limited(claim, limits),
    paragraph: `${reach(told)}${modest}${rough}${looksText(told)}`,
  };
};

const words: Record<Decided['kind'], (told: Decided) => Words> = {
  helps: (told) => effect(told, true),
  harms: (told) => effect(told, false),
  'balance-only': (told) => {
    const { primary, failed, unmade, limits, analysis } = told;
    const { plural: many } = analysis.names;
    const shown = failed.map((against) => `${against.phrase}: ${intervalText(against)}`);
    const lacking = unmade.map(({ phrase }) => `${phrase}: no runs that could be paired`);
    const claim = `${capital(subjectOf(told))} ${many ? 'do' : 'does'} better than the unbalanced real images (AUC ${intervalText(primary)}), but ${many ? 'are' : 'is'} not shown to do better ${[...shown, ...lacking].join('; ')}, ${basisOf(told)}`;
    const ps = failed.map(({ p }) => `p ${pValue(p)}`);
    return {
      short: limitedShort('No more than balance is shown', limits),
      sentence: limited(claim, limits),
      paragraph: `Re-balancing the real images costs nothing, so that synthetic ones only help where they bring more${ps.length > 0 ? ` (${ps.join(', ')})` : ''}. ${reach(told)}${looksText(told)}`,
    };
  },
  equivalent: (told) => {
    const { primary, limits } = told;
    const { margin, p } = primary.equivalence;
    const { low, high } = primary.difference;
    const small =
      low > 0 || high < 0
        ? `There is a difference that chance does not explain (p ${pValue(primary.p)}), but it is smaller than the ±${margin} that was set as mattering. `
        : '';
    const claim = `${capital(subjectOf(told))} ${verb(told, 'make')} no difference that matters ${primary.phrase}: AUC ${intervalText(primary)}, all of it within ±${margin} (${basisOf(told)})`;
    return {
      short: limitedShort('No difference that matters', limits),
      sentence: limited(claim, limits),
      paragraph: `${small}Two one-sided tests against ±${margin}: p ${pValue(p)}. ${reach(told)}${looksText(told)}`,
    };
  },
  underpowered: (told) => {
    const { primary } = told;
    const { low, high } = primary.difference;
    const allows =
      low < 0 && high > 0
        ? `A gain of up to ${signed(high)} and a loss of up to ${signed(low).slice(1)} both remain possible. `
        : '';
    return {
      short: 'Underpowered: no answer',
      sentence:
        `No evidence that ${subjectOf(told)} help or harm ${primary.phrase}: AUC ${intervalText(primary)}; ${basisOf(told)} can detect no less than ${detectableText(primary.detectable.difference)}.`.replace(
          ' help or harm ',
          ` ${verb(told, 'help')} or ${verb(told, 'harm')} `,
        ),
      paragraph: `${allows}${remedy(told)}${looksText(told)}`.trim(),
    };
  },
  'not-decidable': (told) => {
    const { primary, analysis } = told;
    const reason = order.find((one) => primary.degenerate.includes(one))!;
    const { because, remedy: then } = reasons[reason](primary, analysis);
    return {
      short: `Not decidable: ${reasonShort[reason]}`,
      sentence: `Not decidable: ${because} (AUC ${intervalText(primary)}, ${basisOf(told)}).`,
      paragraph: `${holdsZero(primary) ? 'That no difference is seen is no evidence that there is none. ' : ''}${then}${looksText(told)}`,
    };
  },
  'single-seed': (told) => {
    const { primary } = told;
    const { value, low, high } = primary.difference;
    const direction = value > 0 ? 'higher' : value < 0 ? 'lower' : 'the same';
    const beyond =
      low > 0 || high < 0
        ? 'The choice of test images alone does not explain that, but training with another seed might'
        : 'The choice of test images alone could explain that';
    return {
      short: 'One seed: no verdict',
      sentence: `No verdict from a single seed: with ${subjectOf(told)} the test AUC was ${direction}, ${intervalText(primary)}, ${primary.phrase}.`,
      paragraph:
        `${beyond}; one seed cannot tell an effect from the luck of training. The interval covers the choice of ` +
        `${plural(primary.test.images, 'test image')} only (DeLong). Run the trial with three seeds at least.`,
    };
  },
};

const holdsZero = ({ difference: { low, high } }: Comparison): boolean => low <= 0 && high >= 0;

/** Which reason is told where there are several. */
const order: readonly Degeneracy[] = [
  'few-groups',
  'inverted',
  'copies',
  'constant',
  'identical',
  'saturated',
  'chance',
];

const reasonShort: Record<Degeneracy, string> = {
  'few-groups': 'too few patients of a class',
  inverted: 'scores look inverted',
  copies: 'copies of one run',
  constant: 'scores hardly tell images apart',
  identical: 'both arms rank every image alike',
  saturated: 'the arms differ on too few patients',
  chance: 'the baseline knows nothing',
};

const reasons: Record<
  Degeneracy,
  (primary: Comparison, analysis: TrialAnalysis) => { because: string; remedy: string }
> = {
  'few-groups': ({ effectiveGroups }, { names }) => ({
    because: `the test images of one class are worth ${effectiveGroups.toFixed(1)} independent ${names.group}s, and ${LEAST_DEGREES_OF_FREEDOM + 1} is the least that says anything`,
    remedy: `A ${names.group} with many images counts little more than one: test on more ${names.group}s.`,
  }),
  inverted: ({ arm, baseline }, { arms }) => {
    const below = arms.filter((one) => (one.arm === arm || one.arm === baseline) && one.auc.high < 0.5);
    return {
      because: `the AUC of ${list(below.map((one) => one.arm))} lies below 0.5 as a whole, so that scores look inverted`,
      remedy:
        'Higher scores must mean the positive class: hand over 1 − score, or name the other class as the positive one.',
    };
  },
  copies: ({ arm }) => ({
    because: `seeds of ${arm} rank every image alike, so that they are one run under several names`,
    remedy:
      'A run counts once. Where training has no luck (a probe on frozen features), give one seed a fold, and more folds or generators.',
  }),
  constant: ({ collapsed }) => ({
    because: `${list(collapsed)} gives most images one and the same score in half of the runs or more`,
    remedy:
      'Either the classifier has collapsed: look at its training (loss, learning rate, class weights). Or these are hard labels or rounded scores: hand over probabilities.',
  }),
  identical: ({ arm, baseline, generators }) => ({
    because: `${arm} and ${baseline} rank every test image alike in every run`,
    remedy: `Were the same scores handed over twice${generators > 0 ? ', or the synthetic images never read' : ''}?`,
  }),
  saturated: ({ equivalence, effectiveGroups }, { names }) => ({
    because: `the arms differ on hardly any ${names.group} of a class that is worth ${effectiveGroups.toFixed(0)} of them, and so few could not show a difference within ±${equivalence.margin}`,
    remedy: `Test on more ${names.group}s, or on harder images.`,
  }),
  chance: ({ baseline }, { arms }) => {
    const { auc } = arms.find(({ arm }) => arm === baseline)!;
    return {
      because: `${baseline} itself is not shown to know anything, its interval holds 0.5 (${auc.value.toFixed(3)}, ${auc.low.toFixed(3)} to ${auc.high.toFixed(3)})`,
      remedy:
        'Two classifiers that know nothing are alike without being equivalent: train a better baseline first.',
    };
  },
};

/** What would sharpen the answer: folds, seeds, test images, or several of them. */
function remedy({ analysis: { names }, primary, scope }: Decided): string {
  const { detectable, seeds, folds, test } = primary;
  const { margin } = primary.equivalence;
  const power = `${Math.round(100 * detectable.power)} %`;
  const goal = `To detect ±${margin} with ${power} power, `;
  const { low, high } = primary.difference;
  if (low >= -margin && high <= margin) {
    const groups = plural(Math.floor(primary.effectiveGroups), `${names.group}`);
    return `The interval lies within ±${margin}, but the rarer class has the worth of ${groups}: so few may all have been spared a difference of that size. More test images of others would tell.`;
  }
  if (detectable.difference <= margin) {
    return `The trial would have found a difference of ±${margin} with ${power} power, but its interval does not exclude one: more folds, seeds or test images would narrow it.`;
  }
  const inEach = folds > 1 ? ' in each fold' : '';
  const groupsText = (groups: number): string => {
    const positives = Math.ceil((groups * test.positiveGroups) / test.groups);
    return `${plural(groups, `test ${names.group}`)} (${whole(positives)} of them ${names.positive}; now ${whole(test.groups)} and ${whole(test.positiveGroups)})`;
  };
  const { seedsForMargin, foldsForMargin, groupsForMargin, bothForMargin } = detectable;
  const ways = [
    foldsForMargin !== null && foldsForMargin > folds
      ? `about ${plural(foldsForMargin, 'fold')}${scope === 'no-generator' ? '' : ', each with a generator of its own'} (now ${whole(folds)})`
      : null,
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
      ? `${folds > 1 ? 'With these folds' : 'On this test set'} no number of seeds would detect less than ${detectableText(detectable.floor)}: only more ${folds > 1 ? 'folds or ' : ''}test images would. `
      : '';
  return `${never}${needed}`.trim();
}

/** The comparisons that the sentence is not about. */
function otherComparisons({ comparisons }: TrialAnalysis, primary: Comparison): string[] {
  const purposes: Partial<Record<Comparison['role'], string>> = {
    control: ' (control: what standard augmentation itself brings)',
    required: ' (required for “helps”)',
  };
  return comparisons
    .filter((comparison) => comparison !== primary)
    .map((comparison) => {
      const { arm, baseline, role, correctedP, p } = comparison;
      const tested = correctedP === null ? `p ${pValue(p)}` : `corrected p ${pValue(correctedP)}`;
      return `${arm} against ${baseline}${purposes[role] ?? ''}: ${intervalText(comparison)}, ${tested}.`;
    });
}
