/**
 * The ABCD rule measured on a picture and its lesion mask, without a look at the factors: what a simple computer
 * reader would see. Used to show that every factor is really in the pixels.
 */

/** Area, centroid and principal axis of a mask (1 inside), in pixels. */
function moments(mask: Uint8Array, side: number): { area: number; x: number; y: number; axis: number } {
  let area = 0;
  let sx = 0;
  let sy = 0;
  let sxx = 0;
  let syy = 0;
  let sxy = 0;
  for (let j = 0; j < side; j++) {
    for (let i = 0; i < side; i++) {
      if (!mask[j * side + i]) continue;
      area++;
      sx += i;
      sy += j;
      sxx += i * i;
      syy += j * j;
      sxy += i * j;
    }
  }
  const x = sx / area;
  const y = sy / area;
  const cxx = sxx / area - x * x;
  const cyy = syy / area - y * y;
  const cxy = sxy / area - x * y;
  return { area, x, y, axis: 0.5 * Math.atan2(2 * cxy, cxx - cyy) };
}

/**
 * A: share of the lesion that falls outside its own mirror image, over both principal axes, 0…1.
 * @param mask [side, side], 1 inside
 */
export function asymmetryIndex(mask: Uint8Array, side: number): number {
  const { area, x, y, axis } = moments(mask, side);
  let missed = 0;
  for (const turn of [axis, axis + Math.PI / 2]) {
    const ux = Math.cos(turn);
    const uy = Math.sin(turn);
    for (let j = 0; j < side; j++) {
      for (let i = 0; i < side; i++) {
        if (!mask[j * side + i]) continue;
        const along = (i - x) * ux + (j - y) * uy;
        const across = (j - y) * ux - (i - x) * uy;
        const mi = Math.round(x + along * ux + across * uy);
        const mj = Math.round(y + along * uy - across * ux);
        if (mi < 0 || mj < 0 || mi >= side || mj >= side || !mask[mj * side + mi]) missed++;
      }
    }
  }
  return missed / (2 * area);
}

/**
 * B: perimeter² / (4π·area), the border irregularity index. The perimeter is counted in pixel edges, so that a
 * disc has 16/π² ≈ 1.62, and so has any convex outline at least.
 * @param mask [side, side], 1 inside
 */
export function borderIndex(mask: Uint8Array, side: number): number {
  let area = 0;
  let edges = 0;
  for (let j = 0; j < side; j++) {
    for (let i = 0; i < side; i++) {
      const at = j * side + i;
      const here = mask[at] ? 1 : 0;
      area += here;
      if (i + 1 < side) edges += here ^ (mask[at + 1] ? 1 : 0);
      if (j + 1 < side) edges += here ^ (mask[at + side] ? 1 : 0);
    }
  }
  return (edges * edges) / (4 * Math.PI * area);
}

/** The six colours of the ABCD rule, as shares of the skin's own red, green and blue. */
const COLOURS: readonly (readonly [number, number, number])[] = [
  [0.68, 0.56, 0.42], // light brown
  [0.42, 0.27, 0.16], // dark brown
  [0.17, 0.1, 0.07], // black
  [0.78, 0.48, 0.47], // red
  [0.42, 0.46, 0.55], // blue-grey
  [0.95, 0.93, 0.94], // white
];

/**
 * C: how many of the six colours cover at least 4 % of the lesion, each pixel taken as the nearest of them
 * relative to the mean skin outside.
 * @param rgb [side, side, 3] bytes
 * @param mask [side, side], 1 inside
 */
export function colourCount(rgb: Uint8Array, mask: Uint8Array): number {
  const skin = [0, 0, 0];
  let outside = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i]) continue;
    outside++;
    for (let c = 0; c < 3; c++) skin[c]! += rgb[i * 3 + c]!;
  }
  for (let c = 0; c < 3; c++) skin[c]! /= outside;
  const hits = COLOURS.map(() => 0);
  let inside = 0;
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    inside++;
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    COLOURS.forEach((colour, k) => {
      let distance = 0;
      for (let c = 0; c < 3; c++) distance += (rgb[i * 3 + c]! / skin[c]! - colour[c]!) ** 2;
      if (distance < least) {
        least = distance;
        best = k;
      }
    });
    hits[best]!++;
  }
  return hits.filter((n) => n >= 0.04 * inside).length;
}

/** D: diameter of the disc of the same area, as a share of the picture's side. */
export function diameterIndex(mask: Uint8Array, side: number): number {
  return (2 * Math.sqrt(moments(mask, side).area / Math.PI)) / side;
}
