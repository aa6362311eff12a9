/**
 * What becomes of the pictures of a dataset on the way to a network's square, told from their sizes alone: detail that is
 * invented by enlarging, parts of the frame that are cut off, detail that is shrunk away.
 */
import type { Fit } from '../../image/index.js';
import type { DatasetRow } from './dataset.js';

/** Enlarged by more than this, pictures show the kernel more than themselves. */
const ENLARGED = 1.25;
/** Less of the frame than this is left: of frames more than twice as long as wide. */
const LEAST_SEEN = 0.5;
/** Shrunk by this much a lesion of an eighth of the frame is a few pixels. */
const SHRUNK = 32;
/** Fewer images than this share are not worth a line. */
const WORTH_TELLING = 0.1;

type Size = Pick<DatasetRow, 'width' | 'height'>;

/** Of the photograph, where the dataset was prepared from it and says so; else of the image. */
export function photographSize({
  width,
  height,
  extra,
}: Pick<DatasetRow, 'width' | 'height' | 'extra'>): Size {
  const [before, high] = [Number(extra.original_width), Number(extra.original_height)];
  return before > 0 && high > 0 ? { width: before, height: high } : { width, height };
}

/**
 * @param sizes upright sizes of the images that are learned
 * @returns a sentence for each thing that happens to a tenth of the images or more
 */
export function frameCautions(
  sizes: readonly Size[],
  { sizePx, fit }: { sizePx: number; fit: Fit },
): string[] {
  const tell = (isOne: (size: Size) => boolean, words: (worst: Size) => string): string[] => {
    const some = sizes.filter(isOne);
    if (some.length === 0 || some.length < WORTH_TELLING * sizes.length) return [];
    return [`${some.length} of ${sizes.length} images ${words(some[some.length >> 1]!)}`];
  };
  const shorter = ({ width, height }: Size): number => Math.min(width, height);
  const longer = ({ width, height }: Size): number => Math.max(width, height);
  const seen = (size: Size): number => shorter(size) / longer(size);
  const name = ({ width, height }: Size): string => `such as ${width}×${height} px`;
  /** The side that becomes the square's. */
  const decisive = fit === 'contain' ? longer : shorter;
  return [
    ...tell(
      (size) => sizePx > ENLARGED * decisive(size),
      (size) =>
        `(${name(size)}) are enlarged ${figure(sizePx / decisive(size))} times to ${sizePx} px: their detail is the resizer’s; choose a smaller imageSize`,
    ),
    ...(fit === 'cover'
      ? tell(
          (size) => seen(size) < LEAST_SEEN,
          (size) =>
            `(${name(size)}) lose ${Math.round(100 * (1 - seen(size)))} % of their frame, for the network sees its centre square; keep all of it with graft data prepare --sizes ${sizePx} --fit pad, or squash`,
        )
      : []),
    ...(fit === 'fill'
      ? tell(
          (size) => seen(size) < LEAST_SEEN,
          (size) => `(${name(size)}) are squashed ${figure(1 / seen(size))} times in one direction`,
        )
      : []),
    ...tell(
      (size) => decisive(size) >= SHRUNK * sizePx,
      (size) =>
        `(${name(size)}) are shrunk ${figure(decisive(size) / sizePx)} times to ${sizePx} px: small lesions vanish; crop to them (graft data prepare --masks), or choose a larger imageSize`,
    ),
  ];
}

const figure = (value: number): string => String(Number(value.toPrecision(2)));
