/**
 * Scopes: JavaScript's collector does not run inside a synchronous loop, so tensors are owned by the scope they
 * were made in and freed when it ends.
 */
import { GraftError } from '../base/index.js';
import { native } from './native.js';
import { enterScope, leaveScope, Tensor } from './tensor.js';

function forEachTensor(value: unknown, visit: (tensor: Tensor) => void): void {
  if (value instanceof Tensor) visit(value);
  else if (Array.isArray(value)) for (const item of value) forEachTensor(item, visit);
  else if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) forEachTensor(item, visit);
  }
}

/**
 * Runs a callback and frees every tensor made in it, except those it returns: a tensor, or arrays and plain
 * objects of them. Survivors belong to the enclosing scope; what the callback returns without having made it (a
 * parameter, an argument) stays where it was.
 *
 * @throws GraftError when the callback returns a promise: its tensors would be freed before it is fulfilled.
 */
export function tidy<T>(body: () => T): T {
  const scope = enterScope();
  try {
    const result = body();
    if (result instanceof Promise)
      throw new GraftError('tidy: the callback returned a promise; scopes are synchronous');
    forEachTensor(result, (tensor) => Tensor.release(tensor, scope));
    return result;
  } finally {
    leaveScope(scope);
    Tensor.freeAll(scope);
  }
}

/** Lifts tensors out of every scope: they live until they are disposed (or collected). Returns its argument. */
export function keep<T>(value: T): T {
  forEachTensor(value, (tensor) => Tensor.keep(tensor));
  return value;
}

/** Disposes tensors, or arrays and plain objects of them. */
export function dispose(value: unknown): void {
  forEachTensor(value, (tensor) => tensor.dispose());
}

/** How many tensors are alive in this thread. Equal before and after a loop's turn, or something leaks. */
export function liveTensors(): number {
  return native.live();
}
