/** What a GAN run's report is composed of: plain data, so that it can be made, and tested, without training. */
import type { EncodedPicture } from '../../report/index.js';
import type { RunEvent } from '../../run/index.js';

export interface GanReportInput {
  /** Name of the run folder. */
  name: string;
  /** Version of Graft that makes the report. */
  graft: string;
  /** When it is made, ISO 8601. */
  madeAt: string;
  summary: GanReportSummary;
  events: readonly RunEvent[];
  config: readonly ConfigEntry[];
  /** What identifies generator and data; null while the run has no generator to open. */
  lineage: readonly LineageEntry[] | null;
  pictures: GanReportPictures;
}

export interface GanReportSummary {
  architecture: string;
  sizePx: number;
  /** Labels that are learned. */
  classes: readonly string[];
  dataset: { name: string; groupedBy: 'patient' | 'lesion' | 'image'; kind: 'images' | 'phantom' } | null;
  trainingImages: number | null;
  trainingGroups: number | null;
  /** What became of the training images on the way to squares, where it was much. */
  frames: readonly string[];
  /** Steps done, and of how many. */
  steps: number;
  plannedSteps: number;
  batchSize: number;
  finished: boolean;
  /** Wall-clock seconds of training. */
  seconds: number | null;
  device: string | null;
}

export interface ConfigEntry {
  /** Dotted. */
  key: string;
  value: string;
  /** The schema's default, null where it has none. */
  preset: string | null;
}

export interface LineageEntry {
  name: string;
  value: string;
}

export interface GanReportPictures {
  /** Grids of the same latents over training, oldest first. */
  timeline: readonly (EncodedPicture & { step: number })[];
  /** All of those grids one after the other. */
  animation: (EncodedPicture & { frames: number }) | null;
  /** As many real training images as generated ones. */
  real: EncodedPicture | null;
  generated: EncodedPicture | null;
  classes: EncodedPicture | null;
  interpolation: EncodedPicture | null;
  nearest: NearestPicture | null;
}

export type NearestPicture = EncodedPicture & {
  /** Name of the distance. */
  distance: string;
  /** Of each generated image shown, the distance to the nearest training image. */
  nearest: readonly number[];
  /** How many of them lie nearer to a training image than any other training image does. */
  nearer: number;
  /** The same of real images held against the rest: median distance, and share that lies nearer. */
  real: { median: number; nearerShare: number };
};

export const noPictures: GanReportPictures = {
  timeline: [],
  animation: null,
  real: null,
  generated: null,
  classes: null,
  interpolation: null,
  nearest: null,
};
