/**
 * Optimisers, as in `torch.optim`: the same arithmetic in the same order.
 *
 *     const optimizer = new Adam(network.parameters(), { lr: 1e-3 });
 *     optimizer.zeroGrad();
 *     backward(loss);
 *     optimizer.step();
 */

// Optimisers; `Optimizer` is what one of your own extends.

export { Adam, type AdamOptions, AdamW } from './adam.js';
export { Optimizer, type UpdateGroup } from './optimizer.js';
export { RMSprop, type RMSpropOptions } from './rmsprop.js';
export { SGD, type SGDOptions } from './sgd.js';

// Learning rates over time: factors of the base rate, which the caller writes to `optimizer.lr`.

export {
  constant,
  linearDecay,
  ReduceOnPlateau,
  type Schedule,
  stepDecay,
  warmupCosine,
} from './schedule.js';

// Gradients: clipping by their norm, loss scaling for float16. Averages of weights.

export { Ema } from './ema.js';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './grad-scaler.js';
export { clipGradNorm_ } from './gradient-clip.js';
