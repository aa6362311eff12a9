/** What every metric of sets of features is. Metrics that are computed together, from the same distances, are one value. */
import type { Tensor } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import type { MetricRecord } from '../sets/record.js';

/** Figures by id, of real and synthetic features `[N, D]` and `[M, D]` of one backbone. */
export type Statistic = (real: Tensor, synthetic: Tensor) => Record<string, number>;

export interface DistributionMetric {
  metrics: readonly (Pick<MetricRecord, 'metric' | 'name' | 'better'> & {
    /** All that decides the figure besides the features. */
    settings: string;
    /** What the figure can be, where that is not every number: its interval ends there. */
    range?: readonly [low: number, high: number];
  })[];
  /** Fewest images of each set, and of each half of one. */
  minimum: number;
  /** The figure moves with the number of images, so that N is part of the protocol. */
  movesWithCount: boolean;
  /** @param wanted ids of those that are needed; it may give more */
  statistic: (random: Random, wanted: readonly string[]) => Statistic;
  /** A cheaper one, for halves; default the same. */
  replicate?: (random: Random, wanted: readonly string[]) => Statistic;
}
