/** Losses: means over the batch, on logits wherever a sigmoid or softmax would follow. */
import { aten, type Tensor } from '../torch/index.js';
import * as F from './functional.js';

const MEAN = 1; // at::Reduction::Mean

/** Binary cross-entropy of probabilities in [0, 1]. */
export const bce = (probabilities: Tensor, targets: Tensor): Tensor =>
  aten.binary_cross_entropy(probabilities, targets, null, MEAN);

/**
 * Binary cross-entropy of logits, computed stably.
 *
 * @param posWeight factor of the positive term, `[…]` broadcast against the logits
 */
export const bceWithLogits = (logits: Tensor, targets: Tensor, posWeight: Tensor | null = null): Tensor =>
  aten.binary_cross_entropy_with_logits(logits, targets, null, posWeight, MEAN);

/** Cross-entropy of logits `[N, K]` against int64 classes `[N]`. */
export const crossEntropy = (
  logits: Tensor,
  classes: Tensor,
  options: { weight?: Tensor | null; labelSmoothing?: number } = {},
): Tensor =>
  aten.cross_entropy_loss(logits, classes, options.weight ?? null, MEAN, -100, options.labelSmoothing ?? 0);

export const mse = (input: Tensor, target: Tensor): Tensor => aten.mse_loss(input, target, MEAN);

/** Hinge loss of a discriminator: E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]. Lim & Ye, 2017. */
export const hingeDiscriminator = (real: Tensor, fake: Tensor): Tensor =>
  F.relu(real.rsub(1))
    .mean()
    .add(F.relu(fake.add(1)).mean());

/** Hinge and Wasserstein loss of a generator: −E[D(G(z))]. */
export const negativeMean = (fake: Tensor): Tensor => fake.mean().neg();

/** Wasserstein loss of a critic: E[D(G(z))] − E[D(x)]. Arjovsky et al., 2017. */
export const wassersteinCritic = (real: Tensor, fake: Tensor): Tensor => fake.mean().sub(real.mean());
