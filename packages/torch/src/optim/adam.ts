/** Adam (Kingma & Ba, 2015) and AdamW (Loshchilov & Hutter, 2019), as `torch.optim` computes them. */
import { aten, full, makeOperator, type Tensor } from '../torch/index.js';
import { Optimizer, type UpdateGroup } from './optimizer.js';

export interface AdamOptions {
  lr?: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  /** Learning rate of each parameter as a share of `lr`. */
  rateFactors?: readonly number[];
  /**
   * One pass over memory instead of ten, for float32: Graft's on the CPU (`native/adam.cc`), a quarter of the time; on
   * CUDA libtorch's own. The same formula with other rounding, so not bit-equal to `torch.optim`. Default false.
   */
  fused?: boolean;
}

const adamStep = makeOperator('graft::adam_step_', '') as (
  parameters: readonly Tensor[],
  gradients: readonly Tensor[],
  means: readonly Tensor[],
  squares: readonly Tensor[],
  rate: number,
  beta1: number,
  beta2: number,
  eps: number,
  l2: number,
  decoupled: number,
  step: number,
) => void;

export class Adam extends Optimizer {
  protected readonly betas: readonly [number, number];
  protected readonly eps: number;
  protected readonly weightDecay: number;
  /** Whether weight decay shrinks the weights (AdamW) or is part of the gradient. */
  protected readonly decoupled: boolean = false;
  /** The device type whose fused kernel is used. */
  private readonly fused: 'cpu' | 'cuda' | null;

  constructor(parameters: readonly Tensor[], options: AdamOptions = {}) {
    super(parameters, options.lr ?? 1e-3, options.rateFactors);
    this.betas = options.betas ?? [0.9, 0.999];
    this.eps = options.eps ?? 1e-8;
    this.weightDecay = options.weightDecay ?? 0;
    const suits = (type: string): boolean =>
      options.fused === true &&
      parameters.every((p) => p.device.split(':')[0] === type && p.dtype === 'float32');
    this.fused = (['cpu', 'cuda'] as const).find(suits) ?? null;
  }

  /** L2 penalty: part of the gradient. */
  protected decay(parameters: Tensor[], gradients: Tensor[], _lr: number): Tensor[] {
    return this.weightDecay === 0
      ? gradients
      : aten._foreach_add.List(gradients, parameters, { alpha: this.weightDecay });
  }

  protected override update(
    parameters: Tensor[],
    rawGradients: Tensor[],
    { indices, lr }: UpdateGroup,
  ): void {
    const [beta1, beta2] = this.betas;
    const mean = this.slot('exp_avg', indices);
    const square = this.slot('exp_avg_sq', indices);
    const { eps, weightDecay, decoupled, stepCount } = this;
    if (this.fused === 'cpu') {
      const [l2, shrink] = decoupled ? [0, weightDecay] : [weightDecay, 0];
      adamStep(parameters, rawGradients, mean, square, lr, beta1, beta2, eps, l2, shrink, stepCount);
      return;
    }
    const gradients = this.decay(parameters, rawGradients, lr);
    if (this.fused === 'cuda') {
      // Each gradient must lie in memory as its parameter does, which is how autograd leaves it.
      const step = full([], stepCount, { device: parameters[0]!.device });
      const options = { lr, beta1, beta2, eps, weight_decay: 0, amsgrad: false, maximize: false };
      const steps = parameters.map(() => step);
      aten._fused_adam_(parameters, gradients, mean, square, [], steps, options);
      return;
    }
    aten._foreach_mul_.Scalar(mean, beta1);
    aten._foreach_add_.List(mean, gradients, { alpha: 1 - beta1 });
    aten._foreach_mul_.Scalar(square, beta2);
    aten._foreach_addcmul_.Scalar(square, gradients, gradients, 1 - beta2);
    const stepSize = lr / (1 - beta1 ** stepCount);
    const denominator = aten._foreach_sqrt(square);
    aten._foreach_div_.Scalar(denominator, Math.sqrt(1 - beta2 ** stepCount));
    aten._foreach_add_.Scalar(denominator, eps);
    aten._foreach_addcdiv_.Scalar(parameters, mean, denominator, -stepSize);
  }
}

export class AdamW extends Adam {
  protected override readonly decoupled = true;

  constructor(parameters: readonly Tensor[], options: AdamOptions = {}) {
    super(parameters, { weightDecay: 1e-2, ...options });
  }

  /** Decoupled: the weights themselves shrink. */
  protected override decay(parameters: Tensor[], gradients: Tensor[], lr: number): Tensor[] {
    if (this.weightDecay !== 0) aten._foreach_mul_.Scalar(parameters, 1 - lr * this.weightDecay);
    return gradients;
  }
}
