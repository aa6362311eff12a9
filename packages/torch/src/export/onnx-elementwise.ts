/** Translations to ONNX: what is computed element by element, with broadcasting and libtorch's promotion of dtypes. */
import { GraftError } from '../base/index.js';
import type { DType } from '../torch/index.js';
import { type Argument, Value } from '../torch/index.js';
import { Float } from './onnx-graph.js';
import { input, type Translation, type Translations } from './onnx-translation.js';

const isFloating = (dtype: DType): boolean => dtype.includes('float');

const unary =
  (operator: string): Translation =>
  (call, graph) =>
    graph.node(operator, [graph.operand(call.tensor('self'), call.output.dtype)]);

/** Two operands in the dtype of the result. */
const binary =
  (operator: string, other = 'other'): Translation =>
  (call, graph) => {
    const { dtype } = call.output;
    return graph.node(operator, [
      graph.operand(call.get('self')!, dtype),
      graph.operand(call.get(other)!, dtype),
    ]);
  };

/** `self ± alpha · other`; `reversed`: the other way round. */
const sum =
  (operator: 'Add' | 'Sub', reversed = false): Translation =>
  (call, graph) => {
    const { dtype } = call.output;
    const alpha = call.number('alpha', 1);
    const [self, other] = ['self', 'other'].map((name) => graph.operand(call.get(name)!, dtype)) as [
      string,
      string,
    ];
    const scale = (name: string): string =>
      alpha === 1 ? name : graph.node('Mul', [name, graph.scalar(alpha, dtype)]);
    return graph.node(operator, reversed ? [other, scale(self)] : [self, scale(other)]);
  };

const comparison =
  (operator: string, negated = false): Translation =>
  (call, graph) => {
    const [self, other] = [call.tensor('self'), call.get('other')!];
    const dtype = commonType(self, other);
    const result = graph.node(operator, [graph.operand(self, dtype), graph.operand(other, dtype)]);
    return negated ? graph.node('Not', [result]) : result;
  };

function commonType(self: Value, other: Argument): DType {
  if (isFloating(self.dtype)) return self.dtype;
  if (other instanceof Value) return isFloating(other.dtype) ? other.dtype : 'int64';
  return Number.isInteger(other) ? 'int64' : 'float32';
}

export const ELEMENTWISE: Translations = {
  abs: unary('Abs'),
  ceil: unary('Ceil'),
  cos: unary('Cos'),
  erf: unary('Erf'),
  exp: unary('Exp'),
  floor: unary('Floor'),
  log: unary('Log'),
  neg: unary('Neg'),
  reciprocal: unary('Reciprocal'),
  relu: unary('Relu'),
  round: unary('Round'),
  sigmoid: unary('Sigmoid'),
  sign: unary('Sign'),
  sin: unary('Sin'),
  sqrt: unary('Sqrt'),
  tanh: unary('Tanh'),
  rsqrt: (call, graph) => graph.node('Reciprocal', [graph.node('Sqrt', [input(call, graph, 'self')])]),
  silu(call, graph) {
    const x = input(call, graph, 'self');
    return graph.node('Mul', [x, graph.node('Sigmoid', [x])]);
  },
  /** `Gelu` itself is of opset 20. */
  gelu(call, graph) {
    const [x, { dtype }] = [input(call, graph, 'self'), call.output];
    if ((call.get('approximate') ?? 'none') !== 'none')
      throw new GraftError('export: aten::gelu by tanh has no translation to ONNX');
    const scaled = graph.node('Mul', [x, graph.scalar(Math.SQRT1_2, dtype)]);
    const twice = graph.node('Add', [graph.node('Erf', [scaled]), graph.scalar(1, dtype)]);
    return graph.node('Mul', [graph.node('Mul', [x, twice]), graph.scalar(0.5, dtype)]);
  },
  square(call, graph) {
    const x = input(call, graph, 'self');
    return graph.node('Mul', [x, x]);
  },
  log1p(call, graph) {
    const { dtype } = call.output;
    return graph.node('Log', [graph.node('Add', [input(call, graph, 'self'), graph.scalar(1, dtype)])]);
  },
  leaky_relu: (call, graph) =>
    graph.node('LeakyRelu', [input(call, graph, 'self')], {
      alpha: new Float(call.number('negative_slope', 0.01)),
    }),
  softplus(call, graph) {
    const [x, { dtype }] = [input(call, graph, 'self'), call.output];
    const beta = call.number('beta', 1);
    call.ignore('threshold'); // libtorch's shortcut for what is the identity in float32
    if (beta === 1) return graph.node('Softplus', [x]);
    const scaled = graph.node('Mul', [x, graph.scalar(beta, dtype)]);
    return graph.node('Div', [graph.node('Softplus', [scaled]), graph.scalar(beta, dtype)]);
  },
  clamp(call, graph) {
    const [x, { dtype }] = [input(call, graph, 'self'), call.output];
    const bounds = ['min', 'max'].map((name) => {
      const bound = call.get(name) ?? null;
      return bound === null ? '' : graph.operand(bound, dtype);
    });
    return graph.node('Clip', [x, ...bounds]);
  },
  add: sum('Add'),
  sub: sum('Sub'),
  rsub: sum('Sub', true),
  mul: binary('Mul'),
  'div.Tensor': binary('Div'),
  'div.Scalar': binary('Div'),
  pow: binary('Pow', 'exponent'),
  maximum: binary('Max'),
  minimum: binary('Min'),
  lerp(call, graph) {
    const [{ dtype }, start] = [call.output, input(call, graph, 'self')];
    const difference = graph.node('Sub', [input(call, graph, 'end'), start]);
    return graph.node('Add', [
      start,
      graph.node('Mul', [difference, graph.operand(call.get('weight')!, dtype)]),
    ]);
  },
  gt: comparison('Greater'),
  ge: comparison('GreaterOrEqual'),
  lt: comparison('Less'),
  le: comparison('LessOrEqual'),
  eq: comparison('Equal'),
  ne: comparison('Equal', true),
  'where.self'(call, graph) {
    const { dtype } = call.output;
    const operands = ['self', 'other'].map((name) => graph.operand(call.tensor(name), dtype));
    return graph.node('Where', [input(call, graph, 'condition'), ...operands]);
  },
  'to.dtype'(call, graph) {
    call.ignore('dtype');
    return graph.operand(call.tensor('self'), call.output.dtype);
  },
};
