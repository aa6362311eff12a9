/**
 * AC-GAN networks of the system Graft sets out to surpass (AIDL21, 2021), for 64 and 128 px.
 *
 * Odena, Olah, Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs" (ICML 2017): the generator is told
 * a class, the discriminator judges real or generated and names the class. The layers are those of E. Linder-Norén's
 * collection PyTorch-GAN, whose keys are kept (`label_emb.weight`, `l1.0.weight`, `conv_blocks.0.weight`,
 * `adv_layer.0.weight`, `aux_layer.0.weight`, …), with spectral norm on the discriminator's convolutions.
 *
 * Both heads end in logits: sigmoid and softmax belong to the losses.
 */

import { aten, cat, type Tensor, tidy, zeros } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import {
  BatchNorm2d,
  type Condition,
  Conv2d,
  Embedding,
  F,
  Linear,
  type Module,
  spectralNorm,
  upsampleConv2d,
} from 'graft-torch/nn';
import { conditionOf, DiscriminatorNetwork, GeneratorNetwork, type Judgement } from './adversary.js';
import { initialiseNormal } from './initialise.js';

/** Slope of the leaky ReLU below zero. */
const SLOPE = 0.2;
/** Of every batch norm but the generator's first: 0.8 was meant as a momentum once, and is an eps in all copies. */
const EPS = 0.8;
/** Channels of the generator's maps, from a quarter of the side up. */
const GENERATOR_WIDTHS = [128, 128, 64] as const;
/** Channels of the discriminator's maps, from half the side down to a sixteenth. */
const DISCRIMINATOR_WIDTHS = [16, 32, 64, 128] as const;

/**
 * How the generator is told the class.
 * `multiply`: an embedding of the class times z. `one-hot`: the one-hot class in z's first entries.
 */
export type LabelInput = 'multiply' | 'one-hot';

function check(size: number, classCount: number): void {
  if (!(Number.isInteger(size / 16) && size > 0))
    throw new ConfigError(`AC-GAN makes images of a side that 16 divides, not ${size} px; use 64 or 128`);
  if (!(classCount >= 2))
    throw new ConfigError(`AC-GAN needs two classes or more, not ${classCount}; use DCGAN for one`);
}

export interface AcganGeneratorOptions {
  /** Side of the images in pixels, a multiple of 16. */
  size: number;
  /** Number of classes, at least 2. */
  classCount: number;
  /** Length of z. Default 600, the original's. */
  latent?: number;
  /** Of the images. Default 3. */
  channels?: number;
  /** Default `multiply`. */
  labelInput?: LabelInput;
}

/** z `[N, latent]` and labels `[N]` → images `[N, channels, size, size]` in (−1, 1). */
export class AcganGenerator extends GeneratorNetwork {
  readonly size: number;
  readonly latent: number;
  override readonly classCount: number;
  private readonly embedding: Embedding | null;
  private readonly linear: Linear;
  private readonly firstNorm: BatchNorm2d;
  /** Convolution after an up-sampling, and its batch norm. */
  private readonly stages: readonly (readonly [Conv2d, BatchNorm2d])[];
  private readonly last: Conv2d;

  constructor(options: AcganGeneratorOptions) {
    super();
    const { size, classCount, latent = 600, channels = 3, labelInput = 'multiply' } = options;
    check(size, classCount);
    if (latent <= classCount)
      throw new ConfigError(`AC-GAN: a latent of ${latent} leaves no noise beside ${classCount} classes`);
    this.size = size;
    this.latent = latent;
    this.classCount = classCount;
    const [first, second, third] = GENERATOR_WIDTHS;
    const isEmbedded = labelInput === 'multiply';
    this.embedding = isEmbedded ? this.child('label_emb', new Embedding(classCount, latent)) : null;
    this.linear = this.child('l1.0', new Linear(latent, first * (size / 4) ** 2));
    const layer = <M extends Module>(index: number, module: M): M =>
      this.child(`conv_blocks.${index}`, module);
    const conv = (from: number, to: number): Conv2d => new Conv2d(from, to, 3, { padding: 1 });
    this.firstNorm = layer(0, new BatchNorm2d(first));
    this.stages = [
      [layer(2, conv(first, second)), layer(3, new BatchNorm2d(second, { eps: EPS }))],
      [layer(6, conv(second, third)), layer(7, new BatchNorm2d(third, { eps: EPS }))],
    ];
    this.last = layer(9, conv(third, channels));
    initialiseNormal(this);
  }

  override forward(z: Tensor, labels?: Tensor | null): Tensor {
    const condition = conditionOf(this, labels);
    return tidy(() => {
      const input = this.withClass(z.reshape([z.shape[0]!, this.latent]), condition);
      const side = this.size / 4;
      let x = this.firstNorm.forward(this.linear.forward(input).reshape([z.shape[0]!, -1, side, side]));
      for (const [conv, norm] of this.stages) {
        // In place: batch norm keeps its input for the backward pass, not its output.
        x = aten.leaky_relu_(norm.forward(upsampleConv2d(x, conv.weight, conv.bias)), SLOPE); // side size/2, size
      }
      return F.tanh(this.last.forward(x)); // [N, channels, size, size]
    });
  }

  /** z with its class, faded in by the condition's strength s: z · (1 + s · (e − 1)), or s times the one-hot entries. */
  private withClass(z: Tensor, condition: Condition | null): Tensor {
    if (this.embedding) {
      // A blend, not the formula: s = 1 is z · e in every bit.
      return condition
        ? aten.lerp.Scalar(z, z.mul(this.embedding.forward(condition.labels)), condition.strength)
        : z;
    }
    const { classCount, latent } = this;
    const told = condition
      ? aten.one_hot(condition.labels, classCount).to({ dtype: z.dtype }).mul(condition.strength)
      : zeros([z.shape[0]!, classCount], { dtype: z.dtype, device: z.device });
    return cat([told, z.narrow(1, classCount, latent - classCount)], 1);
  }
}

export interface AcganDiscriminatorOptions {
  /** Side of the images in pixels, a multiple of 16. */
  size: number;
  /** Number of classes, at least 2. */
  classCount: number;
  /** Of the images. Default 3. */
  channels?: number;
  /** Probability that training drops a map. Default 0.25. */
  dropout?: number;
}

/** Image `[N, channels, size, size]` in [−1, 1] → logits `[N]` and class logits `[N, classes]`. */
export class AcganDiscriminator extends DiscriminatorNetwork {
  readonly size: number;
  override readonly classCount: number;
  private readonly dropout: number;
  private readonly convs: Conv2d[] = [];
  private readonly norms: (BatchNorm2d | null)[] = [];
  private readonly adversarial: Linear;
  private readonly auxiliary: Linear;

  constructor(options: AcganDiscriminatorOptions) {
    super();
    const { size, classCount, channels = 3, dropout = 0.25 } = options;
    check(size, classCount);
    this.size = size;
    this.classCount = classCount;
    this.dropout = dropout;
    let index = 0;
    let inChannels: number = channels;
    const layer = <M extends Module>(module: M): M => this.child(`conv_blocks.${index}`, module);
    for (const [i, width] of DISCRIMINATOR_WIDTHS.entries()) {
      this.convs.push(layer(spectralNorm(new Conv2d(inChannels, width, 3, { stride: 2, padding: 1 }))));
      index += 3; // leaky ReLU and dropout have places in the numbering, too
      this.norms.push(i > 0 ? layer(new BatchNorm2d(width, { eps: EPS })) : null);
      if (i > 0) index++;
      inChannels = width;
    }
    const flat = inChannels * (size / 16) ** 2;
    this.adversarial = this.child('adv_layer.0', new Linear(flat, 1));
    this.auxiliary = this.child('aux_layer.0', new Linear(flat, classCount));
    initialiseNormal(this);
  }

  override get stages(): readonly (readonly Module[])[] {
    const convolutional = this.convs.map((conv, i) => [conv, this.norms[i]].filter((layer) => !!layer));
    return [...convolutional, [this.adversarial, this.auxiliary]];
  }

  override judge(images: Tensor): Judgement {
    return tidy(() => {
      let x = images;
      for (const [i, conv] of this.convs.entries()) {
        const active = aten.leaky_relu_(conv.forward(x), SLOPE);
        const kept = F.dropout2d(active, this.dropout, this.training);
        x = this.norms[i]?.forward(kept) ?? kept; // side size/2, …, size/16
      }
      const features = x.flatten(1);
      const logits = this.adversarial.forward(features).reshape([images.shape[0]!]); // [N, 1] → [N]
      return { logits, classLogits: this.auxiliary.forward(features) };
    });
  }
}
