/** Phantoms: procedural dermoscopy with a known best possible AUC. See docs/phantoms.md. */

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
