/**
 * Batch normalisation whose gain and bias depend on the class: Dumoulin et al., "A Learned Representation for Artistic
 * Style", ICLR 2017; in GANs: Miyato & Koyama, "cGANs with Projection Discriminator", ICLR 2018.
 *
 * Here a class has no gain and bias of its own, but a deviation from one that all classes share:
 *
 *     y = x̂ · (γ + s · Δγ_c) + (β + s · Δβ_c),   γ = 1, β = Δγ = Δβ = 0 at first
 *
 * The maps are the same, and the strength s fades the class in: s = 0 is plain batch normalisation, exactly, and what
 * it has learned is where conditioning starts from. That is the transition of Shahbazi et al., "Collapse by
 * Conditioning: Training Class-Conditional GANs with Limited Data", ICLR 2022.
 */
import { type Tensor, tidy } from '../torch/index.js';
import { constant_ } from './init.js';
import { BatchNorm2d, Embedding } from './layers.js';

/** The classes of a batch and how far they count. */
export interface Condition {
  /** int64 `[N]`. */
  labels: Tensor;
  /** 0: not at all, 1: fully. */
  strength: number;
}

/** Deviations that are none yet. */
const noDeviation = (classCount: number, channels: number): Embedding => {
  const deviations = new Embedding(classCount, channels);
  constant_(deviations.weight, 0);
  return deviations;
};

/** `[N, C, H, W]`; keys are batch norm's with `gains.weight` and `biases.weight`, both `[classes, C]`. */
export class ConditionalBatchNorm2d extends BatchNorm2d {
  readonly gains: Embedding;
  readonly biases: Embedding;

  constructor(channels: number, classCount: number, options: { eps?: number; momentum?: number } = {}) {
    super(channels, options);
    this.gains = this.child('gains', noDeviation(classCount, channels));
    this.biases = this.child('biases', noDeviation(classCount, channels));
  }

  /** @param condition null: strength 0 */
  override forward(input: Tensor, condition: Condition | null = null): Tensor {
    if (!condition || condition.strength === 0) return super.forward(input);
    const { labels, strength } = condition;
    const ofSample = (shared: Tensor, deviations: Embedding): Tensor =>
      shared.add(deviations.forward(labels), strength).reshape([labels.shape[0]!, -1, 1, 1]); // [N, C, 1, 1]
    return tidy(() => {
      const scaled = this.normalise(input, null, null).mul(ofSample(this.weight!, this.gains));
      return scaled.add_(ofSample(this.bias!, this.biases));
    });
  }
}
