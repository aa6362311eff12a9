/** Networks for other programs: the public list. */
export { checkOnnx, ONNX_TOLERANCE, type OnnxCheck } from './check-onnx.js';
export { exportOnnx, type OnnxOptions } from './onnx.js';
export { Message } from './protobuf.js';
export type { ExportSummary } from './summary.js';
export { checkTorchScript, exportTorchScript, type TorchScriptOptions } from './torchscript.js';
