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
import { contentSizePx } from './content.js';
import { createBlur, type MaskedBlur } from './masked-blur.js';
import { register } from './register.js';

/** Grain, rounding and compression, in grey values: what varies less is noise. */
const noise = 1.5;

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
  /** Lays one map onto the other: changes `p`, the map from the fixed to the moving one's coordinates (register.ts). */
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
      register(moving.smooth, fixed.smooth, { inside: [moving.inside, fixed.inside], side, p, steps }),
    compare: createComparison(side, createBlur(sigma.detail, side), createBlur(sigma.place, side)),
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

type Compare = (moving: MatchMap, fixed: MatchMap, p: Float64Array) => Match;

function createComparison(side: number, detail: MaskedBlur, place: MaskedBlur): Compare {
  const area = side * side;
  const plane = () => new Float32Array(area);
  const warped: MatchMap = { luma: plane(), inside: plane(), smooth: plane() };
  const [blurred, a, b, aa, bb, ab] = [plane(), plane(), plane(), plane(), plane(), plane()];
  const both = warped.inside;
  return (moving, fixed, p) => {
    warp(moving, fixed, { p, side, into: warped });
    let [shown, movingField, fixedField] = [0, 0, 0];
    for (let i = 0; i < area; i++) {
      shown += both[i]!;
      fixedField += fixed.inside[i]!;
      movingField += moving.inside[i]!;
    }
    // The moving field's size as it appears on the fixed map.
    const scale = Math.abs(p[0]! * p[4]! - p[1]! * p[3]!);
    const overlap = shown / Math.max(1, Math.min(fixedField, movingField / Math.max(scale, 1e-3)));
    if (shown < area / 64) return { correlation: 0, informative: 0, overlap };
    detail.within(both);
    detail.blur(warped.luma, blurred);
    for (let i = 0; i < area; i++) a[i] = both[i]! * (warped.luma[i]! - blurred[i]!);
    for (let i = 0; i < area; i++) b[i] = both[i]! * fixed.luma[i]!;
    detail.blur(b, blurred);
    for (let i = 0; i < area; i++) {
      b[i]! -= blurred[i]!;
      aa[i] = a[i]! * a[i]!;
      bb[i] = b[i]! * b[i]!;
      ab[i] = a[i]! * b[i]!;
    }
    place.within(both);
    for (const product of [aa, bb, ab]) place.blur(product, product);
    let [weights, sum] = [0, 0];
    for (let i = 0; i < area; i++) {
      const energy = Math.min(aa[i]!, bb[i]!);
      if (both[i] === 0 || energy <= 0) continue;
      const weight = energy / (energy + noise * noise);
      weights += weight;
      sum += (weight * ab[i]!) / Math.sqrt(aa[i]! * bb[i]!);
    }
    return { correlation: weights > 0 ? sum / weights : 0, informative: weights / area, overlap };
  };
}

/** The moving map under `p`, bilinear, where it and the fixed one are inside their fields. */
function warp(
  { luma, inside }: MatchMap,
  fixed: MatchMap,
  { p, side, into }: { p: Float64Array; side: number; into: MatchMap },
): void {
  const last = side - 1;
  const half = side / 2;
  const centre = last / 2;
  const [warped, both] = [into.luma, into.inside];
  for (let r = 0, i = 0; r < side; r++) {
    const y = (r - centre) / half;
    for (let c = 0; c < side; c++, i++) {
      both[i] = 0;
      warped[i] = 0;
      if (fixed.inside[i] === 0) continue;
      const x = (c - centre) / half;
      const u = (p[0]! * x + p[1]! * y + p[2]!) * half + centre;
      const v = (p[3]! * x + p[4]! * y + p[5]!) * half + centre;
      if (!(u >= -0.5 && v >= -0.5 && u <= last + 0.5 && v <= last + 0.5)) continue;
      const cx = Math.min(last, Math.max(0, u));
      const cy = Math.min(last, Math.max(0, v));
      const x0 = Math.min(last - 1, Math.floor(cx));
      const y0 = Math.min(last - 1, Math.floor(cy));
      const at = y0 * side + x0;
      if (!(inside[at]! && inside[at + 1]! && inside[at + side]! && inside[at + side + 1]!)) continue;
      const fx = cx - x0;
      const top = luma[at]! + fx * (luma[at + 1]! - luma[at]!);
      const bottom = luma[at + side]! + fx * (luma[at + side + 1]! - luma[at + side]!);
      warped[i] = top + (cy - y0) * (bottom - top);
      both[i] = 1;
    }
  }
}
