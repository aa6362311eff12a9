/** From the finished jobs of a trial to its summary: what the analysis, the verdict and the report work from. */
import { cpus } from 'node:os';
import { basename, relative } from 'node:path';
import { engineInfo } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import {
  architectureTitle,
  networkTitle,
  readClassifierResult,
  readScores,
  type ScoreRow,
  scoreSummary,
} from '../classify/index.js';
import { readImportReport } from '../data/dataset/index.js';
import { readLineage } from '../data/lineage/index.js';
import type { GanSummary } from '../generate/index.js';
import { ganConfigSchema } from '../generate/index.js';
import { configToYaml, readRun } from '../run/index.js';
import { learnedFrom, openExternal } from './check.js';
import { armsOf, trialConfigSchema } from './config.js';
import { demographicsOf, testSubgroups } from './demographics.js';
import { externalScoresPath } from './jobs.js';
import { REAL_GRID, readJudgement, SYNTHETIC_GRID } from './judge.js';
import {
  type ClassifierJob,
  classifierConfig,
  type JudgeJob,
  jobDir,
  type SyntheticJob,
  type TrialJob,
} from './plan.js';
import { ganDirOf, type JobTrial, jobDataset } from './run-job.js';
import {
  summarySchema,
  type TestImages,
  type TrialGan,
  type TrialRun,
  type TrialSummary,
} from './summary.js';
import type { TrialFolder } from './trial.js';

export interface TrialParts {
  /** Those that are done are collected. */
  jobs: readonly TrialJob[];
  threads: number;
  startedAt: string;
  sequential: TrialSummary['sequential'];
}

/** @throws DataError where runs of a fold did not score the same images */
export function collectSummary(trial: TrialFolder, parts: TrialParts): TrialSummary {
  const { dir: trialDir, config, dataset, unknown = [] } = trial;
  const { jobs } = parts;
  const info = engineInfo();
  const classifiers = jobs.filter((job): job is ClassifierJob => job.kind === 'classifier');
  const recipe = classifierConfig(config);
  const results = classifiers.map((job) => ({ job, result: readClassifierResult(jobDir(trialDir, job.id)) }));
  const folds = foldsOf({ ...trial, threads: parts.threads }, results);
  const externals = Object.entries(config.external).map(([name, dir]) => {
    const { hash, licence } = openExternal(name, dir, learnedFrom(dataset, config.folds));
    const rows = readScores(externalScoresPath(jobDir(trialDir, classifiers[0]!.id), name));
    return { name, hash, licence, ...testImages(rows) };
  });
  const { gans, metrics, distribution } = gansOf(trialDir, jobs);
  const { name, hash, kind, classes, positive, licence, groupedBy } = dataset;
  return summarySchema.parse({
    format: 'graft-trial-2',
    name: config.name,
    version: graftVersion(),
    startedAt: parts.startedAt,
    finishedAt: new Date().toISOString(),
    dataset: { name, hash, kind, classes, positive, licence, group: groupedBy },
    sizePx: recipe.imageSize,
    classifier: classifierTitle(recipe),
    bayesAuc: dataset.bayesAuc ?? null,
    equivalenceMargin: config.equivalenceMargin,
    level: config.level,
    power: config.power,
    sequential: parts.sequential,
    arms: armsOf(config),
    folds,
    subgroups: testSubgroups(dataset.rows, folds),
    flow: readImportReport(dataset)?.flow,
    external: externals,
    runs: results.map(({ job, result }) => {
      const fold = folds.find((one) => one.fold === job.variant.fold)!;
      requireSameImages(job.id, result.testScores, fold.test);
      const external = externals.map((set) => {
        const rows = readScores(externalScoresPath(jobDir(trialDir, job.id), set.name));
        requireSameImages(`${job.id}, ${set.name}`, rows, set);
        return [set.name, rows.map((row) => row.score)];
      });
      return trialRun(job, result, {
        batchSize: recipe.batchSize,
        external: Object.fromEntries(external),
        generator: generatorOf(job, jobs),
      });
    }),
    gans,
    metrics,
    distribution,
    environment: {
      libtorch: info.libtorch,
      node: process.version,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      device: results[0]?.result.device ?? config.device,
      threads: parts.threads,
    },
    unknownTraining: [...unknown],
    configYaml: configToYaml(config, { schema: trialConfigSchema }),
  });
}

/** `ResNet-50 from scratch`. */
export function classifierTitle(
  recipe: Pick<ReturnType<typeof classifierConfig>, 'architecture' | 'weights' | 'own' | 'module'>,
): string {
  const { architecture, weights } = recipe;
  if (recipe.own?.includes('network')) return networkTitle(recipe);
  return `${architectureTitle(architecture)} ${weights === null ? 'from scratch' : `from ${basename(weights)}`}`;
}

type Result = { job: ClassifierJob; result: ReturnType<typeof readClassifierResult> };

function foldsOf(trial: JobTrial, results: readonly Result[]): TrialSummary['folds'] {
  return Array.from({ length: trial.config.folds }, (_, i) => i + 1).flatMap((fold) => {
    const own = results.filter(({ job }) => job.variant.fold === fold);
    if (own.length === 0) return [];
    // The fold as it is: an arm on part of the training images counts fewer.
    const largest = own.reduce((a, b) => (b.job.variant.realFraction > a.job.variant.realFraction ? b : a));
    const dataset = jobDataset(trial, largest.job);
    const counts = (['train', 'val', 'test'] as const).flatMap((split) =>
      dataset.classes.map((label) => {
        const rows = dataset.rows.filter((row) => row.split === split && row.label === label);
        return { split, label, images: rows.length, groups: new Set(rows.map((row) => row.group)).size };
      }),
    );
    const demographics = demographicsOf(dataset.rows, dataset.classes);
    return [{ fold, counts, demographics, test: testImages(own[0]!.result.testScores) }];
  });
}

const testImages = (rows: readonly ScoreRow[]): TestImages => ({
  ids: rows.map((row) => row.id),
  groups: rows.map((row) => row.group),
  labels: rows.map((row) => row.label),
});

function requireSameImages(name: string, rows: readonly ScoreRow[], { ids }: TestImages): void {
  const at = rows.findIndex((row, i) => row.id !== ids[i]);
  if (rows.length === ids.length && at < 0) return;
  throw new DataError(
    `${name}: scored ${rows.length} test images, ${at < 0 ? 'not' : `'${rows[at]!.id}' where others have '${ids[at]}', of`} ${ids.length}: its dataset was changed while the trial ran; remove its folder and resume the trial`,
  );
}

/** A GAN that the trial trained by its job, one from elsewhere by its run. */
function generatorOf({ synthetic }: ClassifierJob, jobs: readonly TrialJob[]): string | null {
  const source = jobs.find((job): job is SyntheticJob => job.id === synthetic);
  if (!source) return null;
  return 'job' in source.from ? source.from.job : source.from.run;
}

function trialRun(
  { arm, variant, seed, id }: ClassifierJob,
  result: Result['result'],
  {
    batchSize,
    external,
    generator,
  }: { batchSize: number; external: Record<string, number[]>; generator: string | null },
): TrialRun {
  const images = result.images.real + result.images.synthetic;
  return {
    arm: arm.name,
    fold: variant.fold,
    seed,
    folder: id,
    generator,
    realImages: result.images.real,
    syntheticImages: result.images.synthetic,
    optimiserSteps: result.steps,
    // A probe has converged: no later step could have been better.
    bestStep: result.probe ? 0 : result.bestStep,
    seconds: result.seconds,
    validation: scoreSummary(result.valScores, result.test.threshold),
    test: result.test,
    testScores: result.testScores.map((row) => row.score),
    externalScores: external,
    curve: (result.probe ? [] : result.curve).map((point) => ({
      step: point.step,
      epoch: (point.step * batchSize) / images,
      trainLoss: point.trainLoss!,
      validationLoss: point.valLoss,
      validationAuc: point.valAuc,
    })),
  };
}

/** Every GAN whose images were judged, with what was said of them. */
function gansOf(
  trialDir: string,
  jobs: readonly TrialJob[],
): Pick<TrialSummary, 'gans' | 'metrics' | 'distribution'> {
  const judged = jobs.filter((job): job is JudgeJob => job.kind === 'judge');
  const gans: TrialGan[] = [];
  const metrics: TrialSummary['metrics'] = [];
  const distribution: TrialSummary['distribution'] = [];
  for (const job of judged) {
    const dir = jobDir(trialDir, job.id);
    const { images, distribution: records, privacy } = readJudgement(dir);
    const source = jobs.find((one): one is SyntheticJob => one.id === job.synthetic)!;
    // 'judged/sngan/fold-1' → 'sngan', or 'sngan, fold-1' where there are several.
    const several = judged.filter(({ gan }) => gan === job.gan).length > 1;
    const name = several ? [job.gan, ...job.id.split('/').slice(2)].join(', ') : job.gan;
    gans.push({ ...trialGan(trialDir, source), name, ...grids(trialDir, dir), privacy });
    metrics.push(...images.map((metric) => ({ ...metric, gan: name })));
    distribution.push(...records.map((record) => ({ gan: name, record })));
  }
  return { gans, metrics, distribution };
}

const grids = (trialDir: string, dir: string) => ({
  realGrid: relative(trialDir, `${dir}/${REAL_GRID}`),
  syntheticGrid: relative(trialDir, `${dir}/${SYNTHETIC_GRID}`),
});

function trialGan(
  trialDir: string,
  job: SyntheticJob,
): Omit<TrialGan, 'name' | 'realGrid' | 'syntheticGrid' | 'privacy'> {
  const { events, summary, config: raw } = readRun(ganDirOf(trialDir, job));
  const config = ganConfigSchema.parse(raw);
  const finished = summary as unknown as GanSummary;
  const lineage = readLineage(jobDir(trialDir, job.id));
  return {
    fold: job.variant.fold,
    realFraction: job.variant.realFraction,
    recipe: `${config.architecture}-${config.imageSize}`,
    label: lineage.class,
    seed: config.seed,
    steps: finished.steps,
    batchSize: config.batchSize,
    seconds: finished.seconds,
    trainingImages: finished.trainingImages,
    sampledImages: lineage.count,
    sizePx: lineage.imageSize,
    curve: events
      .filter((event) => event.type === 'losses')
      .map((event) => ({
        step: event.step,
        discriminatorLoss: event.discriminatorLoss as number,
        generatorLoss: event.generatorLoss as number,
      })),
    lineage: { run: lineage.run, checkpoint: lineage.checkpoint.file, datasetHash: lineage.dataset.hash },
  };
}
