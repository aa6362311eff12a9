/**
 * From a forward pass to its graph: a callback is run once, and every operator it calls is written down.
 *
 * The graph has values that are assigned once. An operator that changes a tensor in place gives it a new value; whoever
 * reads the tensor afterwards reads that. A tensor that does not depend on the inputs is a constant: what computed it
 * (a spectral norm, a kernel put together of others) is not in the graph, its result is.
 *
 * What is traced is one path: where the callback branches on the contents of a tensor, tracing refuses (`item`).
 */
import { TorchError } from '../base/index.js';
import { aten } from './aten.js';
import { noGrad } from './autograd.js';
import { type Interceptor, interceptOperators } from './dispatch.js';
import type { DType } from './dtype.js';
import type { OperatorSchema } from './schema.js';
import { dispose, keep, tidy } from './scope.js';
import { Tensor } from './tensor.js';

/** A length that is a multiple of the batch's; `trace` knows numbers only, `generaliseBatch` finds these. */
export class BatchMultiple {
  constructor(readonly factor: number) {}
}

export type Dimension = number | BatchMultiple;

/** What a constant holds, and where it comes from. */
export interface Constant {
  tensor: Tensor;
  /** State-dict key of the parameter it is, or of the first that it was made of. */
  origin: string | null;
  /** It has that parameter's numbers in their order, if in another shape. */
  verbatim: boolean;
}

/** A tensor of the graph: an input, a constant, or an output of one node. */
export class Value {
  constructor(
    readonly shape: readonly Dimension[],
    readonly dtype: DType,
    readonly constant: Constant | null = null,
  ) {}
}

export type Argument = Value | Dimension | boolean | string | null | readonly Argument[];

/** One call of an operator. */
export interface Node {
  schema: OperatorSchema;
  /** By the schema's names; one left out has the schema's default. */
  arguments: Readonly<Record<string, Argument>>;
  /** Lists flat; null where an output is undefined. */
  outputs: readonly (Value | null)[];
}

export interface Graph {
  inputs: readonly Value[];
  outputs: readonly Value[];
  /** In the order of their calls; only what the outputs need. */
  nodes: readonly Node[];
  /** What the constants hold, owned by nobody: dispose it when the graph is no longer needed. */
  constants: readonly Tensor[];
}

/** `aten::add.Tensor` */
export const operatorName = ({ name, overload }: OperatorSchema): string =>
  overload ? `${name}.${overload}` : name;

/**
 * Runs `body` without gradients and returns the graph of what it did.
 *
 * @param options.names tensors by state-dict key: constants get their names from it, and none of them may be changed
 * @throws TorchError where the callback reads a number out of a computed tensor, changes a named tensor (a network in
 *   training mode), or reads a tensor that was changed through another view of its memory
 */
export function trace(
  body: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: { names?: Readonly<Record<string, Tensor>> } = {},
): Graph {
  const recorder = new Recorder(inputs, options.names ?? {});
  try {
    return tidy(() =>
      noGrad(() => {
        const before = interceptOperators(recorder.intercept);
        let results: Tensor | readonly Tensor[];
        try {
          results = body(...inputs);
        } finally {
          interceptOperators(before);
        }
        return recorder.finish(results instanceof Tensor ? [results] : results);
      }),
    );
  } catch (error) {
    dispose(recorder.constants);
    throw error;
  }
}

class Recorder {
  readonly constants: Tensor[] = [];
  readonly #inputs: Value[];
  readonly #nodes: Node[] = [];
  /** The present value of each tensor, and the tensor's version when it got it. */
  readonly #present = new Map<Tensor, { value: Value; version: number }>();
  readonly #named: Map<Tensor, string>;
  /** Of tensors made from named ones: the name of the first. */
  readonly #origins: Map<Tensor, string>;

  constructor(
    inputs: readonly Tensor[],
    readonly names: Readonly<Record<string, Tensor>>,
  ) {
    this.#named = new Map(Object.entries(names).map(([name, tensor]) => [tensor, name]));
    this.#origins = new Map(this.#named);
    this.#inputs = inputs.map((tensor) => this.#assign(tensor));
  }

  readonly intercept: Interceptor = (schema, values, run) => {
    const call = (): unknown => run(schema, values);
    const before = interceptOperators(null);
    try {
      const given = argumentsByName(schema, values);
      const tensors = Object.values(given).flatMap(tensorsOf);
      return tensors.some((tensor) => this.#isComputed(tensor))
        ? this.#record(schema, given, call)
        : this.#fold(tensors, call);
    } finally {
      interceptOperators(before);
    }
  };

  finish(results: readonly Tensor[]): Graph {
    for (const [tensor, { value, version }] of this.#present) {
      const name = this.#named.get(tensor);
      if (value.constant && name && aten._version(tensor) !== version) throw changed(name);
    }
    const outputs = results.map((tensor) => {
      if (!this.#isComputed(tensor)) throw new TorchError('trace: an output does not depend on the inputs');
      return this.#read(tensor, 'the result');
    });
    return {
      inputs: this.#inputs,
      outputs,
      nodes: withoutDeadCode(this.#nodes, outputs),
      constants: this.constants,
    };
  }

  #isComputed(tensor: Tensor): boolean {
    const present = this.#present.get(tensor);
    return present !== undefined && present.value.constant === null;
  }

  #fold(tensors: readonly Tensor[], call: () => unknown): unknown {
    const result = call();
    const origin = tensors.map((tensor) => this.#origins.get(tensor)).find((name) => name !== undefined);
    if (origin !== undefined) for (const made of tensorsOf(result)) this.#origins.set(made, origin);
    return result;
  }

  #record(schema: OperatorSchema, given: Record<string, unknown>, call: () => unknown): unknown {
    const name = operatorName(schema);
    // Read before the call, which may change what it is given.
    const recorded = Object.fromEntries(
      Object.entries(given).map(([key, value]) => [key, this.#argument(value, name)]),
    );
    const result = call();
    const results = schema.returns.length === 1 ? [result] : (result as unknown[]);
    const outputs = (results ?? []).flat().map((output) => {
      if (output !== null && !(output instanceof Tensor)) {
        throw new TorchError(
          `trace: ${name} reads a number out of a computed tensor; the graph would hold for this input only`,
        );
      }
      return output && this.#assign(output);
    });
    if (outputs.length === 0)
      throw new TorchError(`trace: ${name} returns nothing; use an operator that does`);
    this.#nodes.push({ schema, arguments: recorded, outputs });
    return result;
  }

  #assign(tensor: Tensor, constant: Constant | null = null): Value {
    const value = new Value(tensor.shape, tensor.dtype, constant);
    this.#present.set(tensor, { value, version: aten._version(tensor) });
    return value;
  }

  #argument(value: unknown, reader: string): Argument {
    if (value instanceof Tensor) return this.#read(value, reader);
    return Array.isArray(value) ? value.map((item) => this.#argument(item, reader)) : (value as Argument);
  }

  #read(tensor: Tensor, reader: string): Value {
    const present = this.#present.get(tensor);
    // Views share their version with what they show.
    if (present?.version === aten._version(tensor)) return present.value;
    if (present && !present.value.constant) {
      throw new TorchError(
        `trace: ${reader} reads a tensor [${tensor.shape}] that was changed in place through another view of it`,
      );
    }
    const origin = this.#origins.get(tensor) ?? null;
    const isNamed = this.#named.has(tensor);
    if (present && isNamed) throw changed(origin!);
    // A copy, unless it is a parameter: what is computed on the way may still be changed, or freed.
    const kept = keep(isNamed ? tensor.detach() : aten.clone(tensor, { memory_format: 'contiguous' }));
    this.constants.push(kept);
    const verbatim = isNamed || (origin !== null && sameNumbers(kept, this.names[origin]!));
    return this.#assign(tensor, { tensor: kept, origin, verbatim });
  }
}

const sameNumbers = (a: Tensor, b: Tensor): boolean =>
  a.dtype === b.dtype &&
  a.numel === b.numel &&
  tidy(() => aten.equal(a.reshape([-1]), b.detach().reshape([-1])));

const changed = (name: string): TorchError =>
  new TorchError(`trace: the forward pass changes '${name}'; call eval() on the network first`);

function argumentsByName(schema: OperatorSchema, values: readonly unknown[]): Record<string, unknown> {
  const last = values.at(-1);
  const isKeywords =
    last !== null && typeof last === 'object' && Object.getPrototypeOf(last) === Object.prototype;
  const positional = isKeywords ? values.slice(0, -1) : values;
  const names = schema.arguments.filter((argument) => !argument.keyword).map((argument) => argument.name);
  const entries = [
    ...positional.map((value, i): [string, unknown] => [names[i] ?? `argument ${i}`, value]),
    ...(isKeywords ? Object.entries(last) : []),
  ];
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function tensorsOf(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  return Array.isArray(value) ? value.flatMap(tensorsOf) : [];
}

function withoutDeadCode(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const needed = new Set(outputs);
  const alive: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => output && needed.has(output))) continue;
    alive.push(node);
    for (const value of Object.values(node.arguments).flatMap(valuesOf)) needed.add(value);
  }
  return alive.reverse();
}

/** The values in an argument, also those in its lists. */
export function valuesOf(argument: Argument): Value[] {
  if (argument instanceof Value) return [argument];
  return Array.isArray(argument) ? (argument as readonly Argument[]).flatMap(valuesOf) : [];
}
