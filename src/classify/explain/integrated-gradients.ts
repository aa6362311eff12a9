/**
 * Integrated gradients (Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017):
 *
 *   IGᵢ(x) = (xᵢ − x′ᵢ) · ∫₀¹ ∂F(x′ + α(x − x′))/∂xᵢ dα
 *
 * the integral by the midpoint rule. Completeness: the attributions of an image sum to F(x) − F(x′); what is missing to it
 * tells whether the steps were enough. x′, the baseline, stands for "nothing to see", and every map is relative to it.
 */

import { enableGrad, grad, noGrad, type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';

export interface IntegratedGradients {
  /** As the input, signed: what each value adds to the score. */
  attributions: Tensor;
  /** Of each image F(x) − F(x′), `[N]`. */
  difference: Tensor;
}

/**
 * @param score `[N, …]` → `[N]`
 * @param input as the network takes it
 * @param options.baseline of the input's shape; options.steps of the integral, default 64
 * @throws ConfigError for fewer than one step
 */
export function integratedGradients(
  score: (input: Tensor) => Tensor,
  input: Tensor,
  options: { baseline: Tensor; steps?: number },
): IntegratedGradients {
  const { baseline, steps = 64 } = options;
  if (!Number.isInteger(steps) || steps < 1)
    throw new ConfigError(`integrated gradients need 1 step or more, not ${steps}`);
  return tidy(() => {
    const way = noGrad(() => input.sub(baseline));
    const sum = noGrad(() => way.mul(0));
    for (let step = 0; step < steps; step++) {
      tidy(() => {
        const point = noGrad(() => baseline.add(way.mul((step + 0.5) / steps))).requiresGrad_();
        const total = enableGrad(() => score(point).sum());
        const gradient = grad(total, [point])[0]!;
        noGrad(() => sum.add_(gradient));
      });
    }
    return noGrad(() => ({
      attributions: sum.mul(way).div_(steps),
      difference: score(input).sub(score(baseline)),
    }));
  });
}
