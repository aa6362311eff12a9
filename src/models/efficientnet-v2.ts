/**
 * EfficientNetV2-S as numbers: Tan & Le, "EfficientNetV2: Smaller Models and Faster Training" (ICML 2021), table 4.
 * Early stages are fused MBConv without squeeze-and-excitation. As released by the authors, and as torchvision and timm
 * build it: the last stage has 256 filters (the paper's first version said 272).
 */
import type { BlockKind, BlockSpec, EfficientNetSpec } from './efficientnet-spec.js';

interface Stage {
  readonly kind: BlockKind;
  readonly repeats: number;
  readonly stride: number;
  readonly expand: number;
  readonly inFilters: number;
  readonly outFilters: number;
}

/** All kernels are 3×3; strides stand in the first block of each stage. */
const STAGES: readonly Stage[] = [
  { kind: 'fused', repeats: 2, stride: 1, expand: 1, inFilters: 24, outFilters: 24 },
  { kind: 'fused', repeats: 4, stride: 2, expand: 4, inFilters: 24, outFilters: 48 },
  { kind: 'fused', repeats: 4, stride: 2, expand: 4, inFilters: 48, outFilters: 64 },
  { kind: 'mbconv', repeats: 6, stride: 2, expand: 4, inFilters: 64, outFilters: 128 },
  { kind: 'mbconv', repeats: 9, stride: 1, expand: 6, inFilters: 128, outFilters: 160 },
  { kind: 'mbconv', repeats: 15, stride: 2, expand: 6, inFilters: 160, outFilters: 256 },
];

/** Share of a block's input filters that squeeze-and-excitation keeps. */
const SE_RATIO = 0.25;

export const EFFICIENTNET_V2_S: EfficientNetSpec = {
  activation: 'silu',
  stemFilters: 24,
  headFilters: 1280,
  blocks: STAGES.flatMap(({ kind, repeats, stride, expand, inFilters, outFilters }, stage) =>
    Array.from({ length: repeats }, (_, index): BlockSpec => {
      const filters = index === 0 ? inFilters : outFilters;
      return {
        kind,
        stage,
        index,
        kernel: 3,
        stride: index === 0 ? stride : 1,
        inFilters: filters,
        expandedFilters: filters * expand,
        squeezedFilters: kind === 'fused' ? 0 : filters * SE_RATIO,
        outFilters,
      };
    }),
  ),
};
