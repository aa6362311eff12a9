/**
 * What was drawn for a batch, done to it: on the CPU in one pass by compiled kernels, elsewhere in tensor operations.
 * This is the one place that decides which.
 */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { type Instructions, runProgram, type Size, suitsProgram } from './program.js';

/** One kind of change, in the two ways of doing it. */
export interface Change {
  /**
   * In tensor operations.
   * @param images float `[N, 3, H, W]` in [0, 1]; not changed
   * @param parameters one a sample
   * @returns the same shape: memory of its own or the images themselves, never a view of them
   */
  apply(images: Tensor, parameters: readonly unknown[]): Tensor;
  /**
   * For the compiled kernels: one sample's instructions, null where there are none for these parameters.
   * A change without this is always done in tensor operations.
   */
  encode?: ((parameters: unknown, size: Size) => Instructions | null) | undefined;
}

/** A change with the samples it falls on, ascending, and the parameters of each. */
export interface Share {
  change: Change;
  rows: number[];
  parameters: unknown[];
}

/**
 * Makes all changes, one after the other.
 * @param images `[N, 3, H, W]`: uint8, or float in [0, 1]; not changed
 * @returns the same shape in [0, 1], float; the images themselves where they are float and nothing was done
 */
export function runShares(images: Tensor, shares: readonly Share[]): Tensor {
  const programs = encodeShares(images, shares);
  if (programs) return runProgram(images, programs);
  return images.dtype === 'uint8'
    ? tidy(() => runTensors(images.to({ dtype: 'float32' }).div_(255), shares))
    : runTensors(images, shares);
}

/** What each sample goes through, as instructions; null where something has none. */
export function encodeShares(images: Tensor, shares: readonly Share[]): Instructions[] | null {
  if (!suitsProgram(images) || shares.some(({ change }) => !change.encode)) return null;
  const [n, , height, width] = images.shape as [number, number, number, number];
  const programs = Array.from({ length: n }, (): number[] => []);
  for (const { change, rows, parameters } of shares) {
    for (const [i, row] of rows.entries()) {
      const instructions = change.encode!(parameters[i], { height, width });
      if (!instructions) return null;
      programs[row]!.push(...instructions);
    }
  }
  return programs;
}

/** Images that are changed together on a CPU, at most: what they hold, and a few copies of it, fit its caches. */
const CPU_VALUES = 2 ** 19;

/** The same in tensor operations, in parts of a size that suits the device; a sample's result does not depend on them. */
export function runTensors(images: Tensor, shares: readonly Share[]): Tensor {
  const [n, ...rest] = images.shape as [number, ...number[]];
  const values = rest.reduce((a, b) => a * b, 1);
  const most = images.device === 'cpu' ? Math.max(1, Math.floor(CPU_VALUES / values)) : n;
  if (n <= most) return runPart(images, shares);
  return tidy(() => {
    const result = aten.empty_like(images);
    for (let start = 0; start < n; start += most) {
      const count = Math.min(most, n - start);
      tidy(() => {
        const part = aten.narrow(images, 0, start, count);
        aten.copy_(aten.narrow(result, 0, start, count), runPart(part, within(shares, start, count)));
      });
    }
    return result;
  });
}

/** What falls on the samples from `start` on, counted from there. */
const within = (shares: readonly Share[], start: number, count: number): Share[] =>
  shares
    .map(({ change, rows, parameters }): Share => {
      const chosen = rows.flatMap((row, i) => (row >= start && row < start + count ? [i] : []));
      return {
        change,
        rows: chosen.map((i) => rows[i]! - start),
        parameters: chosen.map((i) => parameters[i]),
      };
    })
    .filter(({ rows }) => rows.length > 0);

function runPart(images: Tensor, shares: readonly Share[]): Tensor {
  let current = images;
  for (const { change, rows, parameters } of shares) {
    const before = current;
    current = tidy(() => {
      if (rows.length === images.shape[0]) return change.apply(before, parameters);
      const index = tensor(rows, [rows.length], { dtype: 'int64', device: images.device });
      const changed = change.apply(aten.index_select(before, 0, index), parameters);
      // The caller's images are copied once; from then on the copy is written to.
      if (before === images) return aten.index_copy(before, 0, index, changed);
      aten.index_copy_(before, 0, index, changed);
      return before;
    });
    if (current !== before && before !== images) before.dispose();
  }
  return current;
}
