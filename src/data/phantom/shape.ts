/**
 * The lesion's outline. An ellipse, made irregular in two ways: asymmetry (few, large lobes and notches) and
 * border irregularity (many small indentations, ragged by noise). Neither changes the area much: that is the
 * diameter's.
 */
import type { Random } from 'graft-torch/base';
import type { PhantomFactors } from './factors.js';
import type { Noise } from './noise.js';

const ANGLES = 512;

export interface Outline {
  centreX: number;
  centreY: number;
  /** Radius of the disc of the same area, in half-widths of the field. */
  radius: number;
  /** Radius by angle, ANGLES entries and the first again. */
  radii: Float64Array;
  /** Amplitude and frequency of the noise that makes the border ragged. */
  raggedness: number;
}

/** Lesion radius in half-widths of the field for a diameter factor in (0, 1). */
export const lesionRadius = (diameter: number): number => 0.19 + 0.47 * diameter;

export function makeOutline(factors: PhantomFactors, random: Random): Outline {
  const { asymmetry, border, nuisance } = factors;
  const radius = lesionRadius(factors.diameter);
  const radii = new Float64Array(ANGLES + 1);

  // Asymmetry: odd harmonics (even ones keep an axis), one lobe grown on, one notch.
  const lobeAngle = random.uniform(0, 2 * Math.PI);
  const lobeOffset = 0.8 + 0.3 * random.next();
  const lobeRadius = 0.25 + 0.45 * asymmetry * (0.8 + 0.4 * random.next());
  const notchAngle = lobeAngle + random.uniform(1.4, 4.6);
  const notchDepth = 0.42 * asymmetry * random.uniform(0.5, 1);
  const notchWidth = random.uniform(0.35, 0.6);
  const low = [2, 3, 5].map((k) => ({
    k,
    a: ((0.02 + 0.26 * asymmetry) / k) * random.uniform(0.6, 1.2),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  // Border: a falling spectrum, stronger in some sectors than in others.
  const high = Array.from({ length: 22 }, (_, i) => ({
    k: 6 + i,
    a: ((0.006 + 0.068 * border) / Math.sqrt(1 + i)) * random.normal(),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  const sectorPhase = random.uniform(0, 2 * Math.PI);

  const ellipse = Math.sqrt(nuisance.elongation);
  for (let i = 0; i < ANGLES; i++) {
    const angle = (i / ANGLES) * 2 * Math.PI;
    const turned = angle - nuisance.angle;
    const cos = Math.cos(turned) / ellipse;
    const sin = Math.sin(turned) * ellipse;
    let r = 1 / Math.sqrt(cos * cos + sin * sin);
    let factor = 1;
    for (const { k, a, phase } of low) factor += a * Math.cos(k * angle + phase);
    // Where a ray from the centre leaves the lobe's disc.
    const across = lobeOffset * Math.sin(angle - lobeAngle);
    const along = lobeOffset * Math.cos(angle - lobeAngle);
    const under = lobeRadius * lobeRadius - across * across;
    const lobe = under > 0 && along > 0 ? along + Math.sqrt(under) : 0;
    const reach = asymmetry * (lobe - r * factor);
    r = r * factor + Math.max(0, reach);
    const off = Math.cos(angle - notchAngle) - 1;
    r *= 1 - notchDepth * Math.exp(off / (notchWidth * notchWidth));
    const sector = 0.6 + 0.4 * Math.sin(angle * 2 + sectorPhase);
    let detail = 0;
    for (const { k, a, phase } of high) detail += a * Math.cos(k * angle + phase);
    radii[i] = Math.max(0.15, r * (1 + detail * sector));
  }
  let area = 0;
  for (let i = 0; i < ANGLES; i++) area += radii[i]! ** 2;
  const scale = radius / Math.sqrt(area / ANGLES);
  for (let i = 0; i < ANGLES; i++) radii[i]! *= scale;
  radii[ANGLES] = radii[0]!;
  return {
    centreX: nuisance.offsetX,
    centreY: nuisance.offsetY,
    radius,
    radii,
    raggedness: 0.05 + 0.36 * border,
  };
}

/** Outline's radius in a direction (radians, any). */
export function radiusAt(outline: Outline, angle: number): number {
  let turn = (angle / (2 * Math.PI)) % 1;
  if (turn < 0) turn += 1;
  const at = turn * ANGLES;
  const i = Math.floor(at);
  const low = outline.radii[i]!;
  return low + (at - i) * (outline.radii[i + 1]! - low);
}

/**
 * How far outside the lesion a point lies, in lesion radii: negative inside, 0 on the border. Not a true
 * distance, but monotone along each ray.
 */
export function outsideness(
  { outline, noise }: { outline: Outline; noise: Noise },
  x: number,
  y: number,
): number {
  const dx = x - outline.centreX;
  const dy = y - outline.centreY;
  const distance = Math.sqrt(dx * dx + dy * dy);
  if (distance > 3.2 * outline.radius) return 2;
  const out = distance / radiusAt(outline, Math.atan2(dy, dx)) - 1;
  // Far from the border the noise cannot matter; it is most of the cost.
  if (out > 1 || out < -0.75) return out;
  const f = 2.2 / outline.radius;
  return out + outline.raggedness * noise.fractal(dx * f + 31, dy * f + 7, 4);
}
