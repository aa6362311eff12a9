/** Stochastic gradient descent with momentum, as `torch.optim.SGD` computes it. */
import { aten, type Tensor } from '../torch/index.js';
import { Optimizer, type UpdateGroup } from './optimizer.js';

export interface SGDOptions {
  lr?: number;
  /** Learning rate of each parameter as a share of `lr`. */
  rateFactors?: readonly number[];
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
}

export class SGD extends Optimizer {
  readonly #options: Required<Omit<SGDOptions, 'lr' | 'rateFactors'>>;

  constructor(parameters: readonly Tensor[], options: SGDOptions = {}) {
    super(parameters, options.lr ?? 1e-2, options.rateFactors);
    const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
    this.#options = { momentum, nesterov, weightDecay };
  }

  protected override update(
    parameters: Tensor[],
    rawGradients: Tensor[],
    { indices, lr }: UpdateGroup,
  ): void {
    const { momentum, nesterov, weightDecay } = this.#options;
    let gradients = rawGradients;
    if (weightDecay !== 0) gradients = aten._foreach_add.List(gradients, parameters, { alpha: weightDecay });
    if (momentum !== 0) {
      // The buffer starts at zero, so its first value is the gradient itself, as in PyTorch (dampening 0).
      const buffers = this.slot('momentum_buffer', indices);
      aten._foreach_mul_.Scalar(buffers, momentum);
      aten._foreach_add_.List(buffers, gradients);
      gradients = nesterov ? aten._foreach_add.List(gradients, buffers, { alpha: momentum }) : buffers;
    }
    aten._foreach_add_.List(parameters, gradients, { alpha: -lr });
  }
}
