/** `graft classify evaluate`. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { ClassifierConfig } from '../classify/config.js';
import type { Evaluation, Score } from '../classify/evaluation.js';
import type { Partition } from '../classify/partition.js';
import type { ScoreRow } from '../classify/scores.js';
import type { Subgroup } from '../classify/subgroups.js';
import type { TestTimeAugmentation } from '../data/augment/index.js';
import type { Dataset, Split } from '../data/dataset.js';
import { openData } from './classify-data.js';
import { collect, examples, globalOptions, integer, notice, output, startEngine } from './common.js';
import { plainTable, trimmed, whole } from './table.js';

interface EvaluateFlags {
  split: Split;
  data?: string;
  csv?: string;
  tta?: TestTimeAugmentation;
  fresh?: boolean;
  by: string[];
  ageBand: number;
  measureHair?: boolean;
  replicates: number;
  report?: string;
}

export function registerEvaluate(classify: Command): void {
  const evaluate = classify
    .command('evaluate')
    .description(
      'every score with its interval, calibration, subgroups; threshold and temperature from validation',
    )
    .argument('<run>', 'run folder of a classifier')
    .addOption(
      new Option('--split <split>', 'images to score').choices(['train', 'val', 'test']).default('test'),
    )
    .option('--data <dataset>', 'another dataset (default: the one it was trained on)')
    .addOption(
      new Option('--tta <views>', 'test-time augmentation (default: the run’s)').choices([
        'none',
        'flips',
        'symmetries',
      ]),
    )
    .option('--fresh', 'score the images anew, though the run holds their scores')
    .option(
      '--by <column>',
      'metadata column for subgroups; repeatable (default: sex, age, site, source, skin type, hair, as far as they are there)',
      collect,
      [],
    )
    .option('--age-band <years>', 'width of the bands of ages', integer({ min: 1, max: 100 }), 20)
    .option('--measure-hair', 'also look for hair in the pictures themselves, and make it a subgroup')
    .option('--replicates <count>', 'of the bootstrap', integer({ min: 100, max: 100_000 }), 2000)
    .option('--csv <file>', 'write id, group, label and score of every image')
    .option('--report <file>', 'write a page: curves, reliability, subgroups, the most confident errors')
    .action(async (dir: string, flags: EvaluateFlags, command: Command) =>
      evaluateCommand(dir, flags, command),
    );
  examples(evaluate, [
    ['the test split', 'graft classify evaluate runs/first --report first.html'],
    ['on another hospital’s images', 'graft classify evaluate runs/first --data other --csv scores.csv'],
    ['subgroups by two columns', 'graft classify evaluate runs/first --by sex --by scanner'],
  ]);
}

/** What is scored, and what threshold and temperature come from. */
interface Scored {
  dataset: Dataset;
  rows: ScoreRow[];
  validation: ScoreRow[];
  tta: TestTimeAugmentation;
  stored: boolean;
}

async function evaluateCommand(dir: string, flags: EvaluateFlags, command: Command): Promise<void> {
  const { readClassifierConfig } = await import('../classify/result.js');
  const { evaluateScores } = await import('../classify/evaluation.js');
  const { writeScores } = await import('../classify/scores.js');
  const config = readClassifierConfig(dir);
  const scored = (await storedScores(dir, flags, config)) ?? (await freshScores(dir, flags, config, command));
  const { dataset, rows, validation } = scored;
  if (flags.csv !== undefined) writeScores(flags.csv, rows);
  const evaluation = evaluateScores(rows, {
    validation,
    partitions: await partitions(scored, flags, command),
    replicates: flags.replicates,
    seed: globalOptions(command).seed ?? 0,
  });
  const report =
    flags.report === undefined
      ? null
      : await writeReport(dir, flags.report, { scored, evaluation, flags, config });
  const { scores } = evaluation;
  const plain = Object.fromEntries(Object.entries(scores).map(([name, { value }]) => [name, value]));
  output(command, {
    json: {
      run: dir,
      data: dataset.dir,
      dataset: { name: dataset.name, hash: dataset.hash },
      split: flags.split,
      tta: scored.tta,
      scoring: scored.stored ? 'stored' : 'fresh',
      ...plain,
      aucInterval: scores.auc.interval,
      ...evaluation,
      ...(report === null ? {} : { report }),
      ...(flags.csv === undefined ? { predictions: rows } : { csv: flags.csv }),
    },
    text: () => describe(evaluation, scored, { ...flags, report: report ?? undefined }),
  });
}

/** What the finished run has written down, where that is what is asked for; it needs no engine and no pixels. */
async function storedScores(
  dir: string,
  flags: EvaluateFlags,
  config: ClassifierConfig,
): Promise<Scored | null> {
  const { split, data, tta, fresh } = flags;
  if (fresh || data !== undefined || split === 'train' || (tta ?? config.tta) !== config.tta) return null;
  const { readStoredScores } = await import('../classify/result.js');
  const { openDataset } = await import('../data/dataset.js');
  const [rows, validation] = [readStoredScores(dir, split), readStoredScores(dir, 'val')];
  if (!rows || !validation) return null;
  const dataset = openDataset(config.data);
  const { readRun } = await import('../run/run-folder.js');
  const { summary } = readRun(dir);
  const trainedOn = (summary as { dataset?: { hash?: string } } | undefined)?.dataset?.hash;
  // Another dataset at the same place: its images have no scores yet.
  if (trainedOn !== dataset.hash) return null;
  return { dataset, rows, validation, tta: config.tta, stored: true };
}

async function freshScores(
  dir: string,
  flags: EvaluateFlags,
  config: ClassifierConfig,
  command: Command,
): Promise<Scored> {
  const { openClassifier, readStoredScores } = await import('../classify/result.js');
  const { scoreSplit } = await import('../classify/evaluate.js');
  const { withProgress } = await import('../run/progress.js');
  const { quiet } = globalOptions(command);
  const device = await startEngine(command);
  const { network } = openClassifier(dir, device);
  const tta = flags.tta ?? config.tta;
  const scoreOf = async (opened: Awaited<ReturnType<typeof openData>>, split: Split): Promise<ScoreRow[]> => {
    const { dataset, cache } = opened;
    const total = cache.rows.filter((row) => row.split === split).length;
    const data = { images: cache.images, rows: cache.rows, positive: dataset.positive };
    return withProgress({ label: `scoring ${split}`, total, unit: 'images', quiet }, (bar) =>
      scoreSplit(network, data, split, {
        device,
        batchSize: config.evaluationBatchSize,
        tta,
        onBatch: (done) => bar.update(done),
      }),
    );
  };
  const opened = await openData(flags.data ?? config.data, config.imageSize, quiet);
  try {
    const rows = await scoreOf(opened, flags.split);
    // Threshold and temperature are the run's own: from its validation split, scored as the images under test are.
    const stored = tta === config.tta ? readStoredScores(dir, 'val') : null;
    const validation = stored ?? (await validationScores());
    return { dataset: opened.dataset, rows, validation, tta, stored: false };
  } finally {
    network.dispose();
    opened.cache.images.dispose();
  }

  async function validationScores(): Promise<ScoreRow[]> {
    if (flags.data === undefined) return scoreOf(opened, 'val');
    const own = await openData(config.data, config.imageSize, quiet);
    try {
      return await scoreOf(own, 'val');
    } finally {
      own.cache.images.dispose();
    }
  }
}

/** Subgroups of the images that were scored, in their order. */
async function partitions(
  { dataset, rows }: Scored,
  flags: EvaluateFlags,
  command: Command,
): Promise<Partition[]> {
  const { partitionsOf } = await import('../classify/partition.js');
  const byId = new Map(dataset.rows.map((row) => [row.id, row]));
  const known = rows.map(({ id }) => byId.get(id));
  const found = partitionsOf(
    known.map((row) => row?.extra ?? {}),
    { columns: flags.by.length > 0 ? flags.by : undefined, ageBandYears: flags.ageBand },
  );
  if (!flags.measureHair) return found;
  const { hairPartition } = await import('../classify/hair-partition.js');
  const { withProgress } = await import('../run/progress.js');
  const { quiet } = globalOptions(command);
  const hair = await withProgress(
    { label: 'looking for hair', total: rows.length, unit: 'images', quiet },
    (bar) => hairPartition(dataset, rows, (done) => bar.update(done)),
  );
  if (hair === null) notice(command, 'Hair in all of the images, or in none: no subgroups by it.');
  return hair === null ? found : [...found, hair];
}

async function writeReport(
  dir: string,
  path: string,
  parts: { scored: Scored; evaluation: Evaluation; flags: EvaluateFlags; config: ClassifierConfig },
): Promise<string> {
  const { basename, resolve } = await import('node:path');
  const { errorTiles, writeEvaluationReport } = await import('../classify/report/index.js');
  const { graftVersion } = await import('../run/package.js');
  const { scored, evaluation, flags, config } = parts;
  const { dataset, rows, tta } = scored;
  writeEvaluationReport(path, {
    run: basename(resolve(dir)),
    graft: graftVersion(),
    madeAt: new Date().toISOString(),
    architecture: config.architecture,
    sizePx: config.imageSize,
    scoring: tta === 'none' ? null : `test-time augmentation: ${tta}, logits averaged`,
    dataset: {
      name: dataset.name,
      positive: dataset.positive,
      groupedBy: dataset.groupedBy,
      kind: dataset.kind,
      foreign: flags.data !== undefined,
    },
    split: flags.split,
    rows,
    evaluation,
    errors: await errorTiles(dataset, rows, evaluation.threshold),
  });
  return path;
}

const between = ({ interval }: Score): string =>
  interval ? ` [95 % interval ${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}]` : '';

const figure = (score: Score): string => `${score.value?.toFixed(3) ?? '–'}${between(score)}`;

function describe(evaluation: Evaluation, { dataset }: Scored, flags: EvaluateFlags): string {
  const { scores, images, positives, threshold, confusion, calibration, tempered, temperature } = evaluation;
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = confusion;
  const scaled = tempered
    ? `With temperature ${temperature.temperature.toFixed(2)} (fitted on validation): ${tempered.error.toFixed(3)}, log loss ${tempered.logLoss.toFixed(3)}.`
    : 'No temperature could be fitted on the validation split.';
  return [
    `AUC ${figure(scores.auc)} on the ${flags.split} split of ${dataset.name}: ${whole(images)} images, ${whole(positives)} '${dataset.positive}'.`,
    `Average precision ${figure(scores.averagePrecision)}; prevalence ${(positives / images).toFixed(3)}.`,
    `At threshold ${threshold.toFixed(3)} (chosen on the validation split): sensitivity ${figure(scores.sensitivity)}, specificity ${figure(scores.specificity)}, balanced accuracy ${scores.balancedAccuracy.value!.toFixed(3)}, F1 ${scores.f1.value!.toFixed(3)}.`,
    `  ${whole(truePositives)} found, ${whole(falseNegatives)} missed; ${whole(falsePositives)} false alarms, ${whole(trueNegatives)} rightly left alone.`,
    `Sensitivity at 90 % specificity ${figure(scores.sensitivityAt90Specificity)}, at 95 % ${figure(scores.sensitivityAt95Specificity)}.`,
    `Log loss ${figure(scores.logLoss)}, Brier score ${figure(scores.brier)}.`,
    `Calibration error ${calibration.error.toFixed(3)} (true probabilities: ${calibration.floor.mean.toFixed(3)}, up to ${calibration.floor.high.toFixed(3)}). ${scaled}`,
    ...subgroupLines(evaluation),
    ...(flags.csv === undefined ? [] : [`Scores of every image: ${flags.csv}`]),
    ...(flags.report === undefined ? [] : [`Report: ${flags.report}`]),
  ].join('\n');
}

function subgroupLines({ subgroups }: Evaluation): string[] {
  if (subgroups.length === 0) return [];
  const table = plainTable(
    [
      'subgroup',
      'which',
      'images',
      'positive',
      'AUC',
      '95 % interval',
      'sensitivity',
      'AUC − rest',
      'p (Holm)',
    ],
    1,
  );
  for (const { title, subgroups: own } of subgroups)
    for (const one of own) table.push([title, one.few ? `${one.value} *` : one.value, ...cells(one)]);
  const note = subgroups.some(({ subgroups: own }) => own.some(({ few }) => few))
    ? ['* too few to judge']
    : [];
  return ['', trimmed(table), ...note];
}

function cells({ images, positives, auc, aucInterval, sensitivity, difference }: Subgroup): string[] {
  const { auc: compared } = difference;
  return [
    whole(images),
    whole(positives),
    auc?.toFixed(3) ?? '–',
    aucInterval ? `${aucInterval.low.toFixed(3)} to ${aucInterval.high.toFixed(3)}` : '–',
    sensitivity?.value.toFixed(2) ?? '–',
    compared
      ? `${compared.difference.toFixed(3)} [${compared.low.toFixed(3)}, ${compared.high.toFixed(3)}]`
      : '–',
    compared?.holm?.toFixed(3) ?? '–',
  ];
}
