/** What a finished classifier run holds, and how its trained network is opened again. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Device, loadSafetensors, requireFinite, tidy } from 'graft-torch';
import { ConfigError, DataError, sha256File } from 'graft-torch/base';
import { commandLine } from '../base/index.js';
import type { FoundRange } from '../data/dataset/index.js';
import { framingOfFolder, openDataset } from '../data/dataset/index.js';
import type { Fit } from '../data/lineage/index.js';
import type { Framing } from '../image/index.js';
import { openWeightsFile } from '../models/index.js';
import type { ConditionsFrom } from '../run/index.js';
import {
  bestCheckpointPath,
  loadCheckpoint,
  readRun,
  readRunConfig,
  runFiles,
  runStatus,
} from '../run/index.js';
import type { Interval, SplitScores } from '../stats/index.js';
import type { BestBy, ChoiceSummary } from './choice.js';
import { type ClassifierConfig, classifierConfigSchema } from './config.js';
import { networkFor } from './network.js';
import { type ClassifierModule, type OwnParts, reopenParts } from './own.js';
import {
  type ClassScoreRow,
  type ClassSummary,
  type EvaluationSplit,
  readClassScores,
  readScores,
  type ScoreRow,
} from './scores.js';
import { keptNetwork } from './state.js';

/** One validation. */
export interface CurvePoint {
  step: number;
  /** Mean since the validation before; a probe has none. */
  trainLoss: number | null;
  /** With several classes, the macro average. */
  valAuc: number;
  valLoss: number;
  learningRate: number;
  /** What chose the checkpoint, raw and as the mean of the window; left out where it was the AUC of each by itself. */
  choice?: { by: BestBy; figure: number; smoothed: number };
}

/** Content of a classifier run's summary.json. */
export interface ClassifierSummary {
  /** AUCs of the best checkpoint, each over its whole split: the positive class against the rest. */
  valAuc: number;
  testAuc: number;
  /** 95 %, DeLong over groups; null where a class has fewer than two groups. */
  testAucInterval: Interval | null;
  /** At the threshold chosen on the validation split. */
  test: SplitScores;
  /** Of target classes: every class against the rest, and the means over classes. */
  byClass?: Record<EvaluationSplit, ClassSummary>;
  bestStep: number;
  /** How the step was chosen, where it was not by the AUC of each validation by itself. */
  choice?: ChoiceSummary;
  steps: number;
  stoppedEarly: boolean;
  images: { real: number; realPositive: number; synthetic: number; syntheticPositive: number };
  dataset: { name: string; hash: string; positive: string };
  /**
   * What it was fitted to, itself first: the images it was trained on, the validation images that chose step and threshold,
   * and those of whatever it was made from. Left out by runs from before it was written down.
   */
  fitted?: Fit[];
  /** How it saw the frames of photographs; left out by runs from before it was written down. */
  framing?: Framing;
  /** Which stored values were black and white in its training images, where files held more than 8-bit pixels. */
  intensity?: FoundRange[];
  parameters: number;
  device: string;
  /** What it was computed under, part by part; runs of Graft 0.1 do not say. */
  conditions?: ConditionsFrom[];
  /** Of all parts of the run together, validations included. */
  seconds: number;
  /** Training images a second, validations left out. */
  imagesPerSecond: number;
  /** Of a probe; `steps` are then those of its solver. */
  probe?: ProbeSummary;
}

/** What a probe has to say beside its scores. */
export interface ProbeSummary {
  /** C. */
  strength: number;
  /** How C was chosen: log loss out of fold at each value tried; empty where the recipe gave C. */
  curve: { strength: number; logLoss: number; standardError: number }[];
  /** Length of the features. */
  features: number;
  /** Of each training image. */
  views: number;
  /** AUC of the k-NN classifier on the same features, macro over classes. */
  neighbours: { k: number; valAuc: number; testAuc: number };
  /** Time that features took, which others find in the store; the rest of `seconds` is the fit's. */
  featureSeconds: number;
}

export interface ClassifierResult extends ClassifierSummary {
  testScores: ScoreRow[];
  valScores: ScoreRow[];
  curve: CurvePoint[];
}

/** Files of a classifier run beside the common ones. */
export const scoresPath = (dir: string, split: EvaluationSplit): string => join(dir, `scores-${split}.csv`);
/** Every class's probabilities, of target classes. */
export const classScoresPath = (dir: string, split: EvaluationSplit): string =>
  join(dir, `scores-${split}-classes.csv`);
export const weightsPath = (dir: string): string => join(dir, runFiles.weights);

/**
 * A finished run's results.
 * @throws DataError when it has not finished
 */
export function readClassifierResult(dir: string): ClassifierResult {
  const { summary, events, kind } = readRun(dir);
  if (kind !== 'classifier') throw new DataError(`${dir}: is a ${kind} run, expected a classifier run`);
  if (!summary)
    throw new DataError(
      `${dir}: has not finished; go on with \`${commandLine`graft classify resume ${dir}`}\``,
    );
  const curve = events
    .filter((event) => event.type === 'validation')
    .map(({ step, trainLoss, valAuc, valLoss, learningRate, chosenBy, figure, smoothed }) => ({
      step,
      trainLoss: (trainLoss ?? null) as number | null,
      valAuc: valAuc as number,
      valLoss: valLoss as number,
      learningRate: learningRate as number,
      ...(chosenBy === undefined
        ? {}
        : { choice: { by: chosenBy as BestBy, figure: figure as number, smoothed: smoothed as number } }),
    }));
  return {
    ...(summary as unknown as ClassifierSummary),
    testScores: readScores(scoresPath(dir, 'test')),
    valScores: readScores(scoresPath(dir, 'val')),
    curve,
  };
}

/** The scores that a finished run has written down for a split; null where there are none. */
export function readStoredScores(dir: string, split: EvaluationSplit): ScoreRow[] | null {
  const path = scoresPath(dir, split);
  return existsSync(path) ? readScores(path) : null;
}

/** The same of every class, of target classes. */
export function readStoredClassScores(
  dir: string,
  split: EvaluationSplit,
  classes: readonly string[],
): ClassScoreRow[] | null {
  const path = classScoresPath(dir, split);
  return existsSync(path) ? readClassScores(path, classes) : null;
}

/**
 * The configuration of a classifier run, checked.
 * @throws ConfigError, DataError when the folder holds none
 */
export function readClassifierConfig(dir: string): ClassifierConfig {
  const { kind, config } = readRunConfig(dir);
  if (kind !== 'classifier') throw new DataError(`${dir}: is a ${kind} run, expected a classifier run`);
  const parsed = classifierConfigSchema.safeParse(config);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new ConfigError(
    `${join(dir, 'config.yaml')}: ${issue.path.join('.')}: ${issue.message}; was it written by another version of Graft?`,
  );
}

/**
 * How a run's network sees the frames of photographs, which is how it must be shown others: as its summary says, of an
 * unfinished run as its dataset does.
 */
export function framingOfRun(dir: string): Framing {
  const summary = readRun(dir).summary as unknown as ClassifierSummary | undefined;
  if (summary?.framing) return summary.framing;
  return framingOfFolder(readClassifierConfig(dir).data);
}

/**
 * Which stored values a run's network must be shown as black and white: those of the dataset that it learned from, as its
 * summary says, of an unfinished run as the dataset itself does.
 */
export function showingOfRun(dir: string): { ranges: FoundRange[] } {
  const summary = readRun(dir).summary as unknown as ClassifierSummary | undefined;
  if (summary) return { ranges: summary.intensity ?? [] };
  return { ranges: openDataset(readClassifierConfig(dir).data).intensity ?? [] };
}

/** @throws DataError where the file that a probe looks through is gone, or another one now */
async function requireSameWeights(dir: string, { weights, weightsHash }: ClassifierConfig): Promise<void> {
  const path = await openWeightsFile(weights!);
  const remedy =
    'a probe has its last layer alone: put the file back, or export the run where it is there (graft classify export)';
  if (!existsSync(path))
    throw new DataError(`${dir}: the weights that it looks through, ${path}, are gone; ${remedy}`);
  if (weightsHash !== undefined && (await sha256File(path)) !== weightsHash)
    throw new DataError(
      `${dir}: the weights that it looks through, ${path}, are another file by now; ${remedy}`,
    );
}

/** @throws DataError when there is none yet */
function loadHead(network: ClassifierModule, dir: string): void {
  const path = weightsPath(dir);
  if (!existsSync(path))
    throw new DataError(`${dir}: has not finished (${runStatus(dir)}); resume the run first`);
  const { tensors } = loadSafetensors(path);
  requireFinite(tensors, path);
  const { unexpected, misshaped } = network.loadStateDict(tensors, { strict: false });
  if (unexpected.length + misshaped.length > 0)
    throw new DataError(
      `${path}: does not hold the last layer of this network: ${[...unexpected, ...misshaped].join(', ')}`,
    );
}

/** A run's network, ready to score. */
export interface OpenedClassifier {
  /** In evaluation mode; whoever opened it disposes it. */
  network: ClassifierModule;
  config: ClassifierConfig;
  /** What it was made with, where the network is one's own. */
  parts: OwnParts;
}

/**
 * The best network of a run, in evaluation mode: the final weights of a finished run, else the best so far.
 * @param given what a program handed in when it was trained; a module is found by the run itself
 * @throws DataError when there is none yet; ConfigError where its module is gone, or another one now
 */
export async function openClassifier(
  dir: string,
  device: Device,
  given: OwnParts = {},
): Promise<OpenedClassifier> {
  const config = readClassifierConfig(dir);
  const parts = await reopenParts(dir, config, given);
  // The run's own weights replace whatever it started from, so that file may be gone; a probe's are the last layer's alone.
  const isProbe = config.method === 'probe';
  if (isProbe) await requireSameWeights(dir, config);
  const { network } = networkFor(config, device, { readWeights: isProbe, parts });
  tidy(() => {
    if (isProbe) loadHead(network, dir);
    else if (existsSync(weightsPath(dir))) {
      const { tensors } = loadSafetensors(weightsPath(dir));
      requireFinite(tensors, weightsPath(dir));
      network.loadStateDict(tensors);
    } else {
      const best = bestCheckpointPath(dir);
      if (!existsSync(best)) {
        throw new DataError(`${dir}: has no validated network yet (${runStatus(dir)}); resume the run first`);
      }
      network.loadStateDict(keptNetwork(config, loadCheckpoint(best).tensors));
    }
  });
  network.eval();
  return { network, config, parts };
}
