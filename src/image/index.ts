/**
 * Pictures: any still image in (`decodeImage`), PNG, JPEG, animations and grids out; frames brought to squares; what a
 * picture says by its looks (hair, field of view, traits). No datasets and no tensors but `warp`'s: bytes and sizes.
 */

// Pictures in: what a file is, its pixels, one page or frame of it.

export {
  type Box,
  type DecodedImage,
  decodeImage,
  decoderId,
  decodeSmall,
  type Fit,
  isGreyImage,
  type Kernel,
  toPlanar,
} from './decode.js';
export { isPicture, listImages, loadFolder } from './folder.js';
export { jpegQuality } from './jpeg.js';
export { jpegLibrary, jpegSquareId } from './jpeg-square.js';
export { fileKind, imageExtensions, isPictureName } from './kind.js';
export { type PageChoice, readSamples, type SampleHeader, sampleHeader } from './samples.js';
export { despiteWarnings, type ImageSource, type ReadOptions, withImage } from './source.js';
export { decodeSquare, type SquareOptions } from './square.js';
export { type Surveyed, surveyImages } from './survey.js';
export { type Walked, walkFiles } from './walk.js';

// Frames brought to squares, and sizes.

export { findField } from './field.js';
export { type Framing, fits, framingSchema, framingWords, kernels, trainingFraming } from './framing.js';
export { resizeImage } from './resize.js';

// Stored values that are no 8-bit pixels: the range that becomes black to white.

export { floatTiff } from './float-tiff.js';
export {
  asShown,
  chooseRange,
  type IntensityRange,
  type IntensitySetting,
  intensityFormats,
  measureSamples,
  parseIntensity,
  parsePage,
  type SampleMeasure,
  type Showing,
} from './intensity.js';

// Pictures out.

export { type AnimationOptions, encodeAnimation, writeAnimation } from './animation.js';
export { encodeImage } from './encode.js';
export { besidePng, encodePng, type GridOptions, gridPng, type PlanarImages, writeGridPng } from './grid.js';

// Masks, hair, and what a picture says by its looks.

export { luma8, removeHair } from './hair.js';
export { indexMasks, looksLikeMask, maskBox, maskName } from './mask.js';
export { straightLineContrast } from './ruler.js';
export { hairShare, type ImageTraits, measureTraits, vignette } from './traits.js';

// Batches of pictures: colours, turns and shifts, each sample by its own.

export { type Affine, compose, identity, rotation, scaling, translation, warp } from './affine.js';
export { type Channels, toGrey, toRgb } from './channels.js';
export { onRows, perSample, rowsWhere } from './per-sample.js';
