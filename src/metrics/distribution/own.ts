/**
 * A metric of one's own: a number from two sets of images, as a value or from a module's `metrics`. It gets the same
 * interval by half-sampling and the same floor, real against real, as Graft's own (./measure.ts).
 *
 *     export default { metrics: [{ metric: 'contrast', name: 'Contrast', better: 'lower', compute: (real, synthetic) => … }] };
 */
import { noGrad, type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { type LoadedModule, loadModule } from '../../run/index.js';
import { DISTRIBUTION_METRICS, FULL_REFERENCE_METRICS } from '../registry.js';
import { type ImageSet, toTensor } from '../sets/image-set.js';
import type { MetricRecord } from '../sets/record.js';
import { measureSets } from './measure.js';
import type { DistributionMetric, MeasureOptions } from './metric.js';

export interface OwnMetric {
  /** Its id in records: `contrast`. */
  metric: string;
  /** As a table says it. */
  name: string;
  better: 'lower' | 'higher';
  /**
   * How far the synthetic images are from the real ones. Called with whole sets and with random halves of them, without
   * gradients; what it makes is freed. It draws nothing by chance, or the floor and the value are not of one metric.
   * @param real, synthetic float32 `[N, 3, H, W]` in [0, 1], on the CPU; their N may differ
   */
  compute: (real: Tensor, synthetic: Tensor) => number;
  /** What the figure can be, so that no interval reaches beyond it; default every number. */
  range?: readonly [low: number, high: number];
  /** Fewest images of a set; default 2. */
  minimum?: number;
  /** What else moves the figure, for its protocol; a module's hash is always there. */
  settings?: string;
}

const KNOWN = new Set([
  ...DISTRIBUTION_METRICS.flatMap(({ metrics }) => metrics.map(({ metric }) => metric)),
  ...FULL_REFERENCE_METRICS.map(({ id }) => id),
]);

const floats = (images: Tensor): Tensor => images.to({ dtype: 'float32' }).div(255);

const familyOf = ({
  metric,
  name,
  better,
  compute,
  range,
  minimum = 2,
  settings = '',
}: OwnMetric): DistributionMetric => ({
  metrics: [{ metric, name, better, settings, ...(range && { range }) }],
  minimum,
  movesWithCount: true,
  statistic: () => (real, synthetic) => ({
    [metric]: tidy(() => {
      const value = compute(floats(real), floats(synthetic));
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      throw new ConfigError(
        `metric '${metric}': gives ${value} for ${real.shape[0]} real and ${synthetic.shape[0]} synthetic images; a metric is a finite number`,
      );
    }),
  }),
});

/**
 * @param sets of one size
 * @returns a record a metric, in their order
 * @throws ConfigError for a figure that is not finite; DataError as `measureDistribution`
 */
export function measureOwn(
  metrics: readonly OwnMetric[],
  sets: { real: ImageSet; synthetic: ImageSet },
  options: Omit<MeasureOptions, 'metrics' | 'known' | 'groups'> = {},
): MetricRecord[] {
  return tidy(() =>
    noGrad(() =>
      measureSets(
        { real: toTensor(sets.real), synthetic: toTensor(sets.synthetic) },
        { ...options, known: metrics.map(familyOf), groups: sets.real.groups },
      ),
    ),
  );
}

/**
 * The metrics of a module; their settings say its hash.
 * @throws ConfigError where it cannot be loaded, or `metrics` is no list of such
 */
export async function loadMetrics(path: string): Promise<{ metrics: OwnMetric[]; module: LoadedModule }> {
  const module = await loadModule(path);
  const { metrics } = module.exports;
  if (!Array.isArray(metrics) || metrics.length === 0)
    throw new ConfigError(`${path}: its default export has no list \`metrics\``);
  for (const [i, { metric, name, better, compute }] of (metrics as Partial<OwnMetric>[]).entries()) {
    const said = [metric, name].every((text) => typeof text === 'string' && text !== '');
    if (!said || (better !== 'lower' && better !== 'higher') || typeof compute !== 'function')
      throw new ConfigError(
        `${path}: metrics[${i}] needs \`metric\`, \`name\`, \`better\` ('lower' or 'higher') and \`compute\``,
      );
  }
  const ids = (metrics as OwnMetric[]).map(({ metric }) => metric);
  const taken = ids.find((id, i) => KNOWN.has(id) || ids.indexOf(id) !== i);
  if (taken !== undefined)
    throw new ConfigError(`${path}: '${taken}' is the id of another metric; give it one of its own`);
  const from = `module ${module.hash.slice(0, 16)}`;
  return {
    metrics: (metrics as OwnMetric[]).map((one) => ({
      ...one,
      settings: one.settings ? `${one.settings}; ${from}` : from,
    })),
    module,
  };
}
