/**
 * EfficientNet B0 … B7 (Tan & Le, ICML 2019): MBConv blocks with squeeze-and-excitation, swish, drop connect.
 *
 * Structure and state-dict names are those of the widely used PyTorch port of the authors' weights
 * (`_conv_stem.weight`, `_blocks.0._depthwise_conv.weight`, `_fc.bias`, …), so its weight files load as they are.
 * Convolutions pad as TensorFlow's `same`: what is odd goes to the bottom and the right.
 */
import { ConfigError } from '../errors.js';
import { batchNormSilu } from '../nn/batch-norm-silu.js';
import { depthwiseConv2d } from '../nn/depthwise.js';
import * as F from '../nn/functional.js';
import { BatchNorm2d, Conv2d, init, Linear, Module } from '../nn/index.js';
import { rand, type Tensor, tidy } from '../torch/index.js';
import {
  type BlockSpec,
  type EfficientNetVariant,
  efficientNetSpec,
  parseVariant,
  SCALINGS,
} from './scaling.js';

/** TensorFlow's defaults, which the published weights were trained with; momentum in PyTorch's sense. */
const BATCH_NORM = { eps: 1e-3, momentum: 0.01 };

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

/** Zeros before and after so that the output has ceil(size / stride) places. */
function samePadding(size: number, kernel: number, stride: number): [before: number, after: number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** Square-kernel convolution with TensorFlow's `same` padding; `fixedSize` > 0 pads for that side instead. */
class SameConv2d extends Conv2d {
  private readonly stride: number;
  private readonly fixedSize: number;

  constructor(
    inFilters: number,
    outFilters: number,
    private readonly kernel: number,
    options: { stride?: number; groups?: number; bias?: boolean; fixedSize?: number } = {},
  ) {
    const { fixedSize = 0, ...convOptions } = options;
    super(inFilters, outFilters, kernel, convOptions);
    this.stride = options.stride ?? 1;
    this.fixedSize = fixedSize;
  }

  override forward(x: Tensor): Tensor {
    const [, , height, width] = x.shape as [number, number, number, number];
    const [top, bottom] = samePadding(this.fixedSize || height, this.kernel, this.stride);
    const [left, right] = samePadding(this.fixedSize || width, this.kernel, this.stride);
    // Even padding is the convolution's own; only the uneven one of stride 2 needs a padded copy.
    if (top === bottom && left === right) return this.convolve(x, [top, left]);
    return this.convolve(F.pad(x, [left, right, top, bottom]), [0, 0]);
  }

  private convolve(x: Tensor, padding: [number, number]): Tensor {
    if (this.options.groups !== undefined && this.bias === null) {
      return depthwiseConv2d(x, this.weight, { stride: this.stride, padding });
    }
    return F.conv2d(x, this.weight, this.bias, { ...this.options, padding });
  }
}

/** Drops whole samples of a branch with probability `rate` and scales the others up (stochastic depth). */
export function dropConnect(x: Tensor, rate: number): Tensor {
  const keep = 1 - rate;
  const mask = rand([x.shape[0]!, 1, 1, 1], { dtype: x.dtype, device: x.device }).add(keep).floor();
  return x.div(keep).mul(mask);
}

/** MBConv: expand 1×1 → depthwise k×k → squeeze-and-excitation → project 1×1, with a skip where shapes allow. */
export class MBConvBlock extends Module {
  readonly expandConv: SameConv2d | null;
  readonly bn0: BatchNorm2d | null;
  readonly depthwiseConv: SameConv2d;
  readonly bn1: BatchNorm2d;
  readonly seReduce: SameConv2d;
  readonly seExpand: SameConv2d;
  readonly projectConv: SameConv2d;
  readonly bn2: BatchNorm2d;
  private readonly skip: boolean;

  /** `dropRate`: probability that training drops the branch of a sample; `fixedSize`: see SameConv2d. */
  constructor(
    spec: BlockSpec,
    private readonly dropRate: number,
    fixedSize: number,
  ) {
    super();
    const {
      inFilters,
      expandedFilters: expanded,
      squeezedFilters: squeezed,
      outFilters,
      kernel,
      stride,
    } = spec;
    const expands = expanded !== inFilters;
    this.expandConv = expands
      ? this.child('_expand_conv', new SameConv2d(inFilters, expanded, 1, { bias: false }))
      : null;
    this.bn0 = expands ? this.child('_bn0', new BatchNorm2d(expanded, BATCH_NORM)) : null;
    this.depthwiseConv = this.child(
      '_depthwise_conv',
      new SameConv2d(expanded, expanded, kernel, { stride, groups: expanded, bias: false, fixedSize }),
    );
    this.bn1 = this.child('_bn1', new BatchNorm2d(expanded, BATCH_NORM));
    this.seReduce = this.child('_se_reduce', new SameConv2d(expanded, squeezed, 1));
    this.seExpand = this.child('_se_expand', new SameConv2d(squeezed, expanded, 1));
    this.projectConv = this.child('_project_conv', new SameConv2d(expanded, outFilters, 1, { bias: false }));
    this.bn2 = this.child('_bn2', new BatchNorm2d(outFilters, BATCH_NORM));
    this.skip = stride === 1 && inFilters === outFilters;
  }

  override forward(x: Tensor): Tensor {
    let y = x;
    if (this.expandConv && this.bn0) y = batchNormSilu(this.bn0, this.expandConv.forward(y));
    y = batchNormSilu(this.bn1, this.depthwiseConv.forward(y)); // [N, expanded, H/stride, W/stride]
    const squeezed = F.adaptiveAvgPool2d(y, 1); // [N, expanded, 1, 1]
    const gate = this.seExpand.forward(F.silu(this.seReduce.forward(squeezed)));
    y = F.sigmoid(gate).mul(y);
    y = this.bn2.forward(this.projectConv.forward(y)); // [N, out, H/stride, W/stride]
    if (!this.skip) return y;
    if (this.training && this.dropRate > 0) y = dropConnect(y, this.dropRate);
    return y.add(x);
  }
}

/**
 * `new EfficientNet('b0', { numClasses: 1 })`. Input `[N, 3, H, W]`, normalised as the weights expect (ImageNet
 * mean and deviation for published ones); output logits `[N, numClasses]`.
 * Initialised as the authors' code: convolutions N(0, √(2 / fan-out)), linear U(±1/√numClasses), biases 0.
 */
export class EfficientNet extends Module {
  readonly variant: EfficientNetVariant;
  readonly numClasses: number;
  /** Channels of `extractFeatures` (1280 for B0, 1536 for B3). */
  readonly features: number;
  readonly convStem: SameConv2d;
  readonly bn0: BatchNorm2d;
  readonly blocks: readonly MBConvBlock[];
  readonly convHead: SameConv2d;
  readonly bn1: BatchNorm2d;
  /** Batch norm of the `normalised` head (`_head_bn`), else null. */
  readonly headBn: BatchNorm2d | null;
  readonly fc: Linear;
  private readonly dropout: number;

  constructor(variant: string, options: EfficientNetOptions = {}) {
    super();
    this.variant = parseVariant(variant);
    const scaling = SCALINGS[this.variant];
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
    this.numClasses = numClasses;
    this.dropout = options.dropout ?? scaling.dropout;
    const spec = efficientNetSpec(scaling);
    const { stemFilters, headFilters } = spec;

    let size = imageSize;
    this.convStem = this.child(
      '_conv_stem',
      new SameConv2d(inChannels, stemFilters, 3, { stride: 2, bias: false, fixedSize: size }),
    );
    this.bn0 = this.child('_bn0', new BatchNorm2d(stemFilters, BATCH_NORM));
    size = Math.ceil(size / 2);
    this.blocks = spec.blocks.map((block, i) => {
      const module = new MBConvBlock(block, (dropRate * i) / spec.blocks.length, size);
      size = Math.ceil(size / block.stride);
      return this.child(`_blocks.${i}`, module);
    });
    const lastFilters = spec.blocks.at(-1)!.outFilters;
    this.convHead = this.child('_conv_head', new SameConv2d(lastFilters, headFilters, 1, { bias: false }));
    this.bn1 = this.child('_bn1', new BatchNorm2d(headFilters, BATCH_NORM));
    this.features = headFilters;
    this.headBn =
      head === 'normalised' ? this.child('_head_bn', new BatchNorm2d(headFilters, { momentum: 0.15 })) : null;
    this.fc = this.child('_fc', new Linear(headFilters, numClasses));
    this.initialise();
  }

  /** Last feature map: `[N, 3, H, W]` → `[N, features, ⌈H/32⌉, ⌈W/32⌉]`. */
  extractFeatures(x: Tensor): Tensor {
    let last!: Tensor;
    for (const map of this.maps(x)) last = map;
    const features = tidy(() => batchNormSilu(this.bn1, this.convHead.forward(last)));
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
    let map = tidy(() => batchNormSilu(this.bn0, this.convStem.forward(x)));
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
    for (const [name, p] of Object.entries(this.namedParameters())) {
      if (p.shape.length === 4) {
        // Fan-out of a group: a depthwise kernel feeds one channel only.
        const fanOut = p.shape[2]! * p.shape[3]! * (name.includes('_depthwise_conv') ? 1 : p.shape[0]!);
        init.normal_(p, 0, Math.sqrt(2 / fanOut));
      } else if (name.endsWith('.bias')) init.constant_(p, 0);
    }
    init.uniform_(this.fc.weight, 1 / Math.sqrt(this.numClasses));
  }
}

/**
 * Stops the gradient for the stem and the first `count` blocks, except their batch norms, which stay trainable
 * (as the original system did; 18 of B3's 26 blocks were its best). Blocks left over, the head and `_fc` train.
 * Throws ConfigError if `count` is not between 0 and the number of blocks.
 */
export function freezeBlocks(model: EfficientNet, count: number): void {
  if (!Number.isInteger(count) || count < 0 || count > model.blocks.length) {
    throw new ConfigError(
      `cannot freeze ${count} blocks: EfficientNet-${model.variant.toUpperCase()} has ${model.blocks.length}`,
    );
  }
  if (count === 0) return;
  model.convStem.weight.requiresGrad_(false);
  for (const block of model.blocks.slice(0, count)) {
    for (const [name, p] of Object.entries(block.namedParameters())) {
      if (!/_bn\d\./.test(name)) p.requiresGrad_(false);
    }
  }
}
