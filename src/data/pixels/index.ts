/** TODO door */
export { openPixelCache, type PixelCache } from './cache.js';
export { Loader } from './loader.js';
export { balanced } from './sampler.js';
export { symmetries } from './symmetry.js';
