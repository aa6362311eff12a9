/**
 * RMSprop (Tieleman & Hinton, 2012), as `torch.optim.RMSprop` computes it: what WGAN with clipped weights is trained
 * with, since momentum makes its critic unstable (Arjovsky et al., 2017, section 3).
 */
import { aten, type Tensor } from '../torch/index.js';
import { Optimizer, type UpdateGroup } from './optimizer.js';

export interface RMSpropOptions {
  lr?: number;
  /** Learning rate of each parameter as a share of `lr`. */
  rateFactors?: readonly number[];
  /** Share of the past in the running mean of squares. */
  alpha?: number;
  eps?: number;
}

export class RMSprop extends Optimizer {
  readonly #alpha: number;
  readonly #eps: number;

  constructor(parameters: readonly Tensor[], options: RMSpropOptions = {}) {
    super(parameters, options.lr ?? 1e-2, options.rateFactors);
    this.#alpha = options.alpha ?? 0.99;
    this.#eps = options.eps ?? 1e-8;
  }

  protected override update(parameters: Tensor[], gradients: Tensor[], { indices, lr }: UpdateGroup): void {
    const squares = this.slot('square_avg', indices);
    aten._foreach_mul_.Scalar(squares, this.#alpha);
    aten._foreach_addcmul_.Scalar(squares, gradients, gradients, 1 - this.#alpha);
    const denominator = aten._foreach_sqrt(squares);
    aten._foreach_add_.Scalar(denominator, this.#eps);
    aten._foreach_addcdiv_.Scalar(parameters, gradients, denominator, -lr);
  }
}
