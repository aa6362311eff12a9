/** Composes the report from a trial's summary, its analysis and its verdict. */

import type { ReportDocument, Section } from '../../report/index.js';
import { day, plural, whole } from '../../report/index.js';
import type { Judged, TrialAnalysis } from '../../verdict/index.js';
import { type FailurePictures, scoreSections, verdictBox } from '../../verdict/report/index.js';
import type { TrialSummary } from '../summary.js';
import { appendix } from './appendix.js';
import { armGroups } from './arm-groups.js';
import { dataSection, runSection } from './design.js';
import { imagesSection, type ReadPng } from './images.js';
import { limitsSection, methodsSection } from './methods.js';
import { armStyles } from './palette.js';
import { amountFigure, realFractionFigure } from './sweep-figures.js';
import { classifierFigure } from './training-figures.js';

export interface ComposeOptions {
  readPng: ReadPng;
  /** Of the failures. */
  pictures?: FailurePictures | undefined;
}

export function composeReport(
  summary: TrialSummary,
  judged: Judged,
  { readPng, pictures }: ComposeOptions,
): ReportDocument {
  const { gans, metrics, dataset } = summary;
  const { analysis } = judged;
  const seeds = new Set(summary.runs.map((run) => run.seed)).size;
  const look = {
    styles: armStyles(summary.arms),
    groups: armGroups(summary.arms),
    positive: dataset.positive,
    bayesAuc: summary.bayesAuc,
  };
  const own = scoreSections(judged, look, pictures);
  const sections = [
    own.result,
    sweepSection(summary, analysis),
    own.folds,
    own.external,
    own.subgroups,
    ...own.calibration,
    own.failures,
    runSection(summary, analysis, own.looks),
    dataSection(summary),
    ...(gans.length > 0 || metrics.length > 0 ? [imagesSection(summary, readPng)] : []),
    trainingSection(summary),
    methodsSection(summary, analysis),
    limitsSection(summary),
    appendix(summary),
  ];
  return {
    eyebrow: 'Graft trial report',
    title: summary.name,
    subtitle: [
      dataset.name,
      plural(analysis.arms.length, 'arm'),
      ...(analysis.folds > 1 ? [plural(analysis.folds, 'fold')] : []),
      plural(seeds, 'seed'),
      `${plural(analysis.test.images, 'test image')}, ${whole(analysis.test.positives)} ${dataset.positive}`,
      day(summary.finishedAt),
    ].join(' · '),
    summary: verdictBox(judged),
    sections: sections.filter(({ blocks }) => blocks.length > 0),
    footer: `Made by Graft ${summary.version} from summary.json, which holds every number and score of this page.`,
  };
}

const sweepSection = (summary: TrialSummary, analysis: TrialAnalysis): Section => ({
  id: 'sweeps',
  title: 'How much, and of what',
  blocks: [realFractionFigure(summary, analysis), amountFigure(summary, analysis)].filter(
    (block) => block !== null,
  ),
});

function trainingSection(summary: TrialSummary): Section {
  const styles = armStyles(summary.arms).filter(({ name }) => summary.runs.some((run) => run.arm === name));
  const figure = classifierFigure(summary, styles);
  return { id: 'training', title: 'Training', blocks: figure ? [figure] : [] };
}
