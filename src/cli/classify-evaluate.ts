/** `graft classify evaluate`. */

import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { graftVersion } from '../base/index.js';
import type { ClassifierConfig, ClassScoreRow, Score } from '../classify/index.js';
import {
  binaryCounts,
  evaluateClasses,
  evaluateScores,
  fewLines,
  hairPartition,
  networkTitle,
  readClassifierConfig,
  writeClassScores,
  writeScores,
} from '../classify/index.js';
import type { ReportSubject } from '../classify/report/index.js';
import {
  classErrorTiles,
  errorTiles,
  writeClassReport,
  writeEvaluationReport,
} from '../classify/report/index.js';
import type { Partition } from '../data/dataset/index.js';
import { partitionsOf } from '../data/dataset/index.js';
import { withProgress } from '../run/index.js';
import { checkFamiliarity, type Familiarity, type KnownFlags } from './classify-evaluate-known.js';
import { type Scored, type Scores, type ScoringFlags, scoresFor } from './classify-evaluate-scores.js';
import { describeClasses, describeEvaluation } from './classify-evaluate-text.js';
import { collect, examples, globalOptions, integer, notice, output } from './common.js';

interface EvaluateFlags extends Omit<ScoringFlags, 'own'>, KnownFlags {
  csv?: string;
  againstRest?: boolean;
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
      new Option('--split <split>', 'images to score')
        .choices(['train', 'val', 'test', 'all'])
        .default('test'),
    )
    .option('--data <dataset>', 'another dataset (default: the one it was trained on)')
    .addOption(
      new Option(
        '--known <what>',
        'images of another dataset that the run learned from: refuse, leave them out, or keep them and say both figures',
      )
        .choices(['refuse', 'leave-out', 'keep'])
        .default('refuse'),
    )
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
    .option(
      '--against-rest',
      'of a run with several classes: the positive one against the rest, at a threshold, as with two classes',
    )
    .option('--csv <file>', 'write id, group, label and score (or each class’s) of every image')
    .option('--report <file>', 'write a page: curves, reliability, subgroups, the most confident errors')
    .action(async (dir: string, flags: EvaluateFlags, command: Command) =>
      evaluateCommand(dir, flags, command),
    );
  examples(evaluate, [
    ['the test split', 'graft classify evaluate runs/first --report first.html'],
    [
      'on all of another hospital’s images',
      'graft classify evaluate runs/first --data other --split all --csv scores.csv',
    ],
    [
      'on a collection that shares images with what it learned from',
      'graft classify evaluate runs/first --data other --known leave-out',
    ],
    ['subgroups by two columns', 'graft classify evaluate runs/first --by sex --by scanner'],
  ]);
}

/** A call of the command with all that its answer is made from. */
interface Evaluated {
  dir: string;
  flags: EvaluateFlags;
  config: ClassifierConfig;
  scored: Scored;
  partitions: Partition[];
  familiarity: Familiarity;
  command: Command;
}

async function evaluateCommand(dir: string, flags: EvaluateFlags, command: Command): Promise<void> {
  const config = readClassifierConfig(dir);
  const familiarity = await checkFamiliarity(dir, flags, config, command);
  const all = await scoresFor(dir, { ...flags, own: familiarity.own }, config, command);
  const scored = flags.known === 'leave-out' ? { ...all, tested: strange(all.tested, familiarity) } : all;
  const partitions = await partitionsFor(scored, flags, command);
  const evaluated = { dir, flags, config, scored, partitions, familiarity, command };
  const { classRows } = scored.tested;
  if (classRows === null || flags.againstRest) await answerBinary(evaluated);
  else await answerClasses(evaluated, classRows, scored.validation.classRows!);
}

/** Scores of the images that the run does not know. */
const strange = ({ rows, classRows }: Scores, { known }: Familiarity): Scores => {
  const isStrange = ({ id }: { id: string }): boolean => !known?.pictures.has(id);
  return { rows: rows.filter(isStrange), classRows: classRows?.filter(isStrange) ?? null };
};

/** How many images under test the run learned from. */
function knownIn({ scored: { dataset, tested }, familiarity: { own, known } }: Evaluated): number {
  const splitOf = new Map(dataset.rows.map(({ id, split }) => [id, split]));
  return tested.rows.filter(({ id }) => (known ? known.pictures.has(id) : own && splitOf.get(id) !== 'test'))
    .length;
}

/** Two classes, or one against the rest. */
async function answerBinary(evaluated: Evaluated): Promise<void> {
  const { dir, flags, scored, partitions, familiarity, command } = evaluated;
  const { dataset, validation } = scored;
  const { rows } = scored.tested;
  if (flags.csv !== undefined) writeScores(flags.csv, rows);
  const { replicates } = flags;
  const seed = globalOptions(command).seed ?? 0;
  const how = { validation: validation.rows, replicates, seed };
  const evaluation = evaluateScores(rows, { ...how, partitions });
  const others = strange(scored.tested, familiarity).rows;
  const bothClasses = new Set(others.map(({ label }) => label)).size === 2;
  const unknown = others.length < rows.length && bothClasses ? evaluateScores(others, how) : null;
  if (flags.report !== undefined) {
    const errors = await errorTiles(dataset, rows, evaluation.threshold);
    const subject = await subjectOf(
      evaluated,
      unknown && unknownWords(unknown.scores.auc, 'AUC', unknown.images),
    );
    writeEvaluationReport(flags.report, { ...subject, rows, evaluation, errors });
  }
  const { scores } = evaluation;
  const plain = Object.fromEntries(Object.entries(scores).map(([name, { value }]) => [name, value]));
  output(command, {
    json: {
      ...about(dir, scored, flags),
      ...plain,
      aucInterval: scores.auc.interval,
      ...evaluation,
      ...familiar(familiarity, unknown),
      ...written(flags, rows),
    },
    text: () =>
      [
        ...familiarity.notes,
        ...fewLines(binaryCounts(rows, dataset.positive)),
        describeEvaluation(evaluation, dataset, flags.split),
        ...(unknown
          ? [
              '',
              'Without the images that it knows:',
              ...fewLines(binaryCounts(others, dataset.positive)),
              describeEvaluation(unknown, dataset, flags.split),
            ]
          : []),
        ...files(flags),
      ].join('\n'),
  });
}

async function answerClasses(
  evaluated: Evaluated,
  rows: ClassScoreRow[],
  validation: ClassScoreRow[],
): Promise<void> {
  const { dir, flags, config, scored, partitions, familiarity, command } = evaluated;
  const { dataset } = scored;
  const { classes } = config;
  if (flags.csv !== undefined) writeClassScores(flags.csv, rows, classes);
  const { replicates } = flags;
  const seed = globalOptions(command).seed ?? 0;
  const how = { validation, replicates, seed };
  const evaluation = evaluateClasses(rows, classes, { ...how, partitions });
  const others = strange(scored.tested, familiarity).classRows!;
  const severalClasses = new Set(others.map(({ label }) => label)).size > 1;
  const unknown =
    others.length < rows.length && severalClasses ? evaluateClasses(others, classes, how) : null;
  if (flags.report !== undefined) {
    const errors = await classErrorTiles(dataset, rows, classes);
    const subject = await subjectOf(
      evaluated,
      unknown && unknownWords(unknown.scores.balancedAccuracy, 'balanced accuracy', unknown.images),
    );
    writeClassReport(flags.report, { ...subject, rows, evaluation, errors });
  }
  output(command, {
    json: {
      ...about(dir, scored, flags),
      ...evaluation,
      ...familiar(familiarity, unknown),
      ...written(flags, rows),
    },
    text: () =>
      [
        ...familiarity.notes,
        ...fewLines(evaluation.byClass.filter(({ images }) => images > 0)),
        describeClasses(evaluation, dataset, flags.split),
        ...(unknown
          ? ['', 'Without the images that it knows:', describeClasses(unknown, dataset, flags.split)]
          : []),
        ...files(flags),
      ].join('\n'),
  });
}

const about = (dir: string, { dataset, tta, stored }: Scored, { split }: EvaluateFlags): object => ({
  run: dir,
  data: dataset.dir,
  dataset: { name: dataset.name, hash: dataset.hash },
  split,
  tta,
  scoring: stored ? 'stored' : 'fresh',
});

/** The chief figure over the images that the run does not know. */
const unknownWords = ({ value, interval }: Score, name: string, images: number): string =>
  `Without those that it knows, over ${images} images: ${name} ${value?.toFixed(3) ?? '–'}${interval ? ` (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})` : ''}.`;

/** What the run knows of the images, and the figures without those. */
const familiar = ({ known, notes }: Familiarity, withoutKnown: object | null): object => ({
  notes,
  known: known && {
    images: [...known.pictures].map(([id, { twin, kind, correlation }]) => ({
      id,
      twin: twin.id,
      split: twin.split,
      kind,
      correlation,
    })),
    groups: known.groups,
    ids: known.ids,
    comparedPictures: known.compared,
  },
  ...(withoutKnown === null ? {} : { withoutKnown }),
});

const written = ({ report, csv }: EvaluateFlags, predictions: readonly object[]): object => ({
  ...(report === undefined ? {} : { report }),
  ...(csv === undefined ? { predictions } : { csv }),
});

const files = ({ report, csv }: EvaluateFlags): string[] => [
  ...(csv === undefined ? [] : [`Scores of every image: ${csv}`]),
  ...(report === undefined ? [] : [`Report: ${report}`]),
];

/** Subgroups of the images that were scored, in their order. */
async function partitionsFor(
  { dataset, tested: { rows } }: Scored,
  flags: EvaluateFlags,
  command: Command,
): Promise<Partition[]> {
  const byId = new Map(dataset.rows.map((row) => [row.id, row]));
  const known = rows.map(({ id }) => byId.get(id));
  const found = partitionsOf(
    known.map((row) => row?.extra ?? {}),
    { columns: flags.by.length > 0 ? flags.by : undefined, ageBandYears: flags.ageBand },
  );
  if (!flags.measureHair) return found;
  const { quiet } = globalOptions(command);
  const hair = await withProgress(
    { label: 'looking for hair', total: rows.length, unit: 'images', quiet },
    (bar) => hairPartition(dataset, rows, (done) => bar.update(done)),
  );
  if (hair === null) notice(command, 'Hair in all of the images, or in none: no subgroups by it.');
  return hair === null ? found : [...found, hair];
}

/** What the page says of the run and its data. */
async function subjectOf(evaluated: Evaluated, unknown: string | null): Promise<ReportSubject> {
  const { dir, flags, config, familiarity } = evaluated;
  const { dataset, tta } = evaluated.scored;
  return {
    run: basename(resolve(dir)),
    graft: graftVersion(),
    madeAt: new Date().toISOString(),
    architecture: networkTitle(config),
    sizePx: config.imageSize,
    scoring: tta === 'none' ? null : `test-time augmentation: ${tta}, logits averaged`,
    dataset: {
      name: dataset.name,
      positive: dataset.positive,
      groupedBy: dataset.groupedBy,
      kind: dataset.kind,
      foreign: !familiarity.own,
    },
    split: flags.split,
    known: knownIn(evaluated),
    notes: [...familiarity.notes, ...(unknown === null ? [] : [unknown])],
  };
}
