/** The parts of the report that say how it was made and where it ends: methods, limits, appendix. */

import type { Section } from '../../report/document.js';
import { duration, fixed, plural, whole } from '../../report/format.js';
import type { TrialAnalysis } from '../analysis.js';
import type { TrialSummary } from '../summary.js';
import { armLabel } from './palette.js';

export function methodsSection(summary: TrialSummary, analysis: TrialAnalysis): Section {
  const several = analysis.arms.some(({ seeds }) => seeds.length > 1);
  const percent = Math.round(analysis.level * 100);
  const { group } = summary.dataset;
  return {
    id: 'methods',
    title: 'Methods',
    blocks: [
      {
        kind: 'list',
        items: [
          {
            lead: 'AUC',
            text: 'is the chance that a positive image scores above a negative one, ties counting a half, over the whole test split.',
          },
          several
            ? {
                lead: 'Intervals and p-values',
                text:
                  'take seeds and test images both for samples: the variance between seeds, plus the covariance that all seeds share through the test images ' +
                  `(Obuchowski and Rockette 1995; DeLong 1988${group === 'image' ? '' : `, by ${group}: Obuchowski 1997`}). The two parts’ half widths, by t and by normal quantile, are combined in quadrature (Howe 1974). Arms are paired by seed and by image. Intervals of single arms are made on the logit scale.`,
              }
            : {
                lead: 'Intervals and p-values',
                text: `with one seed cover the choice of test images only (DeLong 1988${group === 'image' ? '' : `, by ${group}: Obuchowski 1997`}); what another seed would have given is not in them.`,
              },
          {
            lead: 'Several comparisons.',
            text:
              'The verdict is about one comparison, fixed by the design and not by the results: synthetic images on top of standard augmentation where that was run, else on top of the real images. It is tested at its full level; the p-values of the ' +
              `${plural(analysis.family, 'other comparison')} about synthetic images are corrected among themselves (Holm 1979).`,
          },
          {
            lead: 'Verdict',
            text: `“helps” or “harms” needs a ${percent} % interval on one side of zero; “no difference that matters” needs the whole interval within ±${analysis.equivalenceMargin}; all else is “no evidence”.`,
          },
          {
            lead: 'Detectable',
            text: 'is the true difference that this many seeds on these test images would find with 80 % power (for corrected comparisons at the strictest level of the correction), taking the observed variances for the true ones. With few seeds it is itself rough.',
          },
        ],
      },
    ],
  };
}

export function limitsSection(summary: TrialSummary): Section {
  const phantom = summary.dataset.kind === 'phantom';
  const items = [
    {
      lead: 'Not a medical device.',
      text: 'Nothing here may be used to diagnose or treat. Classifiers and images of this trial were made for research on methods.',
    },
    {
      lead: 'One training set, one set of synthetic images.',
      text: 'Seeds repeat the classifier’s training, not the collection of the training images nor the training of the GAN. The intervals do not cover either.',
    },
    {
      lead: 'One source.',
      text: phantom
        ? 'Phantoms are simpler than lesions; an effect on them, or the lack of one, does not carry over to patients.'
        : 'Test images come from the same collection as the training images: other cameras, skins and clinics were not tested.',
    },
    {
      lead: 'This budget.',
      text: `${summary.classifier}, ${summary.sizePx} px and this number of steps. A stronger or longer-trained classifier may need synthetic images less, or use them better.`,
    },
  ];
  return { id: 'limits', title: 'Limits', blocks: [{ kind: 'list', items }] };
}

export function appendix(summary: TrialSummary): Section {
  const { environment } = summary;
  return {
    id: 'appendix',
    title: 'Appendix',
    blocks: [
      {
        kind: 'table',
        title: 'Every run',
        columns: [
          { title: 'Arm', align: 'left' },
          { title: 'Seed', align: 'right' },
          { title: 'Validation AUC', align: 'right' },
          { title: 'Test AUC', align: 'right' },
          { title: 'Log-loss', align: 'right' },
          { title: 'Threshold', align: 'right' },
          { title: 'Best step', align: 'right' },
          { title: 'Time', align: 'right' },
        ],
        rows: summary.runs.map((run) => [
          armLabel(run.arm),
          String(run.seed),
          fixed(run.validation.auc),
          fixed(run.test.auc),
          fixed(run.test.logLoss),
          fixed(run.test.threshold),
          whole(run.bestStep),
          duration(run.seconds),
        ]),
      },
      {
        kind: 'table',
        title: 'Environment',
        columns: [
          { title: 'What', align: 'left' },
          { title: 'Value', align: 'left' },
        ],
        rows: [
          ['Graft', summary.version],
          ['libtorch', environment.libtorch],
          ['Node.js', environment.node],
          ['CPU', environment.cpu],
          ['Device', environment.device],
          ['Threads', String(environment.threads)],
          ['Started', summary.startedAt],
          ['Finished', summary.finishedAt],
        ],
      },
      { kind: 'code', title: 'Configuration as resolved', text: summary.configYaml.trimEnd() },
    ],
  };
}
