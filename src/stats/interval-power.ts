/**
 * What ./seeds.ts's interval will say of a trial that has not been run, if s² and C are known: the chance that it excludes
 * zero at a true effect, and the chance that it lies within ±margin at a true effect (of zero, mostly). The mean is normal
 * with variance s²/(k·r) + C and independent of the sample deviation, so that both are one integral over the latter.
 */
import { overDeviations } from './noncentral-t.js';
import { normalCdf, normalQuantile } from './normal.js';
import type { Design } from './power.js';
import { tQuantile } from './student-t.js';

/** Expectation, over the half width that seeds happen to give, of the chance that `f` gives to a half width. */
function overHalfWidths(
  design: Design,
  alpha: number,
  f: (half: number, deviation: number) => number,
): number {
  const { seeds, folds = 1, seedVariance, testVariance } = design;
  const fromImages = normalQuantile(1 - alpha / 2) * Math.sqrt(testVariance);
  if (seedVariance === null) return f(fromImages, Math.sqrt(testVariance));
  const variance = seedVariance / (folds * seeds);
  const deviation = Math.sqrt(variance + testVariance);
  if (variance === 0) return f(fromImages, deviation);
  const degreesOfFreedom = folds * (seeds - 1);
  const fromSeeds = tQuantile(1 - alpha / 2, degreesOfFreedom) * Math.sqrt(variance);
  // Half widths change with s at the rate `fromSeeds`; chances change over a deviation.
  const resolution = 0.3 / (1 + fromSeeds / deviation);
  return overDeviations(degreesOfFreedom, resolution, (s) =>
    f(Math.hypot(fromSeeds * s, fromImages), deviation),
  );
}

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
