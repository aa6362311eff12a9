/**
 * ConvNeXt-Tiny and -Small (Liu et al., "A ConvNet for the 2020s", CVPR 2022): depthwise 7×7 → layer norm → 1×1 to four times
 * the width → GELU → 1×1, scaled by channel and added to the input.
 *
 * State-dict names are timm's (`stem.0.weight`, `stages.1.downsample.0.weight`, `stages.0.blocks.0.conv_dw.weight`,
 * `head.fc.weight`); those of others are in `convnext-keys.ts`.
 */
import { autocastDtype, full, type Tensor, tidy } from 'graft-torch';
import { Conv2d, depthwiseConv2d, F, init, LayerNorm, Linear, Module } from 'graft-torch/nn';
import { dropConnect, dropRates } from './drop-connect.js';
import { ImageNetwork, type NetworkOptions, requireClasses } from './image-network.js';
import { throughBlocks } from './residual-network.js';

export type ConvNeXtSize = 'tiny' | 'small';

export interface ConvNeXtLayout {
  readonly title: string;
  /** Blocks of each stage, and its channels. */
  readonly blocks: readonly number[];
  readonly widths: readonly number[];
  /** Stochastic depth with which the paper trained it on ImageNet-1k (table 5). */
  readonly dropConnect: number;
}

const WIDTHS = [96, 192, 384, 768];

export const CONVNEXT_LAYOUTS: Readonly<Record<ConvNeXtSize, ConvNeXtLayout>> = {
  tiny: { title: 'ConvNeXt-Tiny', blocks: [3, 3, 9, 3], widths: WIDTHS, dropConnect: 0.1 },
  small: { title: 'ConvNeXt-Small', blocks: [3, 3, 27, 3], widths: WIDTHS, dropConnect: 0.4 },
};

const EPS = 1e-6;
const KERNEL = 7;
const EXPANSION = 4;
/** Of the factors by channel in front of the sum: at first each block all but hands on its input (Touvron et al. 2021). */
const LAYER_SCALE = 1e-6;
/** Standard deviation of fresh weights, which the authors cut off at ±2: at 100 times that, where nothing is. */
const WEIGHT_STD = 0.02;

/** Layer norm over the channels of `[N, C, H, W]`; the result is channels last. */
const channelNorm = (norm: LayerNorm, x: Tensor): Tensor =>
  norm.forward(x.permute([0, 2, 3, 1])).permute([0, 3, 1, 2]);

/**
 * A linear layer for each place: `[N, in, H, W]` → `[N, out, H, W]`. On maps of 4×4 and more, oneDNN's convolution takes a
 * third to two thirds of the time of libtorch 1.13's matrix product.
 */
const pointwise = (x: Tensor, weight: Tensor, bias: Tensor): Tensor =>
  F.conv2d(x, weight.reshape([...weight.shape, 1, 1]), { bias });

/** `[N, C, H, W]` → the same. */
export class ConvNeXtBlock extends Module {
  readonly depthwise: Conv2d;
  readonly norm: LayerNorm;
  readonly expand: Linear;
  readonly project: Linear;
  /** `[C]`. */
  readonly gamma: Tensor;

  /** @param dropRate probability that training drops the branch of a sample */
  constructor(
    filters: number,
    private readonly dropRate: number,
  ) {
    super();
    this.gamma = this.parameter('gamma', full([filters], LAYER_SCALE));
    const depthwise = { padding: (KERNEL - 1) / 2, groups: filters };
    this.depthwise = this.child('conv_dw', new Conv2d(filters, filters, KERNEL, depthwise));
    this.norm = this.child('norm', new LayerNorm(filters, { eps: EPS }));
    this.expand = this.child('mlp.fc1', new Linear(filters, EXPANSION * filters));
    this.project = this.child('mlp.fc2', new Linear(EXPANSION * filters, filters));
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => {
      const normed = tidy(() => channelNorm(this.norm, this.convolved(x)));
      const hidden = tidy(() => F.gelu(pointwise(normed, this.expand.weight, this.expand.bias!)));
      normed.dispose();
      const branch = this.projected(hidden);
      hidden.dispose();
      const drops = this.training && this.dropRate > 0;
      return (drops ? branch.mul_(dropConnect(x, this.dropRate)) : branch).add_(x);
    });
  }

  /** Training takes Graft's weight gradient (with it, 1.5 to 6 × libtorch's speed); evaluation adds the bias in the same pass. */
  private convolved(x: Tensor): Tensor {
    const { weight, bias, options } = this.depthwise;
    if (!this.training) return this.depthwise.forward(x);
    return depthwiseConv2d(x, weight, { padding: options.padding! }).add_(bias!.reshape([1, -1, 1, 1]));
  }

  /**
   * Last 1×1, scaled. The factors go into its weight, which is smaller than the map; with 16 bits a fresh one would vanish
   * (1e-6 · 0.02 is below float16's least).
   */
  private projected(hidden: Tensor): Tensor {
    const {
      gamma,
      project: { weight, bias },
    } = this;
    if (autocastDtype(hidden.device))
      return pointwise(hidden, weight, bias!).mul(gamma.reshape([1, -1, 1, 1]));
    return pointwise(hidden, weight.mul(gamma.reshape([-1, 1])), bias!.mul(gamma));
  }
}

/** First block of a stage, with what halves the map before it: layer norm, then 2×2 with stride 2. */
export class ConvNeXtStageStart extends Module {
  readonly norm: LayerNorm;
  readonly conv: Conv2d;
  readonly block: ConvNeXtBlock;

  constructor(inFilters: number, filters: number, dropRate: number) {
    super();
    this.norm = this.child('downsample.0', new LayerNorm(inFilters, { eps: EPS }));
    this.conv = this.child('downsample.1', new Conv2d(inFilters, filters, 2, { stride: 2 }));
    this.block = this.child('blocks.0', new ConvNeXtBlock(filters, dropRate));
  }

  /** `[N, in, H, W]` → `[N, out, ⌊H/2⌋, ⌊W/2⌋]` */
  override forward(x: Tensor): Tensor {
    return tidy(() => {
      const halved = tidy(() => this.conv.forward(channelNorm(this.norm, x)));
      return this.block.forward(halved);
    });
  }
}

/**
 * `new ConvNeXt('tiny', { numClasses: 1 })`. Input `[N, 3, H, W]` of 32 px or more, normalised as the weights expect; output
 * logits `[N, numClasses]`. Initialised as the authors' code: weights N(0, 0.02), biases 0, factors 1e-6.
 */
export class ConvNeXt extends ImageNetwork {
  readonly size: ConvNeXtSize;
  readonly name: string;
  readonly title: string;
  readonly numClasses: number;
  readonly features: number;
  readonly blocks: readonly (ConvNeXtBlock | ConvNeXtStageStart)[];
  readonly blockStages: readonly number[];
  readonly classifier: Linear;
  readonly stemKey = 'stem.0.weight';
  readonly headPrefixes = ['head.fc.'];
  protected readonly dropout: number;
  private readonly stemConv: Conv2d;
  private readonly stemNorm: LayerNorm;
  private readonly headNorm: LayerNorm;

  constructor(size: ConvNeXtSize, options: NetworkOptions = {}) {
    super();
    const { title, blocks: counts, widths, dropConnect: ownRate } = CONVNEXT_LAYOUTS[size];
    const { numClasses = 1000, inChannels = 3, dropout = 0, dropConnect: dropRate = ownRate } = options;
    this.size = size;
    this.name = `convnext-${size}`;
    this.title = title;
    this.numClasses = requireClasses(numClasses);
    this.dropout = dropout;
    this.stemConv = this.child('stem.0', new Conv2d(inChannels, widths[0]!, 4, { stride: 4 }));
    this.stemNorm = this.child('stem.1', new LayerNorm(widths[0]!, { eps: EPS }));
    const places = counts.flatMap((count, stage) =>
      Array.from({ length: count }, (_, index) => ({ stage, index })),
    );
    const rates = dropRates(dropRate, places.length);
    this.blocks = places.map(({ stage, index }, i) => {
      const [width, rate] = [widths[stage]!, rates[i]!];
      return stage > 0 && index === 0
        ? this.child(`stages.${stage}`, new ConvNeXtStageStart(widths[stage - 1]!, width, rate))
        : this.child(`stages.${stage}.blocks.${index}`, new ConvNeXtBlock(width, rate));
    });
    this.blockStages = places.map(({ stage }) => stage);
    this.features = widths.at(-1)!;
    this.headNorm = this.child('head.norm', new LayerNorm(this.features, { eps: EPS }));
    this.classifier = this.child('head.fc', new Linear(this.features, numClasses));
    for (const module of this.modules()) {
      if (!(module instanceof Conv2d || module instanceof Linear)) continue;
      init.normal_(module.weight, 0, WEIGHT_STD);
      init.constant_(module.bias!, 0);
    }
  }

  override stemParameters(): Tensor[] {
    return [...this.stemConv.parameters(), ...this.stemNorm.parameters()];
  }

  /** Last map: `[N, C, H, W]` → `[N, features, h, w]`, a 32nd of the sides, each halving rounded down. */
  extractFeatures(x: Tensor): Tensor {
    const first = tidy(() => channelNorm(this.stemNorm, this.stemConv.forward(x)));
    return throughBlocks(first, this.blocks);
  }

  override embed(x: Tensor): Tensor {
    return tidy(() => {
      const pooled = F.adaptiveAvgPool2d(this.extractFeatures(x), 1).reshape([x.shape[0]!, this.features]);
      return this.headNorm.forward(pooled);
    });
  }
}
