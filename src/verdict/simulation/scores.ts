/**
 * Trials whose truth is known. Not images and networks are simulated but the *scores* that classifiers would give; what
 * comes after is the real thing. It shares no code with the analysis that it judges, so that no mistake is made twice.
 *
 * A run's true AUC is
 *
 *   baseline's AUC + effect of the arm + its generator + its training set + its seed
 *
 * each drawn on the scale of AUC (Φ bends: a shift drawn symmetrically would not leave the mean AUC where it was). All
 * deviations are symmetric, and their sum is cut symmetrically where no AUC can be; so the mean over generators, training
 * sets and seeds of the difference between the arms is *exactly* the effect: that is what "the recipe" brings. Beside it
 * stands what just these generators on just these training sets bring, which a trial of one generator can speak of at most.
 *
 * A run's score of an image is
 *
 *   what all classifiers see + what the arm makes of it + what its generator or training set makes of it + the run's noise
 *
 * plus the shift of its AUC on positives. Each part has a share that the images of one patient have in common. Within a
 * class a score is standard normal.
 */
import type { Random } from 'graft-torch/base';
import type { ScoredRun, TestImages, TrialScores } from '../scores.js';
import { shiftOfAuc, written } from './auc.js';
import { type Cohort, type DrawnImages, drawImages } from './images.js';
import { draw, type Law } from './laws.js';

/** How chance comes in. Deviations are of AUC. */
export interface Chance {
  /** True AUC of the baseline arm. */
  auc: number;
  /** τ: deviation over generators of what their images bring. */
  generator: number;
  generatorLaw: Law;
  /** Of a fold's training set, felt by both arms alike. */
  training: number;
  /** Of a fold's training set, felt by one arm: what it makes of the difference. */
  interaction: number;
  /** Share of the interaction's variance that all folds have in common, since they share most of their training images. */
  trainingAlike: number;
  /** Of a run. */
  seed: number;
  seedLaw: Law;
  /** Share of a seed's variance that it has in all folds (where the same seed starts from the same weights). */
  seedsAlike: number;
  /** Shares of a score's variance within a class: what all see; what the arm sees; what its generator or training set does. */
  shares: { common: number; arm: number; generator: number };
  /** Share of each part that the images of one group have in common. */
  withinGroup: number;
  /** Scores are written as probabilities with so many digits; null: all. */
  digits: number | null;
}

export interface SimulatedDesign {
  folds: number;
  /** In each fold. */
  seeds: number;
  /** One generator a fold, one for each seed of each fold, or one for the whole trial. */
  each: 'fold' | 'seed' | 'trial';
}

export interface SimulatedTrial {
  scores: TrialScores;
  /** True difference in AUC: of the recipe; of these generators on these training sets. */
  truth: { recipe: number; these: number };
}

export const BASELINE = 'real+standard';
export const ARM = 'real+standard+synthetic';

export interface SimulationOptions {
  chance: Chance;
  cohort: Cohort;
  /** An external set of so many images, scored by all runs; null: none. */
  external: Cohort | null;
  design: SimulatedDesign;
  /** Difference in true AUC that the recipe brings. */
  effect: number;
  margin: number;
  random: Random;
}

export function simulateScores(options: SimulationOptions): SimulatedTrial {
  const { chance, design, effect, random } = options;
  const { folds: k, seeds: r, each } = design;
  const arms = [BASELINE, ARM];
  const room = Math.min(...[chance.auc, chance.auc + effect].map((auc) => Math.min(0.9995 - auc, auc - 0.4)));
  const cut = (deviation: number): number => Math.max(-room, Math.min(room, deviation));

  const folds = Array.from({ length: k }, (_, index) => drawImages(options.cohort, { index, of: k }, random));
  const external = options.external && drawImages(options.external, { index: 0, of: 1 }, random);
  const inFold = folds.map((images) => new Views(images, chance, random));
  const outside = external && new Views(external, chance, random);

  const alike = Math.sqrt(chance.trainingAlike) * random.normal();
  const seedInAll = arms.map(() => Array.from({ length: r }, () => draw(chance.seedLaw, random)));
  const wholeTrial = draw(chance.generatorLaw, random);
  let these = 0;
  const runs: ScoredRun[] = [];
  for (let f = 0; f < k; f++) {
    const both = chance.training * random.normal();
    const one = chance.interaction * (alike + Math.sqrt(1 - chance.trainingAlike) * random.normal());
    const ofFold = draw(chance.generatorLaw, random);
    for (let s = 0; s < r; s++) {
      const own = each === 'fold' ? ofFold : each === 'seed' ? draw(chance.generatorLaw, random) : wholeTrial;
      const generator = chance.generator * own;
      these += (effect + cut(generator + one)) / (k * r);
      arms.forEach((arm, a) => {
        const luck =
          Math.sqrt(chance.seedsAlike) * seedInAll[a]![s]! +
          Math.sqrt(1 - chance.seedsAlike) * draw(chance.seedLaw, random);
        const deviation = both + chance.seed * luck + (a === 1 ? generator + one : 0);
        const auc = chance.auc + a * effect + cut(deviation);
        const shift = shiftOfAuc(auc, chance.digits);
        // The baseline has no generator; its training set has an opinion in its place.
        const maker = a === 0 ? `${f}` : each === 'fold' ? `g${f}` : each === 'seed' ? `g${f}.${s}` : 'g';
        runs.push({
          arm,
          fold: f + 1,
          seed: s,
          generator: a === 0 ? null : maker,
          testScores: inFold[f]!.scores(a, maker, shift),
          externalScores: outside ? { elsewhere: outside.scores(a, maker, shift) } : {},
          threshold: null,
          validationAuc: null,
        });
      });
    }
  }
  return {
    truth: { recipe: effect, these },
    scores: {
      name: 'simulated',
      level: 0.95,
      power: 0.8,
      equivalenceMargin: options.margin,
      names: {
        group: 'patient',
        positive: 'positive',
        subject: 'synthetic images of this recipe',
        short: 'synthetic images',
        one: 'these synthetic images',
        plural: true,
      },
      arms,
      reference: BASELINE,
      comparisons: [
        {
          arm: ARM,
          baseline: BASELINE,
          question: 'adds',
          phrase: 'on top of standard augmentation',
          role: 'primary',
        },
      ],
      folds: folds.map((images, f) => ({
        fold: f + 1,
        test: named(images, `${f + 1}-`),
        trainingImages: k > 1 ? (k - 1) * images.labels.length : 3 * images.labels.length,
      })),
      external: external ? [{ name: 'elsewhere', ...named(external, 'e-') }] : [],
      runs,
      sequential: null,
      limits: [],
      equalSteps: true,
    },
  };
}

const named = ({ labels, group }: DrawnImages, prefix: string): TestImages => ({
  ids: labels.map((_, i) => `${prefix}i${i}`),
  groups: group.map((g) => `${prefix}p${g}`),
  labels,
});

/** What there is to see in one set of images, by whom. */
class Views {
  readonly #images: DrawnImages;
  readonly #chance: Chance;
  readonly #random: Random;
  readonly #common: Float64Array;
  readonly #ofArm = new Map<number, Float64Array>();
  readonly #ofMaker = new Map<string, Float64Array>();

  constructor(images: DrawnImages, chance: Chance, random: Random) {
    this.#images = images;
    this.#chance = chance;
    this.#random = random;
    this.#common = this.#part(chance.shares.common);
  }

  /** One number an image, alike within groups. */
  #part(share: number): Float64Array {
    const { group, groups } = this.#images;
    const { withinGroup } = this.#chance;
    const shared = Math.sqrt(share * withinGroup);
    const own = Math.sqrt(share * (1 - withinGroup));
    const single = groups === group.length;
    if (single) return Float64Array.from(group, () => Math.sqrt(share) * this.#random.normal());
    const ofGroup = Float64Array.from({ length: groups }, () => shared * this.#random.normal());
    return Float64Array.from(group, (g) => ofGroup[g]! + own * this.#random.normal());
  }

  /** Scores of one more run. */
  scores(arm: number, maker: string, shift: number): number[] {
    const { shares, digits } = this.#chance;
    const ofArm = this.#ofArm.get(arm) ?? this.#part(shares.arm);
    this.#ofArm.set(arm, ofArm);
    const ofMaker = this.#ofMaker.get(maker) ?? this.#part(shares.generator);
    this.#ofMaker.set(maker, ofMaker);
    const noise = this.#part(1 - shares.common - shares.arm - shares.generator);
    return this.#images.labels.map((label, i) =>
      written(this.#common[i]! + ofArm[i]! + ofMaker[i]! + noise[i]! + shift * label, digits),
    );
  }
}
