/** The parts of the report that say how it was made and where it ends: methods and limits. */

import type { Section } from '../../report/document.js';
import { plural } from '../../report/format.js';
import type { TrialAnalysis } from '../../verdict/analysis.js';
import type { TrialSummary } from '../summary.js';
import { levelText } from './comparison-tables.js';
import { methodsParagraphs } from './paper.js';

type Item = { lead: string; text: string };

export function methodsSection(summary: TrialSummary, analysis: TrialAnalysis): Section {
  return {
    id: 'methods',
    title: 'Methods',
    blocks: [
      { kind: 'list', items: methodItems(summary, analysis) },
      { kind: 'subheading', text: 'For a paper' },
      ...methodsParagraphs(summary, analysis).map((text) => ({ kind: 'prose' as const, text })),
    ],
  };
}

function methodItems(summary: TrialSummary, analysis: TrialAnalysis): Item[] {
  const { group } = summary.dataset;
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
            `(Obuchowski and Rockette 1995; DeLong 1988${byGroup}). The two parts’ half widths, by t and by normal quantile, are combined in quadrature (Howe 1974). Arms are paired by seed${folds > 1 ? ', fold' : ''} and by image. Intervals of single arms are made on the logit scale.` +
            (folds > 1 ? ' Folds have test images of their own, so that their variances add up.' : ''),
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
      lead: 'Several comparisons.',
      text:
        'The verdict is about one comparison, fixed by the design and not by the results: synthetic images on top of standard augmentation where that was run, else on top of the real images. It is tested at its full level; the p-values of the ' +
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
            text: 'were scored by every run as they are, at the threshold of the run’s own validation images; every fold and seed counts as a reader of the same images.',
          },
        ]
      : []),
    {
      lead: 'Verdict',
      text: `“helps” or “harms” needs a ${level} interval on one side of zero; “no difference that matters” needs the whole interval within ±${margin}; all else is “underpowered”.`,
    },
    {
      lead: 'Detectable',
      text: `is the true difference that this many seeds on these test images would find with ${Math.round(100 * summary.power)} % power (for corrected comparisons at the strictest level of the correction), taking the observed variances for the true ones. With few seeds it is itself rough.`,
    },
  ];
}

export function limitsSection(summary: TrialSummary): Section {
  const phantom = summary.dataset.kind === 'phantom';
  const { folds, external } = summary;
  const items = [
    {
      lead: 'Not a medical device.',
      text: 'Nothing here may be used to diagnose or treat. Classifiers and images of this trial were made for research on methods.',
    },
    folds.length > 1
      ? {
          lead: 'One collection.',
          text: 'Folds vary the training images and the GAN’s training, but they share most of their images; a new collection could answer differently. The intervals cover seeds and test images, not that.',
        }
      : {
          lead: 'One training set, one set of synthetic images.',
          text: 'Seeds repeat the classifier’s training, not the collection of the training images nor the training of the GAN. The intervals do not cover either.',
        },
    {
      lead: external.length > 0 ? 'Few sources.' : 'One source.',
      text: phantom
        ? 'Phantoms are simpler than lesions; an effect on them, or the lack of one, does not carry over to patients.'
        : external.length > 0
          ? 'The verdict is about test images of the training images’ own collection. The external sets show how it carries over to others; they are not all cameras, skins and clinics.'
          : 'Test images come from the same collection as the training images: other cameras, skins and clinics were not tested.',
    },
    {
      lead: 'This budget.',
      text: `${summary.classifier}, ${summary.sizePx} px and this number of steps. A stronger or longer-trained classifier may need synthetic images less, or use them better.`,
    },
  ];
  return { id: 'limits', title: 'Limits', blocks: [{ kind: 'list', items }] };
}
