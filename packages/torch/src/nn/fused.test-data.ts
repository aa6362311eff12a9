/** Fused operators against their parts: what their tests share. */
import { grad, noGrad, randn, setThreads, type Tensor, threads } from '../torch/index.js';
import { BatchNorm2d } from './layers.js';
import type { Module } from './module.js';

/** Largest difference, as a share of the largest value of the reference. */
export function difference(value: Tensor, reference: Tensor): number {
  const exact = reference.to({ dtype: 'float64' });
  return value.to({ dtype: 'float64' }).sub(exact).abs().amax().item() / exact.abs().amax().item();
}

/** A batch norm with weights and statistics of its own. */
export function shuffledNorm(channels: number): BatchNorm2d {
  const norm = new BatchNorm2d(channels, { eps: 1e-3, momentum: 0.3 });
  noGrad(() => {
    norm.weight!.copy_(randn([channels]).add(1));
    norm.bias!.copy_(randn([channels]));
    norm.runningMean.copy_(randn([channels]).add(3));
    norm.runningVar.copy_(randn([channels]).square().add(0.5));
  });
  return norm;
}

/** `copy`, made like `layer`, in double precision with its weights. */
export function inDouble<M extends Module>(copy: M, layer: M): M {
  copy.to({ dtype: 'float64' });
  copy.loadStateDict(layer.stateDict());
  return copy;
}

export const asDouble = (tensor: Tensor): Tensor =>
  tensor.detach().to({ dtype: 'float64' }).requiresGrad_(tensor.requiresGrad);

/** The output and its gradients by `inputs`, weighed by `outer`. */
export function outputAndGradients(
  forward: () => Tensor,
  inputs: readonly Tensor[],
  outer: Tensor,
): Tensor[] {
  const output = forward();
  return [output, ...grad(output, [...inputs], { gradOutputs: [outer] })];
}

/** What `run` gives on one thread and on two. */
export function onOneAndTwoThreads<T>(run: () => T): [T, T] {
  const before = threads();
  try {
    return [1, 2].map((count) => {
      setThreads(count);
      return run();
    }) as [T, T];
  } finally {
    setThreads(before);
  }
}
