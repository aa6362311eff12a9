/**
 * Which test images the arm of the verdict gets most confidently wrong, and on which it differs most from its baseline. An
 * image's place among the test images of its fold, from 0 (least likely positive) to 1, stands for its score, the mean over
 * runs: places are comparable between arms and runs, whose probabilities need not be.
 */
import { midRanks } from '../stats/index.js';
import type { TrialScores } from './scores.js';

export interface Failure {
  id: string;
  group: string;
  label: 0 | 1;
  fold: number;
  /** Means over runs. */
  scores: { arm: number; baseline: number };
  places: { arm: number; baseline: number };
  /** Runs of the arm that call it wrong at their thresholds; null where these are not known. */
  wrong: number | null;
  runs: number;
}

export interface Failures {
  arm: string;
  baseline: string;
  /** Positive images that the arm puts lowest, and others that it puts highest. */
  missed: Failure[];
  falseAlarms: Failure[];
  /** Images that the arm puts further on their side than the baseline, and those that it puts less far. */
  better: Failure[];
  worse: Failure[];
}

/** @param most of each kind @returns null without a primary comparison */
export function failuresOf(scores: TrialScores, most = 6): Failures | null {
  const primary = scores.comparisons.find(({ role }) => role === 'primary');
  if (!primary) return null;
  const { arm, baseline } = primary;
  const all = scores.folds.flatMap(({ fold, test }): Failure[] => {
    const own = (name: string) => scores.runs.filter((run) => run.arm === name && run.fold === fold);
    const [ours, theirs] = [own(arm), own(baseline)];
    if (ours.length === 0 || theirs.length === 0) return [];
    const places = [ours, theirs].map((runs) => meanOf(runs.map(({ testScores }) => placesOf(testScores))));
    const means = [ours, theirs].map((runs) => meanOf(runs.map(({ testScores }) => testScores)));
    const known = ours.every(({ threshold }) => threshold !== null);
    return test.ids.map((id, i) => ({
      id,
      group: test.groups[i]!,
      label: test.labels[i]!,
      fold,
      scores: { arm: means[0]![i]!, baseline: means[1]![i]! },
      places: { arm: places[0]![i]!, baseline: places[1]![i]! },
      wrong: known
        ? ours.filter((run) => run.testScores[i]! >= run.threshold! !== (test.labels[i] === 1)).length
        : null,
      runs: ours.length,
    }));
  });
  const failed = all.filter(({ wrong, runs }) => wrong === null || wrong > runs / 2);
  const gain = ({ label, places }: Failure): number =>
    (label === 1 ? 1 : -1) * (places.arm - places.baseline);
  const top = (list: readonly Failure[], key: (one: Failure) => number): Failure[] =>
    [...list].sort((a, b) => key(b) - key(a) || (a.id < b.id ? -1 : 1)).slice(0, most);
  return {
    arm,
    baseline,
    missed: top(
      failed.filter(({ label }) => label === 1),
      ({ places }) => -places.arm,
    ),
    falseAlarms: top(
      failed.filter(({ label }) => label === 0),
      ({ places }) => places.arm,
    ),
    better: top(
      all.filter((one) => gain(one) > 0),
      gain,
    ),
    worse: top(
      all.filter((one) => gain(one) < 0),
      (one) => -gain(one),
    ),
  };
}

/** Mid-rank of each score, from 0 to 1; a half for one image alone. */
function placesOf(scores: readonly number[]): number[] {
  const ranks = midRanks(scores);
  return scores.map((_, i) => (scores.length === 1 ? 0.5 : (ranks[i]! - 1) / (scores.length - 1)));
}

const meanOf = (lists: readonly (readonly number[])[]): number[] =>
  lists[0]!.map((_, i) => lists.reduce((sum, list) => sum + list[i]!, 0) / lists.length);

/** Every image that is named, once. */
export const failedImages = ({ missed, falseAlarms, better, worse }: Failures): string[] => [
  ...new Set([...missed, ...falseAlarms, ...better, ...worse].map(({ id }) => id)),
];
