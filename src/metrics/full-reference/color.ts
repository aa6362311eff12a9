/**
 * Colour spaces in which the metrics see: weighted sums of R, G and B, one row a channel, as PIQA 1.1.3 has them.
 */
import { type Tensor, tidy } from 'graft-torch';

type Weights = readonly [red: number, green: number, blue: number];

/** Luma of BT.601: GMSD, MS-GMSD, and the Y of YIQ. */
export const LUMA: Weights = [0.299, 0.587, 0.114];

/** I and Q of YIQ (FCC 1953); a grey image has neither. */
export const CHROMA_IQ: readonly [Weights, Weights] = [
  [0.5959, -0.2746, -0.3213],
  [0.2115, -0.5227, 0.3112],
];

/**
 * I and Q as PIQA's HaarPSI takes them. Its first weight is a slip (0.5969 for 0.5959, so that grey gets an I of a
 * thousandth of its value); kept, because figures must agree with PIQA's.
 */
export const CHROMA_IQ_HAARPSI: readonly [Weights, Weights] = [[0.5969, -0.2746, -0.3213], CHROMA_IQ[1]];

/** L, H and M of the Gaussian colour model, with MATLAB's luma; MDSI (Nafchi et al. 2016). */
export const LHM: readonly [Weights, Weights, Weights] = [
  [0.2989, 0.587, 0.114],
  [0.3, 0.04, -0.35],
  [0.34, -0.6, 0.17],
];

/**
 * One channel of another colour space.
 *
 * As three steps over memory: a convolution of 1×1 over three channels takes thirty times as long.
 *
 * @param images `[N, 3, H, W]`
 * @returns `[N, 1, H, W]`
 */
export const mixChannels = (images: Tensor, [red, green, blue]: Weights): Tensor =>
  tidy(() => {
    const channel = (index: number): Tensor => images.narrow(1, index, 1);
    return channel(0).mul(red).add_(channel(1), green).add_(channel(2), blue);
  });
