/**
 * Blocks of EfficientNet: MBConv with squeeze-and-excitation (Tan & Le, ICML 2019) and fused MBConv (Gupta & Tan 2019;
 * Tan & Le, ICML 2021), with swish (ReLU6 in EfficientNet-Lite) and stochastic depth,
 * and the padded convolution that both consist of.
 */

import type { Tensor } from 'graft-torch';
import {
  BatchNorm2d,
  type BranchEnd,
  batchNormActivation,
  batchNormBranch,
  batchNormDepthwise,
  Conv2d,
  convNorm,
  depthwiseConv2d,
  endBranch,
  F,
  Module,
  squeezeExcite,
} from 'graft-torch/nn';
import { OWN_CONVENTIONS, type Padding } from './conventions.js';
import { dropConnect } from './drop-connect.js';
import { type BlockSpec, expands, hasSkip, type SpecActivation } from './efficientnet-spec.js';

/** TensorFlow's momentum, which the published weights were trained with, in PyTorch's sense. */
export const makeBatchNorm = (channels: number): BatchNorm2d =>
  new BatchNorm2d(channels, { eps: OWN_CONVENTIONS.batchNormEps, momentum: 0.01 });

/** Batch norm, then the network's activation. */
export const activated = (norm: BatchNorm2d, x: Tensor, activation: SpecActivation): Tensor =>
  batchNormActivation(norm, x, activation);

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
  private readonly kernel: number;
  private readonly stride: number;
  private readonly fixedSize: number;

  constructor(
    inFilters: number,
    outFilters: number,
    options: { kernel: number; stride?: number; groups?: number; bias?: boolean; fixedSize?: number },
  ) {
    const { fixedSize = 0, kernel, ...convOptions } = options;
    super(inFilters, outFilters, kernel, convOptions);
    this.kernel = kernel;
    this.isDepthwise = options.groups !== undefined;
    this.stride = options.stride ?? 1;
    this.fixedSize = fixedSize;
  }

  override forward(x: Tensor): Tensor {
    const [top, left, bottom, right] = this.sides(x);
    // Even padding is the convolution's own; only the uneven one of stride 2 needs a padded copy.
    if (top === bottom && left === right) return this.convolve(x, [top, left]);
    return this.convolve(F.pad(x, [left, right, top, bottom]), [0, 0]);
  }

  /** `forward(activation(norm(x)))`, for a depthwise convolution in one pass where there is an operator for it. */
  forwardNormed(norm: BatchNorm2d, x: Tensor, activation: SpecActivation): Tensor {
    if (this.isDepthwise && this.bias === null) {
      const { weight, stride } = this;
      const fused = batchNormDepthwise({ norm, weight, stride, padding: this.sides(x), activation }, x);
      if (fused) return fused;
    }
    return this.forward(activated(norm, x, activation));
  }

  /** `activation(norm(forward(x))) + skip` of a network in evaluation, in one pass where there is an operator for it. */
  forwardThenNorm(
    norm: BatchNorm2d,
    x: Tensor,
    { activation, skip = null }: { activation: SpecActivation | 'none'; skip?: Tensor | null },
  ): Tensor {
    if (this.bias === null) {
      const { weight, stride } = this;
      const groups = this.options.groups ?? 1;
      const layer = { weight, stride, padding: this.sides(x), groups, norm, activation, skip };
      const fused = convNorm(layer, x);
      if (fused) return fused;
    }
    const y = this.forward(x);
    const normed = activation === 'none' ? norm.forward(y) : activated(norm, y, activation);
    return endBranch(normed, { skip, factors: null });
  }

  private sides({ shape }: Tensor): [top: number, left: number, bottom: number, right: number] {
    if (this.padding === 'symmetric') {
      const around = (this.kernel - 1) / 2;
      return [around, around, around, around];
    }
    const [, , height, width] = shape as [number, number, number, number];
    const [top, bottom] = samePadding(this.fixedSize || height, this.kernel, this.stride);
    const [left, right] = samePadding(this.fixedSize || width, this.kernel, this.stride);
    return [top, left, bottom, right];
  }

  private convolve(x: Tensor, padding: [number, number]): Tensor {
    if (this.isDepthwise && this.bias === null) {
      return depthwiseConv2d(x, this.weight, { stride: this.stride, padding });
    }
    return F.conv2d(x, this.weight, { ...this.options, bias: this.bias, padding });
  }
}

export interface BlockOptions {
  /** Names of the layers in the order in which they are applied, see `efficientnet-keys.ts`. */
  names: readonly string[];
  /** Probability that training drops the branch of a sample. */
  dropRate: number;
  /** See PaddedConv2d. */
  fixedSize: number;
  activation: SpecActivation;
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

  protected abstract branch(x: Tensor, end: BranchEnd): Tensor;

  override forward(x: Tensor): Tensor {
    if (!this.skip) return this.branch(x, { skip: null, factors: null });
    const drops = this.training && this.dropRate > 0;
    return this.branch(x, { skip: x, factors: drops ? dropConnect(x, this.dropRate) : null });
  }
}

/** MBConv: expand 1×1 → depthwise k×k → squeeze-and-excitation, where there is one → project 1×1. */
export class MBConvBlock extends Block {
  readonly expandConv: PaddedConv2d | null = null;
  readonly expandNorm: BatchNorm2d | null = null;
  readonly depthwiseConv: PaddedConv2d;
  readonly depthwiseNorm: BatchNorm2d;
  readonly seReduce: PaddedConv2d | null = null;
  readonly seExpand: PaddedConv2d | null = null;
  readonly projectConv: PaddedConv2d;
  readonly projectNorm: BatchNorm2d;
  private readonly activation: SpecActivation;

  constructor(spec: BlockSpec, { names, dropRate, fixedSize, activation }: BlockOptions) {
    super(spec, dropRate);
    this.activation = activation;
    const { inFilters, expandedFilters: expanded, squeezedFilters: squeezed, outFilters } = spec;
    const { kernel, stride } = spec;
    const add = adder((key, layer) => this.child(key, layer), names);
    if (expands(spec)) {
      this.expandConv = add(new PaddedConv2d(inFilters, expanded, { kernel: 1, bias: false }));
      this.expandNorm = add(makeBatchNorm(expanded));
    }
    const depthwise = { kernel, stride, groups: expanded, bias: false, fixedSize };
    this.depthwiseConv = add(new PaddedConv2d(expanded, expanded, depthwise));
    this.depthwiseNorm = add(makeBatchNorm(expanded));
    if (squeezed > 0) {
      this.seReduce = add(new PaddedConv2d(expanded, squeezed, { kernel: 1 }));
      this.seExpand = add(new PaddedConv2d(squeezed, expanded, { kernel: 1 }));
    }
    this.projectConv = add(new PaddedConv2d(expanded, outFilters, { kernel: 1, bias: false }));
    this.projectNorm = add(makeBatchNorm(outFilters));
  }

  protected override branch(x: Tensor, end: BranchEnd): Tensor {
    const { depthwiseNorm: norm, seReduce: reduce, seExpand: expand, activation } = this;
    if (!this.training && !reduce) return this.evaluate(x, end);
    let y =
      this.expandConv && this.expandNorm
        ? this.depthwiseConv.forwardNormed(this.expandNorm, this.expandConv.forward(x), activation)
        : this.depthwiseConv.forward(x); // [N, expanded, H/stride, W/stride]
    y = reduce && expand ? squeezeExcite({ norm, reduce, expand }, y) : activated(norm, y, activation);
    return batchNormBranch(this.projectNorm, this.projectConv.forward(y), end); // [N, out, H/stride, W/stride]
  }

  /** Without squeeze-and-excitation, each convolution can be one pass with what stands behind it. */
  private evaluate(x: Tensor, { skip }: BranchEnd): Tensor {
    const { expandConv, expandNorm, activation } = this;
    const y = expandConv && expandNorm ? expandConv.forwardThenNorm(expandNorm, x, { activation }) : x;
    const z = this.depthwiseConv.forwardThenNorm(this.depthwiseNorm, y, { activation });
    return this.projectConv.forwardThenNorm(this.projectNorm, z, { activation: 'none', skip });
  }
}

/** Fused MBConv: expand k×k → project 1×1; without expansion one k×k convolution, its activation last. */
export class FusedMBConvBlock extends Block {
  readonly conv: PaddedConv2d;
  readonly norm: BatchNorm2d;
  readonly projectConv: PaddedConv2d | null = null;
  readonly projectNorm: BatchNorm2d | null = null;
  private readonly activation: SpecActivation;

  constructor(spec: BlockSpec, { names, dropRate, fixedSize, activation }: BlockOptions) {
    super(spec, dropRate);
    this.activation = activation;
    const { inFilters, expandedFilters: expanded, outFilters, kernel, stride } = spec;
    const add = adder((key, layer) => this.child(key, layer), names);
    const width = expands(spec) ? expanded : outFilters;
    this.conv = add(new PaddedConv2d(inFilters, width, { kernel, stride, bias: false, fixedSize }));
    this.norm = add(makeBatchNorm(width));
    if (expands(spec)) {
      this.projectConv = add(new PaddedConv2d(expanded, outFilters, { kernel: 1, bias: false }));
      this.projectNorm = add(makeBatchNorm(outFilters));
    }
  }

  protected override branch(x: Tensor, end: BranchEnd): Tensor {
    const y = activated(this.norm, this.conv.forward(x), this.activation); // [N, expanded, H/stride, W/stride]
    if (!this.projectConv || !this.projectNorm) return endBranch(y, end);
    return batchNormBranch(this.projectNorm, this.projectConv.forward(y), end);
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
