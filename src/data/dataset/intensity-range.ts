/** The range of intensities as a dataset records it: which stored values became black, and which white. */
import { z } from 'zod';

export const intensitySchema = z.array(
  z.strictObject({
    /** The samples of the files that it is for; `pixels`: of 8 bits, which are else shown as they are. */
    format: z.enum(['pixels', 'unsigned', 'signed', 'float']),
    /** The value that becomes black, and the one that becomes white. */
    from: z.number(),
    to: z.number(),
    /** How it was found, in words. */
    how: z.string(),
    /** Files. */
    images: z.int().nonnegative(),
  }),
);

export type FoundRange = z.infer<typeof intensitySchema>[number];

const formatWords: Readonly<Record<FoundRange['format'], string>> = {
  pixels: '8-bit pixels',
  unsigned: 'unsigned values',
  signed: 'signed values',
  float: 'floats',
};

/**
 * Where files of one format were brought to 8 bits by other ranges, in words; null where they were not. Pictures that are
 * shown to a network, or compared, must look as those that it learned from.
 */
export function otherRange(own: readonly FoundRange[], learned: readonly FoundRange[]): string | null {
  for (const one of own) {
    const other = learned.find(({ format }) => format === one.format);
    if (!other || (one.from === other.from && one.to === other.to)) continue;
    const [now, then] = [one, other].map(({ from, to }) => `${shortValue(from)} to ${shortValue(to)}`);
    return `its ${formatWords[one.format]} were shown as ${now} and those that were learned from as ${then}; import it with --intensity ${other.from}:${other.to}`;
  }
  return null;
}

/** A value in few digits. */
export const shortValue = (value: number): string => String(Number(value.toPrecision(6)));

/** `60 files of unsigned values: 0 to 4095 become black to white (12 bits in use)`. */
export const rangeText = ({ format, from, to, how, images }: FoundRange): string =>
  `${images} ${images === 1 ? 'file' : 'files'} of ${formatWords[format]}: ${shortValue(from)} to ${shortValue(to)} become black to white (${how})`;
