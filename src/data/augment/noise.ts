/**
 * Random numbers for pixels, by counting and hashing: value i of a sample is a hash of i and of the sample's seed. So a
 * whole batch is drawn at once, on any device, the same on each, and what a sample gets does not depend on the others.
 * The hash is lowbias32 (Wellons, "Prospecting for hash functions", 2018) with a second word of the seed in its middle.
 */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';

/**
 * Two words of 32 bits, drawn at random: two seeds whose second words are equal and whose first words are near would give
 * rows that are shifted against each other.
 */
export type Seed = readonly [number, number];

const shiftRight = (x: Tensor, bits: number): Tensor =>
  // Of a signed word: the copies of the sign that come in are masked out.
  aten.bitwise_and_.Scalar(aten.bitwise_right_shift.Tensor_Scalar(x, bits), 2 ** (32 - bits) - 1);

/** Random bits, int32 `[seeds.length, count]`. */
function randomBits(seeds: readonly Seed[], count: number, device: Tensor['device']): Tensor {
  return tidy(() => {
    const word = (k: 0 | 1): Tensor =>
      tensor(
        Int32Array.from(seeds, (seed) => seed[k] | 0),
        [seeds.length, 1],
        { device },
      );
    const counter = aten.arange(count, { dtype: 'int32', device });
    const x = aten.add.Tensor(counter, word(0)); // [N, count]
    aten.bitwise_xor_.Tensor(x, shiftRight(x, 16));
    aten.mul_.Scalar(x, 0x7feb352d);
    aten.bitwise_xor_.Tensor(x, shiftRight(x, 15));
    aten.bitwise_xor_.Tensor(x, word(1));
    aten.mul_.Scalar(x, 0x846ca68b | 0);
    aten.bitwise_xor_.Tensor(x, shiftRight(x, 16));
    return x;
  });
}

/** Uniform in [−1, 1), `[seeds.length, count]`. */
export function uniformNoise(seeds: readonly Seed[], count: number, device: Tensor['device']): Tensor {
  return tidy(() => aten.div_.Scalar(randomBits(seeds, count, device).to({ dtype: 'float32' }), 2 ** 31));
}

/** Standard normal (Box & Muller 1958), `[seeds.length, count]`. */
export function normalNoise(seeds: readonly Seed[], count: number, device: Tensor['device']): Tensor {
  return tidy(() => {
    const half = Math.ceil(count / 2);
    const uniform = uniformNoise(seeds, 2 * half, device);
    // −2 ln u with u in (0, 1]; the angle in [−π, π).
    const u = aten.rsub.Scalar(aten.mul.Scalar(aten.narrow(uniform, 1, 0, half), 0.5), 0.5);
    const radius = aten.sqrt_(aten.mul_.Scalar(aten.log_(aten.clamp_(u, 2 ** -33)), -2));
    const angle = aten.mul.Scalar(aten.narrow(uniform, 1, half, half), Math.PI);
    const both = [aten.mul.Tensor(aten.cos(angle), radius), aten.mul.Tensor(aten.sin(angle), radius)];
    return aten.narrow(aten.cat(both, 1), 1, 0, count);
  });
}

/**
 * Adds normal noise, each sample with its own deviation and seed, and clips to [0, 1].
 * @param images float32 `[N, C, H, W]` in [0, 1]
 * @param deviations of the noise, shares of the full range
 */
export function gaussNoise(images: Tensor, deviations: readonly number[], seeds: readonly Seed[]): Tensor {
  return tidy(() => {
    const [n, ...rest] = images.shape as [number, ...number[]];
    const noise = normalNoise(
      seeds,
      rest.reduce((a, b) => a * b, 1),
      images.device,
    );
    const scaled = noise.mul(tensor(deviations, [n, 1], { device: images.device }));
    return aten.clamp_(aten.add.Tensor(aten.view(scaled, images.shape), images), 0, 1);
  });
}
