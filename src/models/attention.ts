/**
 * Self-attention over the places of a map: Zhang, Goodfellow, Metaxas, Odena, "Self-Attention Generative Adversarial
 * Networks", ICML 2019. As in the authors' code (and not in the paper's text) keys and values are max-pooled, which
 * divides the cost by four, and a value has half of the channels.
 *
 *     y = x + γ · o(softmax(θ(x)ᵀ φ(x)) g(x)),   γ = 0 at first
 *
 * θ, φ, g and o are 1×1 convolutions under spectral norm. Keys are those of torch-mimicry and BigGAN's PyTorch port.
 */

import { type Tensor, tidy, zeros } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { Conv2d, F, Module } from 'graft-torch/nn';
import { initialiseXavier } from './initialise.js';

/** `[N, C, H, W]` → the same; H and W even. Its attention map holds N · H·W · H·W/4 values. */
export class SelfAttention extends Module {
  private readonly theta: Conv2d;
  private readonly phi: Conv2d;
  private readonly g: Conv2d;
  private readonly o: Conv2d;
  private readonly gamma: Tensor;

  /** @throws ConfigError for less than 8 channels: queries and keys have an eighth of them */
  constructor(channels: number) {
    super();
    const [narrow, half] = [Math.floor(channels / 8), Math.floor(channels / 2)];
    if (narrow === 0)
      throw new ConfigError(
        `self-attention needs 8 channels, not ${channels}; widen the network, or move it to a smaller map`,
      );
    const conv = (key: string, from: number, to: number): Conv2d =>
      this.child(key, initialiseXavier(new Conv2d(from, to, 1, { bias: false }), { spectralNorm: true }));
    this.theta = conv('theta', channels, narrow);
    this.phi = conv('phi', channels, narrow);
    this.g = conv('g', channels, half);
    this.o = conv('o', half, channels);
    this.gamma = this.parameter('gamma', zeros([]));
  }

  override forward(x: Tensor): Tensor {
    const [batch, , height, width] = x.shape as [number, number, number, number];
    const flat = (map: Tensor): Tensor => map.flatten(2); // [N, C, H, W] → [N, C, H·W]
    return tidy(() => {
      const queries = flat(this.theta.forward(x)); // [N, C/8, HW]
      const keys = flat(F.maxPool2d(this.phi.forward(x), 2)); // [N, C/8, HW/4]
      const values = flat(F.maxPool2d(this.g.forward(x), 2)); // [N, C/2, HW/4]
      const attention = F.softmax(queries.transpose(1, 2).matmul(keys)); // [N, HW, HW/4]
      const seen = values.matmul(attention.transpose(1, 2)).reshape([batch, -1, height, width]); // [N, C/2, H, W]
      return x.add(this.o.forward(seen).mul(this.gamma));
    });
  }
}
