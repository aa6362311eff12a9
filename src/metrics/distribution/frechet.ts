/**
 * Fréchet distance between two sets of features, each taken as a Gaussian; 0 for equal moments, lower is more
 * alike. Dowson & Landau 1982; as a measure of generators: Heusel et al., "GANs Trained by a Two Time-Scale Update
 * Rule Converge to a Local Nash Equilibrium", NeurIPS 2017.
 *
 *   FD = ‖μ₁ − μ₂‖² + Tr Σ₁ + Tr Σ₂ − 2 Tr (Σ₁Σ₂)^½
 *
 * The last trace needs no matrix square root. With Σᵢ = AᵢᵀAᵢ the eigenvalues of Σ₁Σ₂ are the squared singular
 * values of A₁A₂ᵀ, so Tr (Σ₁Σ₂)^½ is their sum, ‖A₁A₂ᵀ‖_*. Aᵢ is the centred features over √(n − 1), or where they
 * have more rows than columns the R of their QR decomposition. Σ itself is never formed, whose root would lose half
 * of the digits; with fewer images than features (the usual case here) the cost is that of a matrix of images.
 *
 * The estimate is biased: it falls with N (Chong & Forsyth 2020). Compare distances of equal N, beside the floor of
 * real images among themselves (`distances.ts`).
 */
import { aten, noGrad, type Tensor, tidy } from '../../torch/index.js';
import { requireFeatures } from './features.js';

/** The features' mean [D] and a factor A [min(N, D), D] of their covariance, AᵀA = Σ (n − 1 in the denominator). */
function moments(features: Tensor): { mean: Tensor; factor: Tensor } {
  const [n, size] = features.shape as [number, number];
  const mean = features.mean([0]);
  const centred = features.sub(mean).div(Math.sqrt(n - 1));
  return { mean, factor: n > size ? aten.linalg_qr(centred, 'r')[1] : centred };
}

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
      const double = (features: Tensor) => features.detach().to({ device: 'cpu', dtype: 'float64' });
      const a = moments(double(first));
      const b = moments(double(second));
      const shift = a.mean.sub(b.mean).square().sum();
      const spread = a.factor.square().sum().add(b.factor.square().sum());
      const shared = aten.linalg_svdvals(a.factor.matmul(b.factor.t())).sum();
      // Rounding can take equal sets a hair below 0.
      return Math.max(0, shift.add(spread).sub(shared, 2).item());
    }),
  );
}
