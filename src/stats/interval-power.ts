/**
 * What ./seeds.ts's interval will say of a trial that has not been run, if its variances are known: the chance that it
 * excludes zero at a true effect, and the chance that it lies within ±margin at a true effect (of zero, mostly). The mean is
 * normal with variance (τ² + s²/r)/k + C and independent of the two sample deviations, between seeds and between folds, that
 * the half width is made of; so both chances are integrals over these two.
 */
import { deviationNodes, overDeviations } from './noncentral-t.js';
import { normalCdf } from './normal.js';
import type { Design } from './power.js';
import { tQuantile } from './student-t.js';

/** Expectation, over the half width that seeds and folds happen to give, of the chance that `f` gives to a half width. */
function overHalfWidths(
  design: Design,
  alpha: number,
  f: (half: number, deviation: number) => number,
): number {
  const { seeds, folds = 1, seedVariance, testVariance, foldVariance = 0, testGroups } = design;
  const fromImages = imagesQuantile(alpha, testGroups) * Math.sqrt(testVariance);
  if (seedVariance === null) return f(fromImages, Math.sqrt(testVariance));
  const variance = seedVariance / (folds * seeds);
  const deviation = Math.sqrt(foldVariance / folds + variance + testVariance);
  const degreesOfFreedom = folds * (seeds - 1);
  const ofSeeds = degreesOfFreedom > 0 ? tQuantile(1 - alpha / 2, degreesOfFreedom) * Math.sqrt(variance) : 0;
  if (folds < 2) {
    if (ofSeeds === 0) return f(fromImages, deviation);
    // Half widths change with s at the rate `ofSeeds`; chances change over a deviation.
    const resolution = 0.3 / (1 + ofSeeds / deviation);
    return overDeviations(degreesOfFreedom, resolution, (s) =>
      f(Math.hypot(ofSeeds * s, fromImages), deviation),
    );
  }
  const ofFolds = tQuantile(1 - alpha / 2, folds - 1) * deviation;
  const withinFolds = (s: number): number => (degreesOfFreedom > 0 ? Math.hypot(ofSeeds * s, fromImages) : 0);
  const inner = degreesOfFreedom > 0 ? deviationNodes(degreesOfFreedom) : [{ deviation: 1, weight: 1 }];
  const widths = inner.map((node) => ({ half: withinFolds(node.deviation), weight: node.weight }));
  return deviationNodes(folds - 1).reduce((sum, outer) => {
    const least = ofFolds * outer.deviation;
    return (
      sum +
      outer.weight *
        widths.reduce((part, { half, weight }) => part + weight * f(Math.max(half, least), deviation), 0)
    );
  }, 0);
}

/** Quantile for what comes from images, t on one less than the effective groups; normal where they are not known. */
export const imagesQuantile = (alpha: number, groups = Number.POSITIVE_INFINITY): number =>
  tQuantile(1 - alpha / 2, Math.max(1, groups - 1));

/** Chance that the interval of error rate `alpha` excludes zero at this true effect; with one seed, over images alone. */
export function chanceOfEffect(effect: number, design: Design, alpha = 0.05): number {
  return overHalfWidths(
    design,
    alpha,
    (half, deviation) => normalCdf((effect - half) / deviation) + normalCdf((-effect - half) / deviation),
  );
}

/** Chance that the interval of error rate `alpha` lies within ±margin at this true effect (0 unless told). */
export function chanceOfEquivalence(
  margin: number,
  design: Design,
  options: { alpha?: number; effect?: number } = {},
): number {
  const { alpha = 0.05, effect = 0 } = options;
  return overHalfWidths(design, alpha, (half, deviation) => {
    const room = margin - half;
    if (room <= 0) return 0;
    return normalCdf((room - effect) / deviation) - normalCdf((-room - effect) / deviation);
  });
}
