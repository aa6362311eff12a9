/** Tensors from values, and filled ones. */

import { TorchError } from '../base/index.js';
import { aten } from './aten.js';
import type { GeneratorHandle } from './dispatch.js';
import { type Device, type DType, dtypeCode, type TypedArray, toTypedArray } from './dtype.js';
import { guarded, native } from './native.js';
import { Tensor } from './tensor.js';

export interface TensorOptions {
  dtype?: DType;
  device?: Device;
}

function defaultDtype(data: ArrayLike<number> | TypedArray): DType {
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof BigInt64Array) return 'int64';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Int16Array) return 'int16';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return 'uint8';
  return 'float32';
}

/** Numbers in lists of lists, all of one length a level. */
export type NestedArray = readonly (number | NestedArray)[];

const isShape = (value: unknown): value is readonly number[] => Array.isArray(value);

/** Values of a nested list in row-major order, and its shape. @throws TorchError where its lists differ in length */
function flattened(data: NestedArray): { values: number[]; shape: number[] } {
  const shape: number[] = [];
  for (let level: unknown = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  const visit = (part: number | NestedArray, depth: number): number[] => {
    const isLeaf = typeof part === 'number';
    if (isLeaf !== (depth === shape.length) || (!isLeaf && part.length !== shape[depth]))
      throw new TorchError(`tensor: the lists are not all of one shape [${shape}]`);
    return isLeaf ? [part] : part.flatMap((inner) => visit(inner, depth + 1));
  };
  return { values: visit(data, 0), shape };
}

/**
 * A tensor with a copy of the data, in row-major order: `tensor([[1, 2], [3, 4]])`, or a flat list or typed array with
 * its shape, `tensor(pixels, [2, 3, 8, 8])`.
 *
 * @param shape default: that of the lists
 * @param options.dtype default: the typed array's own; float32 for plain lists, whatever numbers they hold
 * @throws TorchError when the number of elements does not fit the shape
 */
export function tensor(data: number | NestedArray, options?: TensorOptions): Tensor;
export function tensor(
  data: ArrayLike<number> | TypedArray,
  shape?: readonly number[],
  options?: TensorOptions,
): Tensor;
export function tensor(
  data: number | NestedArray | ArrayLike<number> | TypedArray,
  shapeOrOptions?: readonly number[] | TensorOptions,
  last?: TensorOptions,
): Tensor {
  const shape = isShape(shapeOrOptions) ? shapeOrOptions : undefined;
  const options = last ?? (isShape(shapeOrOptions) ? undefined : shapeOrOptions) ?? {};
  if (typeof data === 'number') return filled([data], shape ?? [], options);
  if (!shape && Array.isArray(data) && data.some((one) => typeof one !== 'number')) {
    const { values, shape } = flattened(data as NestedArray);
    return filled(values, shape, options);
  }
  return filled(data as ArrayLike<number> | TypedArray, shape, options);
}

function filled(
  data: ArrayLike<number> | TypedArray,
  shape: readonly number[] | undefined,
  options: TensorOptions,
): Tensor {
  const natural = defaultDtype(data as ArrayLike<number>);
  const dtype = options.dtype ?? natural;
  const isArray = ArrayBuffer.isView(data) && natural === dtype && !(data instanceof Uint16Array);
  const array = isArray ? (data as TypedArray) : toTypedArray(data as ArrayLike<number>, dtype);
  const sizes = shape ?? [array.length];
  const made = guarded(() => {
    sizes.forEach((size, i) => {
      native.exchange[i] = size;
    });
    return new Tensor(native.create(array, dtypeCode(dtype), sizes.length));
  });
  if (!options.device || options.device === 'cpu') return made;
  const moved = aten._to_copy(made, { device: options.device });
  made.dispose();
  return moved;
}

/** A tensor of no dimensions. */
export const scalar = (value: number, options: TensorOptions = {}): Tensor => tensor(value, options);

// libtorch would infer an integer dtype from an integral JavaScript number: it is always given here.
const explicit = (options: TensorOptions): { dtype: DType; device?: Device } => ({
  dtype: 'float32',
  ...options,
});

export const empty = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  aten.empty.memory_format(shape, explicit(options));
export const zeros = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  aten.zeros(shape, explicit(options));
export const ones = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  aten.ones(shape, explicit(options));
export const full = (shape: readonly number[], value: number, options: TensorOptions = {}): Tensor =>
  aten.full(shape, value, explicit(options));
export const eye = (size: number, options: TensorOptions = {}): Tensor => aten.eye(size, explicit(options));
/** `[start, end)` in steps of `step`, default 1; int64 unless a dtype is given. */
export function arange(start: number, end: number, options: TensorOptions & { step?: number } = {}): Tensor {
  const { step = 1, ...rest } = options;
  return aten.arange.start_step(start, end, step, { dtype: 'int64', ...rest });
}
/** `steps` values from `start` to `end`, both included. */
export function linspace(start: number, end: number, options: TensorOptions & { steps: number }): Tensor {
  const { steps, ...rest } = options;
  return aten.linspace(start, end, steps, explicit(rest));
}

export interface RandomOptions extends TensorOptions {
  /** Default: the global generator, which `manualSeed` sets. */
  generator?: GeneratorHandle;
}

/** Standard normal. */
export function randn(shape: readonly number[], options: RandomOptions = {}): Tensor {
  const { generator, ...rest } = options;
  return generator
    ? aten.randn.generator(shape, { generator, ...explicit(rest) })
    : aten.randn(shape, explicit(rest));
}

/** Uniform in [0, 1). */
export function rand(shape: readonly number[], options: RandomOptions = {}): Tensor {
  const { generator, ...rest } = options;
  return generator
    ? aten.rand.generator(shape, { generator, ...explicit(rest) })
    : aten.rand(shape, explicit(rest));
}

export const cat = (tensors: readonly Tensor[], dim = 0): Tensor => aten.cat(tensors, dim);
export const stack = (tensors: readonly Tensor[], dim = 0): Tensor => aten.stack(tensors, dim);
export const where = (condition: Tensor, yes: Tensor, no: Tensor): Tensor =>
  aten.where.self(condition, yes, no);

/**
 * A file's bytes as a tensor, memory-mapped: pages are read when they are touched and can be dropped again.
 *
 * @throws TorchError when the file is missing or shorter than the shape needs
 */
export function fromFile(path: string, shape: readonly number[], dtype: DType): Tensor {
  const numel = shape.reduce((product, size) => product * size, 1);
  const flat = aten.from_file(path, false, numel, { dtype });
  const shaped = aten.view(flat, shape);
  flat.dispose();
  return shaped;
}

/**
 * Rows of a tensor by index, copied on a worker thread.
 *
 * @returns `[indices.length, …]`, owned by no scope
 */
export async function gatherRows(source: Tensor, indices: ArrayLike<number>): Promise<Tensor> {
  const index = tensor(indices, [indices.length], { dtype: 'int64' });
  try {
    const handle = await native.gatherRows(source.handle === 0 ? -1 : source.handle, index.handle);
    return new Tensor(handle);
  } finally {
    index.dispose();
  }
}
