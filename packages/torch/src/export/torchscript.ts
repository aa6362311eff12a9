/**
 * Writes a network as TorchScript: libtorch's operators by their own names, in source text that libtorch compiles.
 * Source: https://pytorch.org/docs/1.13/jit_language_reference.html.
 */
import { statSync } from 'node:fs';
import { GraftError } from '../base/index.js';
import {
  type Argument,
  type ArgumentSchema,
  aten,
  BatchMultiple,
  type Device,
  type DType,
  dispose,
  dtypeCode,
  type Graph,
  Kind,
  type MemoryFormat,
  memoryFormatCode,
  type Node,
  noGrad,
  runScript,
  saveScript,
  Tensor,
  tidy,
  Value,
} from '../torch/index.js';
import { capture, constantName, type Forward } from './capture.js';
import type { ExportSummary } from './summary.js';

export interface TorchScriptOptions {
  /** File to write. */
  path: string;
  /** State dict of the network: the file's state dict has its keys. */
  parameters?: Readonly<Record<string, Tensor>>;
  /** Free key-value pairs; in the archive as `extra/metadata.json`. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * Traces a network at example inputs and writes it to a TorchScript file, which `torch.jit.load` reads. The batch size
 * is free where the network allows it.
 *
 * @param forward the network in evaluation mode
 * @param inputs example inputs by the names they are to have: Python identifiers
 * @throws GraftError, TorchError where the network cannot be written as a graph
 */
export function exportTorchScript(
  forward: Forward,
  inputs: Readonly<Record<string, Tensor>>,
  options: TorchScriptOptions,
): ExportSummary {
  const { path } = options;
  const { graph, dynamicBatch } = capture(forward, Object.values(inputs), options.parameters ?? {});
  try {
    const { source, tensors } = writeSource(graph, Object.keys(inputs), options.parameters ?? {});
    saveScript(path, source, { tensors, metadata: options.metadata });
    const parameters = [...tensors.values()].reduce((sum, tensor) => sum + tensor.numel, 0);
    return {
      path,
      sizeBytes: statSync(path).size,
      operators: graph.nodes.length,
      parameters,
      dynamicBatch,
    };
  } finally {
    dispose(graph.constants);
  }
}

/** The largest |difference| between a TorchScript file, run by libtorch, and the network it was made from. */
export function checkTorchScript(
  path: string,
  forward: Forward,
  inputs: Readonly<Record<string, Tensor>>,
): number {
  return tidy(() =>
    noGrad(() => {
      const given = Object.values(inputs);
      const results = forward(...given);
      const expected = results instanceof Tensor ? [results] : results;
      const outputs = runScript(path, given);
      return Math.max(...outputs.map((output, i) => output.sub(expected[i]!).abs().amax().item()));
    }),
  );
}

/** `forward` as source text, and the tensors it reads, by their places in the tree of modules. */
function writeSource(
  graph: Graph,
  inputs: readonly string[],
  parameters: Readonly<Record<string, Tensor>>,
): { source: string; tensors: Map<string, Tensor> } {
  for (const name of inputs) {
    if (!/^[A-Za-z_]\w*$/.test(name) || name === 'self')
      throw new GraftError(`export: TorchScript has no input '${name}': give it a name like a variable's`);
  }
  const names = new Map<Value, string>(graph.inputs.map((value, i) => [value, inputs[i]!]));
  const tensors = new Map<string, Tensor>();
  const nameOf = (value: Value): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const { constant } = value;
    if (!constant) throw new GraftError('export: a value is read before it is computed');
    const place = freePlace(constantName(constant), tensors);
    const original = constant.origin === null ? undefined : parameters[constant.origin];
    // The network's own tensor knows whether it is a parameter or a buffer; one made of several is a buffer.
    const isOriginal = original && aten.is_set_to(original, constant.tensor);
    tensors.set(place, isOriginal ? original : constant.tensor);
    names.set(value, attribute(place));
    return attribute(place);
  };
  const body = graph.nodes.map((node) => {
    const call = writeCall(node, nameOf);
    const outputs = node.outputs.map((output) => {
      const name = `v${names.size}`;
      if (output) names.set(output, name);
      return output ? name : '_';
    });
    return `  ${outputs.join(', ')} = ${call}`;
  });
  const batch = body.some((line) => line.includes('batch__')) ? [`  batch__ = ${inputs[0]}.size(0)`] : [];
  const signature = inputs.map((name) => `${name}: Tensor`).join(', ');
  const results = graph.outputs.map(nameOf).join(', ');
  const source = [`def forward(self, ${signature}):`, ...batch, ...body, `  return ${results}`, ''].join(
    '\n',
  );
  return { source, tensors };
}

/** A state-dict key that is not taken, nor a module's name or inside a tensor's. */
function freePlace(key: string, taken: ReadonlyMap<string, Tensor>): string {
  const clashes = (place: string): boolean =>
    [...taken.keys()].some(
      (other) => other === place || other.startsWith(`${place}.`) || place.startsWith(`${other}.`),
    );
  let place = key;
  for (let i = 1; clashes(place); i++) place = `${key}_${i}`;
  return place;
}

/** `main.0.weight` → `getattr(getattr(self.main, "0"), "weight")`: numbers are no names in the language. */
const attribute = (place: string): string =>
  place
    .split('.')
    .reduce(
      (object, name) => (/^[A-Za-z_]\w*$/.test(name) ? `${object}.${name}` : `getattr(${object}, "${name}")`),
      'self',
    );

function writeCall(node: Node, nameOf: (value: Value) => string): string {
  const [namespace, name] = node.schema.name.split('::');
  if (namespace !== 'aten')
    throw new GraftError(`export: the operator ${node.schema.name} has no translation to TorchScript`);
  const given = node.schema.arguments
    .filter((argument) => argument.name in node.arguments)
    .map((argument) => `${argument.name}=${writeArgument(argument, node.arguments[argument.name]!, nameOf)}`);
  return `torch.${name}(${given.join(', ')})`;
}

function writeArgument(argument: ArgumentSchema, value: Argument, nameOf: (value: Value) => string): string {
  if (value === null) return 'None';
  if (!argument.list) return writeElement(argument, value, nameOf);
  const list = Array.isArray(value) ? (value as readonly Argument[]) : new Array(argument.size).fill(value);
  if (list.length === 0 && argument.kind === Kind.Int) return 'annotate(List[int], [])';
  return `[${list.map((item) => (item === null ? 'None' : writeElement(argument, item, nameOf))).join(', ')}]`;
}

function writeElement({ kind }: ArgumentSchema, value: Argument, nameOf: (value: Value) => string): string {
  if (value instanceof Value) return nameOf(value);
  if (value instanceof BatchMultiple) return value.factor === 1 ? 'batch__' : `${value.factor} * batch__`;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return writeNumber(value, kind);
  // libtorch's language has the engine's codes for these.
  if (kind === Kind.Dtype) return String(dtypeCode(value as DType));
  if (kind === Kind.MemoryFormat) return String(memoryFormatCode(value as MemoryFormat));
  if (kind === Kind.Device) return `torch.device("${String(value as Device)}")`;
  return JSON.stringify(value);
}

function writeNumber(value: number, kind: Kind): string {
  if (!Number.isFinite(value))
    return `float("${String(value).replace('Infinity', 'inf').replace('NaN', 'nan')}")`;
  const text = String(value);
  return kind === Kind.Float && /^-?\d+$/.test(text) ? `${text}.0` : text;
}
