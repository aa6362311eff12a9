/**
 * Where a network looks: its last maps, weighted by how much the score of a class grows with each of them.
 *
 *   Grad-CAM     L = ReLU(Σ_k w_k A_k),   w_k = mean over places of g = ∂y/∂A_k
 *                Selvaraju et al., "Grad-CAM", ICCV 2017
 *   Grad-CAM++   w_k = Σ_ij α_ij ReLU(g_ij),   α_ij = g² / (2g² + Σ_ab A_ab · g³)
 *                Chattopadhay et al., "Grad-CAM++", WACV 2018, eq. 19; its Y = eˢ makes all weights of an image e^S times
 *                as large, which a map's scale does not show: it is left out, as it would overflow
 */
import { type Device, enableGrad, grad, noGrad, type Tensor, tensor, tidy, where } from 'graft-torch';

export type CamVariant = 'grad-cam' | 'grad-cam++';

/** What a network gives with one of its maps; the caller disposes both. */
export interface Mapped {
  /** `[N, C, h, w]`, or what `toMap` makes that of; `score` was computed from it with a graph. */
  map: Tensor;
  /** `[N]` */
  score: Tensor;
  /**
   * Where `map` holds tokens `[N, T, C]`: these, or their gradient, as a map. What belongs to no place is left out, and has no
   * part in the weights.
   */
  toMap?: ((tokens: Tensor) => Tensor) | undefined;
}

/** A network that hands out one of its maps on the way; input `[N, 3, H, W]`. */
export type MappedForward = (input: Tensor) => Mapped;

/**
 * Maps of evidence, one an image, at the size of the network's own map and without a scale; 0 where there is none.
 *
 * @param input `[N, 3, H, W]`, as the network takes it
 * @param options.signs one an image: 1 explains a high score (the positive class), −1 a low one; default 1
 * @returns `[N, h, w]`, not negative
 */
export function gradCam(
  forward: MappedForward,
  input: Tensor,
  options: { variant?: CamVariant; signs?: readonly number[] } = {},
): Tensor {
  const { variant = 'grad-cam', signs } = options;
  return tidy(() => {
    const { map, score, toMap = (tokens: Tensor) => tokens } = enableGrad(() => forward(input));
    try {
      const explained = enableGrad(() => score.mul(signsOf(signs, score)).sum());
      const slope = grad(explained, [map])[0]!;
      return noGrad(() => {
        const [places, gradient] = [toMap(map.detach()), toMap(slope)]; // [N, C, h, w]
        const weights =
          variant === 'grad-cam' ? gradient.mean([2, 3], true) : plusPlusWeights(places, gradient);
        return places.mul(weights).sum([1]).relu(); // [N, h, w]
      });
    } finally {
      map.dispose();
      score.dispose();
    }
  });
}

/** Signs beside scores `[N]`. */
export function signsOf(
  signs: readonly number[] | undefined,
  score: { shape: number[]; device: Device; dtype: Tensor['dtype'] },
): Tensor {
  const { shape, device, dtype } = score;
  return tensor(signs ?? new Array<number>(shape[0]!).fill(1), [shape[0]!], { device, dtype });
}

/** `[N, C, 1, 1]` */
function plusPlusWeights(map: Tensor, gradient: Tensor): Tensor {
  const square = gradient.square();
  const cube = square.mul(gradient);
  const below = square.mul(2).add(map.sum([2, 3], true).mul(cube));
  // Without a gradient there is nothing to share out: 0 / 0 is 0.
  const alpha = where(below.eq(0), below.mul(0), square.div(where(below.eq(0), below.add(1), below)));
  return alpha.mul(gradient.relu()).sum([2, 3], true);
}
