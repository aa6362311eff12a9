/**
 * Tensor: a handle to a libtorch tensor. Its operators are added in `methods.ts`, so that this file, the scopes
 * and the dispatcher stand below them.
 */
import { type Device, type DType, deviceName, dtypeName, type TypedArray, typedArrayFor } from './dtype.js';
import { guarded, native } from './native.js';

/** Tensors that no scope owns: freed when JavaScript's collector finds them unreachable. A safety net only. */
const unowned = new FinalizationRegistry<{ handle: number; sizeBytes: number }>(({ handle, sizeBytes }) => {
  native.adjustMemory(-sizeBytes);
  native.free(handle);
});

/** A list of tensors that are freed together. */
export class Scope {
  readonly owned: Tensor[] = [];
  constructor(readonly parent: Scope | null) {}
}

let current: Scope | null = null;

/** Node's hook for printing. */
const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

export class Tensor {
  #handle: number;
  #scope: Scope | null = null;

  /** Takes a handle that the addon has just given out; use the factories and operators instead. */
  constructor(handle: number) {
    this.#handle = handle;
    if (current) {
      this.#scope = current;
      current.owned.push(this);
    } else {
      this.#leaveToCollector();
    }
  }

  /** The native handle; 0 once disposed, which every operator refuses. */
  get handle(): number {
    return this.#handle;
  }

  get disposed(): boolean {
    return this.#handle === 0;
  }

  get shape(): number[] {
    const count = guarded(() => native.shape(this.#checked()));
    return Array.from(native.exchange.subarray(0, count));
  }

  /** Number of elements. */
  get numel(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  get dtype(): DType {
    return dtypeName(guarded(() => native.dtype(this.#checked())));
  }

  get device(): Device {
    return deviceName(guarded(() => native.device(this.#checked())));
  }

  get sizeBytes(): number {
    return guarded(() => native.sizeBytes(this.#checked()));
  }

  get requiresGrad(): boolean {
    return guarded(() => native.requiresGrad(this.#checked()));
  }

  get isLeaf(): boolean {
    return guarded(() => native.isLeaf(this.#checked()));
  }

  /** Marks a leaf as a parameter to be differentiated; returns itself. */
  requiresGrad_(value = true): this {
    guarded(() => native.setRequiresGrad(this.#checked(), value));
    return this;
  }

  /** The accumulated gradient as a new handle (dispose it, or ask inside a scope), or null. */
  get grad(): Tensor | null {
    const handle = guarded(() => native.gradient(this.#checked()));
    return handle === 0 ? null : new Tensor(handle);
  }

  set grad(value: Tensor | null) {
    guarded(() => native.setGradient(this.#checked(), value ? value.#checked() : 0));
  }

  /** Takes over another tensor's storage, dtype and device, keeping this one's identity (PyTorch's `.data =`). */
  setData(other: Tensor): this {
    guarded(() => native.setData(this.#checked(), other.#checked()));
    return this;
  }

  /** A flat, contiguous copy of the elements in row-major order; 16-bit floats come as their raw bits. */
  toArray(): TypedArray {
    return typedArrayFor(
      this.dtype,
      guarded(() => native.read(this.#checked())),
    );
  }

  /** As `toArray`, for float32 tensors: throws for any other dtype. */
  toFloat32Array(): Float32Array {
    const array = this.toArray();
    if (!(array instanceof Float32Array)) throw new TypeError(`expected a float32 tensor, got ${this.dtype}`);
    return array;
  }

  /** Frees the tensor now. Using it afterwards is an error; disposing it twice is not. */
  dispose(): void {
    if (this.#handle === 0) return;
    if (!this.#scope) this.#takeFromCollector();
    native.free(this.#handle);
    this.#handle = 0;
    this.#scope = null;
  }

  /** What `console.log` shows; `toArray()` gives the values. */
  [inspect](): string {
    return this.toString();
  }

  toString(): string {
    return this.disposed
      ? 'Tensor(disposed)'
      : `Tensor([${this.shape.join(', ')}], ${this.dtype}, ${this.device})`;
  }

  #checked(): number {
    // -1 is never a handle: the addon answers it with the use-after-free error.
    return this.#handle === 0 ? -1 : this.#handle;
  }

  #leaveToCollector(): void {
    const sizeBytes = native.sizeBytes(this.#handle);
    native.adjustMemory(sizeBytes);
    unowned.register(this, { handle: this.#handle, sizeBytes }, this);
    this.#ownedBytes = sizeBytes;
  }

  #takeFromCollector(): void {
    unowned.unregister(this);
    native.adjustMemory(-this.#ownedBytes);
  }

  #ownedBytes = 0;

  /** Hands a tensor of an ending scope to the enclosing one; leaves others alone. For `tidy` only. */
  static release(tensor: Tensor, scope: Scope): void {
    if (tensor.#scope !== scope || tensor.#handle === 0) return;
    tensor.#scope = scope.parent;
    if (scope.parent) scope.parent.owned.push(tensor);
    else tensor.#leaveToCollector();
  }

  /** Takes a tensor out of its scope. For `keep` only. */
  static keep(tensor: Tensor): void {
    if (!tensor.#scope || tensor.#handle === 0) return;
    tensor.#scope = null;
    tensor.#leaveToCollector();
  }

  /** Frees what a scope still owns. For `tidy` only. */
  static freeAll(scope: Scope): void {
    for (const tensor of scope.owned) {
      if (tensor.#scope === scope && tensor.#handle !== 0) {
        native.free(tensor.#handle);
        tensor.#handle = 0;
        tensor.#scope = null;
      }
    }
  }
}

/** Opens a scope inside the current one. For `tidy` only. */
export function enterScope(): Scope {
  current = new Scope(current);
  return current;
}

export function leaveScope(scope: Scope): void {
  current = scope.parent;
}
