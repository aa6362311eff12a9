/** Tensors from values, and filled ones. */
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

/**
 * A tensor with a copy of the data, in row-major order.
 *
 * @param shape default: one dimension of the data's length
 * @param options.dtype default: the typed array's own; float32 for a plain array
 * @throws TorchError when the number of elements does not fit the shape
 */
export function tensor(
  data: ArrayLike<number> | TypedArray,
  shape?: readonly number[],
  options: TensorOptions = {},
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
export function scalar(value: number, options: TensorOptions = {}): Tensor {
  return tensor([value], [], { dtype: 'float32', ...options });
}

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
