/**
 * Blocks of EfficientNet: MBConv with squeeze-and-excitation (Tan & Le, ICML 2019) and fused MBConv (Gupta & Tan 2019;
 * Tan & Le, ICML 2021), with swish and stochastic depth, and the padded convolution that both consist of.
 */
import { batchNormSilu } from '../nn/batch-norm-silu.js';
import { depthwiseConv2d } from '../nn/depthwise.js';
import * as F from '../nn/functional.js';
import { BatchNorm2d, Conv2d, Module } from '../nn/index.js';
import { rand, type Tensor } from '../torch/index.js';
import { OWN_CONVENTIONS, type Padding } from './conventions.js';
import { type BlockSpec, expands, hasSkip } from './efficientnet-spec.js';

/** TensorFlow's momentum, which the published weights were trained with, in PyTorch's sense. */
export const makeBatchNorm = (channels: number): BatchNorm2d =>
  new BatchNorm2d(channels, { eps: OWN_CONVENTIONS.batchNormEps, momentum: 0.01 });

/** Zeros before and after so that the output has ceil(size / stride) places. */
function samePadding(size: number, kernel: number, stride: number): [before: number, after: number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** Convolution with a square, odd kernel that pads as `padding` says; `fixedSize` > 0: `same` pads for that side. */
export class PaddedConv2d extends Conv2d {
  padding: Padding = OWN_CONVENTIONS.padding;
  readonly isDepthwise: boolean;
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
    this.isDepthwise = options.groups !== undefined;
    this.stride = options.stride ?? 1;
    this.fixedSize = fixedSize;
  }

  override forward(x: Tensor): Tensor {
    if (this.padding === 'symmetric') {
      const around = (this.kernel - 1) / 2;
      return this.convolve(x, [around, around]);
    }
    const [, , height, width] = x.shape as [number, number, number, number];
    const [top, bottom] = samePadding(this.fixedSize || height, this.kernel, this.stride);
    const [left, right] = samePadding(this.fixedSize || width, this.kernel, this.stride);
    // Even padding is the convolution's own; only the uneven one of stride 2 needs a padded copy.
    if (top === bottom && left === right) return this.convolve(x, [top, left]);
    return this.convolve(F.pad(x, [left, right, top, bottom]), [0, 0]);
  }

  private convolve(x: Tensor, padding: [number, number]): Tensor {
    if (this.isDepthwise && this.bias === null) {
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

export interface BlockOptions {
  /** Names of the layers in the order in which they are applied, see `efficientnet-keys.ts`. */
  names: readonly string[];
  /** Probability that training drops the branch of a sample. */
  dropRate: number;
  /** See PaddedConv2d. */
  fixedSize: number;
}

/** `[N, in, H, W]` → `[N, out, H/stride, W/stride]`: a branch, and the input added to it where shapes allow. */
abstract class Block extends Module {
  private readonly skip: boolean;

  constructor(
    spec: BlockSpec,
    private readonly dropRate: number,
  ) {
    super();
    this.skip = hasSkip(spec);
  }

  protected abstract branch(x: Tensor): Tensor;

  override forward(x: Tensor): Tensor {
    const y = this.branch(x);
    if (!this.skip) return y;
    const kept = this.training && this.dropRate > 0 ? dropConnect(y, this.dropRate) : y;
    return kept.add(x);
  }
}

/** MBConv: expand 1×1 → depthwise k×k → squeeze-and-excitation → project 1×1. */
export class MBConvBlock extends Block {
  readonly expandConv: PaddedConv2d | null = null;
  readonly expandNorm: BatchNorm2d | null = null;
  readonly depthwiseConv: PaddedConv2d;
  readonly depthwiseNorm: BatchNorm2d;
  readonly seReduce: PaddedConv2d;
  readonly seExpand: PaddedConv2d;
  readonly projectConv: PaddedConv2d;
  readonly projectNorm: BatchNorm2d;

  constructor(spec: BlockSpec, { names, dropRate, fixedSize }: BlockOptions) {
    super(spec, dropRate);
    const { inFilters, expandedFilters: expanded, squeezedFilters: squeezed, outFilters } = spec;
    const { kernel, stride } = spec;
    const add = adder((key, layer) => this.child(key, layer), names);
    if (expands(spec)) {
      this.expandConv = add(new PaddedConv2d(inFilters, expanded, 1, { bias: false }));
      this.expandNorm = add(makeBatchNorm(expanded));
    }
    const depthwise = { stride, groups: expanded, bias: false, fixedSize };
    this.depthwiseConv = add(new PaddedConv2d(expanded, expanded, kernel, depthwise));
    this.depthwiseNorm = add(makeBatchNorm(expanded));
    this.seReduce = add(new PaddedConv2d(expanded, squeezed, 1));
    this.seExpand = add(new PaddedConv2d(squeezed, expanded, 1));
    this.projectConv = add(new PaddedConv2d(expanded, outFilters, 1, { bias: false }));
    this.projectNorm = add(makeBatchNorm(outFilters));
  }

  protected override branch(x: Tensor): Tensor {
    let y = x;
    if (this.expandConv && this.expandNorm) y = batchNormSilu(this.expandNorm, this.expandConv.forward(y));
    y = batchNormSilu(this.depthwiseNorm, this.depthwiseConv.forward(y)); // [N, expanded, H/stride, W/stride]
    const squeezed = F.adaptiveAvgPool2d(y, 1); // [N, expanded, 1, 1]
    const gate = this.seExpand.forward(F.silu(this.seReduce.forward(squeezed)));
    y = F.sigmoid(gate).mul(y);
    return this.projectNorm.forward(this.projectConv.forward(y)); // [N, out, H/stride, W/stride]
  }
}

/** Fused MBConv: expand k×k → project 1×1; without expansion one k×k convolution, its activation last. */
export class FusedMBConvBlock extends Block {
  readonly conv: PaddedConv2d;
  readonly norm: BatchNorm2d;
  readonly projectConv: PaddedConv2d | null = null;
  readonly projectNorm: BatchNorm2d | null = null;

  constructor(spec: BlockSpec, { names, dropRate, fixedSize }: BlockOptions) {
    super(spec, dropRate);
    const { inFilters, expandedFilters: expanded, outFilters, kernel, stride } = spec;
    const add = adder((key, layer) => this.child(key, layer), names);
    const width = expands(spec) ? expanded : outFilters;
    this.conv = add(new PaddedConv2d(inFilters, width, kernel, { stride, bias: false, fixedSize }));
    this.norm = add(makeBatchNorm(width));
    if (expands(spec)) {
      this.projectConv = add(new PaddedConv2d(expanded, outFilters, 1, { bias: false }));
      this.projectNorm = add(makeBatchNorm(outFilters));
    }
  }

  protected override branch(x: Tensor): Tensor {
    const y = batchNormSilu(this.norm, this.conv.forward(x)); // [N, expanded, H/stride, W/stride]
    if (!this.projectConv || !this.projectNorm) return y;
    return this.projectNorm.forward(this.projectConv.forward(y));
  }
}

/** Declares layers one by one under the names of a list. */
function adder(
  declare: <M extends Module>(key: string, layer: M) => M,
  names: readonly string[],
): <M extends Module>(layer: M) => M {
  let next = 0;
  return (layer) => declare(names[next++]!, layer);
}
