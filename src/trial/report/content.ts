/** Composes the report from a trial's summary, its analysis and its verdict. */

import type { Block, ReportDocument, Section, Summary, TableBlock } from '../../report/document.js';
import {
  day,
  duration,
  fixed,
  list,
  plural,
  pValue,
  range,
  signed,
  signedRange,
  whole,
} from '../../report/format.js';
import type { TrialAnalysis } from '../analysis.js';
import type { TrialSummary } from '../summary.js';
import type { Verdict } from '../verdict.js';
import { imagesSection, type ReadPng } from './images.js';
import { appendix, limitsSection, methodsSection } from './methods.js';
import { armLabel, armStyles } from './palette.js';
import { aucFigure, differencesFigure, rocFigure } from './result-figures.js';
import { classifierFigure } from './training-figures.js';

export function composeReport(
  summary: TrialSummary,
  analysis: TrialAnalysis,
  verdict: Verdict,
  readPng: ReadPng,
): ReportDocument {
  const seeds = new Set(summary.runs.map((run) => run.seed)).size;
  return {
    eyebrow: 'Graft trial report',
    title: summary.name,
    subtitle: [
      summary.dataset.name,
      plural(analysis.arms.length, 'arm'),
      plural(seeds, 'seed'),
      `${plural(analysis.test.images, 'test image')}, ${whole(analysis.test.positives)} ${summary.dataset.positive}`,
      day(summary.finishedAt),
    ].join(' · '),
    summary: {
      title: 'Verdict',
      tone: tones[verdict.kind] ?? 'open',
      short: verdict.short,
      sentence: verdict.sentence,
      paragraph: verdict.paragraph,
      figures: keyFigures(analysis),
    },
    sections: [
      resultSection(summary, analysis),
      runSection(summary, analysis),
      dataSection(summary),
      ...(summary.gans.length > 0 || summary.metrics.length > 0 ? [imagesSection(summary, readPng)] : []),
      ...trainingSection(summary),
      methodsSection(summary, analysis),
      limitsSection(summary),
      appendix(summary),
    ],
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
  const percent = Math.round(analysis.level * 100);
  return [
    {
      label: 'Difference in AUC',
      value: signed(primary.difference.value),
      note: `${armLabel(primary.arm)} against ${armLabel(primary.baseline)}`,
    },
    {
      label: `${percent} % interval`,
      value: signedRange(primary.difference),
      broad: true,
      note: primary.seeds.length > 1 ? 'other seeds, other test images' : 'other test images only',
    },
    {
      label: 'p',
      value: pValue(primary.p).replace('= ', ''),
      note: 'comparison fixed by the design',
    },
    {
      label: 'Detectable',
      value: `±${fixed(Math.ceil(primary.detectable.difference * 1000) / 1000)}`,
      note:
        primary.seeds.length > 1
          ? `with ${Math.round(primary.detectable.power * 100)} % power`
          : 'at best: seeds left out',
    },
  ];
}

function resultSection(summary: TrialSummary, analysis: TrialAnalysis): Section {
  const styles = armStyles(summary.arms);
  const percent = Math.round(analysis.level * 100);
  const several = analysis.arms.some(({ seeds }) => seeds.length > 1);
  const differences: TableBlock = {
    kind: 'table',
    title: 'Paired differences in test AUC',
    columns: [
      { title: 'Comparison', align: 'left' },
      { title: 'Difference', align: 'right' },
      { title: `${percent} % interval`, align: 'right' },
      { title: 'p', align: 'right' },
      { title: 'p, corrected', align: 'right' },
      ...(several ? [{ title: 'Bootstrap check', align: 'right' as const }] : []),
      { title: 'Detectable', align: 'right' },
    ],
    rows: analysis.comparisons.map((c) => [
      `${armLabel(c.arm)} − ${armLabel(c.baseline)}`,
      signed(c.difference.value),
      signedRange(c.difference),
      pValue(c.p).replace('= ', ''),
      c.correctedP === null ? c.role : pValue(c.correctedP).replace('= ', ''),
      ...(several ? [c.bootstrap ? signedRange(c.bootstrap) : '–'] : []),
      `±${fixed(Math.ceil(c.detectable.difference * 1000) / 1000)}`,
    ]),
    strong: analysis.primary === null ? [] : [analysis.primary],
    note:
      `Detectable: smallest true difference found with ${Math.round((analysis.comparisons[0]?.detectable.power ?? 0.8) * 100)} % power. ` +
      'Primary: the comparison of the verdict, fixed by the design, needs no correction; p-values of the others are corrected among themselves (Holm). ' +
      'Control: what standard augmentation itself brings, for scale.' +
      (several
        ? ' Bootstrap check: percentile interval over groups and seeds, which is too narrow for few seeds.'
        : ''),
  };
  const spread = ({ mean, deviation }: { mean: number; deviation: number }): string =>
    several ? `${fixed(mean)} ± ${fixed(deviation)}` : fixed(mean);
  const arms: TableBlock = {
    kind: 'table',
    title: 'Scores on the test images',
    columns: [
      { title: 'Arm', align: 'left' },
      { title: 'AUC', align: 'right' },
      { title: `${percent} % interval`, align: 'right' },
      { title: 'Balanced accuracy', align: 'right' },
      { title: 'Sensitivity', align: 'right' },
      { title: 'Specificity', align: 'right' },
      { title: 'Brier ↓', align: 'right' },
    ],
    rows: analysis.arms.map((arm) => [
      armLabel(arm.arm),
      fixed(arm.auc.value),
      range(arm.auc),
      spread(arm.scores.balancedAccuracy),
      spread(arm.scores.sensitivity),
      spread(arm.scores.specificity),
      spread(arm.scores.brier),
    ]),
    note:
      `${several ? 'Mean ± standard deviation over seeds. ' : ''}Higher is better except where marked ↓. Thresholds were chosen on validation images ` +
      'and used on the test images as they were. AUC is taken over the whole test split at once.',
  };
  return {
    id: 'result',
    title: 'Result',
    blocks: [
      ...(analysis.comparisons.length > 0 ? [differencesFigure(analysis, styles), differences] : []),
      aucFigure(analysis, styles, summary.bayesAuc),
      rocFigure(summary, analysis, styles),
      arms,
      ...analysis.notes.map((text): Block => ({ kind: 'prose', lead: 'Note.', text })),
    ],
  };
}

function runSection(summary: TrialSummary, analysis: TrialAnalysis): Section {
  const seconds = (Date.parse(summary.finishedAt) - Date.parse(summary.startedAt)) / 1000;
  const steps = [...new Set(summary.runs.map((run) => run.optimiserSteps))].sort((a, b) => a - b);
  return {
    id: 'run',
    title: 'What was run',
    blocks: [
      {
        kind: 'prose',
        text:
          `${summary.classifier} at ${summary.sizePx} px learned to tell ${summary.dataset.positive} from ` +
          `${list(summary.dataset.classes.filter((name) => name !== summary.dataset.positive))}, once for each arm and seed: ` +
          `${plural(summary.runs.length, 'run')} in all, ${duration(seconds)} from start to end. ` +
          (analysis.equalSteps
            ? `Every run took ${plural(steps[0]!, 'optimiser step')}, so that no arm was trained longer than another; `
            : `Runs took between ${whole(steps[0]!)} and ${whole(steps.at(-1)!)} optimiser steps, so that arms were not trained equally long; `) +
          'validation and test images are real and at their natural prevalence in every arm.',
      },
      {
        kind: 'table',
        title: 'Arms',
        columns: [
          { title: 'Arm', align: 'left' },
          { title: 'Real images', align: 'right' },
          { title: 'Synthetic images', align: 'right' },
          { title: 'Standard augmentation', align: 'left' },
          { title: 'Seeds', align: 'right' },
          { title: 'Steps', align: 'right' },
          { title: 'Time a run', align: 'right' },
        ],
        rows: summary.arms.flatMap((arm) => {
          const runs = summary.runs.filter((run) => run.arm === arm.name);
          if (runs.length === 0) return [];
          const distinct = (pick: (run: (typeof runs)[number]) => number): string => {
            const values = [...new Set(runs.map(pick))].sort((a, b) => a - b);
            return values.length === 1 ? whole(values[0]!) : `${whole(values[0]!)}–${whole(values.at(-1)!)}`;
          };
          return [
            [
              armLabel(arm.name),
              distinct((run) => run.realImages),
              distinct((run) => run.syntheticImages),
              arm.standard ? 'yes' : 'no',
              String(runs.length),
              distinct((run) => run.optimiserSteps),
              duration(runs.reduce((sum, run) => sum + run.seconds, 0) / runs.length),
            ],
          ];
        }),
      },
    ],
  };
}

function dataSection({ dataset }: TrialSummary): Section {
  const splits = (['train', 'val', 'test'] as const).filter((split) =>
    dataset.counts.some((row) => row.split === split),
  );
  const title = { train: 'Training', val: 'Validation', test: 'Test' };
  const cell = (images: number, groups: number): string =>
    dataset.group === 'image' || groups === images ? whole(images) : `${whole(images)} (${whole(groups)})`;
  const rows = splits.map((split) => {
    const own = dataset.counts.filter((row) => row.split === split);
    const total = own.reduce((sum, row) => sum + row.images, 0);
    const positives = own
      .filter((row) => row.label === dataset.positive)
      .reduce((sum, row) => sum + row.images, 0);
    return [
      title[split],
      ...dataset.classes.map((label) => {
        const row = own.find((candidate) => candidate.label === label);
        return row ? cell(row.images, row.groups) : '0';
      }),
      whole(total),
      total > 0 ? `${fixed((100 * positives) / total, 1)} %` : '–',
    ];
  });
  const grouped = dataset.group !== 'image';
  return {
    id: 'data',
    title: 'Data',
    blocks: [
      {
        kind: 'prose',
        text:
          dataset.kind === 'phantom'
            ? `${dataset.name} are phantoms: pictures drawn by a program, with no patient behind them. How often a lesion is malignant follows from factors that also shape its look, with overlap, so that the best possible AUC is known and below 1. They test the method; they say nothing about skin.`
            : `${dataset.name}${dataset.licence ? ` (${dataset.licence})` : ''}. ${grouped ? `No ${dataset.group} is in more than one split, near-duplicate images count as one ${dataset.group}, and intervals treat images of one ${dataset.group} as one observation.` : 'No patient or lesion is known, so that each image counts as its own observation; intervals are too narrow if images of one patient recur.'}`,
      },
      {
        kind: 'table',
        title: 'Images by split and class',
        columns: [
          { title: 'Split', align: 'left' },
          ...dataset.classes.map((label) => ({ title: label, align: 'right' as const })),
          { title: 'All', align: 'right' },
          { title: dataset.positive, align: 'right' },
        ],
        rows,
        note: `${grouped ? `In brackets the number of ${dataset.group}s where it differs. ` : ''}Dataset hash ${dataset.hash.slice(0, 16)}.`,
      },
    ],
  };
}

function trainingSection(summary: TrialSummary): Section[] {
  const present = summary.arms.filter((arm) => summary.runs.some((run) => run.arm === arm.name));
  const figure = classifierFigure(
    summary,
    armStyles(summary.arms).filter(({ name }) => present.some((arm) => arm.name === name)),
  );
  return figure ? [{ id: 'training', title: 'Training', blocks: [figure] }] : [];
}
