/**
 * Fréchet distance between two sets of features, each taken as a Gaussian; 0 for equal moments, lower is more
 * alike. Dowson & Landau 1982; as a measure of generators: Heusel et al., "GANs Trained by a Two Time-Scale Update
 * Rule Converge to a Local Nash Equilibrium", NeurIPS 2017.
 *
 *   FD = ‖μ₁ − μ₂‖² + Tr Σ₁ + Tr Σ₂ − 2 Tr (Σ₁Σ₂)^½
 *
 * The last trace needs no matrix square root. With Σᵢ = AᵢᵀAᵢ the eigenvalues of Σ₁Σ₂ are the squared singular
 * values of A₁A₂ᵀ, so Tr (Σ₁Σ₂)^½ is their sum, ‖A₁A₂ᵀ‖_*. Aᵢ is, by what the features are:
 *
 * - fewer images than features (the usual case here): the centred features themselves over √(n − 1); the cost is that of
 *   a matrix of images;
 * - more images: the Cholesky factor of Σ, summed up block by block;
 * - more images, but a feature nearly follows from others (or never changes): the R of a QR decomposition, which is
 *   slower and keeps the digits that Σ, a square, has lost.
 *
 * The estimate is biased: it falls with N (Chong & Forsyth 2020). Compare distances of equal N, beside the floor of
 * real images among themselves (`distances.ts`), or take it to the limit (`frechet-infinity.ts`).
 */
import { aten, cat, noGrad, type Tensor, tidy, zeros } from 'graft-torch';
import { blocks } from './blocks.js';
import { requireFeatures } from './features.js';
import type { DistributionMetric } from './metric.js';

/**
 * The least part of a feature's variance that the features before it may leave open for Cholesky's factor to be used.
 * Σ is exact to about 1e-15 of a variance, so this part is to 1e-5, and a distance that hangs on it to far less.
 */
const LEAST_OPEN_VARIANCE = 1e-10;

/**
 * Computed in float64 on the CPU.
 *
 * @param first features [N₁, D] of any floating type
 * @param second features [N₂, D]
 * @returns the squared distance (what the literature calls FID), from 0 up
 * @throws DataError if a set has fewer than two rows, the lengths differ, or a value is not finite
 */
export function frechetDistance(first: Tensor, second: Tensor): number {
  requireFeatures('Fréchet distance', first, second);
  return tidy(() =>
    noGrad(() => {
      const [a, b] = [moments(first), moments(second)];
      const shift = a.mean.sub(b.mean).square().sum();
      const spread = a.factor.square().sum().add(b.factor.square().sum());
      const shared = aten.linalg_svdvals(a.factor.matmul(b.factor.t())).sum();
      // Rounding can take equal sets a hair below 0.
      return Math.max(0, shift.add(spread).sub(shared, 2).item());
    }),
  );
}

interface Moments {
  /** [1, D] */
  mean: Tensor;
  /** A [min(N, D), D], AᵀA = Σ (n − 1 in the denominator). */
  factor: Tensor;
}

function moments(features: Tensor): Moments {
  return tidy(() => {
    const [n, size] = features.shape as [number, number];
    const parts = blocks(n, 3 * 8 * size).map(([start, rows]) => features.detach().narrow(0, start, rows));
    const double = (rows: Tensor) => rows.to({ device: 'cpu', dtype: 'float64' });
    const mean = cat(parts.map((rows) => tidy(() => double(rows).sum([0], true))))
      .sum([0], true)
      .div(n);
    const centred = (rows: Tensor) =>
      tidy(() =>
        double(rows)
          .sub(mean)
          .div(Math.sqrt(n - 1)),
      );
    if (n > size) {
      const factor = choleskyFactor(parts, centred);
      if (factor) return { mean, factor };
    }
    const all = cat(parts.map(centred));
    return { mean, factor: n > size ? aten.linalg_qr(all, 'r')[1] : all };
  });
}

/** @returns Lᵀ with LLᵀ = Σ, or null where Σ is singular or nearly so */
function choleskyFactor(parts: readonly Tensor[], centred: (rows: Tensor) => Tensor): Tensor | null {
  const size = parts[0]!.shape[1]!;
  const covariance = zeros([size, size], { dtype: 'float64' });
  for (const rows of parts) {
    tidy(() => {
      const values = centred(rows);
      aten.addmm_(covariance, values.t(), values);
    });
  }
  const [lower, info] = aten.linalg_cholesky_ex(covariance);
  if (info.item() !== 0) return null;
  const open = aten.diagonal(lower).square().div(aten.diagonal(covariance));
  return open.amin().item() < LEAST_OPEN_VARIANCE ? null : lower.t();
}

export const frechetMetric: DistributionMetric = {
  metrics: [
    {
      metric: 'frechet',
      name: 'Fréchet distance',
      better: 'lower',
      settings: 'squared distance of Gaussians, float64',
      range: [0, Number.POSITIVE_INFINITY],
    },
  ],
  minimum: 2,
  movesWithCount: true,
  statistic: () => (real, synthetic) => ({ frechet: frechetDistance(real, synthetic) }),
};
