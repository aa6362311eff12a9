/**
 * Trials whose truth is known: not images and networks are simulated but the *scores* that classifiers would give, one a run
 * and image, and everything after that (analysis, verdict) is the real thing. A run's score of an image is
 *
 *   what all classifiers see in it + what this arm makes of it + what this run makes of it + (label) · (this run is better)
 *
 * so that images are hard for all alike, arms differ in their opinions, and seeds in noise and in quality. Images are new
 * in every trial. Two sources of images: the binormal model, with groups of one and two images; and phantoms, whose factors
 * are drawn (no picture is) and read by the best possible reader, of whose log likelihood ratio all classifiers see noisy
 * versions.
 */
import { bayesAuc, logLikelihoodRatio, samplePhantom } from '../data/phantom/factors.js';
import { ConfigError } from '../errors.js';
import type { Random } from '../random.js';
import { normalQuantile } from '../stats/normal.js';
import { splitScores } from '../stats/scores.js';
import type { TestImages, TrialArm, TrialRun, TrialSummary } from '../trial/summary.js';

export interface ScoreModel {
  source: 'binormal' | 'phantoms';
  /** True AUC of the arm without synthetic images. */
  auc: number;
  /** Deviation over runs of a run's true AUC. */
  wobble: number;
  /** Share of a score's variance within a class that all classifiers have in common; that arms have besides. */
  common: number;
  ofArm: number;
  /** Of the images. */
  prevalence: number;
}

export const binormalModel: ScoreModel = {
  source: 'binormal',
  auc: 0.8,
  wobble: 0.015,
  common: 0.5,
  ofArm: 0.2,
  prevalence: 0.25,
};
/** What classifiers have in common is here what they see of the factors: it follows from the AUC. */
export const phantomModel: ScoreModel = {
  ...binormalModel,
  source: 'phantoms',
  auc: 0.75,
  common: 0,
  ofArm: 0.4,
  prevalence: 0.3,
};

/** Above this AUC the model has no classifiers: too few errors to simulate, or the best possible reader of phantoms. */
export const highestAuc = ({ source }: ScoreModel): number =>
  source === 'phantoms' ? bayesAuc() - 0.01 : 0.97;

export interface TrialDesign {
  folds: number;
  seeds: number;
  /** In each fold. */
  testImages: number;
}

const base = { real: 'all', realFraction: 1, augmentation: 'standard', balance: 'none' } as const;
const arms: TrialArm[] = [
  { name: 'real+standard', ...base, synthetic: null },
  {
    name: 'real+standard+synthetic',
    ...base,
    synthetic: { gan: 'gan', amount: 'balance', choice: 'random' },
  },
];

/** How an arm with this true AUC scores, in units of the images' common part. */
interface ArmScores {
  /** Added to positives, beyond what the common part holds. */
  shift: number;
  opinion: number;
  noise: number;
  /** Deviation of a run's shift. */
  wobble: number;
}

interface DrawnImages extends TestImages {
  /** What all classifiers see. */
  common: number[];
}

/**
 * A finished trial of two arms, standard augmentation without and with synthetic images.
 * @param effect true difference in AUC between them
 * @throws ConfigError where no such AUC can be: phantoms bound it
 */
export function simulateTrial(
  model: ScoreModel,
  design: TrialDesign,
  options: { effect: number; margin: number; random: Random },
): TrialSummary {
  const { effect, margin, random } = options;
  const scoring = [model.auc, model.auc + effect].map((auc) => scoresOf(model, auc));
  const folds = Array.from({ length: design.folds }, (_, index) =>
    drawImages(model, design.testImages, { random, prefix: `${index + 1}-` }),
  );
  const runs = folds.flatMap((images, index) =>
    arms.flatMap((arm, a) => {
      const { shift, opinion, noise, wobble } = scoring[a]!;
      const seen = images.common.map((value) => value + opinion * random.normal());
      return Array.from({ length: design.seeds }, (_, seed): TrialRun => {
        const own = shift + wobble * random.normal();
        const scores = seen.map((value, i) =>
          sigmoid(value + noise * random.normal() + own * images.labels[i]!),
        );
        const test = splitScores(images.labels, scores, 0.5);
        return {
          arm: arm.name,
          fold: index + 1,
          seed,
          folder: '',
          generator: null,
          realImages: 0,
          syntheticImages: 0,
          optimiserSteps: 0,
          bestStep: 0,
          seconds: 0,
          validation: test,
          test,
          testScores: scores,
          externalScores: {},
          curve: [],
        };
      });
    }),
  );
  return {
    format: 'graft-trial-2',
    name: 'simulated',
    version: '',
    startedAt: '2000-01-01T00:00:00Z',
    finishedAt: '2000-01-01T00:00:00Z',
    dataset: {
      name: model.source,
      hash: '',
      kind: 'phantom',
      classes: ['negative', 'positive'],
      positive: 'positive',
      licence: '',
      group: 'group',
    },
    sizePx: 0,
    classifier: 'simulated scores',
    bayesAuc: model.source === 'phantoms' ? bayesAuc() : null,
    equivalenceMargin: margin,
    level: 0.95,
    power: 0.8,
    sequential: null,
    registration: null,
    arms,
    folds: folds.map(({ ids, groups, labels }, index) => ({
      fold: index + 1,
      counts: [],
      test: { ids, groups, labels },
    })),
    external: [],
    runs,
    gans: [],
    metrics: [],
    distribution: [],
    environment: { libtorch: '', node: '', cpu: '', device: '', threads: 0 },
    unknownTraining: [],
    configYaml: '',
  };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Distance of the class means of the phantoms' best score, in its own deviations. */
const phantomDistance = (): number => Math.SQRT2 * normalQuantile(bayesAuc());

/**
 * Within a class a score has variance v = common + opinion² + noise²; with a run's shift of variance w² the difference of a
 * positive's and a negative's score is normal, and AUC = Φ(distance / √(2v + w²)).
 */
function scoresOf(model: ScoreModel, auc: number): ArmScores {
  const quantile = normalQuantile(auc);
  const ofArm = model.ofArm / (1 - model.common);
  // A shift of w moves the AUC by φ(z)·w / √(2v).
  const perShift = Math.exp(-(quantile ** 2) / 2) / Math.sqrt(2 * Math.PI);
  if (model.source === 'binormal') {
    const wobble = (model.wobble * Math.SQRT2) / perShift;
    return {
      shift: quantile * Math.sqrt(2 + wobble ** 2),
      opinion: Math.sqrt(model.ofArm),
      noise: Math.sqrt(1 - model.common - model.ofArm),
      wobble,
    };
  }
  // The distance is the phantoms' own; what a classifier falls short of it is noise.
  const distance = phantomDistance();
  const total = (distance / quantile) ** 2;
  const wobble = (model.wobble * Math.sqrt(total)) / perShift;
  const noise = (total - wobble ** 2) / 2 - 1;
  if (!(quantile > 0 && noise >= 0)) {
    throw new ConfigError(
      `calibration: classifiers of phantoms cannot have an AUC of ${auc.toFixed(3)}; the best possible is ${bayesAuc().toFixed(3)}`,
    );
  }
  return { shift: 0, opinion: Math.sqrt(noise * ofArm), noise: Math.sqrt(noise * (1 - ofArm)), wobble };
}

function drawImages(
  model: ScoreModel,
  count: number,
  { random, prefix }: { random: Random; prefix: string },
): DrawnImages {
  const images: DrawnImages = { ids: [], groups: [], labels: [], common: [] };
  const add = (group: number, label: 0 | 1, common: number): void => {
    images.ids.push(`${prefix}${images.ids.length}`);
    images.groups.push(`${prefix}${group}`);
    images.labels.push(label);
    images.common.push(common);
  };
  if (model.source === 'phantoms') {
    const distance = phantomDistance();
    for (let i = 0; i < count; i++) {
      const { malignant, latent } = samplePhantom(random, { prevalence: model.prevalence });
      add(i, malignant ? 1 : 0, logLikelihoodRatio(latent) / distance);
    }
    return images;
  }
  // Groups of one and two images by turns; two images of one lesion are hard alike.
  const deviation = Math.sqrt(model.common);
  for (let group = 0; images.ids.length < count; group++) {
    const label = random.chance(model.prevalence) ? 1 : 0;
    const shared = Math.sqrt(0.7) * random.normal();
    for (let i = 0; i <= group % 2 && images.ids.length < count; i++)
      add(group, label, deviation * (shared + Math.sqrt(0.3) * random.normal()));
  }
  return images;
}
