/**
 * Compound scaling of EfficientNet: Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
 * Networks" (ICML 2019), table 1 and the authors' reference settings. Pure arithmetic, no tensors.
 */
import type { BlockSpec, EfficientNetSpec } from './efficientnet-spec.js';

/** One variant: multipliers of width and depth, the input side it was made for (pixels), dropout before the head. */
export interface Scaling {
  readonly width: number;
  readonly depth: number;
  readonly resolution: number;
  readonly dropout: number;
}

export const SCALINGS = {
  b0: { width: 1.0, depth: 1.0, resolution: 224, dropout: 0.2 },
  b1: { width: 1.0, depth: 1.1, resolution: 240, dropout: 0.2 },
  b2: { width: 1.1, depth: 1.2, resolution: 260, dropout: 0.3 },
  b3: { width: 1.2, depth: 1.4, resolution: 300, dropout: 0.3 },
  b4: { width: 1.4, depth: 1.8, resolution: 380, dropout: 0.4 },
  b5: { width: 1.6, depth: 2.2, resolution: 456, dropout: 0.4 },
  b6: { width: 1.8, depth: 2.6, resolution: 528, dropout: 0.5 },
  b7: { width: 2.0, depth: 3.1, resolution: 600, dropout: 0.5 },
} as const satisfies Record<string, Scaling>;

/** EfficientNet-Lite: github.com/tensorflow/tpu, models/official/efficientnet/lite. */
export const LITE_SCALINGS = {
  lite0: { width: 1.0, depth: 1.0, resolution: 224, dropout: 0.2 },
  lite1: { width: 1.0, depth: 1.1, resolution: 240, dropout: 0.2 },
  lite2: { width: 1.1, depth: 1.2, resolution: 260, dropout: 0.3 },
  lite3: { width: 1.2, depth: 1.4, resolution: 280, dropout: 0.3 },
  lite4: { width: 1.4, depth: 1.8, resolution: 300, dropout: 0.3 },
} as const satisfies Record<string, Scaling>;

/** A stage of B0: `repeats` blocks, the first with `stride`, the others with stride 1. */
export interface Stage {
  readonly repeats: number;
  readonly kernel: number;
  readonly stride: number;
  readonly expand: number;
  readonly inFilters: number;
  readonly outFilters: number;
}

/** Stages of B0 (table 1 of the paper; strides stand in the first block of each stage). */
const B0_STAGES: readonly Stage[] = [
  { repeats: 1, kernel: 3, stride: 1, expand: 1, inFilters: 32, outFilters: 16 },
  { repeats: 2, kernel: 3, stride: 2, expand: 6, inFilters: 16, outFilters: 24 },
  { repeats: 2, kernel: 5, stride: 2, expand: 6, inFilters: 24, outFilters: 40 },
  { repeats: 3, kernel: 3, stride: 2, expand: 6, inFilters: 40, outFilters: 80 },
  { repeats: 3, kernel: 5, stride: 1, expand: 6, inFilters: 80, outFilters: 112 },
  { repeats: 4, kernel: 5, stride: 2, expand: 6, inFilters: 112, outFilters: 192 },
  { repeats: 1, kernel: 3, stride: 1, expand: 6, inFilters: 192, outFilters: 320 },
];

/** Squeeze-and-excitation keeps this share of a block's *input* filters (not of the expanded ones). */
const SE_RATIO = 0.25;

/** Nearest multiple of 8 to `filters · width`, at least 8, never more than 10 % below. */
export function roundFilters(filters: number, width: number): number {
  if (width === 1) return filters;
  const scaled = filters * width;
  const rounded = Math.max(8, Math.floor((scaled + 4) / 8) * 8);
  return rounded < 0.9 * scaled ? rounded + 8 : rounded;
}

export function roundRepeats(repeats: number, depth: number): number {
  return Math.ceil(repeats * depth);
}

/**
 * The network of a scaling: seven stages of MBConv blocks. In a Lite the stem's and the head's widths and the first and
 * last stage's depths are those of B0, whatever the scaling, and nothing is squeezed.
 */
export function efficientNetSpec(scaling: Scaling, options: { lite?: boolean } = {}): EfficientNetSpec {
  const { lite = false } = options;
  const blocks: BlockSpec[] = [];
  for (const [index, stage] of B0_STAGES.entries()) {
    // The first stage's input is the stem.
    const first = index === 0 && lite ? stage.inFilters : roundFilters(stage.inFilters, scaling.width);
    const outFilters = roundFilters(stage.outFilters, scaling.width);
    const isEnd = index === 0 || index === B0_STAGES.length - 1;
    const repeats = lite && isEnd ? stage.repeats : roundRepeats(stage.repeats, scaling.depth);
    for (let i = 0; i < repeats; i++) {
      const inFilters = i === 0 ? first : outFilters;
      blocks.push({
        kind: 'mbconv',
        stage: index,
        index: i,
        kernel: stage.kernel,
        stride: i === 0 ? stage.stride : 1,
        inFilters,
        expandedFilters: inFilters * stage.expand,
        squeezedFilters: lite ? 0 : Math.max(1, Math.floor(inFilters * SE_RATIO)),
        outFilters,
      });
    }
  }
  return {
    activation: lite ? 'relu6' : 'silu',
    stemFilters: lite ? 32 : roundFilters(32, scaling.width),
    headFilters: lite ? 1280 : roundFilters(1280, scaling.width),
    blocks,
  };
}
