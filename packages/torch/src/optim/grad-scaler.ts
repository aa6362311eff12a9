/**
 * Loss scaling for float16, whose smallest numbers are larger than many gradients: the loss is multiplied by a
 * factor, the gradients are divided by it before the optimiser sees them, and a step whose gradients overflowed is
 * left out. The factor falls at each overflow and rises after a long time without one.
 *
 * Micikevicius et al., "Mixed Precision Training", 2018; the semantics are `torch.cuda.amp.GradScaler`'s:
 *
 *     optimizer.zeroGrad();
 *     backward(scaler.scale(loss));
 *     scaler.step(optimizer);
 *     scaler.update();
 */
import { GraftError } from '../base/index.js';
import { aten, full, keep, noGrad, type Tensor, tidy, zeros } from '../torch/index.js';
import type { Optimizer } from './optimizer.js';

export interface GradScalerOptions {
  /** A power of two keeps the scaling exact. Default 2^16. */
  initScale?: number;
  /** Default 2. */
  growthFactor?: number;
  /** Default 0.5. */
  backoffFactor?: number;
  /** Updates without an overflow after which the scale grows. Default 2000. */
  growthInterval?: number;
}

/** What a checkpoint keeps. */
export type GradScalerState = { scale: number; growthTracker: number };

/** Of an optimiser since the last update: whether a gradient was not finite, and whether it has stepped. */
interface Checked {
  /** A float32 scalar above 0 where one was; on the device until somebody has to know. */
  overflow: Tensor | boolean;
  stepped: boolean;
}

export class GradScaler {
  #scale: number;
  #growthTracker = 0;
  readonly #options: Required<GradScalerOptions>;
  readonly #checked = new Map<Optimizer, Checked>();

  constructor(options: GradScalerOptions = {}) {
    const { initScale = 2 ** 16, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000 } = options;
    this.#scale = initScale;
    this.#options = { initScale, growthFactor, backoffFactor, growthInterval };
  }

  /** The factor of the loss at present. */
  get factor(): number {
    return this.#scale;
  }

  /** The loss to differentiate instead of `loss`. */
  scale(loss: Tensor): Tensor {
    return loss.mul(this.#scale);
  }

  /**
   * Divides the gradients of an optimiser's parameters, in place, and looks for overflows. Only for who wants to
   * see or clip them before `step`, which does it otherwise.
   *
   * @throws GraftError when it was done since the last update, or there are no gradients, or they are float16
   */
  unscale(optimizer: Optimizer): void {
    if (this.#checked.has(optimizer))
      throw new GraftError('GradScaler: these gradients were unscaled already; call update() once a step');
    const overflow = tidy(() => {
      const gradients = optimizer.parameters.flatMap((parameter) => parameter.grad ?? []);
      if (gradients.length === 0)
        throw new GraftError(
          'GradScaler: no parameter has a gradient; call backward(scaler.scale(loss)) first',
        );
      if (gradients.some((gradient) => gradient.dtype === 'float16'))
        throw new GraftError(
          'GradScaler: the gradients are float16; keep the weights float32 and use autocast',
        );
      return noGrad(() => unscaleInPlace(gradients, Math.fround(1 / this.#scale)));
    });
    this.#checked.set(optimizer, { overflow: keep(overflow), stepped: false });
  }

  /**
   * Lets an optimiser step, unless one of its gradients overflowed. Waits for the device once.
   *
   * @returns whether it stepped
   * @throws GraftError when it stepped since the last update, or there are no gradients
   */
  step(optimizer: Optimizer): boolean {
    if (!this.#checked.has(optimizer)) this.unscale(optimizer);
    const checked = this.#checked.get(optimizer)!;
    if (checked.stepped)
      throw new GraftError('GradScaler: this optimiser has stepped already; call update() once a step');
    checked.stepped = true;
    const overflowed = settle(checked);
    if (!overflowed) optimizer.step();
    return !overflowed;
  }

  /**
   * Adapts the scale to what the optimisers met since the last update.
   *
   * @throws GraftError when nothing was unscaled or stepped since then
   */
  update(): void {
    const checked = [...this.#checked.values()];
    if (checked.length === 0) throw new GraftError('GradScaler: update() before step()');
    this.#checked.clear();
    // Every one is settled, also behind the first overflow: that frees its tensor.
    const overflowed = checked.map(settle).includes(true);
    const { growthFactor, backoffFactor, growthInterval } = this.#options;
    if (overflowed) {
      this.#scale = Math.fround(this.#scale * backoffFactor);
      this.#growthTracker = 0;
    } else if (++this.#growthTracker === growthInterval) {
      const grown = Math.fround(this.#scale * growthFactor);
      if (Number.isFinite(grown)) this.#scale = grown;
      this.#growthTracker = 0;
    }
  }

  state(): GradScalerState {
    return { scale: this.#scale, growthTracker: this.#growthTracker };
  }

  restore({ scale, growthTracker }: GradScalerState): void {
    this.#scale = scale;
    this.#growthTracker = growthTracker;
  }
}

/** Brings the answer from the device, once. */
function settle(checked: Checked): boolean {
  const { overflow } = checked;
  if (typeof overflow === 'boolean') return overflow;
  checked.overflow = overflow.item() > 0;
  overflow.dispose();
  return checked.overflow;
}

/** Multiplies gradients by `inverse`; returns a float32 scalar, on their device, that is 1 if one was not finite. */
function unscaleInPlace(gradients: Tensor[], inverse: number): Tensor {
  const { device } = gradients[0]!;
  if (device !== 'cpu') {
    const found = zeros([1], { device });
    aten._amp_foreach_non_finite_check_and_unscale_(gradients, found, full([1], inverse, { device }));
    return found;
  }
  // libtorch has had a CPU kernel only since 2.3. The largest |g| is finite if and only if all are.
  const largest = aten.stack(aten._foreach_norm.Scalar(gradients, Number.POSITIVE_INFINITY));
  aten._foreach_mul_.Scalar(gradients, inverse);
  return aten.logical_not(largest.isfinite().all()).to({ dtype: 'float32' });
}
