/** Going back: a run that collapsed takes up its last healthy checkpoint again, with other noise and half the rates. */
import { rmSync } from 'node:fs';
import { dispose, manualSeed } from 'graft-torch';
import { checkpointPath, listCheckpoints, loadCheckpoint } from '../../run/index.js';
import { loadState, type Training } from './training.js';

/** Each time, both learning rates are multiplied by this. */
const SLOWER = 0.5;

/** Whether there is a healthy checkpoint and a try left. */
export const canRollBack = ({ state, config }: Training): boolean =>
  state.healthyStep !== null && state.rollBacks < config.rollBacks;

/**
 * Puts the last healthy checkpoint into the state; its noise is another one from there on, else it would end the same.
 * What was saved later is removed. The caller saves, so that a resume finds this state and not the sick one.
 */
export function rollBack({ run, state, config }: Training, reason: string): void {
  const to = state.healthyStep!;
  const rollBacks = state.rollBacks + 1;
  const { step, seconds } = state;
  const checkpoint = loadCheckpoint(checkpointPath(run.dir, to));
  loadState(state, checkpoint);
  dispose(checkpoint.tensors);
  Object.assign(state, { rollBacks, seconds });
  manualSeed(config.seed + rollBacks);
  for (const [optimizer, rate] of [
    [state.generatorOptimizer, config.learningRate.generator],
    [state.discriminatorOptimizer, config.learningRate.discriminator],
  ] as const) {
    optimizer.lr = rate * SLOWER ** rollBacks;
  }
  for (const { step: saved, path } of listCheckpoints(run.dir)) if (saved > to) rmSync(path, { force: true });
  run.event('rolled-back', step, { to, reason, learningRateFactor: SLOWER ** rollBacks });
  run.log(`step ${step}: ${reason}; back to step ${to}, learning rates × ${SLOWER ** rollBacks}`);
}
