/**
 * Scores images that belong to no dataset. They stream: while the network looks at one batch the next is decoded, and
 * nothing is kept of those before, so that memory does not grow with the number of files.
 */

import { type Device, type Tensor, tensor } from 'graft-torch';
import { DataError, readBytesAsync } from 'graft-torch/base';
import type { Module } from 'graft-torch/nn';
import { forEachParallel } from '../base/index.js';
import type { Channels, Framing, Showing } from '../image/index.js';
import { decodeSquare, type SquareOptions } from '../image/index.js';
import { batchSizeFor, classProbabilities, type EvaluateOptions, logitsOf, probability } from './evaluate.js';
import type { PictureFile } from './pictures.js';

export interface Prediction {
  /** As `PictureFile` calls it. */
  file: string;
  /** Probability of the positive class. */
  score: number;
  /** Of every class in its order, the positive one first, where the network tells several apart; else null. */
  probabilities: number[] | null;
}

export interface Unreadable {
  /** As `PictureFile` calls it. */
  file: string;
  /** With the whole path. */
  reason: string;
}

/** What became of some files that follow each other. */
export interface PredictedFiles {
  /** In the order of the files. */
  predictions: Prediction[];
  /** Files that cannot be read or decoded. */
  unreadable: Unreadable[];
  /** Files that are behind us, these included. */
  done: number;
}

export interface PredictOptions {
  /** Side that the network was trained at. */
  sizePx: number;
  /** How it saw the frames of its training images. */
  framing: Framing;
  /** Channels that it takes; default 3. */
  channels?: Channels;
  /** Which stored values were black and white in its training images. */
  showing?: Showing;
  device: Device;
  /** Files a batch; fewer where images are so large that a batch would not fit. */
  batchSize: number;
  tta?: EvaluateOptions['tta'];
  /** Classes that the network tells apart; 0: the positive one from the rest. */
  classes: number;
}

/**
 * A file as pixels, exactly as the pixel cache prepares those of a dataset (the same framing, by the same decoder): what a
 * network is shown must be made as what it learned from.
 * @returns RGB `[3, sizePx, sizePx]`, or luma `[1, sizePx, sizePx]`
 */
async function readSquare(path: string, how: SquareOptions): Promise<Uint8Array> {
  return decodeSquare(await readBytesAsync(path), how, path);
}

/**
 * Files as pixels, all of them in memory.
 * @param how side and framing that the network learned with
 * @returns uint8 `[N, C, sizePx, sizePx]`, which the caller disposes
 * @throws DataError naming the file that cannot be read or decoded
 */
export async function readSquares(files: readonly string[], how: SquareOptions): Promise<Tensor> {
  const { sizePx, channels = 3 } = how;
  const planes = channels * sizePx * sizePx;
  const data = new Uint8Array(files.length * planes);
  await forEachParallel(files.length, async (i) => {
    data.set(await readSquare(files[i]!, how), i * planes);
  });
  return tensor(data, [files.length, channels, sizePx, sizePx]);
}

/**
 * Scores files in their order, a batch at a time; one batch is decoded ahead. Files that cannot be decoded are told, and
 * take no part.
 */
export async function* predictFiles(
  network: Module,
  files: readonly PictureFile[],
  options: PredictOptions,
): AsyncGenerator<PredictedFiles> {
  const { sizePx, framing, device, tta, classes, channels = 3, showing } = options;
  const batchSize = batchSizeFor({ height: sizePx, width: sizePx }, options.batchSize);
  const read = (start: number): Promise<ReadBatch> => {
    const how = { sizePx, channels, showing, ...framing };
    const batch = readBatch(files.slice(start, start + batchSize), how);
    batch.catch(() => {}); // thrown when the batch is asked for
    return batch;
  };
  let ahead = read(0);
  try {
    for (let start = 0; start < files.length; start += batchSize) {
      const { names, pixels, unreadable } = await ahead;
      ahead = read(start + batchSize);
      const images = tensor(pixels, [names.length, channels, sizePx, sizePx]);
      const how = { device, batchSize, tta, indices: [...names.keys()] };
      let predictions: Prediction[];
      try {
        predictions =
          classes > 0
            ? (await classProbabilities(network, images, { ...how, classes })).map((probabilities, i) => ({
                file: names[i]!,
                score: probabilities[0]!,
                probabilities,
              }))
            : Array.from(await logitsOf(network, images, how), (logit, i) => ({
                file: names[i]!,
                score: probability(logit),
                probabilities: null,
              }));
      } finally {
        images.dispose();
      }
      yield { predictions, unreadable, done: Math.min(start + batchSize, files.length) };
    }
  } finally {
    await ahead.catch(() => {}); // whoever stops early is not left with files being read
  }
}

interface ReadBatch {
  /** Of the files that could be read. */
  names: string[];
  /** Their pixels, one after the other. */
  pixels: Uint8Array;
  unreadable: Unreadable[];
}

async function readBatch(files: readonly PictureFile[], how: SquareOptions): Promise<ReadBatch> {
  const { sizePx, channels = 3 } = how;
  const planes = channels * sizePx * sizePx;
  const pixels = new Uint8Array(files.length * planes);
  const reasons = new Map<number, string>();
  await forEachParallel(files.length, async (i) => {
    try {
      pixels.set(await readSquare(files[i]!.path, how), i * planes);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      reasons.set(i, error.message);
    }
  });
  const readable = [...files.keys()].filter((i) => !reasons.has(i));
  // What could not be read is closed up.
  readable.forEach((from, to) => {
    pixels.copyWithin(to * planes, from * planes, (from + 1) * planes);
  });
  const nameOf = (i: number): string => files[i]!.name;
  return {
    names: readable.map(nameOf),
    pixels: pixels.subarray(0, readable.length * planes),
    unreadable: [...files.keys()]
      .filter((i) => reasons.has(i))
      .map((i) => ({ file: nameOf(i), reason: reasons.get(i)! })),
  };
}
