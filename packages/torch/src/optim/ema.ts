/**
 * Exponential moving average of a network's weights: shadow ← decay · shadow + (1 − decay) · weight, the
 * running statistics of batch normalisation included. Source: Yazıcı et al., "The Unusual Effectiveness of Averaging in GAN Training", 2019.
 */
import type { Module } from '../nn/index.js';
import { aten, noGrad, type Tensor, tidy } from '../torch/index.js';

export class Ema {
  readonly #shadow: Tensor[];
  readonly #source: Tensor[];
  /** Integer buffers (batch counts) cannot be averaged. */
  readonly #copied: [Tensor, Tensor][];

  /**
   * @param average a network of the same shape, which takes the average; it starts as a copy
   * @param decay in [0, 1); early on the average follows faster: min(decay, (1 + t) / (10 + t)) at update t
   */
  constructor(
    readonly average: Module,
    source: Module,
    readonly decay: number,
  ) {
    average.loadStateDict(source.stateDict());
    average.requiresGrad_(false);
    const from = source.stateDict();
    const pairs = Object.entries(average.stateDict()).map(([key, to]): [Tensor, Tensor] => [to, from[key]!]);
    const floating = pairs.filter(([to]) => to.dtype.includes('float'));
    this.#shadow = floating.map(([to]) => to);
    this.#source = floating.map(([, source]) => source);
    this.#copied = pairs.filter(([to]) => !to.dtype.includes('float'));
  }

  /** @param count updates made before this one */
  update(count: number): void {
    const decay = Math.min(this.decay, (1 + count) / (10 + count));
    tidy(() =>
      noGrad(() => {
        aten._foreach_mul_.Scalar(this.#shadow, decay);
        aten._foreach_add_.List(this.#shadow, this.#source, { alpha: 1 - decay });
        for (const [to, from] of this.#copied) to.copy_(from);
      }),
    );
  }
}
