/**
 * One adversarial step, Algorithm 1 of Goodfellow et al. (2014) in the form of the DCGAN recipe: the discriminator
 * sees a real and a generated batch, then the generator is trained through the same generated batch.
 *
 * What is not needed is not computed: generated images are detached in the discriminator's step, and the
 * discriminator's parameters gather no gradient in the generator's.
 */

import {
  aten,
  autocast,
  backward,
  cat,
  type Device,
  isHalf,
  noGrad,
  type Precision,
  randn,
  type Tensor,
  tidy,
} from 'graft-torch';
import type { Random } from 'graft-torch/base';
import type { GradScaler, Optimizer } from 'graft-torch/optim';
import type { DiscriminatorNetwork, GeneratorNetwork } from '../../models/index.js';
import type { Augment } from './augment/augment.js';
import type { Judged, Objective, Regulariser } from './objectives/objective.js';

/** What a step works on. */
export interface Adversaries {
  generator: GeneratorNetwork;
  discriminator: DiscriminatorNetwork;
  generatorOptimizer: Optimizer;
  /** Its parameters are those of the discriminator that are trained. */
  discriminatorOptimizer: Optimizer;
  objective: Objective;
  regulariser: Regulariser | null;
  /** The critic's weights stay within ± this. */
  weightClip: number | null;
  /** What both real and generated images go through before the discriminator sees them. */
  augment: Augment | null;
  updateFirst: 'discriminator' | 'generator';
  device: Device;
  /** Of the networks' forward passes; losses and weights stay float32. */
  precision: Precision;
  /** For float16, whose small gradients vanish unscaled; else null. */
  scaler: GradScaler | null;
}

/** Real images and their classes. Those generated beside them get the same, so that both halves hold each equally often. */
export interface StepBatch {
  /** Float `[N, C, H, W]` in [−1, 1]. */
  images: Tensor;
  /** int64 `[N]`; null where there is no conditioning. */
  labels: Tensor | null;
}

export interface StepOptions {
  /** Decides this step's augmentation. */
  random: Random;
  /** Discriminator steps made so far: which of them are regularised hangs on it. */
  discriminatorSteps: number;
}

/** Scalars of a step, on the device: reading them waits for it. */
export interface StepLosses {
  discriminatorLoss: Tensor;
  generatorLoss: Tensor;
  /** Mean of D over the last real and generated batch, before its update: as a probability, or a critic's score. */
  realScore: Tensor;
  fakeScore: Tensor;
  /** Mean sign of the logits of real images, over all batches. */
  realSign: Tensor;
}

type DiscriminatorFigures = Omit<StepLosses, 'generatorLoss'>;

/** Trains the discriminator once on each batch, and the generator once. */
export function adversarialStep(
  adversaries: Adversaries,
  batches: readonly StepBatch[],
  options: StepOptions,
): StepLosses {
  const { generator, discriminator, generatorOptimizer, discriminatorOptimizer } = adversaries;
  const { objective, regulariser, augment, device, precision, scaler, weightClip } = adversaries;
  const generatorFirst = adversaries.updateFirst === 'generator';
  const trained = discriminatorOptimizer.parameters;

  return tidy(() => {
    const last = batches.length - 1;
    const signs: Tensor[] = [];
    let generatorLoss!: Tensor;
    let figures!: DiscriminatorFigures;
    for (const [index, batch] of batches.entries()) {
      const trainsGenerator = index === last;
      const fake = trainsGenerator ? generate(batch) : noGrad(() => generate(batch));
      if (trainsGenerator && generatorFirst) generatorLoss = generatorStep(fake, batch);
      figures = discriminatorStep(fake.detach(), batch, index);
      signs.push(figures.realSign);
      if (trainsGenerator && !generatorFirst) generatorLoss = generatorStep(fake, batch);
    }
    const realSign = signs.length === 1 ? signs[0]! : aten.stack(signs).mean();
    return { ...figures, realSign, generatorLoss };
  });

  function generate({ images, labels }: StepBatch): Tensor {
    const z = randn([images.shape[0]!, generator.latent], { device });
    return inFull(autocast(device, precision, () => generator.forward(z, labels)));
  }

  function judge(images: Tensor, labels: Tensor | null): Judged {
    const { logits, classLogits } = autocast(device, precision, () => discriminator.judge(images, labels));
    return { logits: inFull(logits), classLogits: classLogits && inFull(classLogits), labels };
  }

  /** Both halves of a step: in one pass where that is the same. */
  function judgeBoth(real: Tensor, fake: Tensor, labels: Tensor | null): [Judged, Judged] {
    if (!discriminator.judgesEachAlone) return [judge(real, labels), judge(fake, labels)];
    const count = real.shape[0]!;
    const both = judge(cat([real, fake]), labels && cat([labels, labels]));
    const half = (start: number): Judged => ({
      logits: both.logits.narrow(0, start, count),
      classLogits: both.classLogits?.narrow(0, start, count) ?? null,
      labels,
    });
    return [half(0), half(count)];
  }

  /** Out of autocast's 16 bits. */
  function inFull(values: Tensor): Tensor {
    return isHalf(precision) ? values.float() : values;
  }

  function augmented(images: Tensor, stream: string): Tensor {
    return augment ? augment(images, options.random.fork(stream)) : images;
  }

  /** Back-propagates and updates; with a scaler, skips the update where a gradient overflowed. */
  function descend(loss: Tensor, optimizer: Optimizer): void {
    optimizer.zeroGrad();
    backward(scaler ? scaler.scale(loss) : loss);
    if (scaler) {
      scaler.step(optimizer);
      scaler.update();
    } else optimizer.step();
  }

  function discriminatorStep(fake: Tensor, batch: StepBatch, index: number): DiscriminatorFigures {
    return tidy(() => {
      setRequiresGrad(trained, true);
      const seenReal = augmented(batch.images, `real ${index}`);
      const seenFake = augmented(fake, `fake ${index}`);
      const [judgedReal, judgedFake] = judgeBoth(seenReal, seenFake, batch.labels);
      let loss = objective.discriminatorLoss(judgedReal, judgedFake);
      if (regulariser && (options.discriminatorSteps + index) % regulariser.every === 0) {
        const penalty = regulariser.penalty(discriminator, {
          real: seenReal,
          fake: seenFake,
          labels: batch.labels,
        });
        loss = loss.add(penalty, regulariser.every);
      }
      descend(loss, discriminatorOptimizer);
      if (weightClip !== null) clipWeights(trained, weightClip);
      const score = (logits: Tensor): Tensor =>
        (objective.logits === 'log-odds' ? logits.sigmoid() : logits).mean();
      const [real, made] = [judgedReal.logits.detach(), judgedFake.logits.detach()];
      return {
        discriminatorLoss: loss.detach(),
        realScore: score(real),
        fakeScore: score(made),
        realSign: real.sign().mean(),
      };
    });
  }

  function generatorStep(fake: Tensor, batch: StepBatch): Tensor {
    return tidy(() => {
      setRequiresGrad(trained, false);
      const judged = judge(augmented(fake, 'generator'), batch.labels);
      const real = whenSeen(() => judge(augmented(batch.images, 'generator real'), batch.labels), batch);
      const loss = objective.generatorLoss(judged, real);
      descend(loss, generatorOptimizer);
      return loss.detach();
    });
  }
}

/** A judgement that is made when it is first looked at. */
function whenSeen(judge: () => Judged, { labels }: StepBatch): Judged {
  let made: Judged | null = null;
  const seen = (): Judged => {
    made ??= judge();
    return made;
  };
  return {
    labels,
    get logits() {
      return seen().logits;
    },
    get classLogits() {
      return seen().classLogits;
    },
  };
}

function setRequiresGrad(parameters: readonly Tensor[], value: boolean): void {
  for (const parameter of parameters) parameter.requiresGrad_(value);
}

function clipWeights(parameters: readonly Tensor[], bound: number): void {
  noGrad(() => {
    for (const parameter of parameters) parameter.clamp_({ min: -bound, max: bound });
  });
}
