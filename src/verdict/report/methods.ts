/** How the statistics were made, for the methods of a report. */
import { levelText, plural } from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import { andGenerators, hasGenerators } from './covered.js';

type Item = { lead: string; text: string };

/** @param options.chosen by what rule the primary comparison was fixed */
export function methodItems(
  analysis: TrialAnalysis,
  { power, chosen }: { power: number; chosen: string },
): Item[] {
  const { group } = analysis.names;
  const { folds, external, look, equivalenceMargin: margin } = analysis;
  const several = analysis.arms.some(({ runs }) => runs.length > 1);
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  const level = levelText(primary?.level ?? analysis.level);
  const byGroup = group === 'image' ? '' : `, by ${group}: Obuchowski 1997`;
  return [
    {
      lead: 'AUC',
      text: `is the chance that a positive image scores above a negative one, ties counting a half, over ${folds > 1 ? 'the whole test split of a fold, and then the mean over folds' : 'the whole test split'}.`,
    },
    several
      ? {
          lead: 'Intervals and p-values',
          text:
            'take seeds and test images both for samples: the variance between seeds, plus the covariance that all seeds share through the test images ' +
            `(Obuchowski and Rockette 1995; DeLong 1988${byGroup}). The two parts’ half widths, each by t, on the degrees of freedom of the seeds and on the effective groups of the class that has fewer (Kish 1965), are combined in quadrature (Howe 1974). Arms are paired by seed${folds > 1 ? ', fold' : ''} and by image. Intervals of single arms are made on the logit scale.` +
            (folds > 1
              ? ` Where the spread between the folds’ means, by t, makes a wider interval, that is the interval: so training sets${andGenerators(analysis)} are a sample too. Beside it stands the interval for these folds alone, and Nadeau and Bengio’s (2003) for other collections.`
              : '') +
            ' No interval has width 0: where nothing varies it is as wide as one further group, ranked otherwise, would make it (Agresti and Min 2005).',
        }
      : {
          lead: 'Intervals and p-values',
          text: `with one seed cover the choice of test images only (DeLong 1988${byGroup}); what another seed would have given is not in them.`,
        },
    {
      lead: 'Other scores',
      text: 'have their intervals from the same combination, with the covariance over images taken from a bootstrap by group.',
    },
    {
      lead: 'For description',
      text: 'stand subgroups (the same analysis on their images alone), calibration slope and intercept (logistic recalibration, Cox 1958, with the sandwich’s covariance by group) and net benefit (Vickers and Elkin 2006). They are not tested and not corrected, and the verdict does not know them.',
    },
    {
      lead: 'Several comparisons.',
      text:
        `The verdict is about one comparison, fixed by the design and not by the results: ${chosen}. It is tested at its full level; the p-values of the ` +
        `${plural(analysis.family, 'secondary comparison')} are corrected among themselves (Holm 1979).`,
    },
    ...(look
      ? [
          {
            lead: 'Looks.',
            text: `Seeds were added in ${plural(look.looks.length, 'planned look')}; each may spend a share of the error rate (Lan and DeMets 1983), which intervals and p-values allow for.`,
          },
        ]
      : []),
    ...(external.length > 0
      ? [
          {
            lead: 'External sets',
            text: `were scored by every run as they are, at the threshold of the run’s own validation images; each ${hasGenerators(analysis) ? 'generator, and each fold,' : 'fold'} counts as one reader of the same images, whatever its seeds. Their p-values are not corrected.`,
          },
        ]
      : []),
    {
      lead: 'Verdict',
      text: `“helps” or “harms” needs a ${level} interval on one side of zero; “no difference that matters” needs the whole interval within ±${margin}; with what few groups may all have been spared added (docs/trial.md), and arms that could have differed; “not decidable” says that nothing could have been seen; all else is “underpowered”.`,
    },
    {
      lead: 'Detectable',
      text: `is the true difference that this many seeds on these test images would find with ${Math.round(100 * power)} % power (for corrected comparisons at the strictest level of the correction), taking the observed variances for the true ones. With few seeds it is itself rough.`,
    },
  ];
}
