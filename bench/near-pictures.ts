/**
 * Pictures for `bench/near-duplicates.ts`: what cameras and programs lay around a picture, and what is done to copies.
 * All take and give files, and draw what is left to chance from a generator of their own.
 */

import type { Random } from 'graft-torch/base';
import sharp from 'sharp';

type Change = (file: Uint8Array, random: Random) => Promise<Buffer>;

interface Pixels {
  data: Buffer;
  width: number;
  height: number;
}

async function pixelsOf(file: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

const jpeg = ({ data, width, height }: Pixels, quality = 90): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();

export interface Aperture {
  /** Of the surround, RGB. */
  colour: readonly [number, number, number];
  /** Width of the edge, as a share of the shorter side. */
  soft: number;
  /** Radius as a share of the shorter side, from and to. */
  radius: readonly [number, number];
  /** Furthest shift of the centre along an axis, as a share of the shorter side. */
  jitter: number;
  /** Ratio of the axes; default 1. */
  oval?: number;
}

/** A round hole through which alone the picture is seen. */
export const aperture =
  ({ colour, soft, radius, jitter, oval = 1 }: Aperture): Change =>
  async (file, random) => {
    const image = await pixelsOf(file);
    const { data, width, height } = image;
    const side = Math.min(width, height);
    const r = random.uniform(...radius) * side;
    const x0 = width / 2 + random.uniform(-jitter, jitter) * side;
    const y0 = height / 2 + random.uniform(-jitter, jitter) * side;
    const edge = Math.max(1, soft * side);
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const distance = Math.hypot((x + 0.5 - x0) / oval, y + 0.5 - y0);
        const share = Math.min(1, Math.max(0, (r - distance) / edge + 0.5));
        const seen = share * share * (3 - 2 * share);
        for (let c = 0; c < 3; c++, i++) {
          const value = seen * data[i]! + (1 - seen) * colour[c]! + random.uniform(-1.5, 1.5);
          data[i] = Math.max(0, Math.min(255, Math.round(value)));
        }
      }
    return jpeg(image);
  };

/** Bars above and below, or at the sides. */
export const bars =
  (colour: string, share: readonly [number, number], upright = false): Change =>
  async (file, random) => {
    const { width, height } = await sharp(file).metadata();
    const extent = Math.round(random.uniform(...share) * (upright ? width! : height!));
    const box = upright ? { left: extent, right: extent } : { top: extent, bottom: extent };
    return sharp(file)
      .extend({ ...box, background: colour })
      .jpeg({ quality: 90 })
      .toBuffer();
  };

/** The picture's middle in 4:3, padded to a square as `graft data prepare --fit pad` does. */
const padded: Change = async (file) => {
  const { width, height } = await sharp(file).metadata();
  const cut = Math.round(height! / 8);
  const middle = await sharp(file)
    .extract({ left: 0, top: cut, width: width!, height: height! - 2 * cut })
    .toBuffer();
  return sharp(middle).resize(224, 224, { fit: 'contain', background: '#000' }).png().toBuffer();
};

const dark = [8, 8, 10] as const;
const white = [250, 250, 250] as const;
const grey = [128, 128, 128] as const;
const usual = { radius: [0.4, 0.48], jitter: 0 } as const;

/** What distinct pictures are put behind; none of it makes two of them one. */
export const surrounds: Readonly<Record<string, Change>> = {
  none: async (file) => Buffer.from(file),
  'dark, sharp': aperture({ colour: dark, soft: 0, ...usual }),
  'dark, soft': aperture({ colour: dark, soft: 0.06, ...usual }),
  'dark, very soft': aperture({ colour: dark, soft: 0.12, ...usual }),
  'dark, jittered': aperture({ colour: dark, soft: 0.02, radius: [0.4, 0.48], jitter: 0.05 }),
  'dark, small': aperture({ colour: dark, soft: 0.02, radius: [0.3, 0.4], jitter: 0.05 }),
  'dark, cut by the frame': aperture({ colour: dark, soft: 0.02, radius: [0.5, 0.6], jitter: 0.05 }),
  'dark, oval': aperture({ colour: dark, soft: 0.02, radius: [0.36, 0.42], jitter: 0.02, oval: 1.2 }),
  'white, sharp': aperture({ colour: white, soft: 0, ...usual }),
  'white, soft': aperture({ colour: white, soft: 0.06, ...usual }),
  'white, jittered': aperture({ colour: white, soft: 0.02, radius: [0.4, 0.48], jitter: 0.05 }),
  'grey, sharp': aperture({ colour: grey, soft: 0, ...usual }),
  'grey, soft': aperture({ colour: grey, soft: 0.06, ...usual }),
  'blue, soft': aperture({ colour: [30, 60, 140], soft: 0.04, ...usual }),
  'black bars': bars('#000', [0.1, 0.25]),
  'white bars': bars('#fff', [0.1, 0.25]),
  'grey bars, upright': bars('#808080', [0.1, 0.25], true),
  'fit pad': padded,
  'bars about an aperture': async (file, random) =>
    bars('#fff', [0.1, 0.2])(await surrounds['dark, soft']!(file, random), random),
};

/** Letters over the picture, half transparent. */
const watermark: Change = async (file, random) => {
  const { width, height } = await sharp(file).metadata();
  const [x, y] = [random.uniform(0.05, 0.3) * width!, random.uniform(0.3, 0.9) * height!];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><text x="${x}" y="${y}" font-family="sans-serif" font-weight="bold" font-size="${width! / 9}" fill="#fff" fill-opacity="0.6">SAMPLE 12</text></svg>`;
  return sharp(file)
    .composite([{ input: Buffer.from(svg) }])
    .jpeg({ quality: 85 })
    .toBuffer();
};

const resized: Change = async (file, random) => {
  const { width, height } = await sharp(file).metadata();
  const scale = Math.exp(random.uniform(Math.log(0.3), Math.log(2)));
  return sharp(file)
    .resize(Math.round(width! * scale), Math.round(height! * scale), { fit: 'fill' })
    .jpeg({ quality: 90 })
    .toBuffer();
};

const cropped =
  (least: number, most: number): Change =>
  async (file, random) => {
    const { width, height } = await sharp(file).metadata();
    const [l, r, t, b] = Array.from({ length: 4 }, () => random.uniform(least, most));
    const [left, top] = [Math.round(l! * width!), Math.round(t! * height!)];
    return sharp(file)
      .extract({
        left,
        top,
        width: Math.round(width! * (1 - r!)) - left,
        height: Math.round(height! * (1 - b!)) - top,
      })
      .jpeg({ quality: 90 })
      .toBuffer();
  };

/** What copies of a picture have been through. */
export const changes: Readonly<Record<string, Change>> = {
  're-encoded, quality 30 to 95': (file, random) =>
    sharp(file)
      .jpeg({ quality: 30 + random.int(66) })
      .toBuffer(),
  'resized ×0.3 to ×2': resized,
  mirrored: (file, random) => (random.int(2) ? sharp(file).flip() : sharp(file).flop()).jpeg().toBuffer(),
  'turned by quarters': (file, random) =>
    sharp(file)
      .rotate(90 * (1 + random.int(3)))
      .jpeg()
      .toBuffer(),
  'brightness ±15 %': (file, random) =>
    sharp(file).linear(random.uniform(0.85, 1.15), 0).jpeg({ quality: 90 }).toBuffer(),
  'cropped by 10 % at each side': cropped(0.1, 0.1),
  'cropped by 0 to 10 % at each side': cropped(0, 0.1),
  watermarked: watermark,
  'behind a dark aperture': aperture({ colour: dark, soft: 0.03, ...usual }),
  'behind a white aperture, jittered': aperture({
    colour: white,
    soft: 0.02,
    radius: [0.4, 0.48],
    jitter: 0.04,
  }),
  'centre square': async (file) => {
    const { width, height } = await sharp(file).metadata();
    const side = Math.min(width!, height!);
    return sharp(file).resize(side, side, { fit: 'cover' }).jpeg({ quality: 90 }).toBuffer();
  },
  'squashed to a square': (file) =>
    sharp(file).resize(128, 128, { fit: 'fill' }).jpeg({ quality: 90 }).toBuffer(),
  'padded to a square': (file) =>
    sharp(file).resize(256, 256, { fit: 'contain', background: '#000' }).jpeg({ quality: 90 }).toBuffer(),
  'cropped, mirrored, quality 60': async (file, random) =>
    sharp(await cropped(0.03, 0.08)(file, random))
      .flop()
      .rotate(90)
      .jpeg({ quality: 60 })
      .toBuffer(),
};
