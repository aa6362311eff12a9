/**
 * Translations to ONNX: what re-arranges elements. Shapes come from the trace; where ONNX asks for one it is written
 * down, and only the batch size is computed.
 */
import { BatchMultiple, type Dimension } from '../torch/index.js';
import { type Arguments, fixed } from './arguments.js';
import type { OnnxGraph } from './onnx-graph.js';
import { input, type Translation, type Translations } from './onnx-translation.js';

/** Everything that only re-arranges the shape. */
const reshaped =
  (...others: string[]): Translation =>
  (call, graph) => {
    call.ignore(...others);
    return reshapeTo(input(call, graph, 'self'), call, graph);
  };

/** To the shape of the call's output; one dimension may be left to ONNX, which spares computing the batch size. */
function reshapeTo(name: string, call: Arguments, graph: OnnxGraph): string {
  const { shape } = call.output;
  const unknown = shape.filter((size) => size instanceof BatchMultiple).length;
  const target = unknown === 1 ? shape.map((size) => (size instanceof BatchMultiple ? -1 : size)) : shape;
  return graph.node('Reshape', [name, graph.shape(target)]);
}

const permuted = (call: Arguments, graph: OnnxGraph, perm: number[]): string =>
  graph.node('Transpose', [input(call, graph, 'self')], { perm });

const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

const slice = (
  graph: OnnxGraph,
  name: string,
  { dim, start, end, step = 1 }: { dim: number; start: number; end: number; step?: number },
): string => graph.node('Slice', [name, ...[start, end, dim, step].map((value) => graph.integers([value]))]);

function parts(how: string): Translation {
  return (call, graph) => {
    const x = call.tensor('self');
    const axis = positive(call.number('dim', 0), x.shape.length);
    call.ignore(how);
    const lengths = call.node.outputs.map((output) => fixed(output!.shape[axis], 'a part'));
    return graph.nodes('Split', [graph.nameOf(x), graph.integers(lengths)], {
      count: lengths.length,
      attributes: { axis },
    });
  };
}

export const SHAPES: Translations = {
  reshape: reshaped('shape'),
  view: reshaped('size'),
  _unsafe_view: reshaped('size'),
  'flatten.using_ints': reshaped('start_dim', 'end_dim'),
  'unflatten.int': reshaped('dim', 'sizes', 'names'),
  squeeze: reshaped(),
  'squeeze.dim': reshaped('dim'),
  unsqueeze: reshaped('dim'),
  expand(call, graph) {
    call.ignore('size', 'implicit');
    return graph.node('Expand', [input(call, graph, 'self'), graph.shape(call.output.shape)]);
  },
  repeat(call, graph) {
    const x = call.tensor('self');
    const repeats = call.get('repeats') as readonly Dimension[];
    const added = [...Array(repeats.length - x.shape.length).keys()];
    const widened = added.length
      ? graph.node('Unsqueeze', [graph.nameOf(x), graph.integers(added)])
      : graph.nameOf(x);
    return graph.node('Tile', [widened, graph.shape(repeats)]);
  },
  permute: (call, graph) => permuted(call, graph, call.axes('dims', call.output.shape.length)),
  'transpose.int'(call, graph) {
    const rank = call.output.shape.length;
    const [a, b] = [positive(call.number('dim0', 0), rank), positive(call.number('dim1', 0), rank)];
    const perm = [...Array(rank).keys()].map((axis) => (axis === a ? b : axis === b ? a : axis));
    return permuted(call, graph, perm);
  },
  t: (call, graph) => permuted(call, graph, [...Array(call.output.shape.length).keys()].reverse()),
  flip(call, graph) {
    const x = call.tensor('self');
    const axes = call.axes('dims', x.shape.length);
    return axes.reduce(
      (name, axis) => slice(graph, name, { dim: axis, start: -1, end: -(2 ** 31), step: -1 }),
      graph.nameOf(x),
    );
  },
  narrow(call, graph) {
    const [x, dim] = [call.tensor('self'), call.number('dim', 0)];
    const given = call.number('start', 0);
    const start = given < 0 ? given + fixed(x.shape.at(dim), 'a length') : given;
    return slice(graph, graph.nameOf(x), { dim, start, end: start + call.number('length', 0) });
  },
  'slice.Tensor'(call, graph) {
    const [start, end] = [call.number('start', 0), call.number('end', 2 ** 31)];
    const clipped = Math.min(end, 2 ** 31);
    return slice(graph, input(call, graph, 'self'), {
      dim: call.number('dim', 0),
      start,
      end: clipped,
      step: call.number('step', 1),
    });
  },
  'select.int'(call, graph) {
    const index = graph.scalar(call.number('index', 0), 'int64');
    return graph.node('Gather', [input(call, graph, 'self'), index], { axis: call.number('dim', 0) });
  },
  index_select: (call, graph) =>
    graph.node('Gather', [input(call, graph, 'self'), input(call, graph, 'index')], {
      axis: call.number('dim', 0),
    }),
  cat(call, graph) {
    const parts = call.tensors('tensors').map((value) => graph.operand(value, call.output.dtype));
    return graph.node('Concat', parts, { axis: call.number('dim', 0) });
  },
  stack(call, graph) {
    const rank = call.output.shape.length;
    const axis = positive(call.number('dim', 0), rank);
    const parts = call
      .tensors('tensors')
      .map((value) => graph.node('Unsqueeze', [graph.nameOf(value), graph.integers([axis])]));
    return graph.node('Concat', parts, { axis });
  },
  'split.Tensor': parts('split_size'),
  split_with_sizes: parts('split_sizes'),
  chunk: parts('chunks'),
};
