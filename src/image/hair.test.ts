import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigError, Random } from 'graft-torch/base';
import { beforeAll, describe, expect, test } from 'vitest';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import { type DecodedImage, decodeImage } from './decode.js';
import { hairMask, luma8, removeHair } from './hair.js';
import { blackHatCross } from './morphology.js';

interface Removal {
  name: string;
  height: number;
  width: number;
  /** One of these three says where the pixels come from. */
  file?: string;
  formula?: 'stripes';
  pixels?: string;
  options: { kernelPx: number; threshold: number; radiusPx: number };
  marked: number;
  grey: string;
  hat: string;
  mask: string;
  result?: string;
}

const folder = new URL('../../test/goldens/hair/', import.meta.url);
const golden: { removals: Removal[] } = JSON.parse(readFileSync(new URL('hair.json', folder), 'utf8'));
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The formula of hair.py. */
function stripes(height: number, width: number): Uint8Array {
  const data = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const hair = (5 * x + 3 * y + ((y * y) >> 6)) % 97 < 12 || (((x * x) >> 5) + 7 * y) % 131 < 9;
      for (let c = 0; c < 3; c++) {
        const noise = (7 * x * x + 13 * y * y + 5 * x * y + 31 * c) % 23;
        const value = 150 + ((3 * x + 2 * y) >> 5) - 20 * c + noise - (hair ? 90 : 0);
        data[(y * width + x) * 3 + c] = Math.min(255, Math.max(0, value));
      }
    }
  }
  return data;
}

const read = (name: string): Promise<DecodedImage> => decodeImage(fileURLToPath(new URL(name, folder)));

async function imageOf({ file, pixels, height, width }: Removal): Promise<DecodedImage> {
  if (file) return read(file);
  return {
    data: pixels ? Uint8Array.from(Buffer.from(pixels, 'base64')) : stripes(height, width),
    height,
    width,
  };
}

describe('bit-exact to OpenCV', () => {
  test.each(golden.removals)('$name', async (removal) => {
    const { options, marked } = removal;
    const image = await imageOf(removal);
    expect([image.height, image.width]).toEqual([removal.height, removal.width]);
    const grey = luma8(image);
    expect(sha(grey)).toBe(removal.grey);
    expect(sha(blackHatCross(grey, image, options.kernelPx))).toBe(removal.hat);
    expect(sha(hairMask(image, options))).toBe(removal.mask);
    const { image: result, hairShare } = removeHair(image, options);
    expect(hairShare * grey.length).toBeCloseTo(marked, 6);
    if (removal.result) expect(sha(result.data)).toBe(removal.result);
  });

  test('every pixel of one result', async () => {
    const { image } = removeHair(await read('network.png'));
    expect(image.data).toEqual(Uint8Array.from((await read('network.removed.png')).data));
  });
});

describe('on a phantom with hair', () => {
  let hairy: DecodedImage;
  let bald: DecodedImage;
  beforeAll(() => {
    // The same phantom twice: hair has a stream of random numbers of its own.
    const random = new Random(11);
    const factors = Array.from({ length: 40 }, () => samplePhantom(random, { prevalence: 0 })).find(
      ({ nuisance }) => nuisance.hairs > 15 && nuisance.hairDarkness > 0.8 && nuisance.hairWidth > 0.004,
    )!;
    const render = (hairs: number): DecodedImage => ({
      data: renderPhantom({ ...factors, nuisance: { ...factors.nuisance, hairs } }, 256),
      height: 256,
      width: 256,
    });
    hairy = render(factors.nuisance.hairs);
    bald = render(0);
  });
  const difference = (a: DecodedImage, b: DecodedImage): number =>
    a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;

  test('the picture comes nearer to the one without hair', () => {
    const { image, hairShare } = removeHair(hairy);
    expect(difference(image, bald)).toBeLessThan(0.5 * difference(hairy, bald));
    expect(hairShare).toBeGreaterThan(2 * removeHair(bald).hairShare);
  });

  test('what is not marked stays, and so does the original', () => {
    const before = sha(hairy.data);
    const mask = hairMask(hairy);
    const { image } = removeHair(hairy);
    expect(sha(hairy.data)).toBe(before);
    expect(image.data.every((value, i) => mask[Math.floor(i / 3)] || value === hairy.data[i])).toBe(true);
  });
});

test('a picture without any dark detail is given back as it was', () => {
  const image = { data: new Uint8Array(20 * 30 * 3).fill(200), width: 30, height: 20 };
  expect(removeHair(image)).toEqual({ image, hairShare: 0 });
});

test.each([
  { kernelPx: 16 },
  { kernelPx: 0 },
  { kernelPx: 3.5 },
  { threshold: -1 },
  { threshold: 256 },
  { threshold: Number.NaN },
  { radiusPx: 0 },
  { radiusPx: 1.5 },
  { radiusPx: 101 },
])('%j is refused', (options) => {
  const image = { data: new Uint8Array(12), width: 2, height: 2 };
  expect(() => removeHair(image, options)).toThrow(ConfigError);
});
