/** Statistics and results as paragraphs of a paper: whole sentences with every number, to be pasted and cut. */
import { fixed, levelText, list, plural, pValue, range, signed, signedRange } from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { Comparison } from '../comparison.js';
import { type PlanSubject, type RegistrationRecord, whenFixed } from '../registration.js';
import { andGenerators } from './covered.js';
import { armLabel } from './palette.js';

export const quoted = (name: string): string => `“${armLabel(name)}”`;

/** @param registration of the plan; null: none was written down */
export function statisticsParagraph(
  analysis: TrialAnalysis,
  registration: RegistrationRecord | null,
  subject: PlanSubject = 'trial',
): string {
  const marginReason = registration?.marginReason;
  const { folds, look, family, equivalenceMargin: margin } = analysis;
  const { group } = analysis.names;
  const primary = primaryOf(analysis);
  const several = analysis.arms.some(({ runs }) => runs.length > 1);
  const clustered = group === 'image' ? '' : `, clustered by ${group} (Obuchowski 1997)`;
  const intervals = several
    ? `Intervals and p-values of differences in AUC treat seeds and test images as random (Obuchowski and Rockette 1995), with DeLong’s covariance${clustered}; the two parts’ half widths, by t on the seeds and on the effective number of groups (Kish 1965), were combined in quadrature (Howe 1974).${folds > 1 ? ` Where the spread between the means of the folds gave a wider interval by t, that was taken, so that training sets${andGenerators(analysis)} are a sample too.` : ''}`
    : `Intervals and p-values of differences in AUC are DeLong’s${clustered} and cover the choice of test images only.`;
  const question = primary
    ? ` The primary comparison, ${fixedBy(registration)}, was ${quoted(primary.arm)} against ${quoted(primary.baseline)}; ${plural(family, 'secondary comparison')} ${family === 1 ? 'was' : 'were'} corrected by Holm’s method.`
    : '';
  const looks = look
    ? ` Seeds were added in ${look.looks.length} planned looks (${look.looks.join(', ')} seeds) with an error-spending function of the O’Brien–Fleming type (Lan and DeMets 1983); the trial ended at look ${look.number}, whose intervals have a level of ${levelText(primary?.level ?? analysis.level)}.`
    : '';
  return `Statistics. The outcome was the area under the ROC curve on the test images. ${intervals}${question} Differences within ±${margin} were ${whenFixed(registration, subject)} as too small to matter${marginReason ? ` (“${marginReason}”)` : ''}.${planText(registration, subject)} The confidence level was ${levelText(analysis.level)}${look ? ' over all looks' : ''}.${looks}`;
}

/** The comparison follows from the arms: whether these were fixed in time, only a plan can show. */
const fixedBy = (registration: RegistrationRecord | null): string =>
  registration !== null && registration.deviations.length === 0
    ? 'fixed before training'
    : 'fixed by the design';

function planText(registration: RegistrationRecord | null, subject: PlanSubject): string {
  if (registration === null) return ' The plan was not registered.';
  const { by, planHash, fileHash, deviations } = registration;
  const what =
    by === 'register'
      ? `The plan was registered before the ${subject} began`
      : `The plan was written down when the ${subject} began, and not registered before`;
  const departures =
    deviations.length === 0
      ? 'there were no deviations from it'
      : `there ${deviations.length === 1 ? 'was one deviation' : `were ${deviations.length} deviations`} from it`;
  return ` ${what} (SHA-256 ${fileHash ?? planHash}); ${departures}.`;
}

const primaryOf = ({ primary, comparisons }: TrialAnalysis): Comparison | undefined =>
  primary === null ? undefined : comparisons[primary];

export function resultsParagraph(analysis: TrialAnalysis): string {
  const { arms, comparisons, external, level } = analysis;
  const primary = primaryOf(analysis);
  const aucs = arms.map(({ arm, auc }) => `${fixed(auc.value)} (${range(auc)}) for ${quoted(arm)}`);
  const told = (
    { arm, baseline, difference }: { arm: string; baseline: string; difference: Comparison['difference'] },
    p: string,
  ): string =>
    `${quoted(arm)} against ${quoted(baseline)} ${signed(difference.value)} (${signedRange(difference)}; ${p})`;
  const others = comparisons.filter((comparison) => comparison !== primary);
  const correctedText = ({ p, correctedP }: Comparison): string =>
    correctedP === null ? `p ${pValue(p)}` : `corrected p ${pValue(correctedP)}`;
  const outside = external.flatMap(({ name, comparisons: pairs }) =>
    pairs
      .filter(({ role }) => role === 'primary')
      .map((pair) => `on ${name} ${told(pair, `p ${pValue(pair.p)}`)}`),
  );
  return [
    `Results. Test AUC (${levelText(level)} interval) was ${list(aucs)}.`,
    primary
      ? `The primary difference was ${signed(primary.difference.value)} (${levelText(primary.level)} interval ${signedRange(primary.difference)}, p ${pValue(primary.p)}).`
      : '',
    others.length > 0
      ? `Other differences: ${others.map((other) => told(other, correctedText(other))).join('; ')}.`
      : '',
    outside.length > 0 ? `On external sets: ${outside.join('; ')}.` : '',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}
