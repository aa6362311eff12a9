/** Element types, devices and memory formats: PyTorch's names here, libtorch's codes at the border. */
import { TorchError } from '../base/index.js';

// Codes of c10::ScalarType, c10::DeviceType, c10::MemoryFormat, c10::Layout: fixed by libtorch's serialisation.
const DTYPES = {
  uint8: 0,
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  float16: 5,
  float32: 6,
  float64: 7,
  bool: 11,
  bfloat16: 15,
} as const;
const DEVICES = { cpu: 0, cuda: 1, mps: 13, meta: 14 } as const;
const MEMORY_FORMATS = { contiguous: 0, preserve: 1, channelsLast: 2 } as const;
const LAYOUTS = { strided: 0, sparse: 1 } as const;

export type DType = keyof typeof DTYPES;
export type DeviceType = keyof typeof DEVICES;
/** `cpu`, `cuda`, `cuda:1`, `mps`. */
export type Device = DeviceType | `${DeviceType}:${number}`;
export type MemoryFormat = keyof typeof MEMORY_FORMATS;
export type Layout = keyof typeof LAYOUTS;

export type TypedArray =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array;

function code<T extends Record<string, number>>(table: T, name: string, what: string): number {
  const value = table[name];
  if (value === undefined) {
    throw new TorchError(`unknown ${what} '${name}': expected one of ${Object.keys(table).join(', ')}`);
  }
  return value;
}

export const dtypeCode = (name: DType): number => code(DTYPES, name, 'dtype');
export const layoutCode = (name: Layout): number => code(LAYOUTS, name, 'layout');
export const memoryFormatCode = (name: MemoryFormat): number => code(MEMORY_FORMATS, name, 'memory format');

const DTYPE_NAMES = new Map(Object.entries(DTYPES).map(([name, value]) => [value as number, name as DType]));

export function dtypeName(value: number): DType {
  const name = DTYPE_NAMES.get(value);
  if (!name) throw new TorchError(`libtorch's element type ${value} is not one Graft knows`);
  return name;
}

/** type · 256 + index + 1; index −1 is the current device of that type. */
export function deviceCode(device: Device): number {
  const [type, index] = device.split(':') as [string, string | undefined];
  const number = index === undefined ? -1 : Number(index);
  if (!Number.isInteger(number))
    throw new TorchError(`bad device '${device}': expected cpu, cuda, cuda:1 or mps`);
  return code(DEVICES, type, 'device') * 256 + number + 1;
}

export function deviceName(value: number): Device {
  const type = Object.entries(DEVICES).find(([, n]) => n === value >> 8)?.[0] as DeviceType | undefined;
  if (!type) throw new TorchError(`libtorch's device type ${value >> 8} is not one Graft knows`);
  const index = (value & 255) - 1;
  return index < 0 ? type : `${type}:${index}`;
}

/** Bytes an element. */
export const WIDTHS: Readonly<Record<DType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** The typed array that holds a dtype's elements (16-bit floats and bools as raw integers). */
export function typedArrayFor(dtype: DType, buffer: ArrayBuffer): TypedArray {
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(buffer);
    default:
      return new Uint8Array(buffer);
  }
}

/** Elements of any numeric list as the typed array of a dtype. */
export function toTypedArray(values: ArrayLike<number>, dtype: DType): TypedArray {
  switch (dtype) {
    case 'float32':
      return Float32Array.from(values);
    case 'float64':
      return Float64Array.from(values);
    case 'int64':
      return BigInt64Array.from(values as ArrayLike<bigint & number>, (v) => BigInt(v));
    case 'int32':
      return Int32Array.from(values);
    case 'int16':
      return Int16Array.from(values);
    case 'int8':
      return Int8Array.from(values);
    case 'bool':
    case 'uint8':
      return Uint8Array.from(values);
    default:
      throw new TorchError(`make a float32 tensor and convert it: ${dtype} has no JavaScript array`);
  }
}
