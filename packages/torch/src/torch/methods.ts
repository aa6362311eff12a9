/** Tensor's operators as methods, in PyTorch's names. A trailing underscore: in place. */
import { aten } from './aten.js';
import type { Device, DType, MemoryFormat } from './dtype.js';
import { Tensor } from './tensor.js';

type Operand = Tensor | number;
type Dims = number | readonly number[];

const list = (dims: Dims): readonly number[] => (typeof dims === 'number' ? [dims] : dims);
const isTensor = (value: Operand): value is Tensor => value instanceof Tensor;

const methods = {
  // Arithmetic, broadcasting as PyTorch does.
  add(this: Tensor, other: Operand, alpha = 1): Tensor {
    return isTensor(other) ? aten.add.Tensor(this, other, { alpha }) : aten.add.Scalar(this, other, alpha);
  },
  sub(this: Tensor, other: Operand, alpha = 1): Tensor {
    return isTensor(other) ? aten.sub.Tensor(this, other, { alpha }) : aten.sub.Scalar(this, other, alpha);
  },
  mul(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.mul.Tensor(this, other) : aten.mul.Scalar(this, other);
  },
  div(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.div.Tensor(this, other) : aten.div.Scalar(this, other);
  },
  /** `other − this` */
  rsub(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.rsub.Tensor(this, other) : aten.rsub.Scalar(this, other);
  },
  pow(this: Tensor, exponent: Operand): Tensor {
    return isTensor(exponent)
      ? aten.pow.Tensor_Tensor(this, exponent)
      : aten.pow.Tensor_Scalar(this, exponent);
  },
  add_(this: Tensor, other: Operand, alpha = 1): Tensor {
    return isTensor(other) ? aten.add_.Tensor(this, other, { alpha }) : aten.add_.Scalar(this, other, alpha);
  },
  sub_(this: Tensor, other: Operand, alpha = 1): Tensor {
    return isTensor(other) ? aten.sub_.Tensor(this, other, { alpha }) : aten.sub_.Scalar(this, other, alpha);
  },
  mul_(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.mul_.Tensor(this, other) : aten.mul_.Scalar(this, other);
  },
  div_(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.div_.Tensor(this, other) : aten.div_.Scalar(this, other);
  },
  neg: unary('neg'),
  abs: unary('abs'),
  sqrt: unary('sqrt'),
  rsqrt: unary('rsqrt'),
  exp: unary('exp'),
  log: unary('log'),
  log1p: unary('log1p'),
  sin: unary('sin'),
  cos: unary('cos'),
  tanh: unary('tanh'),
  sigmoid: unary('sigmoid'),
  relu: unary('relu'),
  square: unary('square'),
  floor: unary('floor'),
  round: unary('round'),
  sign: unary('sign'),
  isnan: unary('isnan'),
  isfinite: unary('isfinite'),
  clamp(this: Tensor, bounds: { min?: number; max?: number }): Tensor {
    return aten.clamp(this, bounds.min ?? null, bounds.max ?? null);
  },
  clamp_(this: Tensor, bounds: { min?: number; max?: number }): Tensor {
    return aten.clamp_(this, bounds.min ?? null, bounds.max ?? null);
  },
  matmul(this: Tensor, other: Tensor): Tensor {
    return aten.matmul(this, other);
  },
  /** Vector product of two one-dimensional tensors. */
  dot(this: Tensor, other: Tensor): Tensor {
    return aten.dot(this, other);
  },

  // Comparison: bool tensors.
  gt(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.gt.Tensor(this, other) : aten.gt.Scalar(this, other);
  },
  ge(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.ge.Tensor(this, other) : aten.ge.Scalar(this, other);
  },
  lt(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.lt.Tensor(this, other) : aten.lt.Scalar(this, other);
  },
  le(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.le.Tensor(this, other) : aten.le.Scalar(this, other);
  },
  eq(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.eq.Tensor(this, other) : aten.eq.Scalar(this, other);
  },
  ne(this: Tensor, other: Operand): Tensor {
    return isTensor(other) ? aten.ne.Tensor(this, other) : aten.ne.Scalar(this, other);
  },
  maximum(this: Tensor, other: Tensor): Tensor {
    return aten.maximum(this, other);
  },
  minimum(this: Tensor, other: Tensor): Tensor {
    return aten.minimum(this, other);
  },

  // Reduction over `dims` (default: all).
  sum(this: Tensor, dims?: Dims, keepdim = false): Tensor {
    return dims === undefined ? aten.sum(this) : aten.sum.dim_IntList(this, list(dims), keepdim);
  },
  mean(this: Tensor, dims?: Dims, keepdim = false): Tensor {
    return dims === undefined ? aten.mean(this) : aten.mean.dim(this, list(dims), keepdim);
  },
  /** Variance; `correction` 1 is the unbiased estimate. */
  var(this: Tensor, dims?: Dims, options: { correction?: number; keepdim?: boolean } = {}): Tensor {
    return aten.var.correction(this, dims === undefined ? null : list(dims), {
      correction: options.correction ?? 1,
      keepdim: options.keepdim ?? false,
    });
  },
  amax(this: Tensor, dims: Dims = [], keepdim = false): Tensor {
    return aten.amax(this, list(dims), keepdim);
  },
  amin(this: Tensor, dims: Dims = [], keepdim = false): Tensor {
    return aten.amin(this, list(dims), keepdim);
  },
  argmax(this: Tensor, dim: number | null = null, keepdim = false): Tensor {
    return aten.argmax(this, dim, keepdim);
  },
  all(this: Tensor): Tensor {
    return aten.all(this);
  },
  any(this: Tensor): Tensor {
    return aten.any(this);
  },
  /** Euclidean norm of all elements. */
  norm(this: Tensor): Tensor {
    return aten.norm.Scalar(this);
  },

  // Shape.
  reshape(this: Tensor, shape: readonly number[]): Tensor {
    return aten.reshape(this, shape);
  },
  view(this: Tensor, shape: readonly number[]): Tensor {
    return aten.view(this, shape);
  },
  flatten(this: Tensor, startDim = 0, endDim = -1): Tensor {
    return aten.flatten.using_ints(this, startDim, endDim);
  },
  permute(this: Tensor, dims: readonly number[]): Tensor {
    return aten.permute(this, dims);
  },
  transpose(this: Tensor, dim0: number, dim1: number): Tensor {
    return aten.transpose.int(this, dim0, dim1);
  },
  t(this: Tensor): Tensor {
    return aten.t(this);
  },
  unsqueeze(this: Tensor, dim: number): Tensor {
    return aten.unsqueeze(this, dim);
  },
  squeeze(this: Tensor, dim?: number): Tensor {
    return dim === undefined ? aten.squeeze(this) : aten.squeeze.dim(this, dim);
  },
  expand(this: Tensor, shape: readonly number[]): Tensor {
    return aten.expand(this, shape);
  },
  flip(this: Tensor, dims: readonly number[]): Tensor {
    return aten.flip(this, dims);
  },
  narrow(this: Tensor, dim: number, start: number, length: number): Tensor {
    return aten.narrow(this, dim, start, length);
  },
  select(this: Tensor, dim: number, index: number): Tensor {
    return aten.select.int(this, dim, index);
  },
  indexSelect(this: Tensor, dim: number, index: Tensor): Tensor {
    return aten.index_select(this, dim, index);
  },
  contiguous(this: Tensor, memoryFormat: MemoryFormat = 'contiguous'): Tensor {
    return aten.contiguous(this, { memory_format: memoryFormat });
  },

  // Contents, type, place.
  clone(this: Tensor): Tensor {
    return aten.clone(this);
  },
  detach(this: Tensor): Tensor {
    return aten.detach(this);
  },
  copy_(this: Tensor, source: Tensor): Tensor {
    return aten.copy_(this, source);
  },
  zero_(this: Tensor): Tensor {
    return aten.zero_(this);
  },
  fill_(this: Tensor, value: number): Tensor {
    return aten.fill_.Scalar(this, value);
  },
  /** A converted tensor: a new handle, also where nothing had to be converted. */
  to(this: Tensor, target: { dtype?: DType; device?: Device; memoryFormat?: MemoryFormat }): Tensor {
    return aten.to.dtype_layout(this, {
      dtype: target.dtype ?? null,
      device: target.device ?? null,
      memory_format: target.memoryFormat ?? null,
    });
  },
  float(this: Tensor): Tensor {
    return aten.to.dtype(this, 'float32');
  },
  /** The value of a tensor with one element. */
  item(this: Tensor): number {
    return aten.item(this);
  },
};

type UnaryName =
  | 'neg'
  | 'abs'
  | 'sqrt'
  | 'rsqrt'
  | 'exp'
  | 'log'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'relu'
  | 'square'
  | 'floor'
  | 'round'
  | 'sign'
  | 'isnan'
  | 'isfinite';

function unary(name: UnaryName) {
  return function (this: Tensor): Tensor {
    return aten[name](this);
  };
}

type Methods = typeof methods;

declare module './tensor.js' {
  interface Tensor extends Methods {}
}

Object.assign(Tensor.prototype, methods);
