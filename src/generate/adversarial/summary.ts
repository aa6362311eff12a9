/** What a run says of itself at its end: its summary.json. */
import type { Fit } from '../../data/lineage/index.js';
import type { Framing } from '../../image/index.js';
import { readRecord } from '../../lineage/index.js';
import { type ConditionsFrom, conditionsOf, type RunEvent, readEvents, runFiles } from '../../run/index.js';
import { classTitle } from '../config.js';
import { type RunStanding, standingOfRun } from '../standing.js';
import { recordsOf } from './monitor.js';
import { namesOf } from './own.js';
import type { Best, StepFigures, Training } from './training.js';
import type { Ancestor } from './transfer.js';

export interface GanSummary {
  steps: number;
  trainingImages: number;
  /** Every group that the generator learned from, here or in the run it was started from. */
  trainingGroups: string[];
  dataset: { name: string; hash: string };
  /** What it was fitted to, itself first, step by step; left out by runs from before it was written down. */
  fitted?: Fit[];
  /** How it saw the frames of its training images; left out by runs from before it was written down. */
  framing?: Framing;
  /** What became of the training images on the way to squares, where it was much. */
  frames?: string[];
  /** What the run was started from; null: from fresh weights. */
  ancestor: Ancestor | null;
  class: string;
  final: StepFigures;
  /** The checkpoint that is kept and sampled as the best; null where none is chosen. */
  best: Best | null;
  /** Kinds of the doctor's findings, and the last step each was found at. */
  findings: Record<string, number>;
  /** What can be said of the run as a whole; left out by runs from before it was written down. */
  standing?: RunStanding;
  rollBacks: number;
  generatorParameters: number;
  discriminatorParameters: number;
  /** Wall-clock seconds of all parts of the run together. */
  seconds: number;
  /** Real images seen a second. */
  imagesPerSecond: number;
  device: string;
  /** What it was computed under, part by part; runs of Graft 0.1 do not say. */
  conditions?: ConditionsFrom[];
  /** Parts that are not the configuration's but came from outside; left out where there are none. */
  own?: string[];
}

/** Real images that were seen so far. */
export const imagesSeen = ({ config, state }: Training): number =>
  state.step * config.criticSteps * config.batchSize;

/** @param figures of the last step; null where a run is resumed behind it */
export function summarise(training: Training, figures: StepFigures | null): GanSummary {
  const { run, config, state, data, parts } = training;
  const events = readEvents(run.path(runFiles.events));
  const ancestor = (events.find(({ type }) => type === 'started')?.ancestor ?? null) as Ancestor | null;
  const groups = new Set([...data.groups, ...(ancestor?.trainingGroups ?? [])]);
  const findings = events.filter(({ type }) => type === 'finding');
  const own = namesOf(parts);
  return {
    steps: config.steps,
    trainingImages: data.indices.length,
    trainingGroups: [...groups].sort(),
    dataset: data.dataset,
    fitted: readRecord({ dir: run.dir, summary: undefined }) ?? undefined,
    framing: data.framing,
    frames: data.frames,
    ancestor,
    class: classTitle(config),
    final: figures ?? lastFigures(events),
    best: state.best,
    findings: Object.fromEntries(findings.map(({ kind, step }) => [kind as string, step])),
    standing: standingOfRun(recordsOf(events), findings.length),
    rollBacks: state.rollBacks,
    generatorParameters: state.generator.parameterCount,
    discriminatorParameters: state.discriminator.parameterCount,
    seconds: state.seconds,
    imagesPerSecond: imagesSeen(training) / state.seconds,
    device: state.device,
    conditions: conditionsOf(events),
    ...(own.length > 0 && { own }),
  };
}

/** The figures of the last step, of a run that is resumed behind it. */
function lastFigures(events: RunEvent[]): StepFigures {
  const last = events.findLast((event) => event.type === 'losses') as unknown as StepFigures;
  const { discriminatorLoss, generatorLoss, realScore, fakeScore } = last;
  return { discriminatorLoss, generatorLoss, realScore, fakeScore };
}
