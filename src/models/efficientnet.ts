/**
 * EfficientNet B0 … B7 (Tan & Le, ICML 2019) and EfficientNetV2-S (Tan & Le, ICML 2021).
 *
 * State-dict names of B0 … B7 are those of lukemelas' widely used PyTorch port of the authors' weights
 * (`_conv_stem.weight`, `_blocks.0._depthwise_conv.weight`, `_fc.bias`, …), of V2-S timm's; see `variants.ts`.
 * Weights of the other libraries are renamed when they are loaded (`weights.ts`).
 */

import { type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { BatchNorm2d, batchNormActivation, F, init, Linear, Module } from 'graft-torch/nn';
import { type Conventions, OWN_CONVENTIONS } from './conventions.js';
import { layerNames } from './efficientnet-keys.js';
import { FusedMBConvBlock, MBConvBlock, makeBatchNorm, PaddedConv2d } from './mbconv.js';
import { type EfficientNetVariant, parseVariant, VARIANTS } from './variants.js';

/**
 * `pooled`: global average pool → dropout → linear (the paper's).
 * `normalised`: batch norm (momentum 0.15) → pool → dropout → linear, the head of the system Graft sets out to surpass.
 */
export type EfficientNetHead = 'pooled' | 'normalised';

export interface EfficientNetOptions {
  /** Length of the logits; 1 for a binary classifier trained with BCE. Default 1000. */
  numClasses?: number;
  /** Default 3. */
  inChannels?: number;
  head?: EfficientNetHead;
  /** Before the linear layer; default the variant's (0.2 … 0.5). */
  dropout?: number;
  /** Of the last block; block i of n drops its branch with i/n of it. Default 0.2. */
  dropConnect?: number;
  /**
   * Pad as for square images of this side, whatever comes in (the published port's `static` padding; it matters
   * only where the side is odd at some stage). Default: padding follows each input (`dynamic`).
   */
  imageSize?: number;
}

/** Name of the `normalised` head's batch norm. */
export const HEAD_NORM = '_head_bn';

/**
 * `new EfficientNet('b0', { numClasses: 1 })`. Input `[N, 3, H, W]`, normalised as the weights expect
 * (`conventions.inputStatistics`); output logits `[N, numClasses]`.
 * Initialised as the authors' code: convolutions N(0, √(2 / fan-out)), linear U(±1/√numClasses), biases 0.
 */
export class EfficientNet extends Module {
  readonly variant: EfficientNetVariant;
  /** `EfficientNet-B3`, `EfficientNetV2-S`. */
  readonly title: string;
  readonly numClasses: number;
  /** Channels of `extractFeatures` (1280 for B0, 1536 for B3). */
  readonly features: number;
  readonly convStem: PaddedConv2d;
  readonly bn0: BatchNorm2d;
  readonly blocks: readonly (MBConvBlock | FusedMBConvBlock)[];
  readonly convHead: PaddedConv2d;
  readonly bn1: BatchNorm2d;
  /** Batch norm of the `normalised` head (`_head_bn`), else null. */
  readonly headBn: BatchNorm2d | null;
  readonly fc: Linear;
  private readonly dropout: number;
  #conventions: Readonly<Conventions> = OWN_CONVENTIONS;

  constructor(variant: string, options: EfficientNetOptions = {}) {
    super();
    this.variant = parseVariant(variant);
    const { spec, naming, dropout, title } = VARIANTS[this.variant];
    const {
      numClasses = 1000,
      inChannels = 3,
      head = 'pooled',
      dropConnect: dropRate = 0.2,
      imageSize = 0,
    } = options;
    if (!Number.isInteger(numClasses) || numClasses < 1) {
      throw new ConfigError(`numClasses must be a whole number from 1 up, not ${numClasses}`);
    }
    this.title = title;
    this.numClasses = numClasses;
    this.dropout = options.dropout ?? dropout;
    const names = layerNames(spec, naming)!;
    const { stemFilters, headFilters } = spec;

    let size = imageSize;
    this.convStem = this.child(
      names.stem[0],
      new PaddedConv2d(inChannels, stemFilters, { kernel: 3, stride: 2, bias: false, fixedSize: size }),
    );
    this.bn0 = this.child(names.stem[1], makeBatchNorm(stemFilters));
    size = Math.ceil(size / 2);
    this.blocks = spec.blocks.map((block, i) => {
      const { name, layers } = names.blocks[i]!;
      const Block = block.kind === 'fused' ? FusedMBConvBlock : MBConvBlock;
      const module = new Block(block, {
        names: layers,
        dropRate: (dropRate * i) / spec.blocks.length,
        fixedSize: size,
      });
      size = Math.ceil(size / block.stride);
      return this.child(name, module);
    });
    const lastFilters = spec.blocks.at(-1)!.outFilters;
    this.convHead = this.child(
      names.head[0],
      new PaddedConv2d(lastFilters, headFilters, { kernel: 1, bias: false }),
    );
    this.bn1 = this.child(names.head[1], makeBatchNorm(headFilters));
    this.features = headFilters;
    this.headBn =
      head === 'normalised' ? this.child(HEAD_NORM, new BatchNorm2d(headFilters, { momentum: 0.15 })) : null;
    this.fc = this.child(names.head[2], new Linear(headFilters, numClasses));
    this.initialise();
  }

  /** How it pads, normalises and wants its pixels; at first OWN_CONVENTIONS, and then what its weights ask for. */
  get conventions(): Readonly<Conventions> {
    return this.#conventions;
  }

  /** What is left out stays. The `normalised` head's own batch norm, which no published weights know, keeps its ε. */
  setConventions(conventions: Partial<Conventions>): this {
    this.#conventions = { ...this.#conventions, ...conventions };
    const { padding, batchNormEps } = this.#conventions;
    for (const module of this.modules()) {
      if (module instanceof PaddedConv2d) module.padding = padding;
      else if (module instanceof BatchNorm2d && module !== this.headBn) module.eps = batchNormEps;
    }
    return this;
  }

  /** Last feature map: `[N, 3, H, W]` → `[N, features, ⌈H/32⌉, ⌈W/32⌉]`. */
  extractFeatures(x: Tensor): Tensor {
    let last!: Tensor;
    for (const map of this.maps(x)) last = map;
    const features = tidy(() => batchNormActivation(this.bn1, this.convHead.forward(last), 'silu'));
    last.dispose();
    return features;
  }

  /**
   * Means over the places of the maps behind some blocks: `[N, 3, H, W]` → `[N, channels]` each. What lies deeper is not
   * computed.
   *
   * @param indices of blocks, ascending from 0
   */
  pooledBlocks(x: Tensor, indices: readonly number[]): Tensor[] {
    return tidy(() => {
      const pooled: Tensor[] = [];
      let index = -1; // the stem
      for (const map of this.maps(x)) {
        if (indices.includes(index)) pooled.push(map.mean([2, 3]));
        if (index === indices.at(-1)) break;
        index++;
      }
      return pooled;
    });
  }

  /**
   * The map behind the stem and behind each block. One scope a block, and each map is freed when the next is asked for:
   * without gradients, only one block's intermediates live at a time.
   */
  private *maps(x: Tensor): Generator<Tensor> {
    let map = tidy(() => batchNormActivation(this.bn0, this.convStem.forward(x), 'silu'));
    yield map;
    for (const block of this.blocks) {
      const next = tidy(() => block.forward(map));
      map.dispose();
      map = next;
      yield map;
    }
  }

  /** Feature map `[N, features, h, w]` → logits `[N, numClasses]`. */
  classify(features: Tensor): Tensor {
    return this.fc.forward(F.dropout(this.pool(features), this.dropout, this.training));
  }

  /** What the last layer sees, dropout apart: `[N, 3, H, W]` → `[N, features]`. The usual embedding of an image. */
  embed(x: Tensor): Tensor {
    return tidy(() => this.pool(this.extractFeatures(x)));
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => this.classify(this.extractFeatures(x)));
  }

  /** Feature map `[N, features, h, w]` → `[N, features]`: the head's batch norm, if it has one, and the mean. */
  private pool(features: Tensor): Tensor {
    const normed = this.headBn ? this.headBn.forward(features) : features;
    return F.adaptiveAvgPool2d(normed, 1).reshape([features.shape[0]!, this.features]);
  }

  private initialise(): void {
    for (const module of this.modules()) {
      if (!(module instanceof PaddedConv2d)) continue;
      const [outFilters, , height, width] = module.weight.shape as [number, number, number, number];
      // Fan-out of a group: a depthwise kernel feeds one channel only.
      const fanOut = height * width * (module.isDepthwise ? 1 : outFilters);
      init.normal_(module.weight, 0, Math.sqrt(2 / fanOut));
      if (module.bias) init.constant_(module.bias, 0);
    }
    const bound = 1 / Math.sqrt(this.numClasses);
    init.uniform_(this.fc.weight, -bound, bound);
    init.constant_(this.fc.bias!, 0);
  }
}

/**
 * Stops the gradient for the stem and the first `count` blocks, except their batch norms, which stay trainable
 * (as the original system did; 18 of B3's 26 blocks were its best). Blocks left over, the head and the last layer train.
 * Throws ConfigError if `count` is not between 0 and the number of blocks.
 */
export function freezeBlocks(model: EfficientNet, count: number): void {
  if (!Number.isInteger(count) || count < 0 || count > model.blocks.length) {
    throw new ConfigError(`cannot freeze ${count} blocks: ${model.title} has ${model.blocks.length}`);
  }
  if (count === 0) return;
  model.convStem.requiresGrad_(false);
  for (const block of model.blocks.slice(0, count)) {
    for (const layer of block.modules()) if (layer instanceof PaddedConv2d) layer.requiresGrad_(false);
  }
}
