/** What was run and on which images: the arms, the splits of every fold, external sets. */

import type { Block, Section } from '../../report/index.js';
import { duration, fixed, left, list, plural, right, whole } from '../../report/index.js';
import type { TrialAnalysis } from '../../verdict/index.js';
import { armLabel } from '../../verdict/report/index.js';
import type { TrialArm } from '../arms.js';
import type { TrialSummary } from '../summary.js';
import { demographicsTable } from './demographics.js';
import { flowFigure } from './flow-figure.js';
import { spanOf } from './span.js';

/** How many synthetic images, in words. */
export function amountText({ synthetic }: TrialArm): string {
  if (!synthetic) return '';
  const { amount } = synthetic;
  if (amount === 'balance') return 'until the classes are equal';
  if (typeof amount === 'number') return `${whole(amount)} images`;
  return amount.endsWith('%')
    ? `${amount} of the real training images`
    : `${amount.replace(/:1$/, '')} for each real positive image`;
}

const BALANCES = {
  none: '',
  oversampling: 'oversampling',
  'class-weights': 'class weights',
  focal: 'focal loss',
} as const;

export function runSection(summary: TrialSummary, analysis: TrialAnalysis, looks: readonly Block[]): Section {
  const { runs, folds, dataset } = summary;
  const seconds = (Date.parse(summary.finishedAt) - Date.parse(summary.startedAt)) / 1000;
  const steps = spanOf(runs.map((run) => run.optimiserSteps));
  const each = folds.length > 1 ? 'for each arm, fold and seed' : 'for each arm and seed';
  const several = (pick: (arm: TrialArm) => unknown): boolean => new Set(summary.arms.map(pick)).size > 1;
  const withFractions = several(({ realFraction }) => realFraction);
  return {
    id: 'run',
    title: 'What was run',
    blocks: [
      {
        kind: 'prose',
        text:
          `${summary.classifier} at ${summary.sizePx} px learned to tell ${dataset.positive} from ` +
          `${list(dataset.classes.filter((name) => name !== dataset.positive))}, once ${each}: ` +
          `${plural(runs.length, 'run')} in all, ${seconds >= 0 ? `${duration(seconds)} from start to end` : 'over a time that cannot be told, as the clock was set back meanwhile'}. ` +
          (analysis.equalSteps
            ? `Every run took ${steps} optimiser steps, so that no arm was trained longer than another; `
            : `Runs took ${steps} optimiser steps, so that arms were not trained equally long; `) +
          'validation and test images are real and at their natural prevalence in every arm.',
      },
      {
        kind: 'table',
        title: 'Arms',
        columns: [
          left('Arm'),
          right('Real images'),
          right('Synthetic images'),
          left('GAN, amount, choice'),
          left('Augmentation'),
          right('Runs'),
          right('Time a run'),
        ],
        rows: summary.arms.flatMap((arm) => {
          const own = runs.filter((run) => run.arm === arm.name);
          if (own.length === 0) return [];
          const { synthetic } = arm;
          return [
            [
              armLabel(arm.name),
              `${spanOf(own.map((run) => run.realImages))}${withFractions ? ` (${Number((100 * arm.realFraction).toFixed(1))} %)` : ''}`,
              spanOf(own.map((run) => run.syntheticImages)),
              synthetic ? `${synthetic.gan}, ${synthetic.amount}, ${synthetic.choice}` : '–',
              [arm.augmentation, BALANCES[arm.balance]].filter((part) => part !== '').join(', '),
              whole(own.length),
              duration(own.reduce((sum, run) => sum + run.seconds, 0) / own.length),
            ],
          ];
        }),
        sortable: true,
      },
      ...looks,
    ],
  };
}

const SPLITS = { train: 'Training', val: 'Validation', test: 'Test' } as const;

export function dataSection(summary: TrialSummary): Section {
  const { dataset, folds, external } = summary;
  const grouped = dataset.group !== 'image';
  const several = folds.length > 1;
  const demographics = demographicsTable(summary);
  const rows = folds.flatMap(({ fold, counts }) =>
    (['train', 'val', 'test'] as const).flatMap((split): string[][] => {
      const own = counts.filter((row) => row.split === split);
      if (own.length === 0) return [];
      const total = own.reduce((sum, row) => sum + row.images, 0);
      const positives = own.find((row) => row.label === dataset.positive)?.images ?? 0;
      return [
        [
          ...(several ? [String(fold)] : []),
          SPLITS[split],
          ...dataset.classes.map((label) => {
            const row = own.find((candidate) => candidate.label === label);
            if (!row) return '0';
            return !grouped || row.groups === row.images
              ? whole(row.images)
              : `${whole(row.images)} (${whole(row.groups)})`;
          }),
          whole(total),
          total > 0 ? `${fixed((100 * positives) / total, 1)} %` : '–',
        ],
      ];
    }),
  );
  return {
    id: 'data',
    title: 'Data',
    blocks: [
      { kind: 'prose', text: provenance(summary) },
      flowFigure(summary),
      {
        kind: 'table',
        title: `Images by ${several ? 'fold, ' : ''}split and class`,
        columns: [
          ...(several ? [right('Fold')] : []),
          left('Split'),
          ...dataset.classes.map(right),
          right('All'),
          right(`${dataset.positive}, share`),
        ],
        rows,
        note: `${grouped ? `In brackets the number of ${dataset.group}s where it differs. ` : ''}Dataset hash ${dataset.hash.slice(0, 16)}.`,
      },
      ...(demographics ? [demographics] : []),
      ...(external.length > 0 ? [externalSets(summary)] : []),
    ],
  };
}

function provenance({ dataset, folds }: TrialSummary): string {
  if (dataset.kind === 'phantom')
    return `${dataset.name} are phantoms: pictures drawn by a program, with no patient behind them. How often a lesion is malignant follows from factors that also shape its look, with overlap, so that the best possible AUC is known and below 1. They test the method; they say nothing about skin.`;
  const { group } = dataset;
  const apart =
    group === 'image'
      ? 'No patient or lesion is known, so that each image counts as its own observation; intervals are too narrow if images of one patient recur.'
      : `No ${group} is in more than one split, near-duplicate images count as one ${group}, and intervals treat images of one ${group} as one observation.`;
  const crossed =
    folds.length > 1
      ? ` The images were dealt into ${folds.length} folds by group, each of which is the test split once; its GAN was trained anew for each.`
      : '';
  return `${dataset.name}${dataset.licence ? ` (${dataset.licence})` : ''}. ${apart}${crossed}`;
}

function externalSets({ external, dataset }: TrialSummary): Block {
  return {
    kind: 'table',
    title: 'External test sets',
    columns: [
      left('Set'),
      right('Images'),
      right(dataset.positive),
      right('Groups'),
      left('Licence'),
      left('Hash'),
    ],
    rows: external.map(({ name, labels, groups, licence, hash }) => [
      name,
      whole(labels.length),
      whole(labels.filter((label) => label === 1).length),
      whole(new Set(groups).size),
      licence || '–',
      hash.slice(0, 16),
    ]),
    note: 'Whole datasets that no part of the trial was trained or tuned on.',
  };
}
