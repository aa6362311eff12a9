/**
 * What the verdict hangs on: a score for every run and test image, and what was agreed on before. It knows neither GANs
 * nor networks: a trial of Graft's (../trial/scores.ts) and a table of anyone's scores (./table.ts) both become this.
 */

/** Images that are scored, in the order of every run's scores. */
export interface TestImages {
  ids: readonly string[];
  groups: readonly string[];
  /** 1 for the positive class. */
  labels: readonly (0 | 1)[];
}

export interface ScoredFold {
  /** From 1. */
  fold: number;
  test: TestImages;
  /** Number of training images; null where it is not known. */
  trainingImages: number | null;
}

/** One arm trained with one seed in one fold. */
export interface ScoredRun {
  arm: string;
  fold: number;
  seed: number;
  /** Whose synthetic images it was trained with, as a name that is another for each generator; null: none, or not known. */
  generator: string | null;
  /** One a test image of its fold: higher is more likely positive; probabilities where calibration is asked for. */
  testScores: readonly number[];
  /** The same on each external test set, by its name. */
  externalScores: Readonly<Record<string, readonly number[]>>;
  /** From which score on it calls positive, chosen on validation images; null: not known. */
  threshold: number | null;
  validationAuc: number | null;
}

/**
 * What a comparison asks.
 *
 *   adds           synthetic images on top of the same training set
 *   replaces-real  synthetic positives in place of the real ones
 *   replaces       synthetic images in place of standard augmentation
 *   alternative    another way to make up for the rare class (oversampling, class weights, focal loss), without synthetic
 *                  images or together with them, against the arm that does nothing about it
 *   instead        synthetic images instead of another way to make up for the rare class
 *   control        standard augmentation itself, whose gain shows what the trial can see
 */
export type Question = 'adds' | 'replaces-real' | 'replaces' | 'alternative' | 'instead' | 'control';

/**
 * The verdict is about the primary comparison. "Helps" needs the required ones too, which hold the arm against re-balancing
 * the real images (intersection–union: each is tested at the full level). The control asks nothing.
 */
export type Role = 'primary' | 'required' | 'secondary' | 'control';

/** Fixed before anything is trained. */
export interface PlannedComparison {
  arm: string;
  baseline: string;
  question: Question;
  /** The question as the end of a sentence: 'on top of standard augmentation'. */
  phrase: string;
  role: Role;
}

/** How far the verdict reaches, beside what the scores themselves show. */
export interface Limit {
  id: string;
  /** Two to four words for the headline. */
  short: string;
  /** The end of the headline's sentence: 'the arms were trained for different numbers of steps'. */
  clause: string;
  /** A sentence or two with the figures and the remedy. */
  detail: string;
  /** The verdict that it limits; default: every one. */
  only?: 'helps';
}

/** What things are called in the verdict's sentences. */
export interface Names {
  /** What a group is: 'lesion'. */
  group: string;
  positive: string;
  /** What is judged, where its generators are a sample: 'synthetic images of this recipe'; also for a headline. */
  subject: string;
  short: string;
  /** What is judged where there is one generator alone: 'these 480 images of one GAN'. */
  one: string;
  /** Whether these words take a plural verb. */
  plural: boolean;
}

export interface TrialScores {
  name: string;
  /** Of intervals; .95. */
  level: number;
  /** That detectable effects are stated for. */
  power: number;
  /** AUC difference below which two arms count as equal, fixed beforehand. */
  equivalenceMargin: number;
  names: Names;
  arms: readonly string[];
  /** Arm that others are measured against in tables and figures. */
  reference: string | null;
  comparisons: readonly PlannedComparison[];
  /** Test images of different folds are disjoint. */
  folds: readonly ScoredFold[];
  external: readonly (TestImages & { name: string })[];
  runs: readonly ScoredRun[];
  /** Looks at growing numbers of seeds, which of them was the last (from 1), why it ended; null: a fixed number of seeds. */
  sequential: {
    looks: readonly number[];
    reached: number;
    stopped: 'narrow' | 'decided' | 'budget' | 'running';
  } | null;
  /** Known from elsewhere than the scores: of training, privacy, the design. */
  limits: readonly Limit[];
  /** Every run took the same number of optimiser steps; null where it is not known. */
  equalSteps: boolean | null;
}
