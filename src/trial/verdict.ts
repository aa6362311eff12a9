/**
 * One sentence in plain words, and a paragraph, from an analysis. The sentence never claims more than the
 * interval: "helps" and "harms" need the interval of the primary comparison on one side of zero; "no difference
 * that matters" needs all of it inside the margin fixed beforehand; everything else is "no evidence", with the
 * smallest effect the trial could have found. One seed never gets a verdict.
 */
import { plural, pValue, signed } from '../report/format.js';
import type { Comparison, TrialAnalysis } from './analysis.js';

export type VerdictKind = 'helps' | 'harms' | 'equivalent' | 'no-evidence' | 'single-seed' | 'not-asked';

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

/** Decides on the primary comparison; the other ones are told in the paragraph. */
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
  const { images } = analysis.test;
  const seeds = primary.seeds.length;
  const { value, low, high } = primary.difference;
  const percent = `${Math.round(analysis.level * 100)} %`;
  const interval = `${signed(value)} (${percent} interval ${signed(low)} to ${signed(high)})`;
  const basis = `${plural(seeds, 'seed')} on ${plural(images, 'test image')}`;
  const margin = analysis.equivalenceMargin;
  const beyondZero = low > 0 || high < 0;
  const detectable = detectableText(primary.detectable.difference);
  const subject = 'these synthetic images';
  const context = primary.question === 'replaces' ? 'in place of standard augmentation' : against(primary);
  const rest = otherComparisons(analysis, primary);
  const scope =
    'It holds for these images, this classifier and this training budget; another GAN, another set or a ' +
    'pretrained classifier may answer differently.';

  if (seeds === 1) {
    const direction = value > 0 ? 'higher' : value < 0 ? 'lower' : 'the same';
    const beyond = beyondZero
      ? 'The choice of test images alone does not explain that, but training with another seed might'
      : 'The choice of test images alone could explain that';
    return {
      kind: 'single-seed',
      short: 'One seed: no verdict',
      sentence: `No verdict from a single seed: with ${subject} the test AUC was ${direction}, ${interval}, ${context}.`,
      paragraph:
        `${beyond}; one seed cannot tell an effect from the luck of training. The interval covers the choice of ` +
        `${plural(images, 'test image')} only (DeLong). Run the trial with three seeds at least.`,
      others: rest,
    };
  }
  if (low >= -margin && high <= margin) {
    const small = beyondZero
      ? `There is a difference that chance does not explain (p ${pValue(primary.p)}), but it is smaller than the ±${margin} that was set as mattering. `
      : '';
    return {
      kind: 'equivalent',
      short: 'No difference that matters',
      sentence: `${capital(subject)} make no difference that matters ${context}: AUC ${interval}, all of it within ±${margin} (${basis}).`,
      paragraph: `${small}${scope}`,
      others: rest,
    };
  }
  if (beyondZero) {
    const helps = low > 0;
    const bound = helps ? low : high;
    const modest =
      Math.abs(bound) < margin
        ? ` The interval also allows an effect as small as ${signed(bound)}, below the ±${margin} that was set as mattering.`
        : '';
    return {
      kind: helps ? 'helps' : 'harms',
      short: helps ? 'Synthetic images help' : 'Synthetic images harm',
      sentence: `${capital(subject)} ${helps ? 'help' : 'harm'} ${context}: AUC ${interval}, p ${pValue(primary.p)}, ${basis}.`,
      paragraph: `${scope}${modest}`,
      others: rest,
    };
  }
  const allows =
    low < 0 && high > 0
      ? `A gain of up to ${signed(high)} and a loss of up to ${signed(low).slice(1)} both remain possible. `
      : '';
  return {
    kind: 'no-evidence',
    short: 'No evidence that it helps',
    sentence: `No evidence that ${subject} help ${context}: AUC ${interval}; ${basis} can detect no less than ${detectable}.`,
    paragraph: `${allows}${remedy(primary, margin)}`.trim(),
    others: rest,
  };
}

/** What would sharpen the answer: seeds, or only a larger test set. */
function remedy({ detectable, seeds }: Comparison, margin: number): string {
  if (detectable.difference <= margin) return '';
  if (detectable.seedsForMargin !== null) {
    return detectable.seedsForMargin > seeds.length
      ? `To detect ±${margin} with ${Math.round(detectable.power * 100)} % power, about ${detectable.seedsForMargin} seeds would be needed.`
      : '';
  }
  return `On this test set no number of seeds would detect less than ${detectableText(detectable.floor)}: only more test images would.`;
}

function against({ baseline, arm }: Comparison): string {
  return /standard/.test(baseline) && /standard/.test(arm)
    ? 'on top of standard augmentation'
    : 'on top of the real images';
}

/** The comparisons that the sentence is not about. */
function otherComparisons(analysis: TrialAnalysis, primary: Comparison): string[] {
  const percent = `${Math.round(analysis.level * 100)} %`;
  return analysis.comparisons
    .filter((comparison) => comparison !== primary)
    .map(({ arm, baseline, difference, role, correctedP, p }) => {
      const purpose = role === 'control' ? ' (control: what standard augmentation itself brings)' : '';
      const corrected = correctedP === null ? `p ${pValue(p)}` : `corrected p ${pValue(correctedP)}`;
      return `${arm} against ${baseline}${purpose}: ${signed(difference.value)} (${percent} interval ${signed(difference.low)} to ${signed(difference.high)}), ${corrected}.`;
    });
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
