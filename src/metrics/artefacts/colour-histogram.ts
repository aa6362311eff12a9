/**
 * Colours of two sets, places aside: how far apart their pooled histograms are.
 *
 * - Red, green, blue and saturation each: the Wasserstein distance, W₁ = Σ |F(v) − G(v)| over the levels v, F and G the
 *   cumulative distributions. Exact for bytes. In grey levels: by how much a pixel has to change on average; of
 *   saturation in percentage points.
 * - Together: the Jensen–Shannon distance (Endres & Schindelin, "A new metric for probability distributions", IEEE
 *   Trans. Inf. Theory 2003), √(H((p + q)/2) − H(p)/2 − H(q)/2) with logarithms to base 2: 0 for equal histograms, 1 for
 *   disjoint ones, defined where a bin is empty, which χ² and Kullback–Leibler are not.
 *
 * The joint histogram has 16³ bins of CIELAB (D65, two degrees). There equal steps are about equally visible; in HSV the
 * hue of a dark or grey pixel, of which corners and hair are full, is noise. Bins are cubes with sides of 6.25: L* over
 * 0…100, a* and b* over −40…60, which holds skin, pigment and blood; what lies beyond counts in the outermost bin.
 */
import { aten, cat, type Tensor, tensor, tidy, zeros } from 'graft-torch';
import { type CompareOptions, compareMeans, type RowSets, type Score } from './compare.js';
import { type BatchOptions, requireImages, rowsOfImages } from './images.js';

const LEVELS = 256;
const BINS = 16;
const BIN_SIZE = 6.25;
const LOWEST = [0, -40, -40] as const;

/** sRGB to linear light, by byte (IEC 61966-2-1). */
const linearLight = Float32Array.from({ length: LEVELS }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

/** Linear sRGB → XYZ over the white of D65, so that white is (1, 1, 1). */
const toXyz = [
  [0.4124, 0.3576, 0.1805],
  [0.2126, 0.7152, 0.0722],
  [0.0193, 0.1192, 0.9505],
].map((row) => row.map((value) => value / row.reduce((a, b) => a + b)));

/**
 * CIELAB of sRGB bytes (CIE 15:2004), white D65.
 *
 * @param images uint8 `[N, 3, H, W]`
 * @returns float32 `[N, 3, H, W]`: L* in 0…100, a*, b*
 */
export function toLab(images: Tensor): Tensor {
  const [n, , height, width] = images.shape as [number, number, number, number];
  const { device } = images;
  return tidy(() => {
    const index = images.to({ dtype: 'int64' }).reshape([-1]);
    const linear = tensor(linearLight, [LEVELS], { device })
      .indexSelect(0, index)
      .reshape([n, 3, height * width]);
    const xyz = tensor(toXyz.flat(), [3, 3], { device }).matmul(linear); // [N, 3, H·W]
    const threshold = (6 / 29) ** 3;
    const root = aten.where.self(
      xyz.gt(threshold),
      xyz.clamp({ min: threshold }).pow(1 / 3),
      xyz.mul(29 ** 2 / (3 * 6 ** 2)).add(4 / 29),
    );
    const toLabMatrix = tensor([0, 116, 0, 500, -500, 0, 0, 200, -200], [3, 3], { device });
    const offset = tensor([-16, 0, 0], [1, 3, 1], { device });
    return toLabMatrix.matmul(root).add(offset).reshape([n, 3, height, width]);
  });
}

/**
 * Saturation as of HSV: largest less smallest channel, as a share of the largest; 0 for black.
 *
 * @param images uint8 `[N, 3, H, W]`
 * @returns float32 `[N, H, W]`, 0…1
 */
export function saturation(images: Tensor): Tensor {
  return tidy(() => {
    const floats = images.float();
    const most = floats.amax([1]);
    return most.sub(floats.amin([1])).div(most.clamp({ min: 1 }));
  });
}

/** Shares of values 0…bins − 1: int64 `[N, P]` → float32 `[N, bins]`. */
function histograms(values: Tensor, bins: number): Tensor {
  const [n, count] = values.shape as [number, number];
  return tidy(() => {
    const counts = zeros([n, bins], { device: values.device });
    // Ones add up exactly in any order, on any device; shares would not.
    const ones = zeros([1, 1], { device: values.device }).add(1).expand([n, count]);
    return aten.scatter_add(counts, 1, values, ones).div(count);
  });
}

/** Bins of the joint histogram, `[N, H·W]`. */
function labBins(images: Tensor): Tensor {
  return tidy(() => {
    const [n, , height, width] = images.shape as [number, number, number, number];
    const { device } = images;
    const bins = toLab(images)
      .sub(tensor([...LOWEST], [1, 3, 1, 1], { device }))
      .div(BIN_SIZE)
      .floor()
      .clamp({ min: 0, max: BINS - 1 });
    const places = tensor([BINS * BINS, BINS, 1], [1, 3, 1, 1], { device });
    return bins
      .mul(places)
      .sum([1])
      .reshape([n, height * width])
      .to({ dtype: 'int64' });
  });
}

/** Histograms of a channel each, in the order of the rows. */
const CHANNELS = ['red', 'green', 'blue', 'saturation'] as const;
export type Channel = (typeof CHANNELS)[number];

/**
 * Histograms of every image: 256 shares of red, green, blue and saturation each, then 16³ of CIELAB.
 *
 * @param images uint8 `[N, 3, H, W]`
 * @returns float64 `[N, 4 · 256 + 16³]` on the CPU
 * @throws DataError unless there are two or more images of bytes
 */
export function colourRows(images: Tensor, options: BatchOptions = {}): Tensor {
  requireImages('given', images);
  return rowsOfImages(
    images,
    (batch) => {
      const n = batch.shape[0]!;
      const levels = saturation(batch)
        .mul(LEVELS - 1)
        .round();
      const values = [...[0, 1, 2].map((channel) => batch.select(1, channel)), levels].map((channel) =>
        histograms(channel.to({ dtype: 'int64' }).reshape([n, -1]), LEVELS),
      );
      return cat([...values, histograms(labBins(batch), BINS ** 3)], 1);
    },
    options,
  );
}

/** W₁ between histograms over the levels 0…255, `[B, 256]` each → `[B, 1]` in levels. */
export const wassersteinDistance = (first: Tensor, second: Tensor): Tensor =>
  tidy(() => aten.cumsum(first.sub(second), 1).abs().sum([1], true));

/** Jensen–Shannon distance between histograms, `[B, bins]` each → `[B, 1]`, 0…1. */
export function jensenShannonDistance(first: Tensor, second: Tensor): Tensor {
  return tidy(() => {
    // x log x, which is 0 at 0.
    const information = (shares: Tensor): Tensor =>
      shares.mul(shares.clamp({ min: 1e-300 }).log()).sum([1], true);
    const middle = information(first.add(second).div(2));
    const divergence = information(first).add(information(second)).div(2).sub(middle).div(Math.LN2);
    // Rounding can take equal histograms a hair below 0.
    return divergence.clamp({ min: 0 }).sqrt();
  });
}

/** A bin of the joint histogram. */
export interface ColourBin {
  /** The bin's centre: L*, a*, b*. */
  lab: readonly [number, number, number];
  /** Shares of all pixels. */
  real: number;
  synthetic: number;
}

export interface ColourResult {
  /** Wasserstein distances: grey levels, of saturation percentage points. */
  channels: Record<Channel, Score>;
  /** Jensen–Shannon distance of the joint histograms, 0…1. */
  joint: Score;
  /** Pooled shares of the levels 0…255 by channel, for a figure; saturation in 255ths. */
  real: Record<Channel, number[]>;
  synthetic: Record<Channel, number[]>;
  /** Where the joint histograms differ most, at most twelve bins. */
  bins: ColourBin[];
}

const MOST_BINS = 12;

/** @param sets rows of `colourRows` */
export function compareColours(sets: RowSets, options: CompareOptions): ColourResult {
  return tidy(() => {
    const levels = (rows: Tensor, i: number): Tensor => rows.narrow(1, i * LEVELS, LEVELS);
    const joint = (rows: Tensor): Tensor => rows.narrow(1, CHANNELS.length * LEVELS, BINS ** 3);
    const [real, synthetic] = [sets.real.rows.mean([0], true), sets.synthetic.rows.mean([0], true)];
    // Most colours never occur: without their bins the products are small.
    const pooled = joint(real).add(joint(synthetic)).toArray() as Float64Array;
    const seen = Int32Array.from(pooled.keys()).filter((bin) => pooled[bin]! > 0);
    const columns = [
      ...Array(CHANNELS.length * LEVELS).keys(),
      ...Array.from(seen, (bin) => bin + CHANNELS.length * LEVELS),
    ];
    const index = tensor(columns, [columns.length], { dtype: 'int64' });
    const reduced = (set: RowSets['real']) => ({ ...set, rows: set.rows.indexSelect(1, index) });
    const scores = compareMeans(
      { real: reduced(sets.real), synthetic: reduced(sets.synthetic) },
      (first, second) =>
        tidy(() => {
          const distances = CHANNELS.map((channel, i) =>
            wassersteinDistance(levels(first, i), levels(second, i)).mul(
              channel === 'saturation' ? 100 / (LEVELS - 1) : 1,
            ),
          );
          const bins = (rows: Tensor): Tensor => rows.narrow(1, CHANNELS.length * LEVELS, seen.length);
          return cat([...distances, jensenShannonDistance(bins(first), bins(second))], 1);
        }),
      { ...options, kinds: [...CHANNELS, 'joint'].map(() => 'distance' as const) },
    );
    const byChannel = <T>(at: (i: number) => T): Record<Channel, T> => ({
      red: at(0),
      green: at(1),
      blue: at(2),
      saturation: at(3),
    });
    const sharesOf = (rows: Tensor) =>
      byChannel((i) => Array.from(levels(rows, i).toArray() as Float64Array));
    return {
      channels: byChannel((i) => scores[i]!),
      joint: scores[CHANNELS.length]!,
      real: sharesOf(real),
      synthetic: sharesOf(synthetic),
      bins: mostDifferentBins(
        joint(real).toArray() as Float64Array,
        joint(synthetic).toArray() as Float64Array,
      ),
    };
  });
}

function mostDifferentBins(real: Float64Array, synthetic: Float64Array): ColourBin[] {
  const difference = (bin: number): number => Math.abs(real[bin]! - synthetic[bin]!);
  const centre = (bin: number, axis: 0 | 1 | 2): number =>
    LOWEST[axis] + BIN_SIZE * ((Math.floor(bin / BINS ** (2 - axis)) % BINS) + 0.5);
  return [...real.keys()]
    .filter((bin) => difference(bin) > 0)
    .sort((a, b) => difference(b) - difference(a))
    .slice(0, MOST_BINS)
    .map((bin) => ({
      lab: [centre(bin, 0), centre(bin, 1), centre(bin, 2)],
      real: real[bin]!,
      synthetic: synthetic[bin]!,
    }));
}
