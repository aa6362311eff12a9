/** What the list of networks (`networks.ts`) says of each, and how it is made. */
import type { Conventions } from './conventions.js';
import type { EfficientNetHead } from './efficientnet.js';
import type { ImageNetwork, NetworkOptions } from './image-network.js';
import type { WeightNaming } from './naming.js';

export interface EntryOptions extends NetworkOptions {
  /** Side of the images in pixels: a ViT's position embeddings depend on it. */
  sidePx: number;
  /** Of EfficientNets. Default `pooled`. */
  head?: EfficientNetHead;
}

/** Weights that somebody publishes for a network. */
export interface PublishedWeights {
  /** As `weights` takes them: `hf:…`, or in words where a file has to be fetched by hand. */
  readonly where: string;
  readonly licence: string;
  /** What they were trained on. */
  readonly data: string;
  /**
   * Whether dermoscopy may have been among it. Then nobody can say that test images are new to the network; what it was
   * fitted to is called unknown.
   */
  readonly mayKnowDermoscopy: boolean;
  /** Of the file, where it is had by hand: then it is known whatever it is called. */
  readonly file?: { readonly sha256: string; readonly sizeBytes: number };
  /** How they want their pixels: statistics, side, interpolation and the share of the side that is kept. */
  readonly input: {
    readonly statistics: Conventions['inputStatistics'];
    readonly sidePx: number;
    readonly interpolation: 'bilinear' | 'bicubic';
    readonly crop: number;
  };
}

export interface NetworkEntry {
  /** As `architecture` takes it: `efficientnet-lite0`, `resnet-50`. */
  readonly name: string;
  readonly title: string;
  /** Paper. */
  readonly source: string;
  /** Fresh weights from the default generator. */
  make(options: EntryOptions): ImageNetwork;
  /** Sides in pixels that published weights were trained or tested at, the first being the one to start from. */
  readonly sidesPx: readonly number[];
  /** Sides must be a multiple of it: a ViT's patch. */
  readonly sideStep: number;
  /** Own key of the last layer, without `.weight`. */
  readonly classifierKey: string;
  readonly namings: readonly WeightNaming[];
  /**
   * What a file's weights were trained with, by whose names it has and its path.
   * @returns null when that does not say enough
   */
  conventionsOf(naming: string, path: string): Partial<Conventions> | null;
  readonly published: readonly PublishedWeights[];
}
