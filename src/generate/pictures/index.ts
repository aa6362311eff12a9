/**
 * Pictures of a generator, each a PNG made of a function from latents to pixels (`generateFrom(network, device)`): walks
 * between latents, a row a class, generated images beside their nearest real ones, and a training as an animation.
 */
export { classGridPng } from './class-grid.js';
export { type Generate, generateFrom } from './generate.js';
export { interpolationPng } from './interpolation.js';
export { type NearestGrid, nearestGrid } from './nearest.js';
export { type RealFakeOptions, realFakePng } from './real-fake.js';
export { writeTrainingAnimation } from './training.js';
