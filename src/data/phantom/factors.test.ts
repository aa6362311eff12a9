import { ConfigError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { bayesAuc, bayesProbability, logLikelihoodRatio, normalCdf, samplePhantom } from './factors.js';

/** Mann–Whitney by sorting; ties do not occur in continuous scores. */
function auc(benign: number[], malignant: number[]): number {
  const all = [
    ...benign.map((score) => ({ score, positive: 0 })),
    ...malignant.map((score) => ({ score, positive: 1 })),
  ].sort((a, b) => a.score - b.score);
  let ranks = 0;
  all.forEach((item, i) => {
    if (item.positive) ranks += i + 1;
  });
  const m = malignant.length;
  return (ranks - (m * (m + 1)) / 2) / (m * benign.length);
}

function draw(n: number, prevalence: number, seed: number) {
  const random = new Random(seed);
  return Array.from({ length: n }, () => samplePhantom(random, { prevalence }));
}

const benign = draw(20_000, 0, 1);
const malignant = draw(20_000, 1, 2);

describe('phantom factors', () => {
  it('knows the normal distribution', () => {
    // scipy.stats.norm.cdf
    expect(normalCdf(0)).toBeCloseTo(0.5, 7);
    expect(normalCdf(1.2815515655446004)).toBeCloseTo(0.9, 7);
    expect(normalCdf(-2.5)).toBeCloseTo(0.006209665325776132, 7);
  });

  it('has the Bayes AUC it says: closed form against Monte Carlo of the likelihood ratio', () => {
    expect(bayesAuc()).toBeCloseTo(0.9, 6);
    const observed = auc(
      benign.map((f) => logLikelihoodRatio(f.latent)),
      malignant.map((f) => logLikelihoodRatio(f.latent)),
    );
    // Standard error at 20,000 a class: 0.0015.
    expect(Math.abs(observed - bayesAuc())).toBeLessThan(0.005);
  });

  it('lets no single factor, nor their plain sum, do better than the likelihood ratio', () => {
    const scores = [0, 1, 2, 3].map((k) =>
      auc(
        benign.map((f) => f.latent[k]!),
        malignant.map((f) => f.latent[k]!),
      ),
    );
    for (const score of scores) {
      expect(score).toBeGreaterThan(0.65);
      expect(score).toBeLessThan(bayesAuc() - 0.02);
    }
    const sum = auc(
      benign.map((f) => f.latent.reduce((a, b) => a + b, 0)),
      malignant.map((f) => f.latent.reduce((a, b) => a + b, 0)),
    );
    expect(sum).toBeLessThan(bayesAuc() + 0.003);
  });

  it('is calibrated: of phantoms given 30 to 40 % by the perfect reader, about 35 % are malignant', () => {
    const phantoms = draw(20_000, 0.25, 3);
    const in30s = phantoms.filter((f) => {
      const p = bayesProbability(f.latent, 0.25);
      return p > 0.3 && p < 0.4;
    });
    const share = in30s.filter((f) => f.malignant).length / in30s.length;
    expect(in30s.length).toBeGreaterThan(500);
    expect(Math.abs(share - 0.35)).toBeLessThan(0.05);
    expect(phantoms.filter((f) => f.malignant).length / phantoms.length).toBeCloseTo(0.25, 1);
  });

  it('maps latents monotonically into (0, 1)', () => {
    const byLatent = [...benign.slice(0, 500), ...malignant.slice(0, 500)];
    (['asymmetry', 'border', 'colour', 'diameter'] as const).forEach((name, k) => {
      const sorted = [...byLatent].sort((a, b) => a.latent[k]! - b.latent[k]!);
      for (let i = 1; i < sorted.length; i++) {
        expect(sorted[i]![name]).toBeGreaterThanOrEqual(sorted[i - 1]![name]);
      }
      expect(sorted[0]![name]).toBeGreaterThan(0);
      expect(sorted[sorted.length - 1]![name]).toBeLessThan(1);
    });
  });

  it('draws nuisances and detail without the class: the same seed as benign and as malignant', () => {
    const one = draw(200, 0, 11);
    const other = draw(200, 1, 11);
    one.forEach((f, i) => {
      const g = other[i]!;
      expect([f.malignant, g.malignant]).toEqual([false, true]);
      expect(g.nuisance).toEqual(f.nuisance);
      expect(g.seed).toBe(f.seed);
    });
  });

  it('shows no correlation of any nuisance with class or factors', () => {
    const phantoms = draw(6000, 0.5, 5);
    const numbers: Record<string, (f: (typeof phantoms)[number]) => number> = {
      hairs: (f) => f.nuisance.hairs,
      hairDarkness: (f) => f.nuisance.hairDarkness,
      ruler: (f) => Number(f.nuisance.ruler !== 'none'),
      vignette: (f) => f.nuisance.vignette,
      aperture: (f) => f.nuisance.aperture,
      tone: (f) => f.nuisance.skinMelanin,
      blood: (f) => f.nuisance.skinBlood,
      face: (f) => Number(f.nuisance.site === 'face'),
      acral: (f) => Number(f.nuisance.site === 'acral'),
      reticular: (f) => Number(f.nuisance.pattern === 'reticular'),
      pigment: (f) => f.nuisance.pigment,
      patch: (f) => Number(f.nuisance.patchHue !== null),
      bubbles: (f) => f.nuisance.bubbles,
    };
    const outcomes: Record<string, (f: (typeof phantoms)[number]) => number> = {
      malignant: (f) => Number(f.malignant),
      asymmetry: (f) => f.asymmetry,
      colour: (f) => f.colour,
    };
    for (const [name, read] of Object.entries(numbers)) {
      for (const [outcome, label] of Object.entries(outcomes)) {
        const r = correlation(phantoms.map(read), phantoms.map(label));
        // 39 comparisons at 3.7 standard errors each: a false alarm in one seed of a hundred, and this seed is fixed.
        expect(Math.abs(r), `${name} with ${outcome}`).toBeLessThan(3.7 / Math.sqrt(phantoms.length));
      }
    }
  });

  it('refuses a prevalence that is not a probability', () => {
    expect(() => samplePhantom(new Random(1), { prevalence: 1.5 })).toThrow(ConfigError);
    expect(() => samplePhantom(new Random(1), { prevalence: Number.NaN })).toThrow(ConfigError);
  });
});

function correlation(a: number[], b: number[]): number {
  const n = a.length;
  const ma = a.reduce((s, x) => s + x, 0) / n;
  const mb = b.reduce((s, x) => s + x, 0) / n;
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < n; i++) {
    ab += (a[i]! - ma) * (b[i]! - mb);
    aa += (a[i]! - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
