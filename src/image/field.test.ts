import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import type { DecodedImage } from './decode.js';
import { type Field, findField } from './field.js';

const random = new Random(3);
const [width, height] = [120, 90];

/** A phantom's middle, in 4:3. */
function picture(): DecodedImage {
  const drawn = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), width);
  const data = Uint8Array.from(drawn.subarray(3 * width * 15, 3 * width * (15 + height)));
  return { data, width, height };
}

type Colour = readonly [number, number, number];

/** Leaves what `share` (0…1) shows at each pixel, in shares of the frame; the rest has the colour, with a little noise. */
function behind(share: (x: number, y: number) => number, colour: Colour): DecodedImage {
  const image = picture();
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const seen = share(x + 0.5, y + 0.5);
      for (let c = 0; c < 3; c++, i++) {
        const value = seen * image.data[i]! + (1 - seen) * colour[c]! + random.uniform(-1.5, 1.5);
        image.data[i] = Math.min(255, Math.max(0, Math.round(value)));
      }
    }
  return image;
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));
const disc =
  (radius: number, edge = 1, centre: readonly [number, number] = [width / 2, height / 2], oval = 1) =>
  (x: number, y: number): number =>
    clamp((radius - Math.hypot((x - centre[0]) / oval, y - centre[1])) / edge + 0.5);

const dark: Colour = [8, 8, 10];
const white: Colour = [250, 250, 250];
const grey: Colour = [110, 115, 120];

/** Of the surround that is left in; of the picture that is lost. Both as shares of the whole frame. */
function errors({ inside, width: w, height: h }: Field, share: (x: number, y: number) => number) {
  let [left, lost] = [0, 0];
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const seen = share(((x + 0.5) * width) / w, ((y + 0.5) * height) / h);
      if (inside[y * w + x] && seen < 0.5) left += 1 / (w * h);
      if (!inside[y * w + x] && seen > 0.99) lost += 1 / (w * h);
    }
  return { left, lost };
}

describe('the surround is left out, and little else', () => {
  const cases: [string, (x: number, y: number) => number, Colour][] = [
    ['round, dark, sharp', disc(40), dark],
    ['round, dark, soft', disc(40, 6), dark],
    ['round, white', disc(40), [255, 255, 255]],
    ['round, grey, soft', disc(40, 5), grey],
    ['round, blue', disc(40, 2), [20, 40, 160]],
    ['round, off the centre', disc(36, 2, [54, 48]), dark],
    ['small', disc(25, 2), dark],
    ['oval', disc(30, 2, undefined, 1.5), dark],
    ['cut by the frame', disc(56, 3), dark],
    ['bars above and below', (_, y) => Number(y > 14 && y < 76), [0, 0, 0]],
    ['white bars at the sides', (x) => Number(x > 20 && x < 100), white],
    ['one bar', (_, y) => Number(y > 20), dark],
    ['bars about an oval', (x, y) => Number(y > 10 && y < 80) * disc(30, 2, undefined, 1.3)(x, y), dark],
  ];
  test.each(cases)('%s', (_, share, colour) => {
    for (let i = 0; i < 3; i++) {
      const { left, lost } = errors(findField(behind(share, colour)), share);
      expect(left).toBeLessThan(0.005);
      expect(lost).toBeLessThan(0.12);
    }
  });
});

test('white bars about a dark aperture: one after the other', () => {
  const round = disc(28, 2);
  const image = behind(round, dark);
  for (let y = 0; y < height; y++)
    if (y < 12 || y >= 78) image.data.fill(250, 3 * y * width, 3 * (y + 1) * width);
  const { left, lost } = errors(findField(image), round);
  expect(left).toBeLessThan(0.005);
  expect(lost).toBeLessThan(0.1);
});

test('a lesion that touches a surround as dark as itself stays, and a mark in the surround does not', () => {
  const round = disc(40);
  const image = behind(round, dark);
  const paint = (x0: number, y0: number, radius: number, colour: Colour) => {
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        if (Math.hypot(x - x0, y - y0) < radius) image.data.set(colour, 3 * (y * width + x));
  };
  paint(30, 30, 9, dark);
  paint(8, 8, 4, [255, 255, 255]);
  const { left, lost } = errors(findField(image), round);
  expect(left).toBeLessThan(0.01);
  expect(lost).toBeLessThan(0.12);
});

test('a picture without a surround is its own field', () => {
  for (let i = 0; i < 5; i++) {
    const { inside, box } = findField(picture());
    expect(inside.every((value) => value === 1)).toBe(true);
    expect(box).toEqual({ left: 0, top: 0, right: 1, bottom: 1 });
  }
});

test('a flat picture and one of a few pixels are their own fields', () => {
  for (const [w, h] of [
    [50, 40],
    [1, 1],
    [3, 200],
  ] as const) {
    const { inside, box } = findField({ data: new Uint8Array(3 * w * h).fill(7), width: w, height: h });
    expect(inside.every((value) => value === 1)).toBe(true);
    expect(box).toEqual({ left: 0, top: 0, right: 1, bottom: 1 });
  }
});
