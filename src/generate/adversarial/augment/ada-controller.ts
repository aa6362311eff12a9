/**
 * ADA's control of p: Karras et al., "Training Generative Adversarial Networks with Limited Data", NeurIPS 2020,
 * section 3.1. How far the discriminator has learned its images by heart shows in r = E[sign D(x)] over real ones: 0
 * where it does not know them, 1 where it knows them all. p grows while r is above its target and falls while below.
 */
import { keep, type Tensor, tidy, zeros } from 'graft-torch';

export interface AdaControllerOptions {
  /** Real images a step. */
  batchSize: number;
  /** Steps between adjustments; the paper: 4. */
  every?: number;
  /** The r that is held; the paper: 0.6. */
  target?: number;
  /** Thousands of real images in which p goes from 0 to 1; the paper: 500. */
  speedKimg?: number;
  /** p at the start, 0 to 1; the paper: 0. */
  initial?: number;
}

/** Plain numbers, for a checkpoint. */
export interface AdaControllerState {
  p: number;
  /** Steps since the last adjustment, and the sum of their mean signs. */
  steps: number;
  signs: number;
  /** r at the last adjustment; null before the first. */
  overfitting: number | null;
}

export class AdaController {
  readonly #options: Required<AdaControllerOptions>;
  #p: number;
  #steps = 0;
  /** Sum of mean signs since the last adjustment, on the discriminator's device: reading it waits for that. */
  #signs: Tensor | null = null;
  #overfitting: number | null = null;

  constructor(options: AdaControllerOptions) {
    this.#options = { every: 4, target: 0.6, speedKimg: 500, initial: 0, ...options };
    this.#p = this.#options.initial;
  }

  /** Probability of each transform, 0 to 1. */
  get p(): number {
    return this.#p;
  }

  /** r at the last adjustment, −1 to 1; null before the first. */
  get overfitting(): number | null {
    return this.#overfitting;
  }

  /**
   * Takes note of a step; every so many it adjusts p, and only then waits for the device.
   * @param realSign mean sign of the discriminator's logits of the step's (augmented) real images, a scalar
   */
  observe(realSign: Tensor): void {
    const sign = realSign.detach();
    this.#sum(realSign.device).add_(sign);
    sign.dispose(); // no scope is around
    this.#steps++;
    if (this.#steps === this.#options.every) this.#adjust();
  }

  #sum(device: Tensor['device']): Tensor {
    this.#signs ??= keep(zeros([], { device }));
    return this.#signs;
  }

  #adjust(): void {
    const { batchSize, every, target, speedKimg } = this.#options;
    this.#overfitting = this.#signs!.item() / every;
    const images = batchSize * every;
    const change = (Math.sign(this.#overfitting - target) * images) / (1000 * speedKimg);
    // Logits that are not finite have no sign; the loop reports them, and p stays a number until it does.
    if (!Number.isNaN(change)) this.#p = Math.min(1, Math.max(0, this.#p + change));
    this.#signs!.zero_();
    this.#steps = 0;
  }

  /** Waits for the device. */
  state(): AdaControllerState {
    const signs = this.#signs ? this.#signs.item() : 0;
    return { p: this.#p, steps: this.#steps, signs, overfitting: this.#overfitting };
  }

  /** Goes on from a state, on the device where the discriminator is. */
  restore(state: AdaControllerState, device: Tensor['device'] = 'cpu'): void {
    this.#p = state.p;
    this.#steps = state.steps;
    this.#overfitting = state.overfitting;
    tidy(() => this.#sum(device).fill_(state.signs));
  }

  /** Frees its tensor. */
  dispose(): void {
    this.#signs?.dispose();
    this.#signs = null;
  }
}
