/**
 * Runs an ONNX file in ONNX Runtime (WebAssembly, in this process) and compares with the network it was made from.
 *
 * `onnxruntime-web` is an optional peer of the package: 126 MB, needed by nobody who does not export. A clone has it.
 */
import { readFile } from 'node:fs/promises';
import { GraftError } from '../base/index.js';
import { noGrad, Tensor, tidy } from '../torch/index.js';
import type { Forward } from './capture.js';

/**
 * Largest difference of an output that passes, relative to the largest |output| where that is above 1: float32
 * arithmetic in another order, not another network.
 */
export const ONNX_TOLERANCE = 1e-4;

export type OnnxCheck =
  | { checked: true /** Largest |difference| over all outputs. */; maxDifference: number }
  | { checked: false /** What is missing, and how to get it. */; reason: string };

type Runtime = typeof import('onnxruntime-web');

async function loadRuntime(): Promise<Runtime | null> {
  try {
    return await import('onnxruntime-web');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}

/**
 * Compares an ONNX file with the network at these inputs, which should not be those of the trace.
 *
 * @param inputs float32 or int64, by the file's names
 * @returns the largest difference, or that ONNX Runtime is not installed
 * @throws GraftError when the runtime refuses the file, or an output differs by more than `ONNX_TOLERANCE`
 */
export async function checkOnnx(
  path: string,
  forward: Forward,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<OnnxCheck> {
  const runtime = await loadRuntime();
  if (!runtime) {
    const reason = 'ONNX Runtime is not installed, so the file is unchecked: npm install onnxruntime-web';
    return { checked: false, reason };
  }
  const expected = tidy(() =>
    noGrad(() => {
      const results = forward(...Object.values(inputs));
      return (results instanceof Tensor ? [results] : results).map((result) => numbers(result));
    }),
  );
  const outputs = await runOnnx(runtime, path, inputs);
  const maxDifference = Math.max(...outputs.map((output, i) => difference(output, expected[i]!)));
  const allowed = ONNX_TOLERANCE * Math.max(1, ...expected.map(largest));
  if (!(maxDifference <= allowed))
    throw new GraftError(`${path}: ONNX Runtime's result differs by ${maxDifference} (allowed: ${allowed})`);
  return { checked: true, maxDifference };
}

async function runOnnx(
  runtime: Runtime,
  path: string,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Float64Array[]> {
  // One thread: in Node.js more of them need workers that outlive the session.
  runtime.env.wasm.numThreads = 1;
  const feeds = Object.entries(inputs).map(([name, value]) => {
    const data = value.toArray() as Float32Array | BigInt64Array;
    return [name, new runtime.Tensor(value.dtype as 'float32', data as Float32Array, value.shape)] as const;
  });
  try {
    const session = await runtime.InferenceSession.create(await readFile(path), {
      executionProviders: ['wasm'],
    });
    try {
      const results = await session.run(Object.fromEntries(feeds));
      return session.outputNames.map((name) =>
        Float64Array.from(results[name]!.data as Float32Array, Number),
      );
    } finally {
      await session.release();
    }
  } catch (error) {
    throw new GraftError(`${path}: ONNX Runtime refuses it: ${(error as Error).message.split('\n')[0]}`);
  }
}

const numbers = (tensor: Tensor): Float64Array => tensor.to({ dtype: 'float64' }).toArray() as Float64Array;

const largest = (values: Float64Array): number =>
  values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);

/** Infinite where lengths differ. */
function difference(a: Float64Array, b: Float64Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0);
}
