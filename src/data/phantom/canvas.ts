/**
 * What a phantom is painted on: absorbers and overlays per sample, in image coordinates [-1, 1]² with y down.
 * Skin is painted as optical densities of melanin and blood and only becomes colour at the end (Beer–Lambert:
 * a layer of density d lets exp(-d·absorption) through), which is why mixtures look like skin.
 */

/** Optical densities and overlays of `side`×`side` samples, row by row. */
export interface Canvas {
  side: number;
  /** Brown pigment, optical density ≥ 0. */
  melanin: Float32Array;
  /** Haemoglobin, optical density ≥ 0. */
  blood: Float32Array;
  /** Blue-white veil: how much of the light comes from pigment deep in the skin, 0…1. */
  veil: Float32Array;
  /** Scar-like white, 0…1. */
  white: Float32Array;
  /** Relief and fine texture: a factor on all colours minus 1. */
  relief: Float32Array;
}

export function createCanvas(side: number): Canvas {
  const plane = () => new Float32Array(side * side);
  return { side, melanin: plane(), blood: plane(), veil: plane(), white: plane(), relief: plane() };
}

/** Image coordinate of sample `i` of `side`. */
export const coordinate = (i: number, side: number): number => ((i + 0.5) / side) * 2 - 1;

/** Calls `put(index, distance)` for every sample within `radius` of (x, y); distance in image units. */
export function stampDisc(
  side: number,
  { x, y, radius }: { x: number; y: number; radius: number },
  put: (index: number, distance: number) => void,
): void {
  const half = side / 2;
  const x0 = Math.max(0, Math.floor((x - radius + 1) * half));
  const x1 = Math.min(side - 1, Math.ceil((x + radius + 1) * half));
  const y0 = Math.max(0, Math.floor((y - radius + 1) * half));
  const y1 = Math.min(side - 1, Math.ceil((y + radius + 1) * half));
  for (let j = y0; j <= y1; j++) {
    const dy = coordinate(j, side) - y;
    for (let i = x0; i <= x1; i++) {
      const dx = coordinate(i, side) - x;
      const distance = Math.sqrt(dx * dx + dy * dy);
      if (distance <= radius) put(j * side + i, distance);
    }
  }
}

/**
 * Adds a line's anti-aliased coverage (0…1) to `target`, keeping the maximum, so that joints do not show. A line
 * thinner than a sample covers it in part.
 * @param target side × side samples
 * @param points x, y pairs
 * @param halfWidths one a point, in image units
 */
export function strokeLine(
  target: Float32Array,
  points: readonly number[],
  halfWidths: readonly number[],
): void {
  const side = Math.sqrt(target.length);
  const half = side / 2;
  for (let k = 0; k + 3 < points.length; k += 2) {
    const ax = points[k]!;
    const ay = points[k + 1]!;
    const bx = points[k + 2]!;
    const by = points[k + 3]!;
    const wa = halfWidths[k / 2]! * half;
    const wb = halfWidths[k / 2 + 1]! * half;
    const reach = (Math.max(wa, wb, 0.5) + 1) / half;
    const x0 = Math.max(0, Math.floor((Math.min(ax, bx) - reach + 1) * half));
    const x1 = Math.min(side - 1, Math.ceil((Math.max(ax, bx) + reach + 1) * half));
    const y0 = Math.max(0, Math.floor((Math.min(ay, by) - reach + 1) * half));
    const y1 = Math.min(side - 1, Math.ceil((Math.max(ay, by) + reach + 1) * half));
    const ux = bx - ax;
    const uy = by - ay;
    const length2 = ux * ux + uy * uy || 1e-12;
    for (let j = y0; j <= y1; j++) {
      const y = coordinate(j, side);
      for (let i = x0; i <= x1; i++) {
        const x = coordinate(i, side);
        const t = Math.min(1, Math.max(0, ((x - ax) * ux + (y - ay) * uy) / length2));
        const dx = x - ax - t * ux;
        const dy = y - ay - t * uy;
        const distance = Math.sqrt(dx * dx + dy * dy) * half;
        const width = wa + t * (wb - wa);
        const drawn = Math.max(width, 0.5);
        const cover = Math.min(1, drawn + 0.5 - distance) * (width / drawn);
        const index = j * side + i;
        if (cover > target[index]!) target[index] = cover;
      }
    }
  }
}
