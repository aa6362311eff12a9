/**
 * Optimisers update all their parameters with a handful of `_foreach_` calls: the same arithmetic as PyTorch's
 * loop, tensor by tensor, in the same order, with the loop in C++.
 */
import { GraftError } from '../errors.js';
import { aten, keep, noGrad, type Tensor, tidy } from '../torch/index.js';

export abstract class Optimizer {
  /** Steps made. */
  protected stepCount = 0;
  /** Per-parameter state by name, in the parameters' order. */
  protected readonly slots = new Map<string, Tensor[]>();

  constructor(
    readonly parameters: readonly Tensor[],
    /** Learning rate; schedules write it. */
    public lr: number,
  ) {}

  /** Updates the parameters that have a gradient. */
  step(): void {
    tidy(() =>
      noGrad(() => {
        const gradients = this.parameters.map((parameter) => parameter.grad);
        const used = this.parameters.flatMap((_, i) => (gradients[i] ? [i] : []));
        if (used.length === 0) return;
        this.stepCount++;
        this.update(
          used.map((i) => this.parameters[i]!),
          used.map((i) => gradients[i]!),
          used,
        );
      }),
    );
  }

  protected abstract update(parameters: Tensor[], gradients: Tensor[], indices: number[]): void;

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
