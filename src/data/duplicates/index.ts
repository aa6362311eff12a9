/**
 * Pictures that are the same, whatever file they are in: by content, not by bytes. `searchNear` finds the pairs among many
 * images; `evidenceOf` says how sure one is; docs/near-duplicates.md has the method and its error rates.
 */

export { evidenceOf, type NearPair, searchNear } from './near.js';

// What is compared: a small map of each picture's detail.

export {
  type ContentMaps,
  contentArea,
  contentOf,
  contentSizePx,
  contentSourcePx,
  createContentMaps,
  setContent,
} from './content.js';
export { createBlur } from './masked-blur.js';
