/** Made by test/goldens/metrics/privacy.py: scipy, scikit-learn and loops; and sets of features for tests. */
import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from 'graft-torch';
import { Random } from 'graft-torch/base';
import type { PrivacySets } from './sets.js';

interface Golden extends PrivacySets<number[]> {
  name: string;
  length: number;
  syntheticToTrain: number[];
  syntheticToHeldOut: number[];
  heldOutToTrain: number[];
  medians: [train: number, heldOut: number];
  low: number;
  cells: PrivacySets<number[]>;
  inertia: number;
  copyTest: { scores: (number | null)[]; value: number; z: number };
  authentic: number[];
  heldOutAuthentic: number;
  matchedShare: number;
  matchedShareSwapped: number;
  auc: number;
  aucVariance: number;
  truePositiveRates: [five: number, ten: number];
}

interface ExceedanceGolden {
  draws: number;
  reference: number;
  rank: number;
  count: number;
  mean: number;
  tail: number;
  limits: [falseAlarm: number, count: number][];
}

export const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/metrics/privacy.json', import.meta.url), 'utf8'),
) as { sets: Golden[]; exceedances: ExceedanceGolden[] };

/** The features of a golden case, [N, length]; 1/256ths, which float32 holds exactly. */
export function goldenSets(
  { length, ...sets }: Golden,
  dtype: 'float32' | 'float64' = 'float64',
): PrivacySets {
  const rows = (values: number[]): Tensor =>
    tensor(values, [values.length / length, length], { dtype }).div(256);
  return { train: rows(sets.train), heldOut: rows(sets.heldOut), synthetic: rows(sets.synthetic) };
}

/** Standard normal features, [n, length]. */
export const gaussian = (n: number, length: number, random: Random): Tensor =>
  tensor(
    Float64Array.from({ length: n * length }, () => random.normal()),
    [n, length],
  );

/** Three sets of one distribution: a generator that copies nothing. */
export function freshSets(
  counts: readonly [train: number, heldOut: number, synthetic: number],
  length: number,
  seed: number,
): PrivacySets {
  const random = new Random(seed);
  const [train, heldOut, synthetic] = counts.map((n) => gaussian(n, length, random)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return { train, heldOut, synthetic };
}
