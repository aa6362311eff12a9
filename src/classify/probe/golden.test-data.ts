/** Values that test/goldens/probe/probe.py made. */
import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from 'graft-torch';

interface FitGolden {
  name: string;
  strength: number;
  classWeights: 'none' | 'balanced' | number[];
  sampleWeights: number[] | null;
  standardise: boolean;
  /** `[K, D]`, K = 1 for two classes. */
  weights: number[];
  bias: number[];
  probabilities: number[];
  /** Where they are not those of the problem. */
  targets?: number[];
}

interface RowsGolden {
  width: number;
  features: number[];
  targets: number[];
  queries: number[];
}

export const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/probe/probe.json', import.meta.url), 'utf8'),
) as {
  binary: RowsGolden & { classes: number; cases: FitGolden[] };
  several: RowsGolden & { classes: number; cases: FitGolden[] };
  neighbours: RowsGolden & { uniform: Record<string, number[]>; similarity: number[] };
};

/** Whole numbers over 64 → `[N, width]`. */
export const rowsOf = (values: readonly number[], width: number): Tensor =>
  tensor(values, [values.length / width, width], { dtype: 'float64' }).div(64);

/** The largest difference of two lists, over the largest entry of the second. */
export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>, scale = 0): number {
  if (found.length !== expected.length) throw new Error(`${found.length} values, not ${expected.length}`);
  const size = scale || Math.max(...Array.from(expected, Math.abs));
  return Math.max(...Array.from(expected, (it, i) => Math.abs(found[i]! - it))) / size;
}
