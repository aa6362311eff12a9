/**
 * Networks for other programs, with their weights: traced at example inputs and written as one file.
 *
 *     exportOnnx((x) => network.forward(x), { x: randn([2, 3, 64, 64]) }, { path: 'network.onnx' });
 *
 * The batch size is free where the network allows it; the network is in evaluation mode.
 */

// ONNX (opset 17), and holding the file against the network in ONNX Runtime.

export { checkOnnx, ONNX_TOLERANCE, type OnnxCheck } from './check-onnx.js';
export { exportOnnx, type OnnxOptions } from './onnx.js';
export type { ExportSummary } from './summary.js';

// TorchScript, as `torch.jit.load` reads it.

export { checkTorchScript, exportTorchScript, type TorchScriptOptions } from './torchscript.js';

// INTERNAL: writer of Protocol Buffers, for graft-gan's event files.

export { Message } from './protobuf.js';
