/** Reverse-mode differentiation: `backward`, `grad` (also of gradients), and switching it off. */
import { TorchError } from '../base/index.js';
import { guarded, native } from './native.js';
import { Tensor } from './tensor.js';

type Gradients = readonly (Tensor | null)[];

/** Packs lists of tensors behind one another, each with its length. */
function pack(...lists: Gradients[]): void {
  let position = 0;
  for (const list of lists) {
    native.exchange[position++] = list.length;
    for (const tensor of list) native.exchange[position++] = tensor ? tensor.handle || -1 : 0;
  }
}

const asList = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

export interface BackwardOptions {
  /** Gradients of the roots; default: 1, for roots of one element. */
  gradients?: Gradients;
  /** Accumulate into these only; default: every leaf. */
  inputs?: readonly Tensor[];
  retainGraph?: boolean;
  createGraph?: boolean;
}

/** Accumulates the gradient of `roots` into the `.grad` of the leaves. */
export function backward(roots: Tensor | readonly Tensor[], options: BackwardOptions = {}): void {
  const createGraph = options.createGraph ?? false;
  guarded(() => {
    pack(asList(roots), options.gradients ?? [], options.inputs ?? []);
    native.backward(options.retainGraph ?? createGraph, createGraph);
  });
}

export interface GradOptions {
  gradOutputs?: Gradients;
  retainGraph?: boolean;
  /** Build a graph of the gradients themselves, to differentiate again (gradient penalties). */
  createGraph?: boolean;
  allowUnused?: boolean;
}

/**
 * Gradients of `outputs` with respect to `inputs`, in their order, without touching any `.grad`.
 *
 * @throws TorchError when an input does not reach the outputs, unless `allowUnused`
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions & { allowUnused: true },
): (Tensor | null)[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options?: GradOptions,
): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const createGraph = options.createGraph ?? false;
  const handles = guarded(() => {
    pack(asList(outputs), options.gradOutputs ?? [], inputs);
    native.grad(options.retainGraph ?? createGraph, createGraph, options.allowUnused ?? false);
    return Array.from(native.exchange.subarray(0, inputs.length));
  });
  return handles.map((handle) => (handle === 0 ? null : new Tensor(handle)));
}

function withGradMode<T>(enabled: boolean, body: () => T): T {
  const before = native.setGradMode(enabled);
  try {
    const result = body();
    if (result instanceof Promise)
      throw new TorchError('noGrad: the callback returned a promise; it must be synchronous');
    return result;
  } finally {
    native.setGradMode(before);
  }
}

/** Runs a callback without recording a graph. */
export const noGrad = <T>(body: () => T): T => withGradMode(false, body);
/** Records a graph inside `noGrad`. */
export const enableGrad = <T>(body: () => T): T => withGradMode(true, body);
