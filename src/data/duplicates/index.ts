/** TODO door */
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
export { evidenceOf, type NearPair, searchNear } from './near.js';
