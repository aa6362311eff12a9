/**
 * How alike two thumbnails are in their details, once the better part of a shift, a rescaling, a slight turn or
 * another crop between them is taken out.
 *
 * Plain correlation does not tell two scans of one lesion from two lesions: any two dark ovals on pale skin correlate
 * at 0.95. So one image is registered onto the other (register.ts, on a two-level pyramid), then what is left after
 * subtracting a blur, i.e. borders and structure, is correlated over the central three quarters of the frame, where
 * the dark rim of the lens does not reach. Constants were measured on ISIC 2017 (docs/data.md).
 */
import { blurInto, gaussian } from './blur.js';
import {
  createMovingSums,
  createSamples,
  frameOf,
  register,
  type Start,
  sample,
  standardise,
  sumMoving,
} from './register.js';

/** Side of the thumbnails that are compared, in pixels. */
export const alignSizePx = 64;

export interface Alignment {
  /** Correlation of the details after registration, −1…1. */
  correlation: number;
  /** Smallest and largest stretch of the map from one image to the other; 1 is none. */
  stretch: readonly [number, number];
  /** Largest shift along an axis, in half image sides. */
  shift: number;
}

const fine = frameOf(alignSizePx);
const coarse = frameOf(alignSizePx >> 1);

/** What removes the fine structure: sigma of the blur, in pixels of the 64×64 thumbnail. */
const detailSigma = 2;
const fineDetailKernel = gaussian(detailSigma);
const coarseDetailKernel = gaussian(detailSigma / 2);
/** What smooths the thumbnails that are registered at 64×64. */
const fineSmoothKernel = gaussian(1.2);

/** Mean of each 2×2 block. */
export function halve(image: ArrayLike<number>, side: number): Float32Array {
  const half = side >> 1;
  const out = new Float32Array(half * half);
  for (let y = 0; y < half; y++)
    for (let x = 0; x < half; x++) {
      const at = 2 * y * side + 2 * x;
      out[y * half + x] = (image[at]! + image[at + 1]! + image[at + side]! + image[at + side + 1]!) / 4;
    }
  return out;
}

function correlationOf(a: Float64Array, b: Float64Array): number {
  const count = a.length;
  let sa = 0;
  let sb = 0;
  let saa = 0;
  let sbb = 0;
  let sab = 0;
  for (let i = 0; i < count; i++) {
    const p = a[i]!;
    const q = b[i]!;
    sa += p;
    sb += q;
    saa += p * p;
    sbb += q * q;
    sab += p * q;
  }
  const variance = (saa - (sa * sa) / count) * (sbb - (sb * sb) / count);
  return variance > 0 ? (sab - (sa * sb) / count) / Math.sqrt(variance) : 0;
}

/** The coarse level of a thumbnail, `[32, 32]` each. */
export interface CoarseLevel {
  /** Luma on any scale. */
  small: Float32Array;
  /** Its blur, which is registered; what the blur removes is correlated. */
  smooth: Float32Array;
}

const coarseBlur = new Float64Array(coarse.side ** 2);

/** Fills in the blur of a coarse level. */
export function smoothen({ small, smooth }: CoarseLevel): void {
  blurInto(small, coarse.side, { kernel: coarseDetailKernel, inset: 0, into: coarseBlur });
  smooth.set(coarseBlur);
}

/** The coarse level of a thumbnail that is moved onto others. */
export interface MovingLevel {
  smooth: Float64Array;
  detail: Float64Array;
  start: Start;
}

const unmoved = Float64Array.of(1, 0, 0, 0, 1, 0);

/** @param map which pixel stands where: a symmetry of the square (phash.ts) */
export function movingLevel({ small, smooth }: CoarseLevel, map: Int32Array): MovingLevel {
  const moved = new Float64Array(map.length);
  const detail = new Float64Array(map.length);
  for (let i = 0; i < map.length; i++) {
    const from = map[i]!;
    moved[i] = smooth[from]!;
    detail[i] = Math.fround(small[from]! - smooth[from]!);
  }
  const start = { samples: createSamples(coarse), sums: createMovingSums() };
  sample(moved, coarse, unmoved, start.samples);
  sumMoving(start.samples, coarse, start.sums);
  return { smooth: moved, detail, start };
}

/** Agreement of the details after a few steps below which more steps were never seen to help. */
const hopeless = 0.4;

const coarseSamples = createSamples(coarse);
const coarseTarget = new Float64Array(coarse.count);
const coarseDetail = new Float64Array(coarse.count);

/**
 * Coarse registration: the map from one thumbnail to the other and how well the details agree under it. Cheap
 * enough to be asked about every candidate.
 */
export function registerCoarse(
  moving: MovingLevel,
  fixed: CoarseLevel,
): { map: Float64Array; correlation: number } {
  const { side, margin, width } = coarse;
  for (let y = 0, i = 0; y < width; y++)
    for (let x = 0, at = (y + margin) * side + margin; x < width; x++, at++, i++) {
      coarseTarget[i] = fixed.smooth[at]!;
      coarseDetail[i] = Math.fround(fixed.small[at]! - fixed.smooth[at]!);
    }
  standardise(coarseTarget);
  const p = unmoved.slice();
  const options = { frame: coarse, p, samples: coarseSamples };
  const agreement = (): number => {
    sample(moving.detail, coarse, p, coarseSamples);
    return correlationOf(coarseSamples.value, coarseDetail);
  };
  // Two scans of one picture are close after three steps; most candidates are not, and end here.
  register(moving.smooth, coarseTarget, { ...options, steps: 3, start: moving.start });
  const soon = agreement();
  if (soon < hopeless) return { map: p, correlation: soon };
  register(moving.smooth, coarseTarget, { ...options, steps: 5 });
  return { map: p, correlation: agreement() };
}

/** `image` `[64, 64]` under the map `p`, the whole frame: its rim is blurred into the central part. */
function warp(image: Float64Array, p: Float64Array, into: Float64Array): void {
  const { side } = fine;
  const last = side - 1;
  const half = side / 2;
  const centre = last / 2;
  const p0 = p[0]!;
  const p2 = p[2]!;
  const p3 = p[3]!;
  const p5 = p[5]!;
  for (let r = 0, i = 0; r < side; r++) {
    const y = (r - centre) / half;
    const p1y = p[1]! * y;
    const p4y = p[4]! * y;
    for (let c = 0; c < side; c++, i++) {
      const x = (c - centre) / half;
      const u = (p0 * x + p1y + p2) * half + centre;
      const v = (p3 * x + p4y + p5) * half + centre;
      const cx = u < 0 ? 0 : u > last ? last : u;
      const cy = v < 0 ? 0 : v > last ? last : v;
      const x0 = cx < last ? cx | 0 : last - 1;
      const y0 = cy < last ? cy | 0 : last - 1;
      const fx = cx - x0;
      const at = y0 * side + x0;
      const top = image[at]! + fx * (image[at + 1]! - image[at]!);
      const bottom = image[at + side]! + fx * (image[at + side + 1]! - image[at + side]!);
      into[i] = Math.fround(top + (cy - y0) * (bottom - top));
    }
  }
}

/** What a blur removes from an image `[64, 64]`, over the central part. */
function centralDetail(image: Float64Array, into: Float64Array): void {
  const { side, margin, width } = fine;
  blurInto(image, side, { kernel: fineDetailKernel, inset: margin, into });
  for (let y = 0, i = 0; y < width; y++)
    for (let x = 0, at = (y + margin) * side + margin; x < width; x++, at++, i++)
      into[i] = Math.fround(image[at]! - into[i]!);
}

/** A thumbnail `[64, 64]` that is moved onto others. */
export interface MovingThumbnail {
  luma: Float64Array;
  /** Its blur, which is registered. */
  smooth: Float64Array;
}

/**
 * @param thumbnail luma, 0…255
 * @param map which pixel stands where: a symmetry of the square (phash.ts)
 */
export function movingThumbnail(thumbnail: Uint8Array, map: Int32Array): MovingThumbnail {
  const luma = new Float64Array(map.length);
  for (let i = 0; i < map.length; i++) luma[i] = thumbnail[map[i]!]!;
  const smooth = new Float64Array(map.length);
  blurInto(luma, fine.side, { kernel: fineSmoothKernel, inset: 0, into: smooth });
  return { luma, smooth };
}

const fixedLuma = new Float64Array(fine.side ** 2);
const fixedDetail = new Float64Array(fine.count);
const fineTarget = new Float64Array(fine.count);
const fineSamples = createSamples(fine);
const warped = new Float64Array(fine.side ** 2);
const warpedDetail = new Float64Array(fine.count);

/** How well the details of a thumbnail under a map agree with those of the fixed one at hand. */
function agreementUnder(p: Float64Array, luma: Float64Array): number {
  warp(luma, p, warped);
  centralDetail(warped, warpedDetail);
  return correlationOf(warpedDetail, fixedDetail);
}

/**
 * Refines a coarse map and compares the details.
 * @param fixed luma `[64, 64]`, 0…255
 */
export function compareAligned(
  moving: MovingThumbnail,
  fixed: Uint8Array,
  coarseMap: Float64Array,
): Alignment {
  const { side, margin } = fine;
  fixedLuma.set(fixed);
  centralDetail(fixedLuma, fixedDetail);
  blurInto(fixedLuma, side, { kernel: fineSmoothKernel, inset: margin, into: fineTarget });
  standardise(fineTarget);
  const refined = coarseMap.slice();
  register(moving.smooth, fineTarget, { frame: fine, p: refined, steps: 8, samples: fineSamples });
  const before = agreementUnder(coarseMap, moving.luma);
  const after = agreementUnder(refined, moving.luma);
  const map = after > before ? refined : coarseMap;
  // Singular values of [[p0, p1], [p3, p4]].
  const plus = Math.hypot(map[0]! + map[4]!, map[3]! - map[1]!);
  const minus = Math.hypot(map[0]! - map[4]!, map[3]! + map[1]!);
  return {
    correlation: Math.max(before, after),
    stretch: [Math.abs(plus - minus) / 2, (plus + minus) / 2],
    shift: Math.max(Math.abs(map[2]!), Math.abs(map[5]!)),
  };
}
