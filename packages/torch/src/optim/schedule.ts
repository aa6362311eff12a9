/** Learning-rate schedules: factors of the base rate as a function of the step, and the plateau rule. */

/** Step (from 0) → factor in [0, 1]. */
export type Schedule = (step: number) => number;

export const constant: Schedule = () => 1;

/** Linear from 0 to 1 over `warmupSteps`, then half a cosine down to `floor` at `totalSteps`. Loshchilov & Hutter, 2017. */
export function warmupCosine(totalSteps: number, warmupSteps = 0, floor = 0): Schedule {
  return (step) => {
    if (step < warmupSteps) return (step + 1) / warmupSteps;
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
    return floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * progress));
  };
}

/** Linear from 1 at `startStep` to 0 at `totalSteps`: the GAN literature's decay. */
export function linearDecay(totalSteps: number, startStep = 0): Schedule {
  return (step) =>
    step <= startStep ? 1 : Math.max(0, 1 - (step - startStep) / Math.max(1, totalSteps - startStep));
}

/** Multiplies by `gamma` every `every` steps. */
export const stepDecay =
  (every: number, gamma: number): Schedule =>
  (step) =>
    gamma ** Math.floor(step / every);

/**
 * PyTorch's ReduceLROnPlateau for a score to be maximised: after more than `patience` reports without a gain of
 * more than `threshold` (relative), the factor is multiplied by `factor`.
 */
export class ReduceOnPlateau {
  state = { best: Number.NEGATIVE_INFINITY, bad: 0, scale: 1 };
  readonly #factor: number;
  readonly #patience: number;
  readonly #threshold: number;

  constructor(options: { factor?: number; patience?: number; threshold?: number } = {}) {
    this.#factor = options.factor ?? 0.1;
    this.#patience = options.patience ?? 10;
    this.#threshold = options.threshold ?? 1e-4;
  }

  /** Takes a new score; returns the factor of the base rate from now on. */
  report(score: number): number {
    const { state } = this;
    const bar = state.best * (1 + Math.sign(state.best) * this.#threshold);
    if (state.best === Number.NEGATIVE_INFINITY || score > bar) {
      state.best = score;
      state.bad = 0;
    } else if (++state.bad > this.#patience) {
      state.scale *= this.#factor;
      state.bad = 0;
    }
    return state.scale;
  }
}
