/**
 * An augmentation as a list of steps, as albumentations composes them: each step happens to a sample with its
 * probability, and is one of its transforms, equally likely.
 *
 * A transform is two halves: `draw` chooses the parameters of one sample, plain numbers from its own random stream; as a
 * `Change` it is done to a batch, each sample by its own parameters. So what happens to a sample does not depend on the
 * batch it is in, and each half is tested by itself.
 */

import type { Tensor } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import type { Instructions, Size } from './program.js';
import { type Change, runShares, type Share } from './run.js';

export interface Transform extends Change {
  /** In albumentations' or RandAugment's words, as contact sheets show it. */
  readonly name: string;
  draw(random: Random): unknown;
}

export interface Step {
  readonly probability: number;
  readonly oneOf: readonly Transform[];
}

export type Pipeline = readonly Step[];

/** A transform whose halves agree on what its parameters are. */
export function transform<P>(
  name: string,
  draw: (random: Random) => P,
  apply: (images: Tensor, parameters: readonly P[]) => Tensor,
  encode?: (parameters: P, size: Size) => Instructions | null,
): Transform {
  return {
    name,
    draw,
    apply: (images, parameters) => apply(images, parameters as readonly P[]),
    encode: encode && ((parameters, size) => encode(parameters as P, size)),
  };
}

/** A step of one transform. */
export const sometimes = (probability: number, only: Transform): Step => ({ probability, oneOf: [only] });

/**
 * Who gets what. The stream of a sample is forked by the step's place, so that a changed step leaves what the others
 * drew as it was; the streams themselves are not advanced.
 */
function dealOutStep(step: Step, place: number, randoms: readonly Random[]): Share[] {
  const shares = step.oneOf.map((change) => ({ change, rows: [] as number[], parameters: [] as unknown[] }));
  randoms.forEach((random, row) => {
    const own = random.fork(place);
    if (!own.chance(step.probability)) return;
    const share = shares[own.int(shares.length)]!;
    share.rows.push(row);
    share.parameters.push(share.change.draw(own));
  });
  return shares.filter(({ rows }) => rows.length > 0);
}

/** What all steps do to a batch; the streams are not advanced. */
export const dealOut = (pipeline: Pipeline, randoms: readonly Random[]): Share[] =>
  pipeline.flatMap((step, place) => dealOutStep(step, place, randoms));

/**
 * Takes a batch through all steps.
 * @param images `[N, 3, H, W]`: uint8, or float in [0, 1]; not changed
 * @param randoms one stream a sample
 * @returns the same shape in [0, 1], float; the images themselves where they are float and nothing was done
 */
export const runPipeline = (images: Tensor, pipeline: Pipeline, randoms: readonly Random[]): Tensor =>
  runShares(images, dealOut(pipeline, randoms));
