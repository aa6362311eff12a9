/**
 * Mean deviation similarity index: how unevenly edges and colours of two images agree; 0 for a picture against
 * itself, lower is more alike. Nafchi, Shahkolaei, Hedjam, Cheriet, "Mean Deviation Similarity Index: Efficient and
 * Reliable Full-Reference Image Quality Evaluator", IEEE Access 2016. Semantics of PIQA 1.1.3: the sum of the two
 * similarities, Prewitt gradients with zeros around the image, sides above 384 px brought to about 256 by means of
 * blocks.
 *
 *   S(a, b, c) = (2ab + c) / (a² + b² + c),  m = ‖∇L‖,  f = the images' mean
 *   GCS = 0.6 (S(m_x, m_y, c₁) + S(m_x, m_f, c₂) − S(m_y, m_f, c₂)) + 0.4 S(HM_x, HM_y, c₃)
 *   MDSI = (mean |GCS^¼ − mean GCS^¼|)^¼
 *
 * GCS can fall below 0 (opposite colours): its root is then complex, at the angle π / 4, and |·| the modulus.
 *
 * PIQA loses float32's digits where images are nearly alike: all of the map is then close to 1, and two fourth roots
 * turn an error of 1e-7 into one of 0.02. Here the map is 1 − GCS, made of squared differences, and so is its root.
 */
import { type Tensor, tidy } from 'graft-torch';
import { LHM, mixChannels } from './color.js';
import { averageBlocks } from './downsample.js';
import type { FullReferenceMetric, ValueRange } from './metric.js';
import { requireColourPairs } from './shapes.js';
import {
  type Gradient,
  guardedPow,
  guardedSqrt,
  PREWITT_SQUARED_SCALE,
  prewitt,
  sumOfSquares,
} from './similarity.js';

/** The authors' constants, for values 0…1. */
const [C1, C2, C3] = [140 / 255 ** 2, 55 / 255 ** 2, 550 / 255 ** 2];
const GRADIENT_SHARE = 0.6;

/**
 * The side of the blocks that an image is brought down by: ⌊side / 256⌉, halves to the even neighbour as in Python.
 *
 * @param sidePx the image's smaller side
 */
export function mdsiBlockSide(sidePx: number): number {
  const quotient = sidePx / 256;
  const below = Math.floor(quotient);
  const rest = quotient - below;
  const rounded = rest === 0.5 ? below + (below % 2) : Math.round(quotient);
  return Math.max(1, rounded);
}

/** 1 − S(a, b, c), from (a − b)² and a² + b². */
const dissimilarity = (squaredDifference: Tensor, squares: Tensor, c: number): Tensor =>
  tidy(() => squaredDifference.div(squares.add(c)));

/** Of gradients at every place. */
interface Length {
  magnitudes: Tensor;
  squares: Tensor;
}

/** 1 − the similarity of gradients, `[N, 1, H, W]`. */
function gradientDissimilarity(x: Tensor, y: Tensor, valueRange: number): Tensor {
  return tidy(() => {
    const [gx, gy] = [prewitt(mixChannels(x, LHM[0])), prewitt(mixChannels(y, LHM[0]))];
    const mean = (a: Tensor, b: Tensor): Tensor => tidy(() => a.add(b).mul_(0.5));
    const lengthOf = ({ horizontal, vertical }: Gradient): Length => {
      const squares = sumOfSquares(horizontal, vertical);
      return { magnitudes: guardedSqrt(squares), squares };
    };
    // The gradient of the mean image is the mean gradient.
    const [ofX, ofY, ofMean] = [
      gx,
      gy,
      { horizontal: mean(gx.horizontal, gy.horizontal), vertical: mean(gx.vertical, gy.vertical) },
    ].map(lengthOf) as [Length, Length, Length];
    const scale = PREWITT_SQUARED_SCALE * valueRange ** 2;
    const part = (a: Length, b: Length, c: number): Tensor =>
      tidy(() => dissimilarity(a.magnitudes.sub(b.magnitudes).square(), a.squares.add(b.squares), c * scale));
    return part(ofX, ofY, C1)
      .add_(part(ofX, ofMean, C2))
      .sub_(part(ofY, ofMean, C2));
  });
}

/** 1 − the similarity of chromaticities, `[N, 1, H, W]`. */
function chromaDissimilarity(x: Tensor, y: Tensor, valueRange: number): Tensor {
  return tidy(() => {
    const [, h, m] = LHM;
    const [hx, mx, hy, my] = [mixChannels(x, h), mixChannels(x, m), mixChannels(y, h), mixChannels(y, m)];
    const squares = sumOfSquares(hx, mx).add_(sumOfSquares(hy, my));
    return dissimilarity(sumOfSquares(hx.sub(hy), mx.sub(my)), squares, C3 * valueRange ** 2);
  });
}

/**
 * @param x floating point `[N, 3, H, W]`, 0…valueRange, both sides at least 2
 * @param y the same shape
 * @returns `[N]`, from 0 up (below about 0.9)
 * @throws TorchError if the shapes differ, are not of colour images, or too small
 */
export function mdsi(x: Tensor, y: Tensor, { valueRange = 1 }: ValueRange = {}): Tensor {
  requireColourPairs(mdsiMetric, x, y);
  return tidy(() => {
    const [n, , height, width] = x.shape as [number, number, number, number];
    const side = mdsiBlockSide(Math.min(height, width));
    const [a, b] = side > 1 ? [averageBlocks(x, side), averageBlocks(y, side)] : [x, y];
    const loss = gradientDissimilarity(a, b, valueRange)
      .mul(GRADIENT_SHARE)
      .add(chromaDissimilarity(a, b, valueRange), 1 - GRADIENT_SHARE)
      .reshape([n, -1]); // 1 − GCS
    const { real, imaginary } = fourthRootMinusOne(loss);
    const [re, im] = [real.sub(real.mean([1], true)), imaginary.sub(imaginary.mean([1], true))];
    const distance = guardedPow(sumOfSquares(re, im), 0.5);
    return guardedPow(distance.mean([1]), 0.25);
  });
}

/**
 * (1 − d)^¼ − 1 as a complex number. With q the fourth root of |1 − d|:
 *
 *   d ≤ 1:  q − 1 = −d / ((1 + q)(1 + q²)), without taking 1 from something close to 1
 *   d > 1:  q (1 + i) / √2 − 1
 */
function fourthRootMinusOne(d: Tensor): { real: Tensor; imaginary: Tensor } {
  return tidy(() => {
    const power = d.rsub(1);
    const squareRoot = guardedSqrt(power.abs());
    const root = guardedSqrt(squareRoot);
    const positive = d.div(root.add(1).mul_(squareRoot.add(1))).neg();
    const negative = tidy(() => power.lt(0).to({ dtype: d.dtype }));
    const imaginary = root.mul(negative).mul_(Math.SQRT1_2);
    // Of a negative power the root's real part is as large as its imaginary part.
    const real = positive.mul(negative.rsub(1)).add_(imaginary).sub_(negative);
    return { real, imaginary };
  });
}

export const mdsiMetric: FullReferenceMetric = {
  id: 'mdsi',
  name: 'MDSI',
  range: [0, 1],
  higherIsBetter: false,
  // A deviation needs more than one place.
  minSidePx: 2,
  settings: (sidePx) => {
    const side = mdsiBlockSide(sidePx);
    const reduced = side > 1 ? `means of ${side}×${side}, ` : '';
    return `${reduced}sum combination 0.6 : 0.4, Prewitt, zero padding, c 140, 55, 550 / 255², ρ 1, q and o 1/4`;
  },
  score: (x, y) => mdsi(x, y),
};
