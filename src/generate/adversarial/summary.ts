/** What a run says of itself: the figures of a step, and its summary.json. */
import type { Fit } from '../../data/lineage/index.js';
import type { Framing } from '../../image/index.js';
import type { ConditionsFrom } from '../../run/index.js';
import type { RunStanding } from '../standing.js';
import type { Best } from './state.js';

export interface StepFigures {
  discriminatorLoss: number;
  generatorLoss: number;
  /** Mean of D(x) and D(G(z)): probabilities, or the scores of a critic. */
  realScore: number;
  fakeScore: number;
}

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
}

/** Where a run's first weights came from. */
export interface Ancestor {
  /** Run folder's or file's name. */
  name: string;
  /** Of what the run had learned (run/checkpoint-hash.ts); of a weights file, the file's. */
  sha256: string;
  /** Class and dataset it had learned; null where a file does not say. */
  class: string | null;
  dataset: { name: string; hash: string } | null;
  /** Every group it was trained on, its own ancestors' included; null where nobody knows. */
  trainingGroups: string[] | null;
  /** Keys that kept fresh weights, because they belong to other classes. */
  fresh: string[];
}
