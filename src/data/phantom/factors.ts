/**
 * What a phantom is: its class, the four latent factors of the ABCD rule (asymmetry, border, colour, diameter;
 * Stolz 1994), and nuisances that say nothing about the class.
 *
 * The latents of both classes are Gaussians with one covariance and shifted means, so they overlap, and the best
 * AUC that any classifier can reach is known in closed form: Φ(δ/√2), δ the Mahalanobis distance of the means.
 * Everything drawn in the picture follows from the four factors and from draws that never see the class; hence
 * that AUC, which belongs to somebody who reads the factors exactly, bounds every classifier of the pictures.
 */
import { ConfigError, Random } from 'graft-torch/base';
import { type PhantomNuisance, sampleNuisance } from './nuisance.js';

/** √2·Φ⁻¹(0.9): the Mahalanobis distance of the class means at which the best possible AUC is 0.9. */
const DISTANCE = Math.SQRT2 * 1.2815515655446004;
/** Every pair of factors is correlated alike within a class: irregular lesions tend to be irregular in all. */
const CORRELATION = 0.25;
/** How much each factor tells, in the order A, B, C, D, before scaling. */
const DIRECTION = [0.9, 1, 1.2, 0.8] as const;

export type Latent = readonly [asymmetry: number, border: number, colour: number, diameter: number];

/** Everything that decides a phantom's pixels. Plain data, JSON-safe. */
export interface PhantomFactors {
  malignant: boolean;
  /** Class-conditional Gaussians, in the order A, B, C, D; unit variance within a class. */
  latent: Latent;
  /** The latents mapped monotonically to (0, 1), as they are rendered. */
  asymmetry: number;
  border: number;
  colour: number;
  diameter: number;
  /** Skin, light, hair and so on: drawn without a look at the class. */
  nuisance: PhantomNuisance;
  /** Seed of the fine detail: where a globule sits, how a hair curls. */
  seed: number;
}

/** Inverse covariance times a vector, for unit variances and equal correlations (Sherman–Morrison). */
function precisionTimes(v: readonly number[]): number[] {
  const sum = v.reduce((a, b) => a + b, 0);
  const shared = (CORRELATION * sum) / (1 + (v.length - 1) * CORRELATION);
  return v.map((x) => (x - shared) / (1 - CORRELATION));
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, x, i) => s + x * b[i]!, 0);

/** Mean of the malignant latents minus that of the benign, which is 0. */
const SHIFT: readonly number[] = (() => {
  const scale = DISTANCE / Math.sqrt(dot(DIRECTION, precisionTimes(DIRECTION)));
  return DIRECTION.map((x) => x * scale);
})();

/** Standard normal distribution function, absolute error below 1e-7 (erfc after Numerical Recipes). */
export function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * z);
  const poly =
    -1.26551223 +
    t *
      (1.00002368 +
        t *
          (0.37409196 +
            t *
              (0.09678418 +
                t *
                  (-0.18628806 +
                    t *
                      (0.27886807 +
                        t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  const tail = 0.5 * t * Math.exp(-z * z + poly);
  return x >= 0 ? 1 - tail : tail;
}

/** Latent to rendered range: the Gaussian's own distribution function, centred between the classes. */
function toUnit(z: number, factor: number): number {
  return normalCdf((z - SHIFT[factor]! / 2) / 1.15);
}

/**
 * Draws one phantom. Advances `random` by one draw whatever the options, so that the i-th phantom of a seed has
 * the same nuisances at any prevalence.
 * @param options.prevalence probability of malignant, 0…1
 * @throws ConfigError if the prevalence is not a probability
 */
export function samplePhantom(random: Random, options: { prevalence: number }): PhantomFactors {
  const { prevalence } = options;
  if (!(prevalence >= 0 && prevalence <= 1)) {
    throw new ConfigError(`prevalence must be between 0 and 1, not ${prevalence}`);
  }
  const stream = new Random(Math.floor(random.next() * 2 ** 53));
  const malignant = stream.fork('class').next() < prevalence;
  const draws = stream.fork('abcd');
  const common = Math.sqrt(CORRELATION) * draws.normal();
  const own = Math.sqrt(1 - CORRELATION);
  const z = SHIFT.map((shift) => common + own * draws.normal() + (malignant ? shift : 0));
  const latent: Latent = [z[0]!, z[1]!, z[2]!, z[3]!];
  return withLatent(
    {
      malignant,
      latent,
      asymmetry: 0,
      border: 0,
      colour: 0,
      diameter: 0,
      nuisance: sampleNuisance(stream.fork('nuisance')),
      seed: stream.fork('detail').uint32(),
    },
    latent,
  );
}

/** The same phantom with other latents: what would this lesion look like, were it more irregular? */
export function withLatent(factors: PhantomFactors, latent: Latent): PhantomFactors {
  return {
    ...factors,
    latent,
    asymmetry: toUnit(latent[0], 0),
    border: toUnit(latent[1], 1),
    colour: toUnit(latent[2], 2),
    diameter: toUnit(latent[3], 3),
  };
}

/** Log likelihood ratio malignant : benign of the latents; the best score there is. */
export function logLikelihoodRatio(latent: Latent): number {
  const weights = precisionTimes(SHIFT);
  return dot(weights, latent) - dot(weights, SHIFT) / 2;
}

/** Probability of malignant given the latents, at a prevalence: a perfectly calibrated, perfect reader. */
export function bayesProbability(latent: Latent, prevalence: number): number {
  const odds = (prevalence / (1 - prevalence)) * Math.exp(logLikelihoodRatio(latent));
  return odds === Number.POSITIVE_INFINITY ? 1 : odds / (1 + odds);
}

/**
 * The AUC of the likelihood ratio, Φ(δ/√2): no classifier of phantoms can do better in expectation.
 * About 0.9 by the choice of the means; computed from them, so that it stays true if they change.
 */
export function bayesAuc(): number {
  return normalCdf(Math.sqrt(dot(SHIFT, precisionTimes(SHIFT))) / Math.SQRT2);
}
