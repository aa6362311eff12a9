/** What ResNet and ConvNeXt share: a way through blocks one behind the other, and batch norms that evaluation folds away. */
import { autocastDtype, type Tensor, tidy } from 'graft-torch';
import { type BatchNorm2d, type Conv2d, F, type Module } from 'graft-torch/nn';

/**
 * One scope a block, and each map is freed when the next is there: without gradients, only one block's intermediates live
 * at a time.
 * @param map disposed
 */
export function throughBlocks(map: Tensor, blocks: readonly Module[]): Tensor {
  let last = map;
  for (const block of blocks) {
    const next = tidy(() => block.forward(last));
    last.dispose();
    last = next;
  }
  return last;
}

/**
 * A folded weight is made anew with each pass: that costs a pass over the weight and spares one over the map. It pays where a
 * batch of so many images has more places than the weight has rows. Not the batch's own size: a graph must not depend
 * on it.
 */
const IMAGES = 16;

/**
 * Convolution, then batch norm. In evaluation the norm is a factor and an offset for each channel, which the convolution's
 * weight and bias can take on: the map is written once, not twice.
 */
export function foldedNorm(conv: Conv2d, norm: BatchNorm2d, x: Tensor): Tensor {
  const { weight, bias, runningMean, runningVar, eps } = norm;
  if (norm.training || !weight || !bias || !foldingPays(conv, x)) return norm.forward(conv.forward(x));
  return tidy(() => {
    const scale = runningVar.add(eps).rsqrt().mul(weight); // [O]
    const offset = bias.sub(runningMean.mul(scale));
    const folded = conv.weight.mul(scale.reshape([-1, 1, 1, 1]));
    return F.conv2d(x, folded, { ...conv.options, bias: offset });
  });
}

/** Not with 16 bits either: the norm is then computed in float32. */
function foldingPays({ weight, options }: Conv2d, { device, shape }: Tensor): boolean {
  if (autocastDtype(device)) return false;
  const [, , height, width] = shape as [number, number, number, number];
  const [down, across] = F.pair(options.stride ?? 1);
  return IMAGES * (height / down) * (width / across) >= weight.numel / weight.shape[0]!;
}
