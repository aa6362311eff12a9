/** A run's sample grids, one after the other: how the same latents became what they are. */
import { DataError } from 'graft-torch/base';
import { type AnimationOptions, writeAnimation } from '../../image/index.js';
import { type RunRecord, readRun } from '../../run/index.js';

type Samples = RunRecord['samples'];

/** Up to `most` of a list, the first and the last among them, evenly spaced. */
export function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  if (most < 2) return items.slice(-1);
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]!);
}

/** Frames and labels for an animation. */
export function trainingFrames(samples: Samples, most = 60): { frames: string[]; labels: string[] } {
  const shown = spread(samples, most);
  return {
    frames: shown.map(({ path }) => path),
    labels: shown.map(({ step }) => `step ${step.toLocaleString('en-GB')}`),
  };
}

export interface TrainingAnimationOptions extends Omit<AnimationOptions, 'labels'> {
  /** Frames at most; default 60. */
  most?: number;
}

/**
 * Writes a run's sample grids as an animation: .webp, .gif, or .mp4 where ffmpeg is installed.
 * @returns the number of frames
 * @throws DataError where the folder is no GAN run or has no sample grid; as `writeAnimation`
 */
export async function writeTrainingAnimation(
  runDir: string,
  path: string,
  options: TrainingAnimationOptions = {},
): Promise<number> {
  const { most, ...rest } = options;
  const run = readRun(runDir);
  if (run.kind !== 'gan') throw new DataError(`${runDir}: is a ${run.kind} run, expected a gan run`);
  if (run.samples.length === 0) throw new DataError(`${runDir}: has no sample grid yet`);
  const { frames, labels } = trainingFrames(run.samples, most);
  await writeAnimation(frames, path, { delayMs: 200, lastDelayMs: 2000, ...rest, labels });
  return frames.length;
}
