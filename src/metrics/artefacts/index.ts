/**
 * What gives synthetic images away, apart from what they show: power spectrum, checkerboards, colours, and how many have
 * hair, rulers and dark corners; one file each. `measureArtefacts` compares two sets of bytes, `artefactRecords` makes
 * records of what it found, which compare like any other metric's.
 *
 *   const report = measureArtefacts({ images: real, groups }, { images: synthetic }); // uint8 [N, 3, H, W]
 */

// What is found, by measure.
export type {
  CheckerboardComponent,
  CheckerboardResult,
  Direction,
  Period,
  SpectrumProfiles,
} from './checkerboard.js';
export type { Channel, ColourBin, ColourResult } from './colour-histogram.js';
export type { Floor, Score } from './compare.js';
export {
  type ArtefactOptions,
  type ArtefactReport,
  type ArtefactScores,
  type ArtefactSet,
  measureArtefacts,
} from './measure.js';
export type { PowerSpectrumResult, SpectrumBand } from './power-spectrum.js';
export { artefactRecords } from './records.js';
export { type Trait, type TraitResult, traitThresholds } from './traits.js';
