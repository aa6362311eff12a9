/** What every metric of sets of features is. Metrics that are computed together, from the same distances, are one value. */
import type { Tensor } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import type { FeatureExtractor } from '../backbone/backbone.js';
import type { MetricRecord, Protocol } from '../sets/record.js';

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

/** Features of one backbone, `[N, D]`. */
export interface FeatureSets {
  real: Tensor;
  synthetic: Tensor;
}

export interface MeasureOptions {
  /** Decides halves and subsets, default 0. */
  seed?: number;
  /** Ids of those that are wanted; default all that the sets are large enough for. */
  metrics?: readonly string[];
  /** What can be wanted; default `DISTRIBUTION_METRICS` of the registry. */
  known?: readonly DistributionMetric[];
  /**
   * Evaluations on halves, for intervals, and twice two fifths of that for the floor; default 50. 0: no intervals, and a
   * floor from one pair of halves (while training).
   */
  replicates?: number;
  /** Patient or lesion of each real image: drawn whole where intervals are made. */
  groups?: readonly string[];
  class?: string | null;
  /** Goes into every record. */
  protocol?: Protocol;
  /** Called after each family of metrics. */
  onProgress?: (done: number, total: number) => void;
}

export const countsOf = ({ real, synthetic }: FeatureSets): MetricRecord['n'] => ({
  real: real.shape[0]!,
  synthetic: synthetic.shape[0]!,
});

/** Of the backbone, what its figures depend on. */
export const backboneProtocol = ({ name, hash, resizer, quantisation }: FeatureExtractor): Protocol => ({
  backbone: name,
  backboneHash: hash,
  resizer,
  quantisation,
});
