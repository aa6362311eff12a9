/**
 * Brings a traced graph to fewer operators with plain meanings, so that a format has to know these only: Graft's own
 * operators become libtorch's, in-place ones the ones that return, and what changes nothing in evaluation goes.
 */
import { GraftError } from '../base/index.js';
import {
  type Argument,
  type Dimension,
  type Graph,
  type Node,
  type OperatorSchema,
  operatorName,
  resolveOperator,
  Value,
} from '../torch/index.js';

type Arguments = Node['arguments'];
/** What a node becomes: one of its inputs, or other nodes that give the same outputs. */
type Rule = (node: Node) => Value | Node[];

const schemas = new Map<string, OperatorSchema>();

function schemaOf(name: string, overload = ''): OperatorSchema {
  const key = `${name}.${overload}`;
  const schema = schemas.get(key) ?? resolveOperator(name, overload);
  if (!schema) throw new GraftError(`export: this libtorch has no operator ${key}`);
  schemas.set(key, schema);
  return schema;
}

/** @param operator `aten::to.dtype`: its name and overload */
const call = (operator: string, given: Arguments, output: Value): Node => ({
  schema: schemaOf(...(operator.split('.') as [string, string?])),
  arguments: given,
  outputs: [output],
});

const only = (node: Node): Value => node.outputs[0]!;
const like = (value: Value): Value => new Value(value.shape, value.dtype);

function requireEvaluation(node: Node, flag: string): void {
  if (node.arguments[flag] !== true) return;
  throw new GraftError(
    `export: ${operatorName(node.schema)} is in training mode; call eval() on the network first`,
  );
}

const same = (a: Argument | undefined, b: Argument | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/** An operator that gives its first argument, at most in another dtype or shape. */
const conversion: Rule = (node) => {
  const output = only(node);
  const source = Object.values(node.arguments)[0] as Value;
  return source.dtype === output.dtype
    ? source
    : [call('aten::to.dtype', { self: source, dtype: output.dtype }, output)];
};

const dropout: Rule = (node) => {
  requireEvaluation(node, 'train');
  return node.arguments.input as Value;
};

/** One of the activations that fused operators end in. */
const activationCall = (name: Argument, self: Value, output: Value): Node =>
  name === 'relu6'
    ? call('aten::clamp', { self, min: 0, max: 6 }, output)
    : call(`aten::${name as string}`, { self }, output);

const RULES: Readonly<Record<string, Rule>> = {
  'aten::alias': conversion,
  'aten::clone': conversion,
  'aten::contiguous': conversion,
  'aten::detach': conversion,
  'aten::to': conversion,
  'aten::_to_copy': conversion,
  'aten::dropout': dropout,
  'aten::feature_dropout': dropout,

  'aten::batch_norm'(node) {
    requireEvaluation(node, 'training');
    return [node];
  },

  'graft::batch_norm_activation'(node) {
    requireEvaluation(node, 'training');
    const { activation, ...rest } = node.arguments;
    const normed = like(only(node));
    const given = { ...rest, cudnn_enabled: false };
    return [call('aten::batch_norm', given, normed), activationCall(activation!, normed, only(node))];
  },

  'graft::conv_norm'(node) {
    const given = node.arguments as Readonly<Record<string, Argument>> & {
      input: Value;
      padding: readonly [number, number, number, number];
    };
    const [top, left, bottom, right] = given.padding;
    const output = only(node);
    const nodes: Node[] = [];
    let [input, padding] = [given.input, [top, left]];
    if (top !== bottom || left !== right) {
      const [batch, channels, height, width] = input.shape as [Dimension, Dimension, number, number];
      const padded = new Value([batch, channels, height + top + bottom, width + left + right], input.dtype);
      const pad = [left, right, top, bottom];
      nodes.push(call('aten::constant_pad_nd', { self: input, pad, value: 0 }, padded));
      [input, padding] = [padded, [0, 0]];
    }
    const { weight, groups, running_mean, running_var, eps, activation, skip } = given;
    const stride = [given.stride!, given.stride!];
    let last = like(output);
    nodes.push(
      call('aten::conv2d', { input, weight: weight!, bias: null, stride, padding, groups: groups! }, last),
    );
    /** Another operator on what is there so far. */
    const then = (make: (from: Value, to: Value) => Node): void => {
      const to = like(output);
      nodes.push(make(last, to));
      last = to;
    };
    then((from, to) => {
      const [norm, fixed] = [
        {
          weight: given.norm_weight!,
          bias: given.bias!,
          running_mean: running_mean!,
          running_var: running_var!,
        },
        { training: false, momentum: 0, eps: eps!, cudnn_enabled: false },
      ];
      return call('aten::batch_norm', { input: from, ...norm, ...fixed }, to);
    });
    if (activation !== 'none') then((from, to) => activationCall(activation!, from, to));
    if (skip instanceof Value) then((self, to) => call('aten::add.Tensor', { self, other: skip }, to));
    nodes.push({ ...nodes.pop()!, outputs: [output] });
    return nodes;
  },

  'aten::hardtanh'(node) {
    const { self, min_val, max_val } = node.arguments;
    return [call('aten::clamp', { self: self!, min: min_val ?? -1, max: max_val ?? 1 }, only(node))];
  },

  'graft::depthwise_conv2d'(node) {
    const groups = (node.arguments.weight as Value).shape[0]!;
    return [call('aten::conv2d', { ...node.arguments, groups }, only(node))];
  },

  /** The input gradient of a convolution is a transposed convolution; so `F.convTranspose2d` computes it on the CPU. */
  'aten::convolution_backward'(node) {
    const { grad_output, weight, stride, padding, dilation, groups, transposed, output_mask } =
      node.arguments;
    if (transposed !== false || !same(output_mask, [true, false, false]))
      throw new GraftError('export: a gradient of a convolution has no translation, except by its input');
    const [input, output] = [grad_output as Value, only(node)];
    const outputPadding = [0, 1].map((axis) => {
      const at = (list: Argument | undefined): number => (list as number[])[axis]!;
      const extent = at(dilation) * (((weight as Value).shape[axis + 2] as number) - 1) + 1;
      const size = ((input.shape[axis + 2] as number) - 1) * at(stride) - 2 * at(padding) + extent;
      return (output.shape[axis + 2] as number) - size;
    });
    const given = {
      input,
      weight: weight!,
      stride: stride!,
      padding: padding!,
      output_padding: outputPadding,
      groups: groups!,
      dilation: dilation!,
    };
    return [call('aten::conv_transpose2d.input', given, output)];
  },

  'aten::copy_'(node) {
    const [output, source] = [only(node), node.arguments.src as Value];
    const converted = source.dtype === output.dtype ? source : new Value(source.shape, output.dtype);
    const nodes =
      converted === source ? [] : [call('aten::to.dtype', { self: source, dtype: output.dtype }, converted)];
    if (same(source.shape, output.shape) && nodes.length === 0) return source;
    const expanded = call('aten::expand', { self: converted, size: output.shape }, output);
    return [...nodes, expanded];
  },
};

/** `aten::relu_` → `aten::relu`: after tracing, the one means the other. */
function outOfPlace(node: Node): Node {
  const { name, overload } = node.schema;
  return name.endsWith('_') ? { ...node, schema: schemaOf(name.slice(0, -1), overload) } : node;
}

/** @throws GraftError where a node is in training mode, or has no form that only returns */
export function canonicalise(graph: Graph): Graph {
  const replaced = new Map<Value, Value>();
  const current = (argument: Argument): Argument => {
    if (argument instanceof Value) return replaced.get(argument) ?? argument;
    return Array.isArray(argument) ? (argument as readonly Argument[]).map(current) : argument;
  };
  const nodes = graph.nodes.flatMap((node) => {
    const entries = Object.entries(node.arguments).map(([key, value]) => [key, current(value)] as const);
    const updated = { ...node, arguments: Object.fromEntries(entries) };
    const rule = RULES[node.schema.name];
    if (!rule) return [outOfPlace(updated)];
    const result = rule(updated);
    if (!(result instanceof Value)) return result;
    replaced.set(only(node), result);
    return [];
  });
  return { ...graph, nodes, outputs: graph.outputs.map((value) => current(value) as Value) };
}
