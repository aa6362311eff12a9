/** What scores answer of how they were analysed: measures, uncertainty, several comparisons, other methods. */
import { levelText, list, plural, pValue, signed, signedRange } from '../../report/index.js';
import type { Comparison } from '../comparison.js';
import type { Judged } from '../judged.js';
import { scoreNames } from '../score-analysis.js';

import { type Facts, SECTIONS } from './answers.js';

export function methodFacts({ analysis, scores, isProbability }: Judged, primary: Comparison | null): Facts {
  const { folds, family, look, names, external } = analysis;
  const several = analysis.arms.some(({ runs }) => runs.length > 1);
  const level = levelText(primary?.level ?? analysis.level);
  const others = scoreNames.filter((name) => analysis.arms.some((arm) => arm.scores[name] !== undefined));
  const thresholds = scores.runs.every(({ threshold }) => threshold !== null);
  const clustered = names.group === 'image' ? '' : ` by ${names.group}`;
  const facts: Facts = {
    measures: {
      text: `AUC, on which the verdict rests${others.length > 0 ? `; beside it average precision${thresholds ? ', sensitivity, specificity and balanced accuracy at the threshold of the validation images' : ''}, sensitivity at 95 % specificity${isProbability ? ', Brier score, log loss, calibration and net benefit' : ''}, for description` : ''}.`,
      where: SECTIONS.methods,
    },
    uncertainty: {
      text: several
        ? `${level} intervals over seeds and test images: the variance between seeds plus DeLong’s covariance${clustered} (Obuchowski and Rockette 1995), by t${folds > 1 ? ', or the spread between folds where that is wider' : ''}.`
        : `${level} intervals by DeLong${clustered}: over test images only, as each arm has one run.`,
      where: SECTIONS.methods,
    },
    multiplicity: {
      text: `One comparison decides and is not corrected; ${family === 0 ? 'there are no secondary ones' : `${plural(family, 'secondary comparison')} ${family === 1 ? 'is' : 'are'} corrected by Holm’s method`}. ${look ? 'Looks spend the error rate (Lan and DeMets 1983). ' : ''}Other scores, subgroups${external.length > 0 ? ' and external sets' : ''} are for description, without correction.`,
      where: SECTIONS.methods,
    },
    ...(thresholds
      ? {
          threshold: {
            text: 'One for each run, from its own validation images, used on test images and external sets as it was.',
            where: SECTIONS.methods,
          },
        }
      : {}),
    updating: {
      text: 'None: no model was recalibrated or trained further after it was tested.',
      where: SECTIONS.methods,
    },
    ensembling: {
      text: 'None: every run is scored by itself; what is averaged over runs is the measure, not the score of an image.',
      where: SECTIONS.methods,
    },
  };
  if (!primary) return facts;
  const { bootstrap, seedsOnly, resampled, equivalence } = primary;
  const checks = [
    bootstrap ? `bootstrap over groups and seeds ${signedRange(bootstrap)}` : '',
    seedsOnly ? `t over seeds alone p ${pValue(seedsOnly.p)}` : '',
    resampled ? `corrected resampled t over folds ${signedRange(resampled)} (p ${pValue(resampled.p)})` : '',
    `two one-sided tests against ±${equivalence.margin} p ${pValue(equivalence.p)}`,
  ].filter((text) => text !== '');
  facts.robustness = {
    text: `The same difference by other methods: ${list(checks)}. The primary analysis says ${signedRange(primary.difference)} (p ${pValue(primary.p)}).`,
    where: SECTIONS.result,
  };
  const clusters = [
    primary.foldDifferences.length > 1
      ? `By fold the difference is ${list(primary.foldDifferences.map(({ difference }) => signed(difference)))}${primary.foldSpread ? `; more than seeds and images explain? p ${pValue(primary.foldSpread.p)}` : ''}.`
      : '',
    ...external.flatMap(({ name, comparisons }) =>
      comparisons
        .filter(({ role }) => role === 'primary')
        .map(
          ({ difference }) => `On ${name} it is ${signed(difference.value)} (${signedRange(difference)}).`,
        ),
    ),
  ].filter((text) => text !== '');
  if (clusters.length > 0)
    facts.heterogeneity = {
      text: clusters.join(' '),
      where: primary.foldDifferences.length > 1 ? SECTIONS.folds : SECTIONS.external,
    };
  return facts;
}
