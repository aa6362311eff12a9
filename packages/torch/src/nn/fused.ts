/**
 * Operators of Graft's own that do in one pass over memory what several of libtorch's do one after the other
 * (`native/`): they make EfficientNet train in half the time on a CPU. Each function here gives the same values as its
 * parts, whatever it is given, and takes the fused form by one rule: see `fuses`.
 *
 * Fused forms cannot be differentiated twice; their results are channels last, as is what they are fast with.
 */
import { autocastDtype, makeOperator, type Tensor } from '../torch/index.js';
import * as F from './functional.js';
import type { BatchNorm2d, Conv2d } from './layers.js';

/**
 * The rule: float32 on the CPU, outside of `autocast`, which wants to choose the type of the parts. Those that start
 * with a batch norm need its weights. `batchNormBranch`, `batchNormDepthwise` and `squeezeExcite` fuse in training only: a
 * network in evaluation has `convNorm`, which makes the convolution before the norm part of it.
 */
const fuses = (input: Tensor): boolean =>
  input.device === 'cpu' && input.dtype === 'float32' && !autocastDtype('cpu');

/** Tensors of a batch norm as the operators take them, and the batch counted; null where they are not to be used. */
function fusedNorm(norm: BatchNorm2d, input: Tensor): NormTensors | null {
  const { weight, bias, runningMean, runningVar } = norm;
  if (!weight || !bias || !fuses(input)) return null;
  if (norm.training) norm.numBatchesTracked.add_(1);
  return [weight, bias, runningMean, runningVar];
}

type NormTensors = [weight: Tensor, bias: Tensor, runningMean: Tensor, runningVar: Tensor];
type Operator<Arguments extends unknown[]> = (...given: Arguments) => Tensor;
/** Momentum and ε close the list. */
type Settings = [momentum: number, eps: number];

/** `relu6`: min(max(x, 0), 6), of MobileNet and EfficientNet-Lite; its slope is 0 at 0 and at 6, as PyTorch's. */
export type Activation = 'silu' | 'relu' | 'relu6';

const ACTIVATIONS: Readonly<Record<Activation, (input: Tensor) => Tensor>> = {
  silu: F.silu,
  relu: F.relu,
  relu6: F.relu6,
};

const batchNormActivationOperator = makeOperator('graft::batch_norm_activation', '') as Operator<
  [input: Tensor, ...NormTensors, training: boolean, ...Settings, activation: Activation]
>;

/** Batch norm, then the activation: `activation(norm(input))`, `[N, C, H, W]`. */
export function batchNormActivation(norm: BatchNorm2d, input: Tensor, activation: Activation): Tensor {
  const tensors = fusedNorm(norm, input);
  return tensors
    ? batchNormActivationOperator(input, ...tensors, norm.training, norm.momentum, norm.eps, activation)
    : ACTIVATIONS[activation](norm.forward(input));
}

const branchOperator = makeOperator('graft::batch_norm_branch', '') as Operator<
  [input: Tensor, ...NormTensors, skip: Tensor | null, factors: Tensor | null, ...Settings]
>;

export interface BranchEnd {
  /** What the branch is added to, `[N, C, H, W]`. */
  skip: Tensor | null;
  /** Of each image, `[N, 1, 1, 1]`; null: 1. They get no gradient. */
  factors: Tensor | null;
}

/**
 * The end of a residual branch: batch norm, a factor for each image (stochastic depth, Huang et al., ECCV 2016) and the
 * block's input added: `norm(input) · factors + skip`, `[N, C, H, W]`.
 */
export function batchNormBranch(norm: BatchNorm2d, input: Tensor, { skip, factors }: BranchEnd): Tensor {
  const tensors = norm.training ? fusedNorm(norm, input) : null;
  return tensors
    ? branchOperator(input, ...tensors, skip, factors, norm.momentum, norm.eps)
    : endBranch(norm.forward(input), { skip, factors });
}

/** `branch · factors + skip`, `[N, C, H, W]`. */
export function endBranch(branch: Tensor, { skip, factors }: BranchEnd): Tensor {
  const y = factors ? branch.mul(factors) : branch;
  return skip ? y.add(skip) : y;
}

const depthwiseOperator = makeOperator('graft::depthwise_conv2d', '') as Operator<
  [input: Tensor, weight: Tensor, stride: readonly number[], padding: readonly number[]]
>;

/**
 * Depthwise convolution: each channel with a kernel of its own. Its weight gradient is Graft's, for oneDNN's is its
 * reference loop for the kernels and maps of EfficientNet.
 *
 * Input `[N, C, H, W]`, weight `[C, 1, kH, kW]` → `[N, C, H', W']`.
 */
export function depthwiseConv2d(
  input: Tensor,
  weight: Tensor,
  options: { stride?: F.Pair; padding?: F.Pair } = {},
): Tensor {
  const { stride = 1, padding = 0 } = options;
  return fuses(input)
    ? depthwiseOperator(input, weight, F.pair(stride), F.pair(padding))
    : F.conv2d(input, weight, { stride, padding, groups: weight.shape[0]! });
}

const normDepthwiseOperator = makeOperator('graft::batch_norm_depthwise', '') as Operator<
  [
    input: Tensor,
    ...NormTensors,
    weight: Tensor,
    stride: number,
    padding: Sides,
    ...Settings,
    activation: Activation,
  ]
>;

/** Zeros around a map. */
export type Sides = readonly [top: number, left: number, bottom: number, right: number];

export interface NormedDepthwise {
  norm: BatchNorm2d;
  /** `[C, 1, K, K]`. */
  weight: Tensor;
  stride: number;
  padding: Sides;
  activation: Activation;
}

/**
 * Batch norm, activation and the depthwise convolution behind them, without ever writing the activated map: the first half of
 * an MBConv block in training. `conv(activation(norm(input)))`, `[N, C, H, W]` → `[N, C, H', W']`.
 *
 * @returns null where there is no such operator and the caller pads and convolves by parts: not in training, channels
 *   not in sixteens, a kernel that is neither 3×3 nor 5×5
 */
export function batchNormDepthwise(
  { norm, weight, stride, padding, activation }: NormedDepthwise,
  input: Tensor,
): Tensor | null {
  const [channels, , kernel] = weight.shape as [number, number, number];
  if (channels % 16 !== 0 || (kernel !== 3 && kernel !== 5) || stride > 2) return null;
  const tensors = norm.training ? fusedNorm(norm, input) : null;
  if (!tensors) return null;
  const { momentum, eps } = norm;
  return normDepthwiseOperator(input, ...tensors, weight, stride, padding, momentum, eps, activation);
}

const convNormOperator = makeOperator('graft::conv_norm', '') as Operator<
  [
    input: Tensor,
    weight: Tensor,
    ...NormTensors,
    skip: Tensor | null,
    stride: number,
    padding: Sides,
    groups: number,
    eps: number,
    activation: Activation | 'none',
  ]
>;

export interface ConvNorm {
  /** Of a convolution without bias: `[O, C / groups, K, K]`. */
  weight: Tensor;
  stride: number;
  padding: Sides;
  groups: number;
  norm: BatchNorm2d;
  activation: Activation | 'none';
  /** Added at the end, `[N, O, H', W']`. */
  skip?: Tensor | null;
}

/**
 * A convolution and what stands behind it, of a network in evaluation: `activation(norm(conv(input))) + skip`,
 * `[N, C, H, W]` → `[N, O, H', W']`. Where no gradient is recorded, convolutions of 1×1 and depthwise ones of 3×3 and 5×5
 * are one pass, in which norm, activation and skip cost nothing. Their values differ from the parts' by rounding.
 *
 * @returns null where the caller does it by parts: in training, and where `fuses` says no
 */
export function convNorm(layer: ConvNorm, input: Tensor): Tensor | null {
  const { weight, stride, padding, groups, norm, activation, skip = null } = layer;
  const tensors = norm.training ? null : fusedNorm(norm, input);
  if (!tensors) return null;
  return convNormOperator(input, weight, ...tensors, skip, stride, padding, groups, norm.eps, activation);
}

const squeezeExciteOperator = makeOperator('graft::squeeze_excite', '') as Operator<
  [
    input: Tensor,
    ...NormTensors,
    reduceWeight: Tensor,
    reduceBias: Tensor,
    expandWeight: Tensor,
    expandBias: Tensor,
    ...Settings,
  ]
>;

/** `reduce` and `expand`: 1×1 convolutions C → S → C. */
export interface SqueezeExcite {
  readonly norm: BatchNorm2d;
  readonly reduce: Conv2d;
  readonly expand: Conv2d;
}

/**
 * The middle of an MBConv block: batch norm, SiLU and squeeze-and-excitation (Hu et al., CVPR 2018).
 * `a = silu(norm(input))`, times `sigmoid(expand(silu(reduce(mean of a over places))))`; `[N, C, H, W]`.
 */
export function squeezeExcite({ norm, reduce, expand }: SqueezeExcite, input: Tensor): Tensor {
  const { bias: reduceBias } = reduce;
  const { bias: expandBias } = expand;
  const tensors = norm.training && reduceBias && expandBias ? fusedNorm(norm, input) : null;
  if (tensors) {
    const gates = [reduce.weight, reduceBias!, expand.weight, expandBias!] as const;
    return squeezeExciteOperator(input, ...tensors, ...gates, norm.momentum, norm.eps);
  }
  const active = batchNormActivation(norm, input, 'silu');
  const squeezed = F.adaptiveAvgPool2d(active, 1); // [N, C, 1, 1]
  const gate = expand.forward(F.silu(reduce.forward(squeezed)));
  return F.sigmoid(gate).mul(active);
}
