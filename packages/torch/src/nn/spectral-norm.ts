/**
 * Spectral normalisation: the weight divided by its largest singular value, which one power iteration a forward
 * pass tracks. Source: Miyato et al., "Spectral Normalization for GANs", ICLR 2018. Keys and order of operations
 * are those of `torch.nn.utils.spectral_norm`: `weight_orig`, `weight_u`, `weight_v`.
 */
import { aten, noGrad, randn, type Tensor, tidy } from '../torch/index.js';
import type { WeightLayer } from './layers.js';

export interface SpectralNormOptions {
  nPowerIterations?: number;
  eps?: number;
  /** Dimension of the outputs: 0, except 1 for transposed convolutions. */
  dim?: number;
}

const normalise = (vector: Tensor, eps: number): Tensor => vector.div(vector.norm().clamp({ min: eps }));

/** Weight as a matrix `[outputs, rest]`. */
function asMatrix(weight: Tensor, dim: number): Tensor {
  const order = weight.shape.map((_, i) => i);
  const moved = dim === 0 ? weight : weight.permute([dim, ...order.filter((i) => i !== dim)]);
  return moved.reshape([moved.shape[0]!, -1]);
}

/** Makes a layer use its spectrally normalised weight; returns the layer. */
export function spectralNorm<L extends WeightLayer>(layer: L, options: SpectralNormOptions = {}): L {
  const { nPowerIterations = 1, eps = 1e-12, dim = 0 } = options;
  const [u, v] = tidy(() =>
    noGrad(() => {
      const [rows, columns] = asMatrix(layer.weight, dim).shape as [number, number];
      return [normalise(randn([rows]), eps), normalise(randn([columns]), eps)];
    }),
  );
  layer.reparametrise('weight_orig', { weight_u: u!, weight_v: v! }, (stored, training) => {
    const matrix = asMatrix(stored, dim);
    let product: Tensor | null = null; // W v: the power iteration's and sigma's, computed once
    if (training) {
      for (let i = 0; i < nPowerIterations; i++) {
        noGrad(() => v!.copy_(normalise(aten.mv(matrix.t(), u!), eps)));
        const last = i === nPowerIterations - 1;
        // A copy: the next forward pass changes v in place while this one's graph still needs it.
        product = last ? aten.mv(matrix, v!.clone()) : noGrad(() => aten.mv(matrix, v!));
        const next = product.detach();
        noGrad(() => u!.copy_(normalise(next, eps)));
      }
    }
    const sigma = u!.clone().dot(product ?? aten.mv(matrix, v!.clone()));
    return stored.div(sigma);
  });
  return layer;
}
