/**
 * What turns images into the features that distribution metrics compare, and what is known of it. A figure is comparable
 * with another only if both have one hash: it stands for weights and protocol.
 */
import type { Device, Tensor } from 'graft-torch';
import type { InputOptions, ResizerName } from './input.js';

export interface ExtractionOptions {
  /** Called after each batch. */
  onProgress?: (done: number, total: number) => void;
}

/** What every backbone can. */
export interface FeatureExtractor {
  /** For a table's cell: 'random EfficientNet-B0'. */
  readonly name: string;
  /** One sentence: network, weights, input. */
  readonly description: string;
  /** SHA-256 over the weights, what calibrated them, and the protocol: 64 hex digits. */
  readonly hash: string;
  /** Side that images are brought to. */
  readonly sizePx: number;
  readonly resizer: string;
  /** What images are before they are resized: a generator's are rounded to it, as a file's are. */
  readonly quantisation: string;
  /** Where the network runs. */
  readonly device: Device;
  /**
   * Batch by batch, with a turn for everything else between them. The images must outlive the call.
   *
   * @param images uint8 `[N, 3, H, W]`, N ≥ 1, of any one size, on any device
   * @returns float32 `[N, D]` on the CPU; no scope owns it
   * @throws DataError when they are no such images
   */
  extract(images: Tensor, options?: ExtractionOptions): Promise<Tensor>;
  dispose(): void | Promise<void>;
}

/** A network that runs in this process and can answer at once, inside a scope. */
export interface Backbone extends FeatureExtractor {
  /**
   * As `extract`, without a pause.
   * @returns float32 `[N, D]` on the CPU
   */
  features(images: Tensor, options?: ExtractionOptions): Tensor;
  /**
   * Where the network classifies natural images (InceptionV3): features `[N, D]` → logits `[N, K]` on the CPU, without
   * the last layer's bias, as the Inception Score takes them. Cached features do for it.
   */
  logits?(features: Tensor): Tensor;
  dispose(): void;
}

export interface BackboneOptions {
  /** Default cpu. */
  device?: Device;
  /** Real images that calibrate the random backbone, uint8 `[N ≥ 2, 3, H, W]`; of no use to the others. */
  calibrate?: Tensor;
  /** Weights of the random backbone, default 0. */
  seed?: number;
  /** Side of the random backbone's input, 32…512; default the calibrating images', within 64…256. */
  sizePx?: number;
  /** How images are brought to the network's side, default `clean`; the others for InceptionV3, TorchScript and ONNX files. */
  resizer?: ResizerName;
  /** What a TorchScript or ONNX file takes; of a network with weights from a file, its side alone. */
  input?: InputOptions;
}
