/** GAN-train and GAN-test as records: value, interval, the real images' score as floor, and the protocol. */
import { sha256 } from 'graft-torch/base';
import type { Framing } from '../image/index.js';
import type { MetricRecord, Protocol } from '../metrics/sets/index.js';
import type { ClassifierRecipe } from './config.js';
import type { Comparison, Estimate } from './gan-scores.js';
import type { Scope } from './gan-train-plan.js';
import { networkTitle } from './own.js';

/** How the classifiers' calls on synthetic images are scored. */
export type GanTestScore = 'auc' | 'accuracy' | 'called-positive';

/** GAN-test by one score. */
export interface GanTestResult extends Comparison {
  score: GanTestScore;
  /** Images that were scored. */
  images: { real: number; synthetic: number };
}

export const ganTestNames: Record<GanTestScore, string> = {
  auc: 'GAN-test (AUC)',
  accuracy: 'GAN-test (accuracy)',
  'called-positive': 'GAN-test (called positive)',
};

export interface RecordParts {
  recipe: ClassifierRecipe;
  seeds: readonly number[];
  scope: Scope;
  dataset: { hash: string; positive: string };
  framing: Framing;
  testImages: number;
  /** Synthetic images that GAN-train trained on. */
  synthetic: { total: number; positive: number };
  ganTrain: Comparison;
  ganTest: readonly GanTestResult[];
}

/** Keys of a recipe that change no score, or that GAN-train sets itself; a module is known by its hash. */
const elsewhere = ['seed', 'real', 'device', 'threads', 'logEvery', 'evaluationBatchSize', 'module'];

/** The figures with all that must agree before two of them are compared. */
export function ganRecords(parts: RecordParts): MetricRecord[] {
  const { recipe, scope, dataset, synthetic, ganTrain, ganTest } = parts;
  const training = Object.entries(recipe).filter(([key]) => !elsewhere.includes(key));
  const protocol: Protocol = {
    scope,
    dataset: dataset.hash,
    positive: dataset.positive,
    classifier: networkTitle(recipe),
    imageSize: recipe.imageSize,
    ...parts.framing,
    steps: recipe.steps,
    recipe: sha256(JSON.stringify(training.sort(([a], [b]) => (a < b ? -1 : 1)))),
    seeds: parts.seeds.join(', '),
    checkpoint: 'best AUC on the real validation split',
    spread: 'over seeds',
    interval: `95 %, over ${parts.seeds.length > 1 ? 'seeds and ' : ''}images (groups kept together)`,
  };
  const record = (
    own: Pick<MetricRecord, 'metric' | 'name' | 'better' | 'n' | 'protocol'>,
    value: Estimate,
    floor: Estimate,
  ): MetricRecord => ({
    ...own,
    unit: '',
    class: scope === 'positive-class' ? dataset.positive : null,
    value: value.value,
    sd: value.sd,
    interval: value.interval,
    floor: { value: floor.value, interval: floor.interval, matched: null },
  });
  return [
    record(
      {
        metric: 'gan-train',
        name: 'GAN-train (AUC)',
        better: 'higher',
        n: { real: parts.testImages, synthetic: synthetic.total },
        // A classifier gets better with every image: other numbers are another measurement.
        protocol: {
          ...protocol,
          score: 'auc',
          floor: 'GAN-base: trained on the real images',
          syntheticPositives: synthetic.positive,
          syntheticImages: synthetic.total,
        },
      },
      ganTrain.synthetic,
      ganTrain.real,
    ),
    ...ganTest.map(({ score, images, ...comparison }) =>
      record(
        {
          metric: 'gan-test',
          name: ganTestNames[score],
          better: 'real',
          n: images,
          protocol: {
            ...protocol,
            score,
            floor: 'the same classifiers on the real test split',
            ...(score === 'auc' ? {} : { threshold: 'best balanced accuracy on the real validation split' }),
          },
        },
        comparison.synthetic,
        comparison.real,
      ),
    ),
  ];
}
