/**
 * Probes: logistic regression on the features of a frozen network, and k-NN beside it. `trainClassifier` makes one where a
 * recipe says `method: probe`; the regression is of use by itself.
 */

// Runs.

export { hashWeights } from './embed.js';
export { type TrainProbeOptions, trainProbe } from './train.js';

// On features of whatever network.

export { kNearest } from './k-nn.js';
export { fitLogistic, type LogisticModel, type LogisticOptions } from './logistic.js';
export type { Criterion, CurvePoint } from './out-of-fold.js';
export { type ChosenStrength, chooseStrength, type StrengthOptions } from './strength.js';
