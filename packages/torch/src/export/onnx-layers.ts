/** Translations to ONNX: layers of networks, products of matrices, reductions. */
import { GraftError } from '../base/index.js';
import { fixed } from './arguments.js';
import { Float } from './onnx-graph.js';
import { input, type Translation, type Translations } from './onnx-translation.js';

const convolution =
  (transposed: boolean): Translation =>
  (call, graph) => {
    const [x, weight, bias] = [call.tensor('input'), call.tensor('weight'), call.optionalTensor('bias')];
    const kernel = weight.shape.slice(2).map((size) => fixed(size, 'a kernel'));
    const list = (name: string, fallback: number): number[] => call.integers(name, kernel.length, fallback);
    const padding = list('padding', 0);
    const outputPadding = list('output_padding', 0);
    const inputs = [x, weight, ...(bias ? [bias] : [])].map((value) => graph.nameOf(value));
    return graph.node(transposed ? 'ConvTranspose' : 'Conv', inputs, {
      kernel_shape: kernel,
      strides: list('stride', 1),
      pads: [...padding, ...padding],
      dilations: list('dilation', 1),
      group: call.number('groups', 1),
      ...(transposed ? { output_padding: outputPadding } : {}),
    });
  };

const pooling =
  (operator: 'AveragePool' | 'MaxPool'): Translation =>
  (call, graph) => {
    const kernel = call.integers('kernel_size', 2, []);
    const stride = call.integers('stride', 2, []);
    const padding = call.integers('padding', 2, 0);
    const average = operator === 'AveragePool';
    if (call.boolean('ceil_mode', false))
      throw new GraftError(
        `export: ${call.operator} with ceil_mode has no translation to ONNX: the edges differ`,
      );
    return graph.node(operator, [input(call, graph, 'self')], {
      kernel_shape: kernel,
      strides: stride.length ? stride : kernel,
      pads: [...padding, ...padding],
      ...(average
        ? { count_include_pad: Number(call.boolean('count_include_pad', true)) }
        : { dilations: call.integers('dilation', 2, 1) }),
    });
  };

const adaptivePool: Translation = (call, graph) => {
  const x = call.tensor('self');
  const size = call.integers('output_size', 2, []);
  const sides = x.shape.slice(-2).map((side) => fixed(side, 'an image side'));
  if (size.every((side) => side === 1)) return graph.node('GlobalAveragePool', [graph.nameOf(x)]);
  const stride = sides.map((side, i) => side / size[i]!);
  if (!stride.every(Number.isInteger))
    throw new GraftError(
      `export: adaptive pooling from ${sides.join('×')} to ${size.join('×')} is uneven in ONNX`,
    );
  return graph.node('AveragePool', [graph.nameOf(x)], { kernel_shape: stride, strides: stride });
};

/** Pixel centres: `asymmetric` with floor is libtorch's nearest, `half_pixel` its others. */
const resize =
  (mode: 'nearest' | 'linear' | 'cubic'): Translation =>
  (call, graph) => {
    const x = call.tensor('self');
    call.ignore('output_size', 'scales_h', 'scales_w');
    const corners = mode !== 'nearest' && call.boolean('align_corners', false);
    const scales = call.output.shape
      .slice(2)
      .map((size, i) => fixed(size, 'a side') / fixed(x.shape[i + 2], 'a side'));
    // Whole factors leave the batch size out of it.
    const whole = scales.every(Number.isInteger);
    const sizes = whole ? ['', graph.floats([1, 1, ...scales])] : ['', '', graph.shape(call.output.shape)];
    return graph.node('Resize', [graph.nameOf(x), ...sizes], {
      mode,
      coordinate_transformation_mode:
        mode === 'nearest' ? 'asymmetric' : corners ? 'align_corners' : 'half_pixel',
      ...(mode === 'nearest' ? { nearest_mode: 'floor' } : {}),
      ...(mode === 'cubic' ? { cubic_coeff_a: new Float(-0.75) } : {}),
    });
  };

const padded =
  (mode: 'constant' | 'reflect' | 'edge', name: string): Translation =>
  (call, graph) => {
    const x = call.tensor('self');
    const pairs = call.integers(name, 4, []); // last dimension first, before and after in turn
    const rank = x.shape.length;
    const pads = new Array<number>(2 * rank).fill(0);
    for (let i = 0; i < pairs.length / 2; i++) {
      pads[rank - 1 - i] = pairs[2 * i]!;
      pads[2 * rank - 1 - i] = pairs[2 * i + 1]!;
    }
    const value = mode === 'constant' ? [graph.scalar(call.number('value', 0), x.dtype)] : [];
    return graph.node('Pad', [graph.nameOf(x), graph.integers(pads), ...value], { mode });
  };

const reduction =
  (operator: 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin'): Translation =>
  (call, graph) => {
    const x = call.tensor('self');
    const axes = call.axes('dim', x.shape.length);
    const keepdims = Number(call.boolean('keepdim', false));
    const name = graph.operand(x, call.output.dtype);
    call.ignore('dtype'); // the output's
    // Sums take their axes as an input since opset 13, the others since 18.
    return operator === 'ReduceSum'
      ? graph.node(operator, [name, graph.integers(axes)], { keepdims })
      : graph.node(operator, [name], { axes, keepdims });
  };

const normalised =
  (operator: 'Softmax' | 'LogSoftmax'): Translation =>
  (call, graph) => {
    const x = graph.operand(call.tensor('self'), call.output.dtype);
    call.ignore('dtype', 'half_to_float');
    return graph.node(operator, [x], { axis: call.number('dim', -1) });
  };

const matrixProduct =
  (other: string): Translation =>
  (call, graph) =>
    graph.node('MatMul', [input(call, graph, 'self'), input(call, graph, other)]);

export const LAYERS: Translations = {
  conv2d: convolution(false),
  conv_transpose2d: convolution(true),
  batch_norm(call, graph) {
    const x = call.tensor('input');
    const channels = fixed(x.shape[1], 'the number of channels');
    const [weight, bias] = [call.optionalTensor('weight'), call.optionalTensor('bias')];
    const statistics = ['running_mean', 'running_var'].map((name) => input(call, graph, name));
    call.ignore('training', 'momentum', 'cudnn_enabled');
    return graph.node(
      'BatchNormalization',
      [
        graph.nameOf(x),
        weight ? graph.nameOf(weight) : graph.floats(new Array(channels).fill(1)),
        bias ? graph.nameOf(bias) : graph.floats(new Array(channels).fill(0)),
        ...statistics,
      ],
      { epsilon: new Float(call.number('eps', 1e-5)) },
    );
  },
  layer_norm(call, graph) {
    const x = call.tensor('input');
    const shape = call.integers('normalized_shape', 1, []);
    const [weight, bias] = [call.optionalTensor('weight'), call.optionalTensor('bias')];
    call.ignore('cudnn_enable');
    const count = shape.reduce((a, b) => a * b, 1);
    const scale = weight
      ? graph.nameOf(weight)
      : graph.node('Reshape', [graph.floats(new Array(count).fill(1)), graph.integers(shape)]);
    const inputs = [graph.nameOf(x), scale, ...(bias ? [graph.nameOf(bias)] : [])];
    return graph.node('LayerNormalization', inputs, {
      axis: -shape.length,
      epsilon: new Float(call.number('eps', 1e-5)),
    });
  },
  linear(call, graph) {
    const [x, weight] = [call.tensor('input'), call.tensor('weight')];
    const bias = call.optionalTensor('bias');
    const biases = bias ? [graph.nameOf(bias)] : [];
    if (x.shape.length === 2)
      return graph.node('Gemm', [graph.nameOf(x), graph.nameOf(weight), ...biases], { transB: 1 });
    const turned = graph.node('Transpose', [graph.nameOf(weight)], { perm: [1, 0] });
    const product = graph.node('MatMul', [graph.nameOf(x), turned]);
    return bias ? graph.node('Add', [product, ...biases]) : product;
  },
  addmm: (call, graph) =>
    graph.node(
      'Gemm',
      ['mat1', 'mat2', 'self'].map((name) => input(call, graph, name)),
      { alpha: new Float(call.number('alpha', 1)), beta: new Float(call.number('beta', 1)) },
    ),
  matmul: matrixProduct('other'),
  mm: matrixProduct('mat2'),
  bmm: matrixProduct('mat2'),
  mv: matrixProduct('vec'),
  dot: matrixProduct('tensor'),
  embedding(call, graph) {
    call.ignore('padding_idx', 'scale_grad_by_freq', 'sparse');
    return graph.node('Gather', [input(call, graph, 'weight'), input(call, graph, 'indices')], { axis: 0 });
  },
  one_hot(call, graph) {
    const classes = fixed(call.output.shape.at(-1), 'the number of classes');
    call.ignore('num_classes');
    const values = graph.integers([0, 1]);
    return graph.node('OneHot', [input(call, graph, 'self'), graph.integers([classes]), values], {
      axis: -1,
    });
  },
  avg_pool2d: pooling('AveragePool'),
  max_pool2d: pooling('MaxPool'),
  adaptive_avg_pool2d: adaptivePool,
  upsample_nearest2d: resize('nearest'),
  upsample_bilinear2d: resize('linear'),
  upsample_bicubic2d: resize('cubic'),
  constant_pad_nd: padded('constant', 'pad'),
  reflection_pad2d: padded('reflect', 'padding'),
  replication_pad2d: padded('edge', 'padding'),
  'softmax.int': normalised('Softmax'),
  'log_softmax.int': normalised('LogSoftmax'),
  sum: reduction('ReduceSum'),
  mean: reduction('ReduceMean'),
  amax: reduction('ReduceMax'),
  amin: reduction('ReduceMin'),
};
