/** Composes the report from a trial's summary, its analysis and its verdict. */

import type { Block, ReportDocument, Section, Summary } from '../../report/document.js';
import { day, plural, pValue, signed, signedRange, whole } from '../../report/format.js';
import type { AnalysisOptions, TrialAnalysis } from '../../verdict/analysis.js';
import { registrationText, whenFixed } from '../../verdict/registration.js';
import type { Verdict } from '../../verdict/verdict.js';
import type { TrialSummary } from '../summary.js';
import { appendix } from './appendix.js';
import { aucFigure } from './auc-figure.js';
import { checksTable, detectableText, differencesTable, levelText } from './comparison-tables.js';
import { curvesFigure } from './curves-figure.js';
import { dataSection, runSection } from './design.js';
import { differencesFigure } from './differences-figure.js';
import { foldsFigure, foldsTable } from './folds.js';
import { imagesSection, type ReadPng } from './images.js';
import { looksBlocks } from './looks.js';
import { limitsSection, methodsSection } from './methods.js';
import { armLabel, armStyles } from './palette.js';
import { calibrationTable, reliabilityFigure } from './reliability-figure.js';
import {
  externalDifferencesTable,
  externalTable,
  scoreDifferenceTable,
  scoreTables,
} from './score-tables.js';
import { amountFigure, realFractionFigure } from './sweep-figures.js';
import { classifierFigure } from './training-figures.js';

export interface ComposeOptions {
  readPng: ReadPng;
  /** As the analysis was made with: for what is computed again at earlier looks. */
  analysis?: AnalysisOptions;
}

export function composeReport(
  summary: TrialSummary,
  analysis: TrialAnalysis,
  verdict: Verdict,
  options: ComposeOptions,
): ReportDocument {
  const { gans, metrics, dataset } = summary;
  const seeds = new Set(summary.runs.map((run) => run.seed)).size;
  const sections = [
    resultSection(summary, analysis),
    sweepSection(summary, analysis),
    foldsSection(summary, analysis),
    externalSection(analysis),
    calibrationSection(summary),
    runSection(summary, analysis, looksBlocks(summary, analysis, options.analysis ?? {})),
    dataSection(summary),
    ...(gans.length > 0 || metrics.length > 0 ? [imagesSection(summary, options.readPng)] : []),
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
    summary: {
      title: 'Verdict',
      tone: tones[verdict.kind] ?? 'open',
      short: verdict.short,
      sentence: verdict.sentence,
      paragraph: verdict.paragraph,
      note: registrationText(summary.registration),
      figures: keyFigures(analysis),
    },
    sections: sections.filter(({ blocks }) => blocks.length > 0),
    footer: `Made by Graft ${summary.version} from summary.json, which holds every number and score of this page.`,
  };
}

const tones: Partial<Record<Verdict['kind'], Summary['tone']>> = {
  helps: 'good',
  harms: 'bad',
  equivalent: 'even',
};

function keyFigures(analysis: TrialAnalysis): Summary['figures'] {
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  if (!primary) return [];
  const several = primary.runs.length > 1;
  return [
    {
      label: 'Difference in AUC',
      value: signed(primary.difference.value),
      note: `${armLabel(primary.arm)} against ${armLabel(primary.baseline)}`,
    },
    {
      label: `${levelText(primary.level)} interval`,
      value: signedRange(primary.difference),
      broad: true,
      note: several ? 'other seeds, other test images' : 'other test images only',
    },
    {
      label: 'p',
      value: pValue(primary.p).replace('= ', ''),
      note: 'comparison fixed by the design',
    },
    {
      label: 'Detectable',
      value: detectableText(primary),
      note: several
        ? `with ${Math.round(primary.detectable.power * 100)} % power`
        : 'at best: seeds left out',
    },
  ];
}

const given = (blocks: readonly (Block | null)[]): Block[] => blocks.filter((block) => block !== null);

function resultSection(summary: TrialSummary, analysis: TrialAnalysis): Section {
  const styles = armStyles(summary.arms);
  const compared = analysis.comparisons.length > 0;
  return {
    id: 'result',
    title: 'Result',
    blocks: given([
      ...(compared
        ? [differencesFigure(analysis, styles, whenFixed(summary.registration)), differencesTable(analysis)]
        : []),
      aucFigure(analysis, styles, summary.bayesAuc),
      curvesFigure(summary, styles),
      ...scoreTables(analysis),
      scoreDifferenceTable(analysis),
      checksTable(analysis),
      ...analysis.notes.map((text): Block => ({ kind: 'prose', lead: 'Note.', text })),
    ]),
  };
}

const sweepSection = (summary: TrialSummary, analysis: TrialAnalysis): Section => ({
  id: 'sweeps',
  title: 'How much, and of what',
  blocks: given([realFractionFigure(summary, analysis), amountFigure(summary, analysis)]),
});

const foldsSection = (summary: TrialSummary, analysis: TrialAnalysis): Section => ({
  id: 'folds',
  title: 'Fold by fold',
  blocks: given([foldsFigure(analysis, armStyles(summary.arms)), foldsTable(analysis)]),
});

const externalSection = (analysis: TrialAnalysis): Section => ({
  id: 'external',
  title: 'Other collections',
  blocks: given([externalTable(analysis), externalDifferencesTable(analysis)]),
});

const calibrationSection = (summary: TrialSummary): Section => ({
  id: 'calibration',
  title: 'Calibration',
  blocks: [reliabilityFigure(summary, armStyles(summary.arms)), calibrationTable(summary)],
});

function trainingSection(summary: TrialSummary): Section {
  const styles = armStyles(summary.arms).filter(({ name }) => summary.runs.some((run) => run.arm === name));
  return { id: 'training', title: 'Training', blocks: given([classifierFigure(summary, styles)]) };
}
