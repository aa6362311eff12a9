/** What a table of translations to ONNX consists of. */
import type { Arguments } from './arguments.js';
import type { OnnxGraph } from './onnx-graph.js';

/** Adds the nodes of one operator call; returns the name of its output, or of its outputs. */
export type Translation = (call: Arguments, graph: OnnxGraph) => string | string[];

/** By `aten::name.overload`, else by `aten::name` for all overloads; written without `aten::`. */
export type Translations = Readonly<Record<string, Translation>>;

/** The name of a tensor argument. */
export const input = (call: Arguments, graph: OnnxGraph, name: string): string =>
  graph.nameOf(call.tensor(name));
