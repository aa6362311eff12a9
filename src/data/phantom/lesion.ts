/**
 * The lesion: pigment with its pattern (network, globules, structureless), the extra colours of the ABCD rule,
 * streaks at the border, dots. Reads the four factors and nuisances only, never the class.
 */
import type { Random } from 'graft-torch/base';
import { type Canvas, coordinate, stampDisc, strokeLine } from './canvas.js';
import type { PhantomFactors } from './factors.js';
import { type Noise, smoothstep } from './noise.js';
import { type Outline, outsideness, radiusAt } from './shape.js';

/** One patch of an extra colour: a noisy blob at some place in the lesion. */
interface ColourPatch {
  kind: 'darkBrown' | 'black' | 'red' | 'blueGrey' | 'white';
  x: number;
  y: number;
  reach: number;
  /** 0…1, grows with the colour factor. */
  strength: number;
  /** Where its noise is read. */
  shift: number;
}

/** The colours beyond the lesion's own brown, each entering at its own level of the colour factor. */
function colourPatches(factors: PhantomFactors, outline: Outline, random: Random): ColourPatch[] {
  const rest: ColourPatch['kind'][] = ['black', 'red', 'blueGrey', 'white'];
  const order: ColourPatch['kind'][] = ['darkBrown', ...random.shuffle(rest)];
  return order.map((kind, k) => {
    const enters = 0.08 + 0.17 * k;
    const strength = smoothstep(enters, enters + 0.2, factors.colour);
    const angle = random.uniform(0, 2 * Math.PI);
    const away = outline.radius * random.uniform(0.15, 0.7);
    return {
      kind,
      x: outline.centreX + away * Math.cos(angle),
      y: outline.centreY + away * Math.sin(angle),
      reach: outline.radius * (0.3 + 0.35 * strength) * random.uniform(0.8, 1.2),
      strength,
      shift: 10 + 23 * k,
    };
  });
}

/** What a phantom is painted by. */
export interface Scene {
  factors: PhantomFactors;
  outline: Outline;
  noise: Noise;
}

export function paintLesion(canvas: Canvas, scene: Scene, random: Random): void {
  const { factors, outline, noise } = scene;
  const { side, melanin, blood, veil, white, relief } = canvas;
  const { asymmetry, border, colour, nuisance } = factors;
  const { centreX, centreY, radius } = outline;
  const patches = colourPatches(factors, outline, random.fork('colours')).filter((p) => p.strength > 0);
  const skewAngle = random.uniform(0, 2 * Math.PI);
  const skewX = Math.cos(skewAngle);
  const skewY = Math.sin(skewAngle);
  const mesh = 1 / random.uniform(0.034, 0.062);
  const clod = 1 / random.uniform(0.042, 0.085);
  const grain = 1 / random.uniform(0.025, 0.045);
  const sharpPhase = random.uniform(0, 2 * Math.PI);
  const reticular = nuisance.pattern === 'reticular' || nuisance.pattern === 'mixed';
  const globular = nuisance.pattern === 'globular' || nuisance.pattern === 'mixed';
  const contrast = random.uniform(0.6, 1.1);

  const bound = 1.9 * radius + 0.1;
  const half = side / 2;
  const x0 = Math.max(0, Math.floor((centreX - bound + 1) * half));
  const x1 = Math.min(side - 1, Math.ceil((centreX + bound + 1) * half));
  const y0 = Math.max(0, Math.floor((centreY - bound + 1) * half));
  const y1 = Math.min(side - 1, Math.ceil((centreY + bound + 1) * half));
  for (let j = y0; j <= y1; j++) {
    const y = coordinate(j, side);
    for (let i = x0; i <= x1; i++) {
      const x = coordinate(i, side);
      const index = j * side + i;
      const out = outsideness(scene, x, y);
      if (out > 0.75) continue;
      const dx = (x - centreX) / radius;
      const dy = (y - centreY) / radius;
      // Reddened skin around.
      blood[index]! += 0.5 * nuisance.lesionBlood * smoothstep(0.75, -0.1, out);
      const fine = noise.fractal(x * grain + 5, y * grain + 60, 2);
      const sector = 0.5 + 0.5 * Math.sin(Math.atan2(dy, dx) * 2 + sharpPhase);
      // Irregular borders end abruptly, in some sectors.
      const soft = nuisance.softness * (1 - 0.75 * border * sector);
      const edge = out + 0.11 * fine;
      const cover = smoothstep(soft, -1.6 * soft - 0.06, edge);
      if (cover <= 0) continue;

      const low = noise.fractal(dx * 1.3 + 70, dy * 1.3 + 20, 2);
      const middle = noise.fractal(dx * 3.4 + 33, dy * 3.4 + 44, 3);
      const skew = Math.max(-1, Math.min(1, dx * skewX + dy * skewY));
      const inward = Math.min(1, -out);
      let density = 1 + 0.45 * nuisance.centre * (inward - 0.35);
      density += (0.12 + 0.75 * colour) * 0.8 * low + (0.3 + 0.35 * colour) * middle + 0.36 * fine;
      density *= 1 + 0.65 * asymmetry * skew;

      // Structure. With asymmetry, one half of the lesion loses its own.
      const present = 1 - asymmetry * smoothstep(-0.2, 0.5, skew) * 0.85;
      let structure = 0;
      if (reticular) {
        const warp = 0.5 * middle;
        const cell = noise.cells(x * mesh + warp, y * mesh - warp, 0.75);
        const thick = 0.42 + 0.22 * low + 0.18 * fine;
        const line = 1 - smoothstep(-0.12, thick, cell.second - cell.nearest);
        const where = nuisance.pattern === 'mixed' ? smoothstep(-0.3, 0.3, low - 0.3 * inward) : 1;
        structure +=
          contrast * where * (1.15 * line - 0.4) * (0.75 + 0.5 * middle) * smoothstep(0.95, 0.15, inward);
      }
      if (globular) {
        const cell = noise.cells(x * clod + 19 + 0.3 * middle, y * clod + 77, 0.95);
        const size = 0.3 + 0.24 * (cell.id / 255) + 0.14 * fine;
        const drop = cell.id > 50 ? smoothstep(size, size * 0.3, cell.nearest) : 0;
        const where = nuisance.pattern === 'mixed' ? smoothstep(0.3, -0.3, low - 0.3 * inward) : 1;
        structure += contrast * where * (drop - 0.3) * (0.7 + 0.3 * (cell.id & 1));
      }
      density += present * structure;
      if (density < 0.05) density = 0.05;
      let brown = nuisance.pigment * density;
      let red = nuisance.lesionBlood * (0.6 + 0.6 * nuisance.warmth) * (1 + 0.5 * middle);
      let deep = 0;
      let pale = 0;

      for (const patch of patches) {
        const px = x - patch.x;
        const py = y - patch.y;
        const distance = Math.sqrt(px * px + py * py) / patch.reach;
        if (distance > 1.7) continue;
        const ragged = 0.6 * noise.fractal(dx * 2.3 + patch.shift, dy * 2.3 - patch.shift, 2);
        const inside = 1 - distance + ragged + 0.3 * middle + 0.15 * fine;
        if (inside <= 0) continue;
        const w = patch.strength * smoothstep(0, 0.6, inside);
        if (patch.kind === 'darkBrown') brown += w * (0.7 + 0.4 * middle + 0.2 * fine);
        else if (patch.kind === 'black') brown += w * (1.8 + 0.7 * middle + 0.5 * fine);
        else if (patch.kind === 'red') {
          red += w * (0.42 + 0.25 * middle);
          brown *= 1 - 0.55 * w;
        } else if (patch.kind === 'blueGrey') {
          deep = Math.max(deep, w * (0.75 + 0.35 * low + 0.25 * fine));
          brown += 0.4 * w * (1 + middle);
        } else {
          pale = Math.max(pale, w * (0.75 + 0.4 * middle));
          brown *= 1 - 0.85 * w;
        }
      }
      melanin[index]! += cover * brown;
      blood[index]! += cover * red;
      veil[index] = cover * Math.min(1, Math.max(0, deep));
      white[index] = cover * Math.min(1, Math.max(0, pale));
      relief[index]! += cover * 0.04 * fine;
    }
  }
  paintStreaks(canvas, scene, random.fork('streaks'));
  paintDots(canvas, scene, random.fork('dots'));
}

/** Radial streaks and pseudopods: a sign of an irregular border; their number and length follow it. */
function paintStreaks(canvas: Canvas, scene: Scene, random: Random): void {
  const { factors, outline } = scene;
  const strength = smoothstep(0.35, 1, factors.border);
  const inclination = random.next();
  const spread = random.uniform(0.4, 1.4);
  const middle = random.uniform(0, 2 * Math.PI);
  const count = Math.round(30 * strength * inclination * spread);
  if (count === 0) return;
  const cover = new Float32Array(canvas.side * canvas.side);
  const { centreX, centreY, radius } = outline;
  for (let k = 0; k < count; k++) {
    const angle = middle + random.uniform(-spread, spread) * 1.2;
    // The border proper, noise included: inwards from beyond it, so that no streak floats on bare skin.
    let r = 1.3 * radiusAt(outline, angle);
    while (
      r > 0.2 * radius &&
      outsideness(scene, centreX + r * Math.cos(angle), centreY + r * Math.sin(angle)) > -0.04
    ) {
      r -= 0.05 * radius;
    }
    const lean = random.normal(0, 0.08);
    const from = r * random.uniform(0.78, 0.9);
    const to = r + radius * random.uniform(0.02, 0.06 + 0.16 * strength);
    const width = radius * random.uniform(0.01, 0.022);
    const bulb = random.chance(0.3) ? 1.5 : 0.3;
    const points: number[] = [];
    const widths: number[] = [];
    for (let step = 0; step <= 4; step++) {
      const t = step / 4;
      const at = from + t * (to - from);
      points.push(centreX + at * Math.cos(angle + lean * t), centreY + at * Math.sin(angle + lean * t));
      widths.push(width * (t < 0.75 ? 1 : bulb));
    }
    strokeLine(cover, points, widths);
  }
  const depth = 0.25 + 0.5 * factors.nuisance.pigment;
  for (let i = 0; i < cover.length; i++) if (cover[i]! > 0) canvas.melanin[i]! += depth * cover[i]!;
}

/** Small round dark dots, inside. */
function paintDots(canvas: Canvas, scene: Scene, random: Random): void {
  const { factors, outline } = scene;
  for (let k = 0; k < factors.nuisance.dots; k++) {
    const angle = random.uniform(0, 2 * Math.PI);
    const away = Math.sqrt(random.next()) * 0.95 * radiusAt(outline, angle);
    const x = outline.centreX + away * Math.cos(angle);
    const y = outline.centreY + away * Math.sin(angle);
    const r = random.uniform(0.007, 0.02);
    const depth = random.uniform(0.2, 0.75);
    if (outsideness(scene, x, y) > -0.03) continue;
    stampDisc(canvas.side, { x, y, radius: 1.4 * r }, (index, distance) => {
      canvas.melanin[index]! += depth * smoothstep(1.4 * r, 0.7 * r, distance);
    });
  }
}
