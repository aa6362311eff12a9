/** Fresh weights of the adversarial networks. */
import { BatchNorm2d, init, type Module, spectralNorm, type WeightLayer } from 'graft-torch/nn';

/** Standard deviation of fresh weights (the DCGAN paper's). */
const WEIGHT_STD = 0.02;

/**
 * DCGAN's: convolution weights N(0, 0.02), batch-norm weights N(1, 0.02) with bias 0; anything else stays as it is.
 */
export function initialiseNormal(network: Module): void {
  for (const layer of network.modules()) {
    if (layer instanceof BatchNorm2d) {
      init.normal_(layer.weight!, 1, WEIGHT_STD);
      init.constant_(layer.bias!, 0);
    } else {
      const { weight, weight_orig = weight } = layer.namedParameters(); // of a layer itself: no key with a dot
      if (weight_orig?.shape.length === 4) init.normal_(weight_orig, 0, WEIGHT_STD);
    }
  }
}

/**
 * The ResNet GANs': Xavier-uniform weight and bias 0; then spectral norm where it is asked for. Returns the layer.
 *
 * @param options.gain √2 for the 3×3 convolutions of a residual block, which a rectifier precedes. Default 1.
 */
export function initialiseXavier<L extends WeightLayer>(
  layer: L,
  options: { gain?: number; spectralNorm: boolean },
): L {
  init.xavierUniform_(layer.weight, options.gain);
  const { bias } = layer.namedParameters();
  if (bias) init.constant_(bias, 0);
  return options.spectralNorm ? spectralNorm(layer) : layer;
}
