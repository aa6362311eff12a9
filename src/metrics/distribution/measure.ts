/**
 * Distribution metrics as records one can defend: each with its interval, the same for real against real images, N,
 * backbone, resizer and settings.
 *
 * **The floor.** No generator can be shown to be better than real images are against each other, so each metric is also
 * taken of random halves of the real images, A against B. Most of these metrics move with N, and halves are half as many:
 * therefore the synthetic images are measured at that N too (`matched`: A against as many synthetic images as B has), and
 * those two are to be compared, not the value at full N with the floor.
 */

import { noGrad, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { meanAndDeviation, quantile } from '../../stats/index.js';
import type { Backbone, FeatureExtractor } from '../backbone/backbone.js';
import { DISTRIBUTION_METRICS } from '../registry.js';
import type { MetricRecord } from '../sets/record.js';
import { drawIndices, rowsOf } from './features.js';
import { type FrechetInfinity, measureFrechetInfinity } from './frechet-infinity.js';
import { measureInceptionScore } from './inception-score.js';
import { halfSampleIntervals } from './interval.js';
import {
  backboneProtocol,
  countsOf,
  type DistributionMetric,
  type FeatureSets,
  type MeasureOptions,
} from './metric.js';

/** An interval around a figure does not reach beyond what the figure can be. */
const within = ([low, high]: readonly [number, number], [least, most]: readonly [number, number]) =>
  [Math.max(least, low), Math.min(most, high)] as [number, number];

const ANY = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/**
 * @param backbone that made the features
 * @returns one record a metric, in the order of those that are known
 * @throws DataError if a set has fewer than two rows, the lengths differ, or a value is not finite
 */
export function measureDistribution(
  backbone: FeatureExtractor,
  sets: FeatureSets,
  options: MeasureOptions = {},
): MetricRecord[] {
  const protocol = { ...options.protocol, ...backboneProtocol(backbone) };
  return measureSets(sets, { ...options, protocol });
}

/** The same of any rows, features or images: what made them stands in `options.protocol`. */
export function measureSets(sets: FeatureSets, options: MeasureOptions): MetricRecord[] {
  const { known = DISTRIBUTION_METRICS, replicates = 50, onProgress } = options;
  const { metrics = known.flatMap((family) => family.metrics.map(({ metric }) => metric)) } = options;
  const random = new Random(options.seed ?? 0);
  const n = countsOf(sets);
  const families = known.filter(
    (family) =>
      family.metrics.some(({ metric }) => metrics.includes(metric)) &&
      // Two images are the least of any; a metric that needs more is left out unless it was asked for by name.
      (options.metrics !== undefined || Math.min(n.real, n.synthetic) >= family.minimum),
  );
  return families.flatMap((family, i) => {
    const own = random.fork(family.metrics[0]!.metric);
    const wanted = family.metrics.filter(({ metric }) => metrics.includes(metric));
    const chosen = { ...family, metrics: wanted };
    const figures = tidy(() =>
      noGrad(() => figuresOf(chosen, sets, { ...options, random: own, replicates })),
    );
    onProgress?.(i + 1, families.length);
    return wanted.map(({ settings, range: _, ...about }): MetricRecord => {
      return {
        ...about,
        unit: '',
        class: options.class ?? null,
        ...figures[about.metric]!,
        n,
        protocol: {
          ...options.protocol,
          settings,
          ...(family.movesWithCount ? { realImages: n.real, syntheticImages: n.synthetic } : {}),
          ...(replicates > 0
            ? { interval: `95 %, ${replicates} half-samples${options.groups ? ' of whole groups' : ''}` }
            : {}),
        },
      };
    });
  });
}

type Figure = Pick<MetricRecord, 'value' | 'sd' | 'interval' | 'floor'>;

function figuresOf(
  family: DistributionMetric,
  { real, synthetic }: FeatureSets,
  { random, replicates, groups }: { random: Random; replicates: number; groups?: readonly string[] },
): Record<string, Figure> {
  const wanted = family.metrics.map(({ metric }) => metric);
  const whole = family.statistic(random.fork('value'), wanted)(real, synthetic);
  const replicate = (family.replicate ?? family.statistic)(random.fork('replicates'), wanted);
  const enough = Math.min(real.shape[0]!, synthetic.shape[0]!) >= 2 * family.minimum;
  const halves =
    replicates > 0 && enough
      ? halfSampleIntervals({ first: real, second: synthetic }, replicate, {
          random: random.fork('halves'),
          replicates,
          groups: { first: groups },
        })
      : null;
  const rangeOf = (id: string) => family.metrics.find(({ metric }) => metric === id)?.range ?? ANY;
  const floors = floorsOf(family, { real, synthetic }, { random: random.fork('floor'), replicates });
  return Object.fromEntries(
    Object.entries(whole).map(([metric, value]): [string, Figure] => {
      const half = halves?.[metric];
      // The replicates may be a cheaper form of the metric: their width is taken, not their middle.
      const width = half ? half.high - half.value : null;
      return [
        metric,
        {
          value,
          sd: half?.sd ?? null,
          interval: width === null ? null : within([value - width, value + width], rangeOf(metric)),
          floor: floors?.[metric] ?? null,
        },
      ];
    }),
  );
}

/** Real halves against each other, and synthetic images in place of the second half. Null with too few images. */
function floorsOf(
  family: DistributionMetric,
  { real, synthetic }: FeatureSets,
  { random, replicates }: { random: Random; replicates: number },
): Record<string, NonNullable<MetricRecord['floor']>> | null {
  const half = Math.floor(real.shape[0]! / 2);
  if (half < family.minimum) return null;
  const draws = Math.max(1, Math.ceil(0.4 * replicates));
  const wanted = family.metrics.map(({ metric }) => metric);
  const statistic = (family.replicate ?? family.statistic)(random.fork('statistic'), wanted);
  const count = Math.min(half, synthetic.shape[0]!);
  const found = Array.from({ length: draws }, () =>
    tidy(() => {
      const order = drawIndices(real.shape[0]!, 2 * half, random);
      const first = rowsOf(real, order.subarray(0, half));
      return {
        floor: statistic(first, rowsOf(real, order.subarray(half, half + count))),
        matched:
          replicates > 0
            ? statistic(first, rowsOf(synthetic, drawIndices(synthetic.shape[0]!, count, random)))
            : null,
      };
    }),
  );
  return Object.fromEntries(
    family.metrics.map(({ metric }) => [
      metric,
      {
        ...spread(found.map(({ floor }) => floor[metric]!)),
        matched: replicates > 0 ? spread(found.map(({ matched }) => matched![metric]!)) : null,
      },
    ]),
  );
}

/** Mean over halves, and where 95 % of them lie. */
function spread(values: readonly number[]): { value: number; interval: [number, number] | null } {
  return {
    value: meanAndDeviation(values).mean,
    interval: values.length > 1 ? [quantile(values, 0.025), quantile(values, 0.975)] : null,
  };
}

/**
 * All that a backbone gives: `measureDistribution`, FD∞ where there are images enough, and the Inception Score where the
 * backbone classifies.
 *
 * @returns also the line that FD∞ comes from, for a figure
 */
export function measureAll(
  backbone: FeatureExtractor & Pick<Backbone, 'logits'>,
  sets: FeatureSets,
  options: MeasureOptions = {},
): { records: MetricRecord[]; fit: FrechetInfinity | null } {
  const infinity = measureFrechetInfinity(backbone, sets, options);
  const { logits } = backbone;
  return {
    records: [
      ...measureDistribution(backbone, sets, options),
      ...(infinity ? [infinity.record] : []),
      ...(logits
        ? [
            tidy(() =>
              measureInceptionScore(
                backbone,
                { real: logits(sets.real), synthetic: logits(sets.synthetic) },
                options,
              ),
            ),
          ]
        : []),
    ],
    fit: infinity?.fit ?? null,
  };
}
