/** What the commands of `graft classify` open their images, and starting weights, with. */
import type { ClassifierConfig } from '../classify/index.js';
import type { Dataset } from '../data/dataset/index.js';
import { openDataset, reopenDataset, shownAs } from '../data/dataset/index.js';
import { openPixelCache } from '../data/pixels/index.js';
import type { Channels, Framing } from '../image/index.js';
import { openWeightsFile } from '../models/index.js';
import { Progress, trainedOn } from '../run/index.js';

/**
 * A dataset and its pixels at a size, decoded with a progress bar where they are not cached.
 * @param options.channels that the pixels are to have; default: the dataset's
 * @param options.framing how frames were seen by what the pixels are for; default: as for all training
 */
export async function openData(dir: string, imageSize: number, options: PixelOptions) {
  return withPixels(openDataset(dir), imageSize, options);
}

/**
 * The same of the dataset that a run was trained on.
 * @param options.data where it is now; default: where the run says
 */
export async function reopenData(
  run: string,
  config: ClassifierConfig,
  options: PixelOptions & { data?: string | undefined },
) {
  const { data = config.data } = options;
  return withPixels(reopenDataset(data, trainedOn(run)), config.imageSize, options);
}

interface PixelOptions {
  quiet: boolean;
  framing?: Framing | null;
  channels?: Channels | undefined;
}

async function withPixels(
  dataset: Dataset,
  imageSize: number,
  { quiet, framing = null, channels }: PixelOptions,
) {
  const cache = await withAsyncTotal({ label: 'decoding', unit: 'images', quiet }, (onProgress) =>
    openPixelCache(dataset, imageSize, { ...shownAs(dataset, framing), channels, onProgress }),
  );
  return { dataset, cache };
}

/** Progress of work that tells with each call how much there is in all: the display begins with the first call. */
export async function withAsyncTotal<Result>(
  options: Omit<ConstructorParameters<typeof Progress>[0], 'total'>,
  work: (onProgress: (done: number, total: number) => void) => Promise<Result>,
): Promise<Result> {
  let bar: Progress | undefined;
  try {
    return await work((done, total) => {
      bar ??= new Progress({ ...options, total });
      bar.update(done);
    });
  } finally {
    bar?.stop();
  }
}

/** In MB, to 0.1. */
const inMb = (bytes: number): number => Number((bytes / 1e6).toFixed(1));

/**
 * Brings the weights that a run starts from to this machine, with a progress bar where they have to be fetched. Later on
 * they are found there.
 * @throws ConfigError, DataError as `openWeightsFile`
 */
export async function bringWeights(
  weights: string | null,
  options: { quiet: boolean; stream?: NodeJS.WriteStream },
): Promise<void> {
  if (weights === null) return;
  const label = `fetching ${weights.split('/').at(-1)}`;
  await withAsyncTotal({ label, unit: 'MB', ...options }, (onProgress) =>
    openWeightsFile(weights, {
      // Without a size there is no share, and no time left, to show.
      onProgress: (done, total) => (total === null ? undefined : onProgress(inMb(done), inMb(total))),
    }),
  );
}
