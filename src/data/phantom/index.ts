/**
 * Phantoms: procedural dermoscopy with a known best possible AUC (docs/phantoms.md). `createPhantomDataset` makes a
 * dataset; `samplePhantom` and `renderPhantom` make one picture.
 */
export { createPhantomDataset } from './dataset.js';
export {
  bayesAuc,
  bayesProbability,
  type Latent,
  logLikelihoodRatio,
  type PhantomFactors,
  samplePhantom,
  withLatent,
} from './factors.js';
export type { Pattern, PhantomNuisance, Site } from './nuisance.js';
export { renderPhantom, renderPhantomMask } from './render.js';
