/** The engine as a whole: what this libtorch is, its threads and devices. */
import { availableParallelism } from 'node:os';
import { GraftError } from '../base/index.js';
import { type Device, deviceCode } from './dtype.js';
import { guarded, native } from './native.js';

export interface EngineInfo {
  /** libtorch's version. */
  libtorch: string;
  cuda: boolean;
  cudaDevices: number;
  mps: boolean;
  /** oneDNN, under its old name as libtorch reports it. */
  mkldnn: boolean;
  mkldnnVersion: string;
  mkl: boolean;
  openmp: boolean;
  lapack: boolean;
  /** Instructions that libtorch's own kernels use here: AVX2. */
  capability: string;
  /** Processor that OpenBLAS's kernels were chosen for: Haswell, Zen; '' where another library multiplies matrices. */
  blasKernels: string;
  threads: number;
  interopThreads: number;
  parallelInfo: string;
  buildConfig: string;
}

export function engineInfo(): EngineInfo {
  const info = JSON.parse(native.info()) as Omit<EngineInfo, 'capability'>;
  const capability = /CPU capability usage: (\S+)/.exec(info.buildConfig)?.[1] ?? 'unknown';
  return { ...info, capability };
}

/**
 * Threads inside one operator, OpenBLAS's included. Debian's libtorch starts with one: the default here is every core.
 * Their number decides the last bits of sums and products.
 */
export function setThreads(count: number = availableParallelism()): void {
  guarded(() => native.setThreads(count));
}

export const threads = (): number => native.threads();

/** The best device there is: CUDA, else Apple's MPS, else the CPU. */
export function bestDevice(): Device {
  const info = engineInfo();
  if (info.cudaDevices > 0) return 'cuda';
  return info.mps ? 'mps' : 'cpu';
}

/** @throws GraftError when this libtorch does not have the device. */
export function requireDevice(device: Device): Device {
  const info = engineInfo();
  const code = deviceCode(device);
  const type = device.split(':')[0];
  const index = Math.max(0, (code & 255) - 1);
  if (type === 'cuda' && index >= info.cudaDevices) {
    throw new GraftError(
      `device ${device}: this libtorch sees ${info.cudaDevices} CUDA devices; use --device cpu, or install a libtorch with CUDA and point LIBTORCH at it`,
    );
  }
  if (type === 'mps' && !info.mps)
    throw new GraftError('device mps: this libtorch has no MPS; use --device cpu');
  return device;
}

/** Part of a GPU's memory that is in use, by whomever: 0 to 1. 0 for a CPU, and where it cannot be told. */
export function deviceMemoryShare(device: Device): number {
  if (!device.startsWith('cuda') || !native.cudaMemory()) return 0;
  const [free, total] = native.exchange as unknown as [number, number];
  return 1 - free / total;
}

/** Waits until the device has done what it was given; a clock read afterwards means something. */
export function synchronize(device: Device): void {
  if (device.startsWith('cuda'))
    guarded(() => native.synchronize(Math.max(0, (deviceCode(device) & 255) - 1)));
}
