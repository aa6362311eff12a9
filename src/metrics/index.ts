/**
 * Every metric of images. Each line is a room with a door of its own, such as `graft-gan/metrics/distribution`.
 */
export * from './artefacts/index.js';
export * from './backbone/index.js';
export * from './distribution/index.js';
export * from './full-reference/index.js';
export * from './privacy/index.js';
export * from './report/index.js';
export * from './sets/index.js';
