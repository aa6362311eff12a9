/** The functional layer, in PyTorch's names (`torch.nn.functional`): no state, one call an operator or a few. */
import { aten, autocastDtype, empty, type Tensor } from '../torch/index.js';

export type Pair = number | readonly [number, number];

export const pair = (value: Pair): [number, number] =>
  typeof value === 'number' ? [value, value] : [value[0], value[1]];

export interface ConvOptions {
  /** `[O]`; default null: none. */
  bias?: Tensor | null;
  stride?: Pair;
  padding?: Pair;
  dilation?: Pair;
  groups?: number;
}

/** Input `[N, C, H, W]`, weight `[O, C / groups, kH, kW]`. */
export function conv2d(input: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return aten.conv2d(
    input,
    weight,
    options.bias ?? null,
    pair(options.stride ?? 1),
    pair(options.padding ?? 0),
    pair(options.dilation ?? 1),
    options.groups ?? 1,
  );
}

export interface ConvTransposeOptions {
  /** `[O]`; default null: none. */
  bias?: Tensor | null;
  stride?: Pair;
  padding?: Pair;
  outputPadding?: Pair;
}

/** Input `[N, C, H, W]`, weight `[C, O, kH, kW]`: libtorch's own operator, the reference of the fast path. */
export function convTranspose2dPlain(
  input: Tensor,
  weight: Tensor,
  options: ConvTransposeOptions = {},
): Tensor {
  return aten.conv_transpose2d.input(
    input,
    weight,
    options.bias ?? null,
    pair(options.stride ?? 1),
    pair(options.padding ?? 0),
    pair(options.outputPadding ?? 0),
    1,
    1,
  );
}

/**
 * Transposed convolution, input `[N, C, H, W]`, weight `[C, O, kH, kW]` → `[N, O, H', W']` with
 * `H' = (H − 1) · stride − 2 · padding + kH + outputPadding`.
 *
 * On the CPU it is computed as what it is by definition, the input gradient of a convolution: libtorch 1.13 sends
 * that to oneDNN, its own transposed convolution not (6 to 9 times slower). A 1 × 1 input is a matrix product.
 */
export function convTranspose2d(input: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  // `autocast` knows convolutions by name, and this way round it would see the gradient of one.
  if (input.device !== 'cpu' || autocastDtype('cpu')) return convTranspose2dPlain(input, weight, options);
  const { bias = null } = options;
  const stride = pair(options.stride ?? 1);
  const padding = pair(options.padding ?? 0);
  const outputPadding = pair(options.outputPadding ?? 0);
  const [batch, channels, height, width] = input.shape as [number, number, number, number];
  const [, out, kernelHeight, kernelWidth] = weight.shape as [number, number, number, number];
  let result: Tensor;
  if (height === 1 && width === 1 && padding[0] + padding[1] + outputPadding[0] + outputPadding[1] === 0) {
    const flat = input
      .reshape([batch, channels])
      .matmul(weight.reshape([channels, out * kernelHeight * kernelWidth]));
    result = flat.reshape([batch, out, kernelHeight, kernelWidth]);
  } else {
    const outHeight = (height - 1) * stride[0] - 2 * padding[0] + kernelHeight + outputPadding[0];
    const outWidth = (width - 1) * stride[1] - 2 * padding[1] + kernelWidth + outputPadding[1];
    const like = empty([1], { dtype: input.dtype }).expand([batch, out, outHeight, outWidth]);
    const mask = [true, false, false];
    result = aten.convolution_backward(
      input,
      like,
      weight,
      null,
      stride,
      padding,
      [1, 1],
      false,
      [0, 0],
      1,
      mask,
    )[0];
  }
  return bias ? result.add_(bias.reshape([1, -1, 1, 1])) : result;
}

/** Input `[…, I]`, weight `[O, I]`. */
export const linear = (input: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor =>
  aten.linear(input, weight, bias);

export interface BatchNormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  runningMean?: Tensor | null;
  runningVar?: Tensor | null;
  training: boolean;
  momentum?: number;
  eps?: number;
}

/** Normalises over all but dimension 1; in training the running statistics are updated in place. */
export const batchNorm = (input: Tensor, options: BatchNormOptions): Tensor =>
  aten.batch_norm(
    input,
    options.weight ?? null,
    options.bias ?? null,
    options.runningMean ?? null,
    options.runningVar ?? null,
    options.training,
    options.momentum ?? 0.1,
    options.eps ?? 1e-5,
    true,
  );

/**
 * Normalises over the last dimension, `[…, D]`; weight and bias `[D]`. Source: Ba et al. 2016.
 * What `autocast` made 16 bits wide is computed in the weight's type, as on a GPU; libtorch 1.13 refuses it on a CPU.
 */
export const layerNorm = (
  input: Tensor,
  options: { weight?: Tensor | null; bias?: Tensor | null; eps?: number } = {},
): Tensor => {
  const { weight = null, bias = null, eps = 1e-5 } = options;
  const x = weight && weight.dtype !== input.dtype ? input.to({ dtype: weight.dtype }) : input;
  return aten.layer_norm(x, [input.shape.at(-1)!], weight, bias, eps);
};

export const relu = (input: Tensor): Tensor => aten.relu(input);
/** min(max(x, 0), 6); its slope at both ends is 0. */
export const relu6 = (input: Tensor): Tensor => aten.hardtanh(input, 0, 6);
export const leakyRelu = (input: Tensor, negativeSlope = 0.01): Tensor =>
  aten.leaky_relu(input, negativeSlope);
/** `x · sigmoid(x)`, also called swish. */
export const silu = (input: Tensor): Tensor => aten.silu(input);
/** `x · Φ(x)`, Φ the normal distribution's. Source: Hendrycks & Gimpel 2016. */
export const gelu = (input: Tensor): Tensor => aten.gelu(input);
/** `x · sigmoid(1.702 x)`: nearly GELU, as OpenAI's CLIP has it (Radford et al. 2021). */
export const quickGelu = (input: Tensor): Tensor => aten.sigmoid(input.mul(1.702)).mul(input);
export const sigmoid = (input: Tensor): Tensor => aten.sigmoid(input);
export const tanh = (input: Tensor): Tensor => aten.tanh(input);
export const softplus = (input: Tensor): Tensor => aten.softplus(input);
export const softmax = (input: Tensor, dim = -1): Tensor => aten.softmax.int(input, dim);
export const logSoftmax = (input: Tensor, dim = -1): Tensor => aten.log_softmax.int(input, dim);

/** Zeroes elements with probability p and scales the rest by 1 / (1 − p). */
export const dropout = (input: Tensor, p: number, training: boolean): Tensor =>
  aten.dropout(input, p, training);
/** Zeroes whole channels. */
export const dropout2d = (input: Tensor, p: number, training: boolean): Tensor =>
  aten.feature_dropout(input, p, training);

/** Rows of `weight` `[K, D]` by int64 index `[…]` → `[…, D]`. */
export const embedding = (index: Tensor, weight: Tensor): Tensor => aten.embedding(weight, index);

export interface PoolOptions {
  /** Default: the kernel's size. */
  stride?: Pair;
  padding?: Pair;
}

export const maxPool2d = (input: Tensor, kernelSize: Pair, options: PoolOptions = {}): Tensor =>
  aten.max_pool2d(input, pair(kernelSize), pair(options.stride ?? kernelSize), pair(options.padding ?? 0));
export const avgPool2d = (input: Tensor, kernelSize: Pair, options: PoolOptions = {}): Tensor =>
  aten.avg_pool2d(input, pair(kernelSize), pair(options.stride ?? kernelSize), pair(options.padding ?? 0));
export const adaptiveAvgPool2d = (input: Tensor, outputSize: Pair): Tensor =>
  aten.adaptive_avg_pool2d(input, pair(outputSize));

/** Pads the last two dimensions: left, right, top, bottom. */
export const pad = (
  input: Tensor,
  [left, right, top, bottom]: readonly [number, number, number, number],
  mode: 'constant' | 'reflect' | 'replicate' = 'constant',
): Tensor => {
  const sizes = [left, right, top, bottom];
  if (mode === 'reflect') return aten.reflection_pad2d(input, sizes);
  if (mode === 'replicate') return aten.replication_pad2d(input, sizes);
  return aten.constant_pad_nd(input, sizes, 0);
};

export type InterpolationMode = 'nearest' | 'bilinear' | 'bicubic';

/**
 * Resamples `[N, C, H, W]` to `size`; pixel centres at half positions (`align_corners` false). With `antialias` what is
 * made smaller is filtered first, as Pillow does (bicubic then is Keys' with a = −0.5, else −0.75).
 */
export const interpolate = (
  input: Tensor,
  size: Pair,
  options: { mode?: InterpolationMode; antialias?: boolean } = {},
): Tensor => {
  const { mode = 'nearest', antialias = false } = options;
  if (mode === 'nearest') return aten.upsample_nearest2d(input, pair(size));
  if (mode === 'bilinear') {
    return antialias
      ? aten._upsample_bilinear2d_aa(input, pair(size), false)
      : aten.upsample_bilinear2d(input, pair(size), false);
  }
  return antialias
    ? aten._upsample_bicubic2d_aa(input, pair(size), false)
    : aten.upsample_bicubic2d(input, pair(size), false);
};

/** What becomes of the losses of a batch; default `mean`. */
export type Reduction = 'none' | 'mean' | 'sum';
/** at::Reduction */
const REDUCTIONS: Record<Reduction, number> = { none: 0, mean: 1, sum: 2 };

/** Binary cross-entropy of probabilities in [0, 1]. */
export const binaryCrossEntropy = (
  input: Tensor,
  target: Tensor,
  options: { weight?: Tensor | null; reduction?: Reduction } = {},
): Tensor =>
  aten.binary_cross_entropy(input, target, options.weight ?? null, REDUCTIONS[options.reduction ?? 'mean']);

/**
 * Binary cross-entropy of logits, computed stably.
 *
 * @param options.posWeight factor of the positive term, broadcast against the logits
 */
export const binaryCrossEntropyWithLogits = (
  input: Tensor,
  target: Tensor,
  options: { weight?: Tensor | null; posWeight?: Tensor | null; reduction?: Reduction } = {},
): Tensor =>
  aten.binary_cross_entropy_with_logits(
    input,
    target,
    options.weight ?? null,
    options.posWeight ?? null,
    REDUCTIONS[options.reduction ?? 'mean'],
  );

/** Cross-entropy of logits `[N, K]` against int64 classes `[N]`. */
export const crossEntropy = (
  input: Tensor,
  target: Tensor,
  options: { weight?: Tensor | null; labelSmoothing?: number; reduction?: Reduction } = {},
): Tensor =>
  aten.cross_entropy_loss(
    input,
    target,
    options.weight ?? null,
    REDUCTIONS[options.reduction ?? 'mean'],
    -100,
    options.labelSmoothing ?? 0,
  );

export const mseLoss = (input: Tensor, target: Tensor, options: { reduction?: Reduction } = {}): Tensor =>
  aten.mse_loss(input, target, REDUCTIONS[options.reduction ?? 'mean']);
