/** Layers with weights. Default initialisation is PyTorch's: Kaiming uniform with a = √5, bias uniform ± 1/√fan-in. */
import { empty, ones, randn, type Tensor, zeros } from '../torch/index.js';
import * as F from './functional.js';
import { uniform_ } from './init.js';
import { Module } from './module.js';

/**
 * A layer whose weight another function may compute: spectral norm replaces `weight` by one made anew before each
 * forward pass.
 */
export abstract class WeightLayer extends Module {
  #weight: Tensor;
  #compute: (() => Tensor) | null = null;

  constructor(weight: Tensor) {
    super();
    this.#weight = this.parameter('weight', weight);
  }

  /** The weight as this pass uses it. */
  get weight(): Tensor {
    return this.#compute ? this.#compute() : this.#weight;
  }

  /**
   * Stores the weight under another key and computes the one in use; returns the stored parameter.
   *
   * @param buffers state of the computation, saved with the layer
   */
  reparametrise(
    key: string,
    buffers: Record<string, Tensor>,
    compute: (stored: Tensor, training: boolean) => Tensor,
  ): void {
    const stored = this.#weight;
    this.removeParameter('weight');
    this.parameter(key, stored);
    for (const [name, value] of Object.entries(buffers)) this.buffer(name, value);
    this.#compute = () => compute(stored, this.training);
  }
}

const symmetric_ = (value: Tensor, bound: number): Tensor => uniform_(value, -bound, bound);

/** Bias as PyTorch initialises it, or null. */
const makeBias = (size: number, fanIn: number): Tensor => symmetric_(empty([size]), 1 / Math.sqrt(fanIn));

/** Kaiming uniform with a = √5 comes down to ± 1/√fan-in. */
const makeWeight = (shape: number[], fanIn: number): Tensor => symmetric_(empty(shape), 1 / Math.sqrt(fanIn));

export interface Conv2dOptions extends Omit<F.ConvOptions, 'bias'> {
  bias?: boolean;
}

/** `[N, in, H, W]` → `[N, out, H', W']`. */
export class Conv2d extends WeightLayer {
  readonly bias: Tensor | null;
  readonly options: Conv2dOptions;

  constructor(inChannels: number, outChannels: number, kernelSize: F.Pair, options: Conv2dOptions = {}) {
    const [height, width] = F.pair(kernelSize);
    const perGroup = inChannels / (options.groups ?? 1);
    const fanIn = perGroup * height * width;
    super(makeWeight([outChannels, perGroup, height, width], fanIn));
    this.bias = (options.bias ?? true) ? this.parameter('bias', makeBias(outChannels, fanIn)) : null;
    this.options = options;
  }

  forward(input: Tensor): Tensor {
    return F.conv2d(input, this.weight, { ...this.options, bias: this.bias });
  }
}

export interface ConvTranspose2dOptions extends Omit<F.ConvTransposeOptions, 'bias'> {
  bias?: boolean;
}

/** `[N, in, H, W]` → `[N, out, H', W']`, weight `[in, out, kH, kW]`. */
export class ConvTranspose2d extends WeightLayer {
  readonly bias: Tensor | null;
  readonly options: ConvTranspose2dOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: F.Pair,
    options: ConvTranspose2dOptions = {},
  ) {
    const [height, width] = F.pair(kernelSize);
    // PyTorch takes the weight's second dimension for the fan-in, also here.
    const fanIn = outChannels * height * width;
    super(makeWeight([inChannels, outChannels, height, width], fanIn));
    this.bias = (options.bias ?? true) ? this.parameter('bias', makeBias(outChannels, fanIn)) : null;
    this.options = options;
  }

  forward(input: Tensor): Tensor {
    return F.convTranspose2d(input, this.weight, { ...this.options, bias: this.bias });
  }
}

/** `[…, in]` → `[…, out]`. */
export class Linear extends WeightLayer {
  readonly bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: { bias?: boolean } = {}) {
    super(makeWeight([outFeatures, inFeatures], inFeatures));
    this.bias = (options.bias ?? true) ? this.parameter('bias', makeBias(outFeatures, inFeatures)) : null;
  }

  forward(input: Tensor): Tensor {
    return F.linear(input, this.weight, this.bias);
  }
}

/** int64 `[…]` → `[…, dimensions]`; rows drawn from N(0, 1). */
export class Embedding extends WeightLayer {
  constructor(count: number, dimensions: number) {
    super(randn([count, dimensions]));
  }

  forward(index: Tensor): Tensor {
    return F.embedding(index, this.weight);
  }
}

/** `[N, C, H, W]`, per channel. `momentum` is the share of the new batch in the running statistics. */
export class BatchNorm2d extends Module {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  /** int64 scalar. */
  readonly numBatchesTracked: Tensor;
  /** Published weights of one architecture differ in it. */
  eps: number;
  /** Share of the new batch; standing statistics lower it pass by pass. */
  momentum: number;

  constructor(channels: number, options: { eps?: number; momentum?: number; affine?: boolean } = {}) {
    super();
    const affine = options.affine ?? true;
    this.weight = affine ? this.parameter('weight', ones([channels])) : null;
    this.bias = affine ? this.parameter('bias', zeros([channels])) : null;
    this.runningMean = this.buffer('running_mean', zeros([channels]));
    this.runningVar = this.buffer('running_var', ones([channels]));
    this.numBatchesTracked = this.buffer('num_batches_tracked', zeros([], { dtype: 'int64' }));
    this.eps = options.eps ?? 1e-5;
    this.momentum = options.momentum ?? 0.1;
  }

  forward(input: Tensor): Tensor {
    return this.normalise(input, this.weight, this.bias);
  }

  /** By the statistics of the batch, or in evaluation the running ones; then scaled and shifted, each unless null. */
  protected normalise(input: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
    if (this.training) this.numBatchesTracked.add_(1);
    return F.batchNorm(input, { ...this, weight, bias, training: this.training });
  }
}

/** `[…, shape]`: each row of the last dimension has mean 0 and variance 1, then is scaled and shifted. */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly eps: number;

  constructor(
    readonly shape: number,
    options: { eps?: number } = {},
  ) {
    super();
    this.weight = this.parameter('weight', ones([shape]));
    this.bias = this.parameter('bias', zeros([shape]));
    this.eps = options.eps ?? 1e-5;
  }

  forward(input: Tensor): Tensor {
    return F.layerNorm(input, this);
  }
}
