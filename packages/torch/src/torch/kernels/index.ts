/**
 * INTERNAL: for graft-gan alone. The addon’s kernels on plain typed arrays: JPEG decoding, blurs, registration and comparison of small maps, search in
 * long tables of bytes. They know no tensors, and run without a copy.
 */
import { type Native, native } from '../native.js';

/** What stands here of the addon. */
export type Kernels = Pick<
  Native,
  | 'jpegSquare'
  | 'jpegLibrary'
  | 'blur'
  | 'registerMaps'
  | 'compareMaps'
  | 'comparePrints'
  | 'mostLike'
  | 'sieve'
>;

export const kernels: Kernels = native;
