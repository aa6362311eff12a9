/**
 * Gradient and cellular noise over the plane, seeded. Sampled in image coordinates, never in pixels, so that a
 * phantom is the same lesion at every size.
 * Sources: Perlin, "Improving noise", 2002; Worley, "A cellular texture basis function", 1996.
 */
import type { Random } from 'graft-torch/base';

/** What the cellular noise found around a point. Reused between calls: read it before the next one. */
export interface CellSample {
  /** Distance to the nearest feature point, in cells. */
  nearest: number;
  /** Distance to the second nearest; `second - nearest` is 0 on the walls between cells. */
  second: number;
  /** Hash of the nearest cell, 0…255: lets a cell have its own size, colour, presence. */
  id: number;
}

const DIRECTIONS = 32;

export class Noise {
  readonly #permutation = new Uint8Array(512);
  readonly #gradientX = new Float64Array(256);
  readonly #gradientY = new Float64Array(256);
  readonly #jitterX = new Float64Array(256);
  readonly #jitterY = new Float64Array(256);
  readonly #cell: CellSample = { nearest: 0, second: 0, id: 0 };

  constructor(random: Random) {
    const order = new Uint8Array(256);
    for (let i = 0; i < 256; i++) order[i] = i;
    random.shuffle(order);
    for (let i = 0; i < 512; i++) this.#permutation[i] = order[i & 255]!;
    for (let i = 0; i < 256; i++) {
      const angle = ((i % DIRECTIONS) / DIRECTIONS) * 2 * Math.PI;
      // 1.5 brings plain gradient noise (|n| ≤ √½) to about [-1, 1].
      this.#gradientX[i] = 1.5 * Math.cos(angle);
      this.#gradientY[i] = 1.5 * Math.sin(angle);
      this.#jitterX[i] = random.next();
      this.#jitterY[i] = random.next();
    }
  }

  /** Smooth gradient noise, about [-1, 1], mean 0, one feature a unit. Repeats after 256 units. */
  gradient(x: number, y: number): number {
    const floorX = Math.floor(x);
    const floorY = Math.floor(y);
    const fx = x - floorX;
    const fy = y - floorY;
    const ix = floorX & 255;
    const iy = floorY & 255;
    const p = this.#permutation;
    const left = p[ix]! + iy;
    const right = p[(ix + 1) & 255]! + iy;
    const h00 = p[left & 255]!;
    const h01 = p[(left + 1) & 255]!;
    const h10 = p[right & 255]!;
    const h11 = p[(right + 1) & 255]!;
    const gx = this.#gradientX;
    const gy = this.#gradientY;
    const u = fx * fx * fx * (fx * (fx * 6 - 15) + 10);
    const v = fy * fy * fy * (fy * (fy * 6 - 15) + 10);
    const n00 = gx[h00]! * fx + gy[h00]! * fy;
    const n10 = gx[h10]! * (fx - 1) + gy[h10]! * fy;
    const n01 = gx[h01]! * fx + gy[h01]! * (fy - 1);
    const n11 = gx[h11]! * (fx - 1) + gy[h11]! * (fy - 1);
    const top = n00 + u * (n10 - n00);
    return top + v * (n01 + u * (n11 - n01) - top);
  }

  /** Fractal sum of `octaves` gradient noises, frequency doubling, amplitude halving; about [-1, 1]. */
  fractal(x: number, y: number, octaves: number): number {
    let sum = 0;
    let amplitude = 1;
    let total = 0;
    let px = x;
    let py = y;
    for (let i = 0; i < octaves; i++) {
      sum += amplitude * this.gradient(px, py);
      total += amplitude;
      amplitude *= 0.5;
      // Turned and shifted between octaves, so that the lattices do not show.
      const turned = 1.6 * px - 1.2 * py + 17.3;
      py = 1.2 * px + 1.6 * py + 5.9;
      px = turned;
    }
    return sum / total;
  }

  /** Cellular noise with cells of side 1; `jitter` 0 is a regular grid, 1 is fully random. */
  cells(x: number, y: number, jitter: number): CellSample {
    const floorX = Math.floor(x);
    const floorY = Math.floor(y);
    const p = this.#permutation;
    let nearest = 1e9;
    let second = 1e9;
    let id = 0;
    const rest = 0.5 * (1 - jitter);
    for (let j = -1; j <= 1; j++) {
      for (let i = -1; i <= 1; i++) {
        const cx = floorX + i;
        const cy = floorY + j;
        const h = p[(p[cx & 255]! + cy) & 255]!;
        // Every second row shifted by half a cell: a honeycomb rather than bricks.
        const dx = cx + rest + jitter * this.#jitterX[h]! + (cy & 1) * 0.5 * (1 - jitter) - x;
        const dy = cy + rest + jitter * this.#jitterY[h]! - y;
        const distance = dx * dx + dy * dy;
        if (distance < nearest) {
          second = nearest;
          nearest = distance;
          id = h;
        } else if (distance < second) second = distance;
      }
    }
    const cell = this.#cell;
    cell.nearest = Math.sqrt(nearest);
    cell.second = Math.sqrt(second);
    cell.id = id;
    return cell;
  }
}

/** Hermite step from 0 at `from` to 1 at `to` (either order). */
export function smoothstep(from: number, to: number, x: number): number {
  const t = (x - from) / (to - from);
  if (t <= 0) return 0;
  if (t >= 1) return 1;
  return t * t * (3 - 2 * t);
}

/**
 * A slowly varying function on [-1, 1]² read from `cells`² samples of it, bilinearly: for what is needed at every
 * sample of a picture and is dear.
 */
export function coarseField(
  cells: number,
  f: (x: number, y: number) => number,
): (x: number, y: number) => number {
  const side = cells + 1;
  const table = new Float64Array(side * side);
  for (let j = 0; j < side; j++) {
    for (let i = 0; i < side; i++) table[j * side + i] = f((2 * i) / cells - 1, (2 * j) / cells - 1);
  }
  return (x, y) => {
    const u = (x + 1) * 0.5 * cells;
    const v = (y + 1) * 0.5 * cells;
    const i = Math.min(cells - 1, Math.max(0, Math.floor(u)));
    const j = Math.min(cells - 1, Math.max(0, Math.floor(v)));
    const at = j * side + i;
    const s = u - i;
    const top = table[at]! + s * (table[at + 1]! - table[at]!);
    const bottom = table[at + side]! + s * (table[at + side + 1]! - table[at + side]!);
    return top + (v - j) * (bottom - top);
  };
}
