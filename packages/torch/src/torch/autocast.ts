/**
 * Mixed precision: inside `autocast`, libtorch casts the arguments of convolutions and matrix products to a 16-bit
 * type and keeps what needs range in float32; weights stay float32. Micikevicius et al., "Mixed Precision
 * Training", 2018. Losses and `backward` belong outside, as PyTorch recommends: a gradient has its value's type.
 *
 * TF32 needs no casts: tensors stay float32, and the tensor cores of NVIDIA's Ampere and later round the factors of a
 * product to 10 bits of mantissa, where libtorch is told that they may.
 */
import { GraftError } from '../base/index.js';
import { type Device, type DeviceType, type DType, deviceCode, dtypeCode, dtypeName } from './dtype.js';
import { requireDevice } from './engine.js';
import { guarded, native } from './native.js';

/** What may be cast to; float32 and tf32 mean no casting. */
export type Precision = Extract<DType, 'float32' | 'bfloat16' | 'float16'> | 'tf32';

/** Whether networks give values of 16 bits, which losses are not to be taken of. */
export const isHalf = (precision: Precision): boolean => precision === 'bfloat16' || precision === 'float16';

/**
 * Readies the engine for a precision, for all that this process computes from here on.
 * @throws GraftError where the device does not have it
 */
export function usePrecision(device: Device, precision: Precision): void {
  if (precision !== 'float32') requirePrecision(device, precision);
  guarded(() => native.setTf32(precision === 'tf32'));
}

/** Scopes that this thread is in; with the last one go the casts of weights that libtorch kept. */
let depth = 0;

/**
 * Runs a callback with autocast of a device switched on, or off within another scope. What was, comes back after
 * it, also when it throws.
 *
 * Weights are cast once a scope: an optimiser's step inside would not be seen by what comes after it. float16 needs
 * a `GradScaler`, bfloat16 has float32's range and does not.
 *
 * @param precision bfloat16 (CPU, CUDA), float16 (CUDA); float32, tf32 or null: off
 * @throws GraftError where the device, or the dtype on it, is not to be had, or when the callback returns a promise
 */
export function autocast<T>(device: Device, precision: Precision | null, body: () => T): T {
  const wanted = precision === 'bfloat16' || precision === 'float16' ? precision : null;
  if (wanted !== null) requirePrecision(device, wanted);
  const before = autocastDtype(device);
  if (wanted === null && before === null) return body();
  const type = deviceCode(device) >> 8;
  const set = (value: DType | null): void =>
    guarded(() => native.setAutocast(type, value === null ? -1 : dtypeCode(value)));
  set(wanted);
  depth++;
  try {
    const result = body();
    if (result instanceof Promise)
      throw new GraftError('autocast: the callback returned a promise; it must be synchronous');
    return result;
  } finally {
    depth--;
    set(before);
    if (depth === 0) native.clearAutocastCache();
  }
}

/** The dtype that a device's operators are cast to at this point; null outside of `autocast`. */
export function autocastDtype(device: Device): DType | null {
  const code = deviceCode(device) >> 8;
  if (!AUTOCAST.has(device.split(':')[0] as DeviceType)) return null;
  const dtype = guarded(() => native.autocastDtype(code));
  return dtype < 0 ? null : dtypeName(dtype);
}

/** Precisions of device types, beside float32. libtorch's lists of operators for float16 on a CPU came late and are short. */
const AUTOCAST = new Map<DeviceType, readonly Precision[]>([
  ['cpu', ['bfloat16']],
  ['cuda', ['tf32', 'bfloat16', 'float16']],
]);

/** Devices that were found to be there: asking each time would cost more than a small operator. */
const present = new Set<Device>(['cpu']);

function requirePrecision(device: Device, precision: Precision): void {
  const known = AUTOCAST.get(device.split(':')[0] as DeviceType) ?? [];
  if (!known.includes(precision)) {
    throw new GraftError(
      `precision ${precision}: ${device} has ${[...known, 'float32'].join(', ')}; choose one of these`,
    );
  }
  if (!present.has(device)) present.add(requireDevice(device));
}
