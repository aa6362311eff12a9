/**
 * An EfficientNet as numbers: what the network is built from, and what the names of its weights in other libraries
 * are derived from. No tensors.
 */

/**
 * `mbconv`: expand 1×1 → depthwise k×k → squeeze-and-excitation, where `squeezedFilters` says so → project 1×1
 * (Tan & Le 2019).
 * `fused`: expand k×k → project 1×1 (Gupta & Tan 2019), without squeeze-and-excitation.
 * Neither expands where `expandedFilters` equals `inFilters`; a fused block then is its k×k convolution alone.
 */
export type BlockKind = 'mbconv' | 'fused';

/** One block, widths after scaling. */
export interface BlockSpec {
  readonly kind: BlockKind;
  /** Stage of the paper's table that it belongs to, from 0. */
  readonly stage: number;
  /** Place within its stage, from 0. */
  readonly index: number;
  readonly kernel: number;
  readonly stride: number;
  readonly inFilters: number;
  readonly expandedFilters: number;
  /** Of squeeze-and-excitation; 0: none, as in fused blocks and in EfficientNet-Lite. */
  readonly squeezedFilters: number;
  readonly outFilters: number;
}

/** Behind each batch norm but a block's last. EfficientNet-Lite has ReLU6, which 8-bit arithmetic can do. */
export type SpecActivation = 'silu' | 'relu6';

/** The whole network as numbers: the stem's and the head's filters and every block. */
export interface EfficientNetSpec {
  readonly activation: SpecActivation;
  readonly stemFilters: number;
  readonly headFilters: number;
  readonly blocks: readonly BlockSpec[];
}

export const expands = (block: BlockSpec): boolean => block.expandedFilters !== block.inFilters;

/** Whether a block's input is added to its output. */
export const hasSkip = (block: BlockSpec): boolean =>
  block.stride === 1 && block.inFilters === block.outFilters;
