/** Values that test/goldens/gan-choice/gan-choice.py made. */
import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from 'graft-torch';

interface ProbeGolden {
  name: string;
  length: number;
  features: number[];
  targets: number[];
  queries: number[];
  weights: number[];
  intercept: number;
  probabilities: number[];
}

interface NearnessGolden {
  length: number;
  train: number[];
  groups: string[];
  queries: number[];
  thresholds: Record<string, number>;
  distances: number[];
  images: number[];
}

export const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/gan-choice/gan-choice.json', import.meta.url), 'utf8'),
) as { probes: ProbeGolden[]; nearness: NearnessGolden };

/** Whole numbers over 256 → `[N, length]`. */
export const setOf = (values: readonly number[], length: number): Tensor =>
  tensor(values, [values.length / length, length], { dtype: 'float32' }).div(256);
