import { DataError, Random } from 'graft-torch/base';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type PhantomFactors,
  type PhantomNuisance,
  renderPhantom,
  samplePhantom,
} from '../data/phantom/index.js';
import type { DecodedImage } from './decode.js';
import { encodeImage } from './encode.js';
import { type ImageTraits, imageTraits, measureTraits, traitsSizePx } from './traits.js';

/** A drawing of 64 × 48 px. */
function draw(colourAt: (x: number, y: number) => readonly [number, number, number]): DecodedImage {
  const [width, height] = [64, 48];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return colourAt(pixel % width, Math.floor(pixel / width))[i % 3]!;
  });
  return { data, width, height };
}

describe('drawings', () => {
  test('flat pictures', () => {
    expect(imageTraits(draw(() => [0, 0, 0]))).toEqual({
      brightness: 0,
      saturation: 0,
      hairShare: 0,
      vignette: 0,
      sharpness: 0,
    });
    expect(imageTraits(draw(() => [255, 255, 255]))).toMatchObject({ brightness: 1, saturation: 0 });
    const skin = imageTraits(draw(() => [200, 150, 100]));
    expect(skin.brightness).toBeCloseTo((0.299 * 200 + 0.587 * 150 + 0.114 * 100) / 255, 2);
    expect(skin.saturation).toBeCloseTo(0.5, 10);
  });

  test('hair is long: a line counts, dots of the same area do not', () => {
    const skin = [220, 180, 160] as const;
    const ink = [60, 40, 30] as const;
    const line = imageTraits(draw((x, y) => (y === 20 && x >= 10 && x < 50 ? ink : skin)));
    expect(line.hairShare).toBeCloseTo(40 / (64 * 48), 10);
    const dots = imageTraits(draw((x, y) => (x % 8 === 4 && y % 8 === 4 ? ink : skin)));
    expect(dots.hairShare).toBe(0);
  });

  test('a round field of view is all vignette, light that falls off a little of it', () => {
    const outside = (x: number, y: number) => Math.hypot((2 * x + 1) / 64 - 1, (2 * y + 1) / 48 - 1);
    const round = imageTraits(draw((x, y) => (outside(x, y) > 1 ? [0, 0, 0] : [200, 200, 200])));
    expect(round.vignette).toBe(1);
    const soft = imageTraits(
      draw((x, y) => {
        const value = Math.round(200 * (1 - 0.15 * outside(x, y) ** 2));
        return [value, value, value];
      }),
    );
    expect(soft.vignette).toBeGreaterThan(0.1);
    expect(soft.vignette).toBeLessThan(0.25);
    const darkCentre = imageTraits(draw((x, y) => (outside(x, y) < 0.5 ? [50, 50, 50] : [200, 200, 200])));
    expect(darkCentre.vignette).toBe(0);
  });

  test('the softer the edges, the less sharp; one blurred direction is enough', () => {
    // Waves of 16 px whose edges take `ramp` px.
    const wave = (k: number, ramp: number) => {
      const toEdge = Math.abs((k % 16) - 7.5) - 3.5;
      return 125 + 75 * Math.min(1, Math.max(-1, (2 * toEdge) / ramp));
    };
    const sharpness = (rampX: number, rampY: number) =>
      imageTraits(
        draw((x, y) => {
          const value = Math.round((wave(x, rampX) + wave(y, rampY)) / 2);
          return [value, value, value];
        }),
      ).sharpness;
    const ramps = [1, 3, 5, 7].map((ramp) => sharpness(ramp, ramp));
    expect([...ramps].sort((a, b) => b - a)).toEqual(ramps);
    expect(ramps[0]).toBeGreaterThan(0.7);
    expect(ramps[3]).toBeLessThan(0.65 * ramps[0]!);
    expect(sharpness(7, 1)).toBeCloseTo(ramps[3]!, 1);
    expect(sharpness(1, 7)).toBeCloseTo(ramps[3]!, 1);
    // A blur by nine spreads a step over nine; that nothing changes from row to row is no blur.
    const step = imageTraits(draw((x) => (x < 30 ? [50, 50, 50] : [200, 200, 200])));
    expect(step.sharpness).toBeCloseTo(8 / 9, 10);
  });

  test('every value lies between 0 and 1, also for images of a pixel and of noise', () => {
    const random = new Random(9);
    for (const [width, height] of [
      [1, 1],
      [1, 9],
      [2, 2],
      [40, 30],
    ] as const) {
      const data = Uint8Array.from({ length: width * height * 3 }, () => Math.floor(256 * random.next()));
      for (const value of Object.values(imageTraits({ data, width, height }))) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
      }
    }
  });
});

describe('phantoms', () => {
  let factors: PhantomFactors;
  const render = (nuisance: Partial<PhantomNuisance>): DecodedImage => ({
    data: renderPhantom({ ...factors, nuisance: { ...factors.nuisance, ...nuisance } }, 256),
    width: 256,
    height: 256,
  });
  beforeAll(() => {
    factors = samplePhantom(new Random(4), { prevalence: 0 });
  });

  test.each<[keyof ImageTraits, Partial<PhantomNuisance>, Partial<PhantomNuisance>]>([
    ['brightness', { exposure: 0.7 }, { exposure: 1 }],
    [
      'hairShare',
      { hairs: 0, ruler: 'none' },
      { hairs: 20, hairDarkness: 0.9, hairWidth: 0.006, ruler: 'none' },
    ],
    ['vignette', { aperture: 2, vignette: 0 }, { aperture: 1.05, vignette: 0 }],
  ])('%s tells them apart', (trait, less, more) => {
    expect(imageTraits(render(more))[trait]).toBeGreaterThan(1.2 * imageTraits(render(less))[trait] + 0.01);
  });

  test('a file is measured at one size, whatever its own', async () => {
    const image = render({ hairs: 12, hairDarkness: 0.9 });
    const file = await encodeImage(image, 'png');
    expect(Math.min(image.width, image.height)).toBe(traitsSizePx);
    expect(await measureTraits(file)).toEqual(imageTraits(image));
    const twice = await sharp(file).resize(512, 512).png().toBuffer();
    const again = await measureTraits(twice);
    for (const [trait, value] of Object.entries(imageTraits(image))) {
      expect(Math.abs(again[trait as keyof ImageTraits] - value)).toBeLessThan(0.03);
    }
  });

  test('a file that cannot be decoded is named', async () => {
    await expect(measureTraits(Buffer.from('no image'), 'x.jpg')).rejects.toThrow(DataError);
    await expect(measureTraits(Buffer.from('no image'), 'x.jpg')).rejects.toThrow(/^x\.jpg/);
  });
});
