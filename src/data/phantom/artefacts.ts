/**
 * What lies between the skin and the sensor: hair, rulers, stickers, gel bubbles, reflections, the scope's
 * aperture, uneven light. All nuisances.
 */
import type { Random } from 'graft-torch/base';
import { coordinate, stampDisc, strokeLine } from './canvas.js';
import type { PhantomFactors } from './factors.js';
import { type Noise, smoothstep } from './noise.js';

/** Linear colour, three values a sample, [side, side, 3]; 1 is a fully lit white. */
export interface Picture {
  side: number;
  rgb: Float32Array;
}

type Colour = readonly [number, number, number];

interface Paint {
  colour: Colour;
  /** How much of it covers what is there, 0…1. */
  alpha: number;
}

function blend({ rgb }: Picture, index: number, { colour, alpha }: Paint): void {
  const at = index * 3;
  for (let c = 0; c < 3; c++) rgb[at + c]! += alpha * (colour[c]! - rgb[at + c]!);
}

/** Lays a colour on where `cover` says, 0…1 a sample. */
function blendPlane(picture: Picture, cover: Float32Array, { colour, alpha }: Paint): void {
  for (let i = 0; i < cover.length; i++) {
    if (cover[i]! > 0) blend(picture, i, { colour, alpha: alpha * cover[i]! });
  }
}

/** Hairs: curved, tapering, mostly growing one way, each with a faint shadow. */
export function paintHair(picture: Picture, factors: PhantomFactors, random: Random): void {
  const { hairs, hairDarkness, hairWidth } = factors.nuisance;
  if (hairs === 0) return;
  const { side } = picture;
  const cover = new Float32Array(side * side);
  const shadow = new Float32Array(side * side);
  const trend = random.uniform(0, 2 * Math.PI);
  const unruly = random.uniform(0.15, 0.9);
  for (let k = 0; k < hairs; k++) {
    let x = random.uniform(-1.1, 1.1);
    let y = random.uniform(-1.1, 1.1);
    let heading = trend + random.normal(0, unruly);
    const length = random.uniform(0.25, 1.5);
    const width = hairWidth * random.uniform(0.6, 1.25);
    const steps = 18;
    let bend = random.normal(0, 1.1) / steps;
    const points = [x, y];
    const shade = [x + 1.4 * width, y + 1.4 * width];
    const widths = [width];
    for (let step = 1; step <= steps; step++) {
      bend += random.normal(0, 0.25) / steps;
      heading += bend;
      x += (length / steps) * Math.cos(heading);
      y += (length / steps) * Math.sin(heading);
      points.push(x, y);
      shade.push(x + 1.4 * width, y + 1.4 * width);
      widths.push(width * Math.sqrt(1 - (0.93 * step) / steps));
    }
    strokeLine(cover, points, widths);
    strokeLine(shadow, shade, widths);
  }
  const dark: Colour = [0.13, 0.08, 0.06];
  const light: Colour = [0.78, 0.62, 0.42];
  const t = smoothstep(0.35, 0.65, hairDarkness);
  const colour: Colour = [
    light[0] + t * (dark[0] - light[0]),
    light[1] + t * (dark[1] - light[1]),
    light[2] + t * (dark[2] - light[2]),
  ];
  blendPlane(picture, shadow, { colour: [0.3, 0.18, 0.15], alpha: 0.22 });
  blendPlane(picture, cover, { colour, alpha: 0.5 + 0.42 * hairDarkness });
}

/** A scale: ticks along an edge of the field, or a small bar of its own. */
export function paintRuler(picture: Picture, factors: PhantomFactors, random: Random): void {
  const { ruler } = factors.nuisance;
  if (ruler === 'none') return;
  const { side } = picture;
  const cover = new Float32Array(side * side);
  const along = random.uniform(-0.12, 0.12) + (Math.PI / 2) * random.int(4);
  const ux = Math.cos(along);
  const uy = Math.sin(along);
  const stroke = (ends: readonly [number, number, number, number], w: number) =>
    strokeLine(cover, ends, [w, w]);
  if (ruler === 'edge') {
    const away = random.uniform(0.8, 0.92);
    for (let k = -10; k <= 10; k++) {
      const t = k * 0.1;
      const tick = k % 5 === 0 ? 0.13 : 0.075;
      const x = t * ux - away * uy;
      const y = t * uy + away * ux;
      stroke([x, y, x - tick * uy, y + tick * ux], 0.008);
    }
  } else {
    const turn = random.uniform(0, 2 * Math.PI);
    const bx = Math.cos(turn);
    const by = Math.sin(turn);
    const cx = -0.74 * uy + random.uniform(-0.2, 0.2) * ux;
    const cy = 0.74 * ux + random.uniform(-0.2, 0.2) * uy;
    const long = Math.abs(Math.sin(turn - along)) > 0.5 ? 0.22 : 0.4;
    stroke([cx - long * bx, cy - long * by, cx + long * bx, cy + long * by], 0.007);
    for (let k = 0; k <= 10; k++) {
      const t = -long + (k / 10) * 2 * long;
      const tick = k % 5 === 0 ? 0.07 : 0.04;
      const x = cx + t * bx;
      const y = cy + t * by;
      stroke([x, y, x - tick * by, y + tick * bx], 0.005);
    }
  }
  blendPlane(picture, cover, { colour: [0.09, 0.08, 0.1], alpha: 0.88 });
}

/** A round coloured sticker reaching into the field. */
export function paintPatch(
  picture: Picture,
  { factors, noise }: { factors: PhantomFactors; noise: Noise },
  random: Random,
): void {
  const hue = factors.nuisance.patchHue;
  if (hue === null) return;
  const { side } = picture;
  const angle = random.uniform(0, 2 * Math.PI);
  const radius = random.uniform(0.5, 0.75);
  const away = random.uniform(1.2, 1.4);
  const colour = hueToColour(hue);
  const x = away * Math.cos(angle);
  const y = away * Math.sin(angle);
  stampDisc(side, { x, y, radius }, (index, distance) => {
    const px = coordinate(index % side, side);
    const py = coordinate(Math.floor(index / side), side);
    const paper = 0.93 + 0.1 * noise.gradient(px * 28, py * 28);
    const alpha = smoothstep(radius, radius - 0.02, distance);
    blend(picture, index, { colour: [colour[0] * paper, colour[1] * paper, colour[2] * paper], alpha });
  });
}

function hueToColour(hue: number): Colour {
  const channel = (shift: number) => {
    const k = (shift + hue / 60) % 6;
    return 0.92 * (1 - 0.86 * Math.max(0, Math.min(k, 4 - k, 1)));
  };
  return [channel(5), channel(3), channel(1)];
}

/** Bubbles in the contact gel: a thin bright arc, darker opposite. */
export function paintBubbles(picture: Picture, factors: PhantomFactors, random: Random): void {
  for (let k = 0; k < factors.nuisance.bubbles; k++) {
    const x = random.uniform(-1, 1);
    const y = random.uniform(-1, 1);
    const r = 0.02 + 0.11 * random.next() ** 2;
    const lit = random.uniform(0, 2 * Math.PI);
    const { side } = picture;
    stampDisc(side, { x, y, radius: r }, (index, distance) => {
      const dx = coordinate(index % side, side) - x;
      const dy = coordinate(Math.floor(index / side), side) - y;
      const facing = (dx * Math.cos(lit) + dy * Math.sin(lit)) / r;
      const rim = smoothstep(0.72, 0.93, distance / r) * smoothstep(1, 0.93, distance / r);
      if (rim <= 0) return;
      if (facing > 0) blend(picture, index, { colour: [1, 1, 1], alpha: 0.75 * rim * facing });
      else blend(picture, index, { colour: [0.2, 0.15, 0.13], alpha: -0.35 * rim * facing });
    });
  }
}

/** Small reflections of the lamp on wet, uneven skin. */
export function paintSpeculars(picture: Picture, factors: PhantomFactors, random: Random): void {
  const { speculars, offsetX, offsetY } = factors.nuisance;
  if (speculars === 0) return;
  const cover = new Float32Array(picture.side * picture.side);
  const x0 = offsetX + random.normal(0, 0.3);
  const y0 = offsetY + random.normal(0, 0.3);
  for (let k = 0; k < speculars; k++) {
    const x = x0 + random.normal(0, 0.3);
    const y = y0 + random.normal(0, 0.3);
    const angle = random.uniform(0, 2 * Math.PI);
    const long = random.uniform(0, 0.022);
    const w = random.uniform(0.002, 0.006);
    strokeLine(cover, [x, y, x + long * Math.cos(angle), y + long * Math.sin(angle)], [w, 0.6 * w]);
  }
  blendPlane(picture, cover, { colour: [0.97, 0.97, 1], alpha: 0.75 });
}

/** Exposure, white balance, fall-off of the light, darkening optics, and the black rim of a round aperture. */
export function light(picture: Picture, factors: PhantomFactors, random: Random): void {
  const { side, rgb } = picture;
  const { whiteBalance, exposure, lightAngle, lightFalloff, vignette, aperture } = factors.nuisance;
  const gx = Math.cos(lightAngle) * lightFalloff;
  const gy = Math.sin(lightAngle) * lightFalloff;
  const rim = random.uniform(0.02, 0.1);
  const squash = random.uniform(0.96, 1.08);
  const shiftX = random.normal(0, 0.03);
  const shiftY = random.normal(0, 0.03);
  for (let j = 0; j < side; j++) {
    const y = coordinate(j, side);
    for (let i = 0; i < side; i++) {
      const x = coordinate(i, side);
      const r2 = x * x + y * y;
      let gain = exposure * (1 + gx * x + gy * y) * (1 - vignette * r2 * (0.3 + 0.2 * r2));
      if (aperture < 1.5) {
        const ax = (x - shiftX) * squash;
        const ay = y - shiftY;
        gain *= 0.03 + 0.97 * smoothstep(aperture, aperture - rim, Math.sqrt(ax * ax + ay * ay));
      }
      const at = (j * side + i) * 3;
      rgb[at]! *= gain * whiteBalance[0];
      rgb[at + 1]! *= gain * whiteBalance[1];
      rgb[at + 2]! *= gain * whiteBalance[2];
    }
  }
}
