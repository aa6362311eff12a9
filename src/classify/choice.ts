/**
 * Which validation was the best. With few positives a score moves by more from one validation to the next than the network
 * does, and the best of many is then the luckiest: its score is too high, and its step is drawn nearly at random. The mean of
 * the last w scores has 1 / w of the variance where they err independently, at the price of (w − 1) / 2 validations of delay.
 *
 * Scores are the larger, the better. Means of fewer than w scores, at the beginning, compete with each other alone.
 */
import { ConfigError } from 'graft-torch/base';

/** What a checkpoint may be chosen by. */
export const bestBys = ['auc', 'logLoss', 'balancedAccuracy'] as const;
export type BestBy = (typeof bestBys)[number];

/** The part of a run's progress that the choice rests on; goes into checkpoints. */
export interface Choice {
  /** `score`: the mean that it was chosen by; `whole`: over a whole window; `auc`: of its own validation. */
  best: { auc: number; step: number; score: number; whole: boolean } | null;
  /** The last scores, at most a window of them, the newest last. */
  recent: number[];
  /** Validations since the best one. */
  stale: number;
}

export interface Verdict {
  isBest: boolean;
  /** Mean of the scores in the window. */
  smoothed: number;
  /** Whether the window was full. */
  whole: boolean;
}

/** What a validation gives to choose by; `byClass`: of target classes. */
interface Figures {
  auc: number;
  logLoss: number;
  byClass: { summary: { balancedAccuracy: number } } | null;
}

/** The figure that a recipe chooses by, in its own unit. */
export const figureOf = (assessment: Figures, bestBy: BestBy): number =>
  bestBy === 'balancedAccuracy' ? assessment.byClass!.summary.balancedAccuracy : assessment[bestBy];

/** Figure → score and back. */
export const signOf = (bestBy: BestBy): 1 | -1 => (bestBy === 'logLoss' ? -1 : 1);

/**
 * Takes a validation's score into the choice, which it changes.
 * @param score finite; the larger, the better
 * @param options.window validations that are averaged, from 1
 */
export function choose(
  choice: Choice,
  { auc, score, step }: { auc: number; score: number; step: number },
  { window }: { window: number },
): Verdict {
  choice.recent = [...choice.recent, score].slice(-window);
  const smoothed = choice.recent.reduce((sum, one) => sum + one, 0) / choice.recent.length;
  const whole = choice.recent.length === window;
  const { best } = choice;
  const isBest = best === null || (whole && !best.whole) || smoothed > best.score;
  if (isBest) choice.best = { auc, step, score: smoothed, whole };
  // As long as the window fills, nothing can be said to stall.
  choice.stale = isBest || !whole ? 0 : choice.stale + 1;
  return { isBest, smoothed, whole };
}

/** How a run's step was chosen: by which figure, its mean over how many validations, and what its own validation says. */
export interface ChoiceSummary {
  by: BestBy;
  /** Validations that were averaged. */
  window: number;
  /** The mean at the chosen step, in its own unit. */
  figure: number;
  /** Of the chosen validation by itself. */
  auc: number;
}

/** In words, to follow the step; nothing where the AUC of each validation by itself chose it. */
export function choiceWords(choice: ChoiceSummary | undefined): string {
  if (!choice) return '';
  const name = { auc: 'AUC', logLoss: 'log loss', balancedAccuracy: 'balanced accuracy' }[choice.by];
  const what = choice.window > 1 ? `mean ${name} of ${choice.window} validations` : name;
  return `, by the ${what}: ${choice.figure.toFixed(3)}, with an AUC of ${choice.auc.toFixed(3)} at the step itself`;
}

/** @throws ConfigError where nothing can be chosen so */
export function requireChoice(recipe: {
  target: 'binary' | 'classes';
  bestBy: BestBy;
  validationWindow: number;
  steps: number;
  evaluateEvery: number;
}): void {
  const { target, bestBy, validationWindow, steps, evaluateEvery } = recipe;
  if (bestBy === 'balancedAccuracy' && target === 'binary')
    throw new ConfigError(
      'bestBy balancedAccuracy is for target classes, whose likeliest class is the answer; two classes need a threshold, which is chosen at the end. Set bestBy=auc or bestBy=logLoss',
    );
  const validations = Math.ceil(steps / evaluateEvery);
  if (validationWindow > validations)
    throw new ConfigError(
      `validationWindow (${validationWindow}) is more than the ${validations} validations of ${steps} steps; set validationWindow=${Math.max(1, Math.floor(validations / 3))}, or validate more often (evaluateEvery)`,
    );
}
