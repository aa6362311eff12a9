/**
 * An EfficientNet as numbers: what the network is built from, and what the names of its weights in other libraries
 * are derived from. No tensors.
 */

/**
 * `mbconv`: expand 1×1 → depthwise k×k → squeeze-and-excitation → project 1×1 (Tan & Le 2019).
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
  /** Of squeeze-and-excitation; 0 in fused blocks. */
  readonly squeezedFilters: number;
  readonly outFilters: number;
}

/** The whole network as numbers: the stem's and the head's filters and every block. */
export interface EfficientNetSpec {
  readonly stemFilters: number;
  readonly headFilters: number;
  readonly blocks: readonly BlockSpec[];
}

export const expands = (block: BlockSpec): boolean => block.expandedFilters !== block.inFilters;

/** Whether a block's input is added to its output. */
export const hasSkip = (block: BlockSpec): boolean =>
  block.stride === 1 && block.inFilters === block.outFilters;
