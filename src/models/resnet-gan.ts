/**
 * SNGAN-ResNet and its descendants, for 64, 128 and 256 px.
 *
 * Miyato et al., "Spectral Normalization for GANs" (ICLR 2018): residual blocks, spectral norm on every layer of the
 * discriminator and no normalisation else in it. With classes it is the projection GAN of Miyato & Koyama, "cGANs with
 * Projection Discriminator" (ICLR 2018): conditional batch norm, and logits = ψ(φ(x)) + s · ⟨e_y, φ(x)⟩. With
 * self-attention and spectral norm on the generator too it is SAGAN (Zhang et al., ICML 2019). Widths and order are
 * those of the authors' code; keys are torch-mimicry's (`l1`, `block2.c1`, `b6`, `c6`, `attn_block`, `l6`, `l_y`, …).
 */

import { aten, type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { BatchNorm2d, Conv2d, Embedding, F, Linear, type Module } from 'graft-torch/nn';
import { conditionOf, DiscriminatorNetwork, GeneratorNetwork, type Judgement } from './adversary.js';
import { SelfAttention } from './attention.js';
import { initialiseXavier } from './initialise.js';
import { DownBlock, UpBlock } from './residual-blocks.js';

/** Sides that have an architecture, in pixels. */
export const RESNET_SIZES = [64, 128, 256] as const;
export type ResnetSize = (typeof RESNET_SIZES)[number];

/** Channels in multiples of the base width: the generator's from the 4×4 map up, the discriminator's a block. */
const WIDTHS: Record<ResnetSize, { generator: number[]; discriminator: number[] }> = {
  64: { generator: [16, 8, 4, 2, 1], discriminator: [1, 2, 4, 8, 16] },
  128: { generator: [16, 16, 8, 4, 2, 1], discriminator: [1, 2, 4, 8, 16, 16] },
  256: { generator: [16, 16, 8, 8, 4, 2, 1], discriminator: [1, 2, 4, 8, 8, 16, 16] },
};

/** Side of the generator's first map, and from 128 px on of the discriminator's last. */
const SMALLEST = 4;

function widthsOf(size: ResnetSize): (typeof WIDTHS)[ResnetSize] {
  const widths = WIDTHS[size];
  if (!widths) {
    throw new ConfigError(
      `SNGAN-ResNet has no architecture for ${size} px; choose one of ${RESNET_SIZES.join(', ')}`,
    );
  }
  return widths;
}

/** What both networks are made of. */
interface ResnetOptions {
  /** Side of the images in pixels: 64, 128 or 256. */
  size: ResnetSize;
  /** Base width: the channels at the image. Default 64. */
  features?: number;
  /** Of the images. Default 3. */
  channels?: number;
  /** Number of classes; 0: unconditional. Default 0. */
  classCount?: number;
  /**
   * Side of the maps with self-attention, the same in both networks: a power of two from 8 to half the images' side.
   * SAGAN: 32. Its cost grows with the fourth power. Default null: none.
   */
  attention?: number | null;
}

/**
 * Self-attention on the maps of a side, which have so many channels; null: none.
 *
 * @throws ConfigError when not both networks have maps of this side
 */
function makeAttention(
  side: number | null,
  size: number,
  channelsAt: (side: number) => number,
): SelfAttention | null {
  if (side === null) return null;
  if (!(Number.isInteger(Math.log2(side)) && side > SMALLEST && side < size)) {
    throw new ConfigError(
      `self-attention on maps of ${side} px: networks for ${size} px have maps of a power of two from 8 to ${size / 2}`,
    );
  }
  return new SelfAttention(channelsAt(side));
}

export interface ResnetGeneratorOptions extends ResnetOptions {
  /** Length of z. Default 128. */
  latent?: number;
  /** Spectral norm on every layer, SAGAN's. Default false. */
  spectralNorm?: boolean;
}

/** z `[N, latent]` and, with classes, labels `[N]` → images `[N, channels, size, size]` in (−1, 1). */
export class ResnetGenerator extends GeneratorNetwork {
  readonly size: ResnetSize;
  readonly latent: number;
  override readonly classCount: number;
  private readonly linear: Linear;
  /** Blocks by growing side, one of them with self-attention behind it. */
  private readonly blocks: readonly (readonly [UpBlock, SelfAttention | null])[];
  private readonly norm: BatchNorm2d;
  private readonly last: Conv2d;

  constructor(options: ResnetGeneratorOptions) {
    super();
    const { size, features = 64, channels = 3, classCount = 0, attention = null } = options;
    const { latent = 128, spectralNorm = false } = options;
    const widths = widthsOf(size).generator.map((m) => m * features);
    // First of all parts: it may refuse, and nothing is left behind then.
    const attend = makeAttention(attention, size, (side) => widths[Math.log2(side / SMALLEST)]!);
    this.size = size;
    this.latent = latent;
    this.classCount = classCount;
    const first = new Linear(latent, widths[0]! * SMALLEST ** 2);
    this.linear = this.child('l1', initialiseXavier(first, { spectralNorm }));
    this.blocks = widths.slice(1).map((width, i) => {
      const block = new UpBlock(widths[i]!, width, { classCount, spectralNorm });
      this.child(`block${i + 2}`, block);
      const attends = SMALLEST * 2 ** (i + 1) === attention;
      return [block, attends && attend ? this.child('attn_block', attend) : null];
    });
    const number = widths.length + 1;
    this.norm = this.child(`b${number}`, new BatchNorm2d(features));
    const last = new Conv2d(features, channels, 3, { padding: 1 });
    this.last = this.child(`c${number}`, initialiseXavier(last, { spectralNorm }));
  }

  override forward(z: Tensor, labels?: Tensor | null): Tensor {
    const batch = z.shape[0]!;
    const condition = conditionOf(this, labels);
    return tidy(() => {
      let x = this.linear.forward(z.reshape([batch, this.latent])).reshape([batch, -1, SMALLEST, SMALLEST]);
      for (const [block, attention] of this.blocks) {
        x = block.forward(x, condition); // side 8, 16, …, size
        x = attention?.forward(x) ?? x;
      }
      return F.tanh(this.last.forward(aten.relu_(this.norm.forward(x)))); // [N, channels, size, size]
    });
  }
}

export type ResnetDiscriminatorOptions = ResnetOptions;

/** Image `[N, channels, size, size]` in [−1, 1] and, with classes, labels `[N]` → logits `[N]`. */
export class ResnetDiscriminator extends DiscriminatorNetwork {
  readonly size: ResnetSize;
  override readonly classCount: number;
  /** Blocks by falling side, one of them with self-attention behind it. */
  private readonly convolutional: readonly (readonly Module[])[];
  private readonly linear: Linear;
  private readonly projection: Embedding | null;

  constructor(options: ResnetDiscriminatorOptions) {
    super();
    const { size, features = 64, channels = 3, classCount = 0, attention = null } = options;
    const widths = widthsOf(size).discriminator.map((m) => m * features);
    const attend = makeAttention(attention, size, (side) => widths[Math.log2(size / side) - 1]!);
    this.size = size;
    this.classCount = classCount;
    this.convolutional = widths.map((width, i) => {
      // 64 px end at 2×2; from 128 px on the last of the widest blocks works at 4×4 and stays there.
      const downsample = size === 64 || i + 1 < widths.length;
      const block = new DownBlock(widths[i - 1] ?? channels, width, { onImage: i === 0, downsample });
      this.child(`block${i + 1}`, block);
      const attends = size / 2 ** (i + 1) === attention;
      return attends && attend ? [block, this.child('attn_block', attend)] : [block];
    });
    const widest = widths.at(-1)!;
    const spectral = { spectralNorm: true };
    this.linear = this.child(`l${widths.length + 1}`, initialiseXavier(new Linear(widest, 1), spectral));
    const embedding = classCount > 0 ? new Embedding(classCount, widest) : null;
    this.projection = embedding && this.child('l_y', initialiseXavier(embedding, spectral));
  }

  override get stages(): readonly (readonly Module[])[] {
    return [...this.convolutional, this.projection ? [this.linear, this.projection] : [this.linear]];
  }

  override judge(images: Tensor, labels?: Tensor | null): Judgement {
    const condition = conditionOf(this, labels);
    return tidy(() => {
      let x = images;
      for (const layer of this.convolutional.flat()) x = layer.forward(x); // side size/2, size/4, …
      const features = aten.relu_(x).sum([2, 3]); // φ: [N, C]
      const logits = this.linear.forward(features).reshape([images.shape[0]!]); // [N, 1] → [N]
      if (!condition) return { logits, classLogits: null };
      const projected = this.projection!.forward(condition.labels).mul(features).sum(1); // [N]
      return { logits: logits.add(projected, condition.strength), classLogits: null };
    });
  }
}
