/** The parts of the report that say how it was made and where it ends: methods and limits. */

import type { Section } from '../../report/index.js';
import type { TrialAnalysis } from '../../verdict/index.js';
import { methodItems } from '../../verdict/report/index.js';
import type { TrialSummary } from '../summary.js';
import { methodsParagraphs } from './paper.js';

export function methodsSection(summary: TrialSummary, analysis: TrialAnalysis): Section {
  return {
    id: 'methods',
    title: 'Methods',
    blocks: [
      {
        kind: 'list',
        items: methodItems(analysis, {
          power: summary.power,
          chosen:
            'synthetic images on top of standard augmentation where that was run, else on top of the real images',
        }),
      },
      { kind: 'subheading', text: 'For a paper' },
      ...methodsParagraphs(summary, analysis).map((text) => ({ kind: 'prose' as const, text })),
    ],
  };
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
          text: 'Folds vary the training images and the GAN’s training, but they share most of their images; a new collection could answer differently. The intervals take partitions of this one for a sample, not that.',
        }
      : {
          lead: 'One training set, one set of synthetic images.',
          text: 'Seeds repeat the classifier’s training, not the collection of the training images; the training of the GAN only where each seed has its own (`each: seed`). What is not repeated the intervals do not cover.',
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
