/**
 * Pictures whose pixels are not square, stretched until they are. Every tool shows pixels square, so a lesion would come out
 * squashed. The coarser direction is filled up, by linear interpolation between centres: nothing is lost. (libvips places
 * the centres of what it enlarges a quarter of a pixel off.)
 */

type Samples = Uint8Array | Float32Array | Float64Array;

export interface RawPicture<Data extends Samples = Uint8Array> {
  /** `[height, width, channels]`. */
  data: Data;
  width: number;
  height: number;
  channels: number;
}

/** @param aspect how much higher than wide a pixel is */
export function withSquarePixels<Data extends Samples>(
  picture: RawPicture<Data>,
  aspect: number,
): RawPicture<Data> {
  const { data, width, height, channels } = picture;
  if (aspect > 1) {
    const rows = Math.round(height * aspect);
    return {
      ...picture,
      data: stretch(data, { from: height, to: rows, step: width * channels, lines: 1 }),
      height: rows,
    };
  }
  const columns = Math.round(width / aspect);
  return {
    ...picture,
    data: stretch(data, { from: width, to: columns, step: channels, lines: height }),
    width: columns,
  };
}

/** Stretches one axis: `lines` blocks of `from` samples, each of `step` neighbouring values. */
function stretch<Data extends Samples>(
  data: Data,
  { from, to, step, lines }: { from: number; to: number; step: number; lines: number },
): Data {
  const out = new (data.constructor as new (length: number) => Data)(lines * to * step);
  const isWhole = data instanceof Uint8Array;
  for (let i = 0; i < to; i++) {
    const centre = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.floor(centre);
    const high = Math.min(low + 1, from - 1);
    const share = centre - low;
    for (let line = 0; line < lines; line++) {
      const [a, b] = [(line * from + low) * step, (line * from + high) * step];
      const at = (line * to + i) * step;
      for (let k = 0; k < step; k++) {
        const value = (1 - share) * data[a + k]! + share * data[b + k]!;
        out[at + k] = isWhole ? Math.round(value) : value;
      }
    }
  }
  return out;
}
