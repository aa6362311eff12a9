/** Writes a network as an ONNX file. */
import { GraftError, writeChunks } from '../base/index.js';
import type { Value } from '../torch/index.js';
import { dispose, type Tensor } from '../torch/index.js';
import { Arguments } from './arguments.js';
import { capture, type Forward } from './capture.js';
import { OnnxGraph } from './onnx-graph.js';
import { translate } from './onnx-operators.js';
import type { ExportSummary } from './summary.js';

export interface OnnxOptions {
  /** File to write. */
  path: string;
  /** State dict of the network: initialisers get its keys as names. */
  parameters?: Readonly<Record<string, Tensor>>;
  /** Names of the outputs. Default `output`, or `output0`, `output1`, … */
  outputs?: readonly string[];
  /** Free key-value pairs of the model. */
  metadata?: Readonly<Record<string, string>>;
  /** Name of the graph. Default `network`. */
  name?: string;
}

/** Protocol Buffers' messages are shorter than this. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * Traces a network at example inputs and writes it to an ONNX file (opset 17), which is replaced as a whole or not at
 * all. The batch size is free where the network allows it.
 *
 * @param forward the network in evaluation mode
 * @param inputs example inputs by the names they are to have, with the batch as their first dimension
 * @throws GraftError naming an operator that has no translation, or where the file would pass ONNX's 2 GiB
 */
export function exportOnnx(
  forward: Forward,
  inputs: Readonly<Record<string, Tensor>>,
  options: OnnxOptions,
): ExportSummary {
  const { path } = options;
  const { graph, dynamicBatch } = capture(forward, Object.values(inputs), options.parameters ?? {});
  try {
    const named = Object.keys(inputs).map((name, i): [string, Value] => [name, graph.inputs[i]!]);
    const onnx = new OnnxGraph(options.name ?? 'network', Object.fromEntries(named));
    const outputs = outputNames(options.outputs, graph.outputs.length);
    onnx.reserve(outputs);
    for (const node of graph.nodes) translate(new Arguments(node), onnx);
    // An output gets its name from a node of its own: its value may be an input, or two outputs one value.
    for (const [i, value] of graph.outputs.entries())
      onnx.nodes('Identity', [onnx.nameOf(value)], { names: [outputs[i]!] });
    const results = Object.fromEntries(outputs.map((name, i) => [name, graph.outputs[i]!]));
    const model = onnx.model(results, options.metadata ?? {});
    if (model.sizeBytes > MAX_BYTES)
      throw new GraftError(
        `${path}: ${model.sizeBytes} bytes pass ONNX's 2 GiB; export to TorchScript instead`,
      );
    writeChunks(path, model.chunks);
    const { operators, parameters } = onnx;
    return { path, sizeBytes: model.sizeBytes, operators, parameters, dynamicBatch };
  } finally {
    dispose(graph.constants);
  }
}

function outputNames(given: readonly string[] | undefined, count: number): readonly string[] {
  const names = given ?? (count === 1 ? ['output'] : Array.from({ length: count }, (_, i) => `output${i}`));
  if (names.length !== count)
    throw new GraftError(`export: the network has ${count} outputs, ${names.length} names were given`);
  return names;
}
