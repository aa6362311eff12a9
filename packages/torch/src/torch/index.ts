/**
 * graft-torch: PyTorch's C++ engine for TypeScript. Names and meanings are PyTorch's in camelCase; what Python takes by
 * keyword is an options object. What differs: tensors belong to scopes (`tidy`), since JavaScript's collector does not
 * run inside a loop; numbers are JavaScript's, so a dtype is said where it is not float32. See docs/torch.md.
 *
 *     const w = randn([3, 2]).requiresGrad_();
 *     const loss = tidy(() => x.matmul(w).sub(y).square().mean());
 *     backward(loss);
 *
 * Layers are in `graft-torch/nn`, optimisers in `graft-torch/optim`, ONNX and TorchScript in `graft-torch/export`.
 */

import './methods.js';

// Tensors: the class with its operators as methods, and factories.

export type { Device, DType, MemoryFormat, TypedArray } from './dtype.js';
export {
  arange,
  cat,
  empty,
  eye,
  fromFile,
  full,
  gatherRows,
  linspace,
  type NestedArray,
  ones,
  type RandomOptions,
  rand,
  randn,
  scalar,
  stack,
  type TensorOptions,
  tensor,
  where,
  zeros,
} from './factories.js';
export { Tensor } from './tensor.js';

// Who owns them: scopes, and how many are alive.

export { dispose, keep, liveTensors, tidy } from './scope.js';

// Every operator by libtorch's own name: `aten.softmax.int(x, 1)`.

export { knownAten as aten } from './known-operators.js';

// Differentiation.

export { type BackwardOptions, backward, enableGrad, type GradOptions, grad, noGrad } from './autograd.js';

// Random numbers.

export { Generator, manualSeed, withSeed } from './generator.js';

// Devices, threads, precision.

export { autocast, autocastDtype, isHalf, type Precision, usePrecision } from './autocast.js';
export {
  bestDevice,
  deviceMemoryShare,
  type EngineInfo,
  engineInfo,
  requireDevice,
  setThreads,
  synchronize,
  threads,
} from './engine.js';

// Files of weights, and TorchScript programs.

export { loadWeights, requireFinite } from './load-weights.js';
export { loadPth, type PthOptions } from './pth.js';
export { savePth } from './pth-save.js';
export { loadSafetensors, saveSafetensors } from './safetensors.js';
export { openScript, runScript, type Script, saveScript } from './script.js';

// A function of tensors as a graph, for exporters of one's own.

export {
  type Argument,
  BatchMultiple,
  type Constant,
  type Dimension,
  type Graph,
  type Node,
  operatorName,
  trace,
  Value,
} from './trace.js';

// INTERNAL: for graft-gan and the other rooms of this package alone; may change with any version. Operators without the
// guard against arguments that end the process, operators of the addon by name, codes and schemas of libtorch, frames
// of safetensors files.

export { aten as unsafeAten } from './aten.js';
export { makeOperator } from './dispatch.js';
export { dtypeCode, memoryFormatCode } from './dtype.js';
export { refuseStandIn } from './file-kind.js';
export { readBytes, readFrame, type SafetensorsFrame, verifyChecksum } from './safetensors-file.js';
export { type ArgumentSchema, Kind, type OperatorSchema, resolveOperator } from './schema.js';
