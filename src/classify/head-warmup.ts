/**
 * A head that learns first. A fresh last layer sends gradients at random into weights that know something, and bends them before
 * it knows anything itself; where it has learned on features that stay, fine-tuning begins from the features as they are, and
 * keeps more of what holds outside the training images. Source: Kumar, Raghunathan, Jones, Ma & Liang, "Fine-Tuning can Distort
 * Pretrained Features and Underperform Out-of-Distribution", ICLR 2022 (LP-FT: linear probing, then fine-tuning).
 *
 * What lies under the head is in evaluation for that time: batch norms keep the statistics of the weights, and no block is
 * dropped. The optimiser of the head is its own; fine-tuning begins with a fresh one, and with its own warm-up.
 */
import type { Tensor } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import type { Module } from 'graft-torch/nn';
import { ImageNetwork } from '../models/index.js';

/** Kingma & Ba's, 2015. What fine-tunes weights is far too slow for a layer that begins at random. */
export const HEAD_LEARNING_RATE = 1e-3;

/** A network of Graft, or one of one's own (`ClassifierModule`). */
interface Network extends Module {
  forward(images: Tensor): Tensor;
  readonly stages?: readonly Module[];
}

export interface Head {
  /** What learns: the last layer, and the `normalised` head's norm. */
  readonly parameters: readonly Tensor[];
  /** Normalised images → logits, whose gradient reaches the head alone. Leaves the network in training mode. */
  forward(images: Tensor): Tensor;
}

/** @throws ConfigError where a network of one's own does not say what lies under its head */
export function headOf(network: Network): Head {
  if (network instanceof ImageNetwork) {
    const parts = network.headParts();
    return {
      parameters: parts.flatMap((part) => part.parameters()),
      forward: (images) => {
        network.eval();
        for (const part of parts) part.train();
        const logits = network.forwardHead(images);
        network.train();
        return logits;
      },
    };
  }
  const { stages } = network;
  if (!stages)
    throw new ConfigError(
      'headWarmupSteps: the network of one’s own names no `stages`, so that nobody knows its head; give it some, or set headWarmupSteps=0',
    );
  const below = new Set(stages.flatMap((stage) => stage.parameters()));
  const parameters = network.parameters().filter((one) => !below.has(one) && one.requiresGrad);
  if (parameters.length === 0)
    throw new ConfigError(
      'headWarmupSteps: nothing of the network of one’s own lies outside its `stages`; leave its head out of them, or set headWarmupSteps=0',
    );
  return {
    parameters,
    forward: (images) => {
      // Where nothing below asks for a gradient, none is recorded until the head.
      const learning = [...below].filter((one) => one.requiresGrad);
      for (const one of learning) one.requiresGrad_(false);
      for (const stage of stages) stage.eval();
      try {
        return network.forward(images);
      } finally {
        for (const one of learning) one.requiresGrad_(true);
        network.train();
      }
    },
  };
}

/** @throws ConfigError where there is nothing to warm up for, or no steps are left */
export function requireHeadWarmup(recipe: {
  headWarmupSteps: number;
  headLearningRate: number;
  warmupSteps: number;
  steps: number;
  weights: string | null;
  module?: string | undefined;
  own?: readonly string[] | undefined;
}): void {
  const { headWarmupSteps, warmupSteps, steps, weights, module, own } = recipe;
  if (headWarmupSteps === 0) {
    if (recipe.headLearningRate === HEAD_LEARNING_RATE) return;
    throw new ConfigError(
      'headLearningRate is of headWarmupSteps, and there are none; set headWarmupSteps, or leave this key out',
    );
  }
  // A network of one's own comes with weights, or a module may hold one that is not opened yet.
  if (weights === null && module === undefined && !own?.includes('network'))
    throw new ConfigError(
      'headWarmupSteps: a head on weights that were never trained has nothing to learn from; give weights, or set headWarmupSteps=0',
    );
  if (headWarmupSteps + warmupSteps >= steps)
    throw new ConfigError(
      `headWarmupSteps (${headWarmupSteps}) and warmupSteps (${warmupSteps}) leave nothing of ${steps} steps; set headWarmupSteps=${Math.floor(steps / 10)}${warmupSteps > steps / 2 ? `, warmupSteps=${Math.floor(steps / 10)}` : ''}`,
    );
}
