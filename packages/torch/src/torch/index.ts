/** The engine's public list. */
import './methods.js';

/**
 * Every operator of libtorch, as it is: some end the process, or never end, when their arguments make no sense. What
 * `aten` lacks is here, for callers that know what they pass.
 */
export { aten as unsafeAten } from './aten.js';
export { autocast, autocastDtype, isHalf, type Precision, usePrecision } from './autocast.js';
export { type BackwardOptions, backward, enableGrad, type GradOptions, grad, noGrad } from './autograd.js';
export { makeOperator } from './dispatch.js';
export type { Device, DType, MemoryFormat, TypedArray } from './dtype.js';
export { dtypeCode, memoryFormatCode } from './dtype.js';
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
export {
  arange,
  cat,
  empty,
  eye,
  fromFile,
  full,
  gatherRows,
  linspace,
  ones,
  rand,
  randn,
  scalar,
  stack,
  type TensorOptions,
  tensor,
  where,
  zeros,
} from './factories.js';
export { refuseStandIn } from './file-kind.js';
export { Generator, manualSeed, withSeed } from './generator.js';
export { knownAten as aten } from './known-operators.js';
export { loadWeights, requireFinite } from './load-weights.js';
export { loadPth } from './pth.js';
export { savePth } from './pth-save.js';
export { loadSafetensors, saveSafetensors } from './safetensors.js';
export { readBytes, readFrame, type SafetensorsFrame, verifyChecksum } from './safetensors-file.js';
export { type ArgumentSchema, Kind, type OperatorSchema, resolveOperator } from './schema.js';
export { dispose, keep, liveTensors, tidy } from './scope.js';
export { openScript, runScript, type Script, saveScript } from './script.js';
export { Tensor } from './tensor.js';
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
