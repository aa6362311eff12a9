/** Optimisers, schedules and weight averaging: the public list. */
export { Adam, type AdamOptions, AdamW } from './adam.js';
export { Ema } from './ema.js';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './grad-scaler.js';
export { clipGradNorm_ } from './gradient-clip.js';
export { Optimizer } from './optimizer.js';
export { RMSprop, type RMSpropOptions } from './rmsprop.js';
export {
  constant,
  linearDecay,
  ReduceOnPlateau,
  type Schedule,
  stepDecay,
  warmupCosine,
} from './schedule.js';
export { SGD, type SGDOptions } from './sgd.js';
