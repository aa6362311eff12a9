/**
 * One step of the classifier: augment, mix, forward, loss, backward, clip, update, average. Whatever is drawn for an image
 * depends on its number in the run, which no resume changes; dropout draws from the checkpointed generators.
 */

import { backward, type Device, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { BatchNorm2d } from 'graft-torch/nn';
import { clipGradNorm_, type Ema, type Optimizer } from 'graft-torch/optim';
import { augmentationOf, statisticsOf, toNetworkInput } from './batch.js';
import { classWeightsOf } from './class-weights.js';
import type { ClassifierRecipe } from './config.js';
import { headOf } from './head-warmup.js';
import { classificationLoss, smoothLabels } from './losses.js';
import { drawMix, isMixing, mixTargets } from './mixing.js';
import { logitCount } from './network.js';
import type { ClassifierModule, OwnAugmentation } from './own.js';
import { sideAt } from './resizing.js';
import type { TrainingSet } from './training-set.js';

export interface StepParts {
  network: ClassifierModule;
  optimizer: Optimizer;
  /** Of the first `headWarmupSteps`; null where there are none. */
  headOptimizer?: Optimizer | null;
  ema: Ema | null;
  training: TrainingSet;
  device: Device;
  /** Instead of the recipe's. */
  augmentation?: OwnAugmentation | undefined;
}

/** Trains on a batch; returns its loss. `step`: steps made before. */
export type TrainStep = (images: Tensor, indices: readonly number[], step: number) => number;

/** @throws DataError where a class that is to be weighed has no image */
export function makeStep(recipe: ClassifierRecipe, parts: StepParts): TrainStep {
  const { network, ema, training, device } = parts;
  const head = parts.headOptimizer ? headOf(network) : null;
  const augmentation = parts.augmentation ?? augmentationOf(recipe);
  const statistics = statisticsOf(network);
  const still =
    recipe.batchNormStatistics === 'weights'
      ? [...network.modules()].filter((module) => module instanceof BatchNorm2d)
      : [];
  const random = new Random(recipe.seed);
  const [augmenting, mixing] = [random.fork('augmentation'), random.fork('mixing')];
  const loss = {
    focalGamma: recipe.loss === 'focal' ? recipe.focalGamma : 0,
    classWeights: lossWeights(recipe, training),
  };
  return (images, indices, step) =>
    tidy(() => {
      const numbers = indices.map((_, i) => step * recipe.batchSize + i);
      const sidePx = sideAt(recipe, step);
      const learning = head && step < recipe.headWarmupSteps ? head : network;
      const optimizer = learning === head ? parts.headOptimizer! : parts.optimizer;
      const mixes = isMixing(recipe)
        ? numbers.map((number) => drawMix(mixing.fork(number), recipe, [sidePx, sidePx]))
        : null;
      const input = toNetworkInput(images, device, {
        augmentation,
        randoms: numbers.map((number) => augmenting.fork(number)),
        statistics,
        mixes,
        sidePx,
      });
      const labels = targetsOf(
        indices.map((index) => training.labels[index]!),
        logitCount(recipe),
        device,
      );
      const targets = smoothLabels(mixes ? mixTargets(labels, mixes) : labels, recipe.labelSmoothing);
      // Whoever scores in between leaves the whole network in training mode.
      for (const norm of still) norm.eval();
      network.zeroGrad();
      const value = classificationLoss(learning.forward(input), targets, loss);
      backward(value);
      if (recipe.gradientClip > 0) clipGradNorm_(optimizer.parameters, recipe.gradientClip);
      optimizer.step();
      ema?.update(step);
      return value.item();
    });
}

/** Labels as shares: `[N, 1]`, the positive class's, or one-hot `[N, K]`. */
function targetsOf(labels: readonly number[], outputs: number, device: Device): Tensor {
  const shares = new Float32Array(labels.length * outputs);
  for (const [i, label] of labels.entries()) {
    if (outputs === 1) shares[i] = label;
    else shares[i * outputs + label] = 1;
  }
  return tensor(shares, [labels.length, outputs], { device });
}

/** Factors of the classes' losses, by label. */
function lossWeights(recipe: ClassifierRecipe, { classCounts }: TrainingSet): number[] {
  const { target, classWeights: weighting, effectiveBeta: beta, posWeight } = recipe;
  if (weighting === 'none' && target === 'binary') return [1, posWeight];
  return classWeightsOf(classCounts, { weighting, beta });
}
