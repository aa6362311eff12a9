/**
 * What each operator of libtorch is in ONNX (opset 17). Source: https://github.com/onnx/onnx/blob/main/docs/Operators.md.
 * An operator that is in none of the tables has no translation, and says so.
 */
import { GraftError } from '../base/index.js';
import type { Arguments } from './arguments.js';
import { ELEMENTWISE } from './onnx-elementwise.js';
import type { OnnxGraph } from './onnx-graph.js';
import { LAYERS } from './onnx-layers.js';
import { SHAPES } from './onnx-shapes.js';
import type { Translations } from './onnx-translation.js';

const TRANSLATIONS: Translations = { ...ELEMENTWISE, ...LAYERS, ...SHAPES };

/**
 * Adds the nodes of one operator call to the graph.
 * @throws GraftError naming the operator that has no translation
 */
export function translate(call: Arguments, graph: OnnxGraph): void {
  const { name, overload } = call.node.schema;
  const plain = name.replace(/^aten::/, '');
  const translation = TRANSLATIONS[overload ? `${plain}.${overload}` : plain] ?? TRANSLATIONS[plain];
  if (!translation) throw new GraftError(`export: the operator ${call.operator} has no translation to ONNX`);
  const names = [translation(call, graph)].flat();
  call.finish();
  call.node.outputs.forEach((output, i) => {
    if (output) graph.bind(output, names[i]!);
  });
}
