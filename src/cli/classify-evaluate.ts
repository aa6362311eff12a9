/** `graft classify evaluate`. */
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { graftVersion } from '../base/index.js';
import type {
  ClassEvaluation,
  ClassifierConfig,
  ClassScoreRow,
  Evaluation,
  Familiarity,
  KnownOptions,
  ScoredRun,
  ScoreRow,
  ScoreRunOptions,
  Scores,
} from '../classify/index.js';
import {
  binaryCounts,
  checkFamiliarity,
  evaluateClasses,
  evaluateScores,
  fewLines,
  hairPartition,
  networkTitle,
  readClassifierConfig,
  scoreRun,
  writeClassScores,
  writeScores,
} from '../classify/index.js';
import type { ClassReportInput, ReportSubject } from '../classify/report/index.js';
import { errorTiles, writeEvaluationReport } from '../classify/report/index.js';
import type { Partition } from '../data/dataset/index.js';
import { partitionsOf } from '../data/dataset/index.js';
import { withProgress } from '../run/index.js';
import { openData, reopenData, withAsyncTotal } from './classify-data.js';
import { describeEvaluation } from './classify-evaluate-text.js';
import {
  addTrustOption,
  collect,
  examples,
  globalOptions,
  integer,
  notice,
  output,
  startEngine,
} from './common.js';

interface EvaluateFlags extends Pick<ScoreRunOptions, 'tta' | 'fresh'>, KnownOptions {
  csv?: string;
  againstRest?: boolean;
  by: string[];
  ageBand: number;
  measureHair?: boolean;
  replicates: number;
  report?: string;
}

export function registerEvaluate(classify: Command): void {
  const evaluate = addTrustOption(classify.command('evaluate'))
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
  scored: ScoredRun;
  familiarity: Familiarity;
  command: Command;
}

async function evaluateCommand(dir: string, flags: EvaluateFlags, command: Command): Promise<void> {
  const config = readClassifierConfig(dir);
  const { quiet } = globalOptions(command);
  const warn = (message: string): void => notice(command, `graft: warning: ${message}`);
  const label = 'comparing with what it learned from';
  const familiarity = await withAsyncTotal({ label, unit: 'images', quiet }, (onProgress) =>
    checkFamiliarity(dir, flags, { onProgress, warn }),
  );
  const all = await scoreRun(dir, {
    ...flags,
    own: familiarity.own,
    device: () => startEngine(command),
    open: (data, how) =>
      data === null
        ? reopenData(dir, config, { quiet, ...how })
        : openData(data, config.imageSize, { quiet, ...how }),
    watch: (what, work) =>
      withProgress({ ...what, unit: 'images', quiet }, (bar) => work((done) => bar.update(done))),
    warn,
  });
  const scored = flags.known === 'leave-out' ? { ...all, tested: strange(all.tested, familiarity) } : all;
  await answer({ dir, flags, config, scored, familiarity, command });
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

async function answer(evaluated: Evaluated): Promise<void> {
  const { dir, flags, config, scored, familiarity, command } = evaluated;
  const { dataset, tested } = scored;
  const { classes } = config;
  const { replicates, csv } = flags;
  // Two classes, or one against the rest; else every class.
  const binary = tested.classRows === null || flags.againstRest;
  const how = { replicates, seed: globalOptions(command).seed ?? 0 };
  const evaluate = (of: Scores, partitions: Partition[] = []): Evaluation | ClassEvaluation =>
    binary
      ? evaluateScores(of.rows, { validation: scored.validation.rows, partitions, ...how })
      : evaluateClasses(of.classRows!, classes, {
          ...{ validation: scored.validation.classRows!, partitions, ...how },
        });
  const rowsOf = (of: Scores): readonly (ScoreRow | ClassScoreRow)[] => (binary ? of.rows : of.classRows!);
  if (csv !== undefined)
    if (binary) writeScores(csv, tested.rows);
    else writeClassScores(csv, tested.classRows!, classes);
  const evaluation = evaluate(tested, await partitionsFor(scored, flags, command));
  const others = strange(tested, familiarity);
  const several = new Set(rowsOf(others).map(({ label }) => label)).size > 1;
  const unknown = others.rows.length < tested.rows.length && several ? evaluate(others) : null;
  if (flags.report !== undefined) {
    const decision = 'threshold' in evaluation ? { threshold: evaluation.threshold } : { classes };
    writeEvaluationReport(flags.report, {
      ...subjectOf(evaluated, unknown && unknownWords(unknown)),
      ...({ rows: rowsOf(tested), evaluation } as Pick<ClassReportInput, 'rows' | 'evaluation'>),
      errors: await errorTiles(dataset, tested, decision),
    });
  }
  const few = (of: Evaluation | ClassEvaluation, from: Scores): string[] =>
    fewLines(
      'byClass' in of
        ? of.byClass.filter(({ images }) => images > 0)
        : binaryCounts(from.rows, dataset.positive),
    );
  const about = { dataset, split: flags.split };
  output(command, {
    json: {
      ...aboutRun(dir, scored, flags),
      ...('byClass' in evaluation ? {} : plainScores(evaluation)),
      ...evaluation,
      ...familiar(familiarity, unknown),
      ...(flags.report === undefined ? {} : { report: flags.report }),
      ...(csv === undefined ? { predictions: rowsOf(tested) } : { csv }),
    },
    text: () =>
      [
        ...familiarity.notes,
        ...few(evaluation, tested),
        describeEvaluation(evaluation, about),
        ...(unknown
          ? [
              ...['', 'Without the images that it knows:'],
              ...('byClass' in unknown ? [] : few(unknown, others)),
              describeEvaluation(unknown, about),
            ]
          : []),
        ...(csv === undefined ? [] : [`Scores of every image: ${csv}`]),
        ...(flags.report === undefined ? [] : [`Report: ${flags.report}`]),
      ].join('\n'),
  });
}

/** Values by name, for whoever wants one figure. */
const plainScores = ({ scores }: Evaluation): object => ({
  ...Object.fromEntries(Object.entries(scores).map(([name, { value }]) => [name, value])),
  aucInterval: scores.auc.interval,
});

const aboutRun = (dir: string, { dataset, tta, stored }: ScoredRun, { split }: EvaluateFlags): object => ({
  run: dir,
  data: dataset.dir,
  dataset: { name: dataset.name, hash: dataset.hash },
  split,
  tta,
  scoring: stored ? 'stored' : 'fresh',
});

/** The chief figure over the images that the run does not know. */
function unknownWords(evaluation: Evaluation | ClassEvaluation): string {
  const isOfClasses = 'byClass' in evaluation;
  const { value, interval } = isOfClasses ? evaluation.scores.balancedAccuracy : evaluation.scores.auc;
  return `Without those that it knows, over ${evaluation.images} images: ${isOfClasses ? 'balanced accuracy' : 'AUC'} ${value?.toFixed(3) ?? '–'}${interval ? ` (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})` : ''}.`;
}

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

/** Subgroups of the images that were scored, in their order. */
async function partitionsFor(
  { dataset, tested: { rows } }: ScoredRun,
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
function subjectOf(evaluated: Evaluated, unknown: string | null): ReportSubject {
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
