/**
 * Whether two content maps (content.ts) show one picture: one is laid onto the other, then compared detail by detail,
 * where both have something to show.
 *
 * Plain correlation does not tell two scans of one lesion from two lesions: any two dark ovals on pale skin correlate
 * at 0.95, and once one is laid onto the other their borders agree, too. So what a blur leaves (borders, structure,
 * texture) is correlated in each neighbourhood by itself, over what varies there, and the neighbourhoods are averaged:
 * a border, a ruler or a skull, however strong, is no more than the place it takes, and a watermark spoils no more.
 * A neighbourhood counts as far as it varies by more than noise does. What varies nowhere has too little to show, and
 * matches nothing.
 */
import { kernels } from 'graft-torch/kernels';
import { contentSizePx } from './content.js';
import { createBlur, gaussianKernel } from './masked-blur.js';

/** A content map, at full or at a fraction of its size, made ready to be compared. */
export interface MatchMap {
  luma: Float32Array;
  /** 1 inside the field, 0 outside. */
  inside: Float32Array;
  /** What is registered. */
  smooth: Float32Array;
}

export interface Match {
  /** Mean correlation of the details over the neighbourhoods, −1…1. */
  correlation: number;
  /** Share of the fixed map that was compared and has details. */
  informative: number;
  /** Share of the smaller field that both show. */
  overlap: number;
}

export interface Matcher {
  side: number;
  /**
   * @param map which pixel stands where: a symmetry of the square (symmetry.ts); default: as it is
   * @param into buffers; default: new ones
   */
  prepare(content: Uint8Array, map?: Int32Array, into?: MatchMap): MatchMap;
  /**
   * Lays one map onto the other but for contrast and brightness, over what both show: changes `p`, the map from the
   * fixed to the moving one's coordinates: (x, y), −1…1 over the map, comes to lie on
   * (p0 x + p1 y + p2, p3 x + p4 y + p5). Affine Lucas–Kanade (native/near.cc).
   * Source: Baker & Matthews, "Lucas–Kanade 20 years on", 2004 (forward additive).
   */
  register(moving: MatchMap, fixed: MatchMap, p: Float64Array): void;
  /** Compares the details under `p`. */
  compare(moving: MatchMap, fixed: MatchMap, p: Float64Array): Match;
}

/**
 * @param options.sourcePx side of the content maps that are given; default: their own
 * @param options.shrink how many pixels of a content map become one, along a side
 * @param options.sigma in pixels of the matcher: of what is smoothed for registration (0: nothing), of what details
 *   leave out, of a neighbourhood
 * @param options.steps of registration, at most
 */
export function createMatcher(options: {
  sourcePx?: number;
  shrink: number;
  sigma: { smooth: number; detail: number; place: number };
  steps: number;
}): Matcher {
  const { sourcePx = contentSizePx, shrink, sigma, steps } = options;
  const side = sourcePx / shrink;
  const [detail, place] = [gaussianKernel(sigma.detail), gaussianKernel(sigma.place)];
  const compared = new Float64Array(3);
  const smoothen = sigma.smooth > 0 ? createBlur(sigma.smooth, side) : undefined;
  return {
    side,
    prepare: (content, map, into = createMap(side)) => {
      shrinkInto(content, { map, shrink, side, into });
      if (smoothen) smoothen.within(into.inside).blur(into.luma, into.smooth);
      else into.smooth.set(into.luma);
      return into;
    },
    register: (moving, fixed, p) =>
      kernels.registerMaps(moving.smooth, fixed.smooth, moving.inside, fixed.inside, p, steps),
    compare: (moving, fixed, p) => {
      kernels.compareMaps(moving.luma, moving.inside, fixed.luma, fixed.inside, p, detail, place, compared);
      const [correlation, informative, overlap] = compared as unknown as [number, number, number];
      return { correlation, informative, overlap };
    },
  };
}

export function createMap(side: number): MatchMap {
  const plane = () => new Float32Array(side * side);
  return { luma: plane(), inside: plane(), smooth: plane() };
}

function shrinkInto(
  content: Uint8Array,
  { map, shrink, side, into }: { map?: Int32Array; shrink: number; side: number; into: MatchMap },
): void {
  const { luma, inside } = into;
  if (shrink === 1) {
    for (let i = 0; i < luma.length; i++) {
      luma[i] = content[map ? map[i]! : i]!;
      inside[i] = luma[i]! > 0 ? 1 : 0;
    }
    return;
  }
  for (let y = 0, i = 0; y < side; y++)
    for (let x = 0; x < side; x++, i++) {
      let sum = 0;
      let count = 0;
      for (let v = 0, at = shrink * (y * shrink * side + x); v < shrink; v++, at += shrink * side)
        for (let u = 0; u < shrink; u++) {
          const value = content[map ? map[at + u]! : at + u]!;
          sum += value;
          if (value > 0) count++;
        }
      const counts = 2 * count >= shrink * shrink;
      luma[i] = counts ? sum / count : 0;
      inside[i] = counts ? 1 : 0;
    }
}
