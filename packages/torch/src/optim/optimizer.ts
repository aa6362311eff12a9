/**
 * Optimisers update all their parameters with a handful of `_foreach_` calls: the same arithmetic as PyTorch's
 * loop, tensor by tensor, in the same order, with the loop in C++.
 */
import { GraftError } from '../base/index.js';
import { aten, keep, noGrad, type Tensor, tidy } from '../torch/index.js';

/** Parameters that are updated together, and where their state is. */
export interface UpdateGroup {
  /** Places among the optimiser's parameters. */
  indices: number[];
  /** Learning rate of this group. */
  lr: number;
}

export abstract class Optimizer {
  /** Steps made. */
  protected stepCount = 0;
  /** Per-parameter state by name, in the parameters' order. */
  protected readonly slots = new Map<string, Tensor[]>();

  /** Factor of the learning rate → places of the parameters that have it. */
  readonly #groups: readonly (readonly [factor: number, indices: readonly number[]])[];

  /**
   * @param rateFactors one a parameter: its learning rate as a share of `lr`. What PyTorch's parameter groups are mostly
   * used for; the order of the parameters, and with it the state, does not depend on them. Default 1 for all.
   * @throws GraftError when there are not as many factors as parameters
   */
  constructor(
    readonly parameters: readonly Tensor[],
    /** Learning rate; schedules write it. */
    public lr: number,
    rateFactors?: readonly number[],
  ) {
    if (rateFactors && rateFactors.length !== parameters.length) {
      throw new GraftError(
        `optimiser: ${parameters.length} parameters need as many rateFactors, got ${rateFactors.length}`,
      );
    }
    const groups = new Map<number, number[]>();
    for (const i of parameters.keys()) {
      const factor = rateFactors?.[i] ?? 1;
      const group = groups.get(factor);
      if (group) group.push(i);
      else groups.set(factor, [i]);
    }
    this.#groups = [...groups];
  }

  /** Updates the parameters that have a gradient. */
  step(): void {
    tidy(() =>
      noGrad(() => {
        const gradients = this.parameters.map((parameter) => parameter.grad);
        if (!gradients.some(Boolean)) return;
        this.stepCount++;
        for (const [factor, group] of this.#groups) {
          const indices = group.filter((i) => gradients[i]);
          if (indices.length === 0) continue;
          this.update(
            indices.map((i) => this.parameters[i]!),
            indices.map((i) => gradients[i]!),
            { indices, lr: this.lr * factor },
          );
        }
      }),
    );
  }

  protected abstract update(parameters: Tensor[], gradients: Tensor[], group: UpdateGroup): void;

  /** State tensors of a slot for the given parameters, zero at first. */
  protected slot(name: string, indices: number[]): Tensor[] {
    let slot = this.slots.get(name);
    if (!slot) {
      slot = this.parameters.map((p) => keep(aten.zeros_like(p)));
      this.slots.set(name, slot);
    }
    return indices.map((i) => slot[i]!);
  }

  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.grad = null;
  }

  /** Everything a resumed run needs: tensors as `<slot>.<index>`, and numbers. */
  stateDict(): { tensors: Record<string, Tensor>; step: number; lr: number } {
    const tensors = [...this.slots].flatMap(([name, slot]) =>
      slot.map((value, i): [string, Tensor] => [`${name}.${i}`, value]),
    );
    return { tensors: Object.fromEntries(tensors), step: this.stepCount, lr: this.lr };
  }

  /** @throws GraftError when a tensor does not fit the parameters */
  loadStateDict(state: { tensors: Record<string, Tensor>; step: number; lr: number }): void {
    this.stepCount = state.step;
    this.lr = state.lr;
    for (const [key, value] of Object.entries(state.tensors)) {
      const dot = key.lastIndexOf('.');
      const index = Number(key.slice(dot + 1));
      if (!(index < this.parameters.length))
        throw new GraftError(`optimiser state '${key}' belongs to no parameter of this network`);
      const [target] = this.slot(key.slice(0, dot), [index]);
      noGrad(() => target!.copy_(value));
    }
  }

  dispose(): void {
    for (const slot of this.slots.values()) for (const value of slot) value.dispose();
    this.slots.clear();
  }
}
