/** Healthy skin: mottled melanin and blood, furrows, pores or ridges by body site, freckles, thin vessels. */
import type { Random } from 'graft-torch/base';
import { type Canvas, coordinate, stampDisc, strokeLine } from './canvas.js';
import type { PhantomFactors } from './factors.js';
import { coarseField, type Noise } from './noise.js';

export function paintSkin(
  canvas: Canvas,
  { factors, noise }: { factors: PhantomFactors; noise: Noise },
  random: Random,
): void {
  const { side, melanin, blood, relief } = canvas;
  const { site, skinMelanin, skinBlood, skinTexture } = factors.nuisance;
  const turn = random.uniform(0, Math.PI);
  const cos = Math.cos(turn);
  const sin = Math.sin(turn);
  const furrow = 0.028 * skinTexture * { trunk: 1, limb: 1.4, face: 0.5, acral: 0.4 }[site];
  const broadAt = coarseField(48, (x, y) => noise.fractal(x * 1.3 + 3, y * 1.3 + 8, 2));
  for (let j = 0; j < side; j++) {
    const y = coordinate(j, side);
    for (let i = 0; i < side; i++) {
      const x = coordinate(i, side);
      const index = j * side + i;
      const broad = broadAt(x, y);
      const mottle = noise.fractal(x * 6 + 51, y * 6 + 12, 3);
      const u = cos * x + sin * y;
      const v = cos * y - sin * x;
      // Two families of furrows crossing at an angle: thin dark valleys of stretched noise.
      const bend = 0.25 * broad;
      const first = Math.abs(noise.gradient((u + bend) * 17, v * 5 + 90));
      const second = Math.abs(
        noise.gradient((0.5 * u + 0.87 * v - bend) * 17 + 40, (0.87 * u - 0.5 * v) * 5),
      );
      const valley = Math.max(0, 1 - 5 * first) + Math.max(0, 1 - 5 * second);
      let lift = 0.03 * broad - furrow * valley + 0.02 * skinTexture * mottle;
      let brown = skinMelanin * (1 + 0.25 * broad + 0.22 * skinTexture * mottle);
      const red = (skinBlood + 0.03) * (1 + 0.35 * broad - 0.5 * skinTexture * mottle);
      if (site === 'acral') {
        const ridge = Math.sin((v + 0.12 * broad + 0.05 * mottle) * 62);
        lift += 0.014 * ridge;
        brown += 0.012 * (1 - ridge);
      }
      melanin[index] = Math.max(0, brown);
      blood[index] = Math.max(0, red);
      relief[index] = lift;
    }
  }
  if (site === 'face') paintFollicles(canvas, skinTexture, random);
  for (let i = 0; i < factors.nuisance.freckles; i++) {
    const r = random.uniform(0.02, 0.075);
    const depth = random.uniform(0.08, 0.35);
    const squeeze = random.uniform(0.6, 1);
    stampDisc(side, { x: random.uniform(-1, 1), y: random.uniform(-1, 1), radius: r }, (index, distance) => {
      const t = 1 - (distance / r) ** 2;
      melanin[index]! += depth * t * t * squeeze;
    });
  }
  paintVessels(canvas, skinBlood, random);
}

/** Follicle openings of the face: a pale rim around a darker plug, on a loose grid. */
function paintFollicles(canvas: Canvas, strength: number, random: Random): void {
  const spacing = random.uniform(0.16, 0.26);
  const plug = random.uniform(0, 0.5);
  for (let gy = -1; gy < 1 + spacing; gy += spacing) {
    for (let gx = -1; gx < 1 + spacing; gx += spacing) {
      const x = gx + spacing * random.uniform(-0.4, 0.4);
      const y = gy + spacing * random.uniform(-0.4, 0.4);
      const r = random.uniform(0.022, 0.04);
      stampDisc(canvas.side, { x, y, radius: r }, (index, distance) => {
        const t = 1 - distance / r;
        canvas.relief[index]! += 0.1 * strength * t * (1 - t) * 2;
        if (t > 0.5) canvas.melanin[index]! += plug * (t - 0.5) * 2;
      });
    }
  }
}

/** A few thin branching red vessels. */
function paintVessels(canvas: Canvas, redness: number, random: Random): void {
  const count = Math.floor(redness * 30 * random.next());
  if (count === 0) return;
  const cover = new Float32Array(canvas.side * canvas.side);
  for (let k = 0; k < count; k++) {
    let x = random.uniform(-1, 1);
    let y = random.uniform(-1, 1);
    let heading = random.uniform(0, 2 * Math.PI);
    const points = [x, y];
    const widths = [0.003];
    for (let step = 0; step < 6; step++) {
      heading += random.normal(0, 0.45);
      x += 0.035 * Math.cos(heading);
      y += 0.035 * Math.sin(heading);
      points.push(x, y);
      widths.push(0.006 * (1 - step / 8));
    }
    strokeLine(cover, points, widths);
  }
  for (let i = 0; i < cover.length; i++) if (cover[i]! > 0) canvas.blood[i]! += 0.3 * cover[i]!;
}
