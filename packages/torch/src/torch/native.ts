/**
 * The addon, and what must be settled before it is loaded.
 *
 * libgomp reads OMP_WAIT_POLICY once, when libtorch is loaded: spinning OpenMP threads fight OpenBLAS's for the
 * cores, which doubles a step's time. In a worker thread `process.env` is a copy, so the main thread (or the
 * shell) has to set it there.
 */
import { createRequire } from 'node:module';
import { findEngine, setUpCommand } from '#setup/record';
import { GraftError, TorchError, UseAfterFreeError } from '../base/index.js';

/** The functions of `native/*.cc`. Tensors are handles: numbers that the registry there understands. */
export interface Native {
  readonly exchange: Float64Array;
  resolve(name: string, overload: string): string | undefined;
  call(operator: number, strings: string[] | undefined): void;
  operatorNames(): string[];
  free(handle: number): void;
  live(): number;
  shape(handle: number): number;
  dtype(handle: number): number;
  device(handle: number): number;
  sizeBytes(handle: number): number;
  create(data: ArrayBufferView, dtype: number, dimensions: number): number;
  read(handle: number): ArrayBuffer;
  requiresGrad(handle: number): boolean;
  setRequiresGrad(handle: number, value: boolean): void;
  isLeaf(handle: number): boolean;
  gradient(handle: number): number;
  setGradient(handle: number, gradient: number): void;
  setData(handle: number, other: number): void;
  setGradMode(enabled: boolean): boolean;
  backward(retainGraph: boolean, createGraph: boolean): void;
  grad(retainGraph: boolean, createGraph: boolean, allowUnused: boolean): void;
  gatherRows(source: number, indices: number): Promise<number>;
  adjustMemory(bytes: number): void;
  jpegSquare(bytes: Uint8Array, sidePx: number, whole: boolean): Promise<ArrayBuffer | null>;
  jpegLibrary(): string | undefined;
  blur(map: Float32Array, scale: Float32Array, kernel: Float32Array, into: Float32Array): void;
  registerMaps(
    moving: Float32Array,
    fixed: Float32Array,
    movingInside: Float32Array,
    fixedInside: Float32Array,
    p: Float64Array,
    steps: number,
  ): void;
  compareMaps(
    moving: Float32Array,
    movingInside: Float32Array,
    fixed: Float32Array,
    fixedInside: Float32Array,
    p: Float64Array,
    detail: Float32Array,
    place: Float32Array,
    out: Float64Array,
  ): void;
  comparePrints(moving: Int8Array, fixed: Int8Array, p: Float64Array, fewest: number): number;
  mostLike(queries: Int8Array, centres: Int8Array, out: Int32Array, length: number): void;
  sieve(
    queries: Int8Array,
    askers: Int32Array,
    probes: Int32Array,
    rows: Int8Array,
    owners: Int32Array,
    starts: Int32Array,
    finds: Int32Array,
    settings: Int32Array,
  ): void;
  manualSeed(seed: number): void;
  defaultGenerator(deviceType: number, index: number): number;
  newGenerator(seed: number): number;
  generatorState(generator: number): number;
  setGeneratorState(generator: number, state: number): void;
  setThreads(count: number): void;
  threads(): number;
  synchronize(deviceIndex: number): void;
  cudaMemory(): boolean;
  setTf32(allowed: boolean): void;
  autocastDtype(deviceType: number): number;
  setAutocast(deviceType: number, dtype: number): void;
  clearAutocastCache(): void;
  info(): string;
  saveScript(path: string, source: string, names: string, metadata: string): number;
  runScript(path: string, inputs: number): number;
  openScript(path: string, device: string): number;
  callScript(script: number, inputs: number): number;
  closeScript(script: number): void;
}

function load(): Native {
  process.env.OMP_WAIT_POLICY ??= 'PASSIVE';
  const { path, problem } = findEngine();
  if (path === undefined) throw new GraftError(problem);
  try {
    const addon = createRequire(import.meta.url)(path) as Native;
    addon.setThreads(addon.threads()); // OpenBLAS has taken every core, whatever libtorch starts with
    return addon;
  } catch (error) {
    throw new GraftError(
      `the engine cannot be loaded (${(error as Error).message}): run \`${setUpCommand()}\` to build it against the libtorch of this machine`,
    );
  }
}

/**
 * The addon. It is loaded when something of it is first asked for, so that whoever imports a type, reads a table or
 * prints a help text needs no libtorch: a miss goes to the prototype, which puts the addon's functions into the object
 * itself, where every later access finds them at once.
 *
 * @throws GraftError where it was never set up, or does not fit this machine's libtorch any more; names the remedy
 */
export const native: Native = Object.create(
  new Proxy(Object.prototype, {
    get(_target, name, receiver: Native) {
      if (typeof name !== 'string' || Object.hasOwn(receiver, 'call')) return undefined;
      Object.assign(receiver, load());
      return Reflect.get(receiver, name);
    },
  }),
);

/** The error that the user should see for one thrown by the addon. */
export function translate(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'FREED') return new UseAfterFreeError(error.message);
  if (code === 'TORCH') return new TorchError(error.message, { cause: error });
  return error;
}

/** Runs a call into the addon with its errors translated. */
export function guarded<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw translate(error);
  }
}
