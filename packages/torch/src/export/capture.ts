/**
 * From a function of tensors to the graph that is exported: traced, made canonical, and freed of the batch size of the
 * inputs where the network allows it.
 *
 * A trace knows numbers only. Traced with a batch of 2 and one of 3, a length that was 2 k and becomes 3 k is k times
 * the batch; where anything else differs between the two, the graph holds for one batch size.
 */
import {
  type Argument,
  aten,
  BatchMultiple,
  type Constant,
  dispose,
  type Graph,
  type Node,
  noGrad,
  operatorName,
  type Tensor,
  tensor,
  tidy,
  trace,
  Value,
} from '../torch/index.js';
import { canonicalise } from './canonical.js';

/** A network in evaluation mode, or a part of one. */
export type Forward = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

export interface Captured {
  graph: Graph;
  /** The first dimension of the inputs is free. */
  dynamicBatch: boolean;
}

const BATCHES = [2, 3] as const;

/**
 * The graph of `forward` at these inputs. Its constants belong to the caller: dispose `graph.constants`.
 *
 * @param inputs all with the batch as their first dimension, or the batch size stays fixed
 * @param parameters state dict of the network: constants get its keys as names
 * @throws TorchError, GraftError where the forward pass cannot be written as a graph
 */
export function capture(
  forward: Forward,
  inputs: readonly Tensor[],
  parameters: Readonly<Record<string, Tensor>>,
): Captured {
  const traced = (given: readonly Tensor[]): Graph =>
    canonicalise(trace(forward, given, { names: parameters }));
  return tidy(() => {
    if (inputs.every((input) => input.shape.length > 0 && input.shape[0]! > 0)) {
      const [two, three] = BATCHES.map((count) => traced(inputs.map((input) => withBatch(input, count))));
      const graph = generaliseBatch(two!, three!);
      dispose(three!.constants);
      if (graph) return { graph, dynamicBatch: true };
      dispose(two!.constants);
    }
    return { graph: traced(inputs), dynamicBatch: false };
  });
}

/**
 * The name of a constant: its state-dict key. Where it was folded of several tensors, what a spectral norm makes of
 * `weight_orig` is called `weight`, as in a network without it, and anything else says that it is not the parameter.
 */
export function constantName({ origin, verbatim }: Constant): string {
  if (origin === null) return 'constant';
  if (verbatim) return origin;
  return origin.endsWith('_orig') ? origin.replace(/_orig$/, '') : `${origin}_folded`;
}

/** As many rows as asked for, the given ones in turn. */
function withBatch(input: Tensor, count: number): Tensor {
  const rows = Array.from({ length: count }, (_, i) => i % input.shape[0]!);
  return noGrad(() => input.indexSelect(0, tensor(rows, [count], { dtype: 'int64' })));
}

/** The first graph with lengths in multiples of the batch; null where the two differ in anything else. */
function generaliseBatch(two: Graph, three: Graph): Graph | null {
  const paired = new Map<Value, { other: Value; general: Value }>();
  class Differs extends Error {}

  const number = (a: number, b: number): number | BatchMultiple => {
    if (a === b) return a;
    const factor = a / BATCHES[0];
    if (!Number.isInteger(factor) || b !== factor * BATCHES[1]) throw new Differs();
    return new BatchMultiple(factor);
  };
  const pair = (a: Value, b: Value): Value => {
    if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) throw new Differs();
    const general = a.constant
      ? a
      : new Value(
          a.shape.map((size, i) => number(size as number, b.shape[i] as number)),
          a.dtype,
        );
    if (a.constant && !sameConstant(a, b)) throw new Differs();
    paired.set(a, { other: b, general });
    return general;
  };
  const argument = (a: Argument | undefined, b: Argument | undefined): Argument => {
    if (a instanceof Value && b instanceof Value) {
      const known = paired.get(a);
      if (known && known.other !== b) throw new Differs();
      return known?.general ?? pair(a, b);
    }
    if (typeof a === 'number' && typeof b === 'number') return number(a, b);
    if (Array.isArray(a) && Array.isArray(b) && a.length === b.length)
      return a.map((item, i) => argument(item as Argument, b[i] as Argument));
    if (a !== b || a === undefined) throw new Differs();
    return a;
  };
  const node = (a: Node, b: Node | undefined): Node => {
    if (!b || operatorName(a.schema) !== operatorName(b.schema)) throw new Differs();
    const given = Object.entries(a.arguments).map(([key, value]) => [key, argument(value, b.arguments[key])]);
    const outputs = a.outputs.map((output, i) => output && pair(output, b.outputs[i]!));
    return { schema: a.schema, arguments: Object.fromEntries(given), outputs };
  };

  try {
    if (two.nodes.length !== three.nodes.length) return null;
    return {
      inputs: two.inputs.map((value, i) => pair(value, three.inputs[i]!)),
      nodes: two.nodes.map((value, i) => node(value, three.nodes[i])),
      outputs: two.outputs.map((value, i) => argument(value, three.outputs[i]) as Value),
      constants: two.constants,
    };
  } catch (error) {
    if (error instanceof Differs) return null;
    throw error;
  }
}

const sameConstant = (a: Value, b: Value): boolean =>
  b.constant !== null && a.constant !== null && aten.equal(a.constant.tensor, b.constant.tensor);
