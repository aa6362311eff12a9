/**
 * Exponential moving average of a network's weights: shadow ← decay · shadow + (1 − decay) · weight. Buffers are
 * copied. Source: Yazıcı et al., "The Unusual Effectiveness of Averaging in GAN Training", 2019.
 */
import type { Module } from '../nn/index.js';
import { aten, noGrad, type Tensor, tidy } from '../torch/index.js';

export class Ema {
  readonly #shadow: Tensor[];
  readonly #source: Tensor[];
  readonly #buffers: [Tensor, Tensor][];

  /**
   * @param average a network of the same shape, which takes the average; it starts as a copy
   * @param decay in [0, 1)
   */
  constructor(
    readonly average: Module,
    source: Module,
    readonly decay: number,
  ) {
    average.loadStateDict(source.stateDict());
    average.requiresGrad_(false);
    this.#shadow = average.parameters();
    this.#source = source.parameters();
    const from = source.namedBuffers();
    this.#buffers = average.namedBuffers().map(([, buffer], i) => [buffer, from[i]![1]]);
  }

  update(): void {
    tidy(() =>
      noGrad(() => {
        aten._foreach_mul_.Scalar(this.#shadow, this.decay);
        aten._foreach_add_.List(this.#shadow, this.#source, { alpha: 1 - this.decay });
        for (const [to, from] of this.#buffers) to.copy_(from);
      }),
    );
  }
}
