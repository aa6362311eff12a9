/**
 * Pixels on their way to a network: decoded once into a cache that is mapped into memory (`openPixelCache`), drawn and
 * handed out as batches on a device (`Loader`).
 */

export { openPixelCache, type PixelCache } from './cache.js';
export { Loader } from './loader.js';

// Which images a batch has, and the eight ways to turn a square.

export { balanced } from './sampler.js';
export { symmetries } from './symmetry.js';
