/** Tensors as a pickle of PyTorch describes them, before any byte of theirs is read. */
import { DataError } from '../base/index.js';
import { type DType, WIDTHS } from './dtype.js';
import { Opaque } from './pickle.js';

/** Elements that lie elsewhere in the file. */
export interface Storage {
  key: string;
  dtype: DType;
  numel: number;
}

/** More than libtorch's iterators take. */
const MAX_DIMENSIONS = 64;

/** A window of a storage. */
export class StoredTensor {
  readonly offset: number;
  readonly shape: number[];
  readonly strides: number[];

  constructor(
    readonly storage: Storage,
    window: { offset: number; shape: number[]; strides: number[] },
  ) {
    this.offset = window.offset;
    this.shape = window.shape;
    this.strides = window.strides;
  }

  get numel(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  get sizeBytes(): number {
    return this.numel * WIDTHS[this.storage.dtype];
  }

  /** One behind the last element that the window reaches. */
  get end(): number {
    if (this.shape.includes(0)) return this.offset;
    return this.shape.reduce((end, size, i) => end + (size - 1) * this.strides[i]!, this.offset) + 1;
  }
}

export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isCount);

/**
 * `torch._utils._rebuild_tensor_v2` and its like. A tensor in a storage that is not read is not either.
 * @throws DataError for a description of another kind, and a window that reaches behind its storage
 */
export function rebuildTensor(...[storage, offset, shape, strides]: unknown[]): StoredTensor | Opaque {
  if (storage instanceof Opaque) return storage;
  const sound = isCount(offset) && isCounts(shape) && isCounts(strides) && shape.length === strides.length;
  if (!sound || typeof (storage as Storage | null)?.key !== 'string')
    throw new DataError('a tensor is described in an unknown way');
  const stored = new StoredTensor(storage as Storage, { offset, shape, strides });
  const lengths = shape.filter((size) => size > 0).reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(lengths)) throw new DataError(`a tensor [${shape}] is larger than any memory`);
  if (stored.end > stored.storage.numel) {
    throw new DataError(`a tensor [${shape}] reaches behind its storage of ${stored.storage.numel} elements`);
  }
  return stored;
}
