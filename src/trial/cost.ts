/** What a trial will cost on this machine, from what a few steps of its jobs took (./room.ts). */
import { type Dataset, openDataset } from '../data/dataset/index.js';
import type { TrialConfig } from './config.js';
import { classifierConfig, ganConfig } from './plan.js';
import type { Room } from './room.js';
import type { Trial } from './trial.js';
import { variantRows } from './variants.js';

export interface Cost {
  /** Jobs and their time one after the other, at the speed that each has beside the others. */
  kinds: { kind: 'GAN' | 'classifier'; jobs: number; steps: number; seconds: number }[];
  /** Of the whole trial, wall-clock. */
  seconds: number;
  /** Of the processes that run at once. */
  memoryBytes: number;
}

/** An image that is scored takes about a third of one that is trained on: the forward pass alone. */
const FORWARD_SHARE = 1 / 3;

/** Images that a classifier run scores besides its training: every validation, and the test images at the end. */
function scoredImages(config: TrialConfig, dataset: Dataset, external: number): number {
  const { steps, evaluateEvery } = classifierConfig(config);
  const rows = variantRows(dataset, config.folds, { fold: 1, realFraction: 1 });
  const count = (split: string): number => rows.filter((row) => row.split === split).length;
  return (Math.ceil(steps / evaluateEvery) + 1) * count('val') + count('test') + external;
}

/** @param room as it was measured */
export function estimateCost({ config, dataset, jobs: planned }: Trial, room: Room): Cost {
  const { chosen } = room;
  const jobs = planned();
  const external = Object.values(config.external).reduce((sum, dir) => sum + openDataset(dir).rows.length, 0);
  const classifier = classifierConfig(config);
  const perImage = chosen.secondsPerStep / classifier.batchSize;
  // A probe is one fit; the features that it takes are made once, and were when it was timed.
  const isProbe = classifier.method === 'probe';
  const steps = isProbe ? 1 : classifier.steps;
  const scored = isProbe ? 0 : scoredImages(config, dataset, external);
  const perRun = steps * chosen.secondsPerStep + scored * perImage * FORWARD_SHARE;
  const runs = jobs.filter(({ kind }) => kind === 'classifier').length;
  const gans = jobs.flatMap((job) => (job.kind === 'gan' ? [job.gan] : []));
  const ganSteps = (name: string): number => ganConfig(config, name, { data: config.data }).steps;
  const ganSeconds = gans.map((name) => ganSteps(name) * (room.gans[name] ?? chosen).secondsPerStep);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  // Classifiers without synthetic images fill the room beside the GANs; a GAN and what waits for it is the least.
  const total = sum(ganSeconds) + runs * perRun;
  const longest = Math.max(0, ...ganSeconds) + perRun;
  return {
    kinds: [
      { kind: 'GAN', jobs: gans.length, steps: sum(gans.map(ganSteps)), seconds: sum(ganSeconds) },
      { kind: 'classifier', jobs: runs, steps: runs * steps, seconds: runs * perRun },
    ],
    seconds: Math.max(total / chosen.parallel, longest),
    memoryBytes: chosen.parallel * chosen.peakBytes,
  };
}
