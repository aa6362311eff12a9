/** What test/goldens/metrics/distribution.py made, and small sets for tests. */
import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from 'graft-torch';
import { Random } from 'graft-torch/base';

interface Neighbourhood {
  precision: number;
  recall: number;
  density: number;
  coverage: number;
}

interface Golden {
  sets: {
    name: string;
    length: number;
    real: number[];
    synthetic: number[];
    kernel: number;
    byK: Record<string, Neighbourhood>;
  }[];
  scores: { classes: number; logits: number[]; bySplits: Record<string, { mean: number; sd: number }> }[];
  wide: { rows: number; more: number; columns: number; frechet: number }[];
  line: { x: number[]; y: number[]; value: number; half: number; slope: number };
}

export const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/metrics/distribution.json', import.meta.url), 'utf8'),
) as Golden;

/** Whole numbers over 256 → [N, length]. */
export const setOf = (values: number[], length: number, dtype: 'float32' | 'float64' = 'float64'): Tensor =>
  tensor(values, [values.length / length, length], { dtype }).div(256);

/** The generator's `formula`. */
export const formula = (rows: number, columns: number, seed: number): Tensor =>
  tensor(
    Float64Array.from(
      { length: rows * columns },
      (_, i) => ((i * i * 31 + i * 8191 + seed * 7919) % 16381) / 256,
    ),
    [rows, columns],
  );

/** Independent normal values, [n, length]. */
export function gaussian(n: number, length: number, seed: number, mean = 0, deviation = 1): Tensor {
  const random = new Random(seed);
  return tensor(
    Float64Array.from({ length: n * length }, () => random.normal(mean, deviation)),
    [n, length],
  );
}

interface SmallSets {
  name: string;
  length: number;
  x: number[];
  y: number[];
  frechet: number;
  kernel: number;
}

/** Small sets in 256ths. Made by test/goldens/metrics/distances.py: scipy's matrix root, and loops over pairs. */
export const { sets: smallSets } = JSON.parse(
  readFileSync(new URL('../../../test/goldens/metrics/distances.json', import.meta.url), 'utf8'),
) as { sets: SmallSets[] };
