/**
 * The TypeScript side of `test/goldens/torch/common.py`: the same hash-made inputs, the same compact records,
 * and the comparison of what the engine computes with what PyTorch recorded.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { engineInfo, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import type { Module } from 'graft-torch/nn';
import { expect } from 'vitest';

export type Float = 'float32' | 'float64';

const GOLDENS = fileURLToPath(new URL('../goldens/torch/', import.meta.url));

/** FNV-1a, 32 bits. */
export function seedOf(name: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(name)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** Finaliser of MurmurHash3 over a Weyl sequence. */
function hash32(seed: number, index: number): number {
  let h = (Math.imul(index, 0x9e3779b1) + seed) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

/** Uniform in [offset − scale, offset + scale) in steps of scale / 2^15, `scale` a power of two. */
export function fill(name: string, shape: number[], dtype: Float, scale = 1, offset = 0): Tensor {
  const seed = seedOf(name);
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    data[i] = (((hash32(seed, i) >>> 16) - 32768) / 32768) * scale + offset;
  }
  return tensor(data, shape, { dtype });
}

/** Integers in [0, high), int64. */
export function integers(name: string, shape: number[], high: number): Tensor {
  const seed = seedOf(name);
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => (hash32(seed, i) >>> 16) % high);
  return tensor(values, shape, { dtype: 'int64' });
}

/** `network_rule` of common.py: scale and offset by key and shape. */
export function networkRule(key: string, shape: number[]): [scale: number, offset: number] {
  if (key.endsWith('running_mean')) return [0.125, 0];
  if (key.endsWith('running_var')) return [0.25, 1];
  if (shape.length <= 1) return key.endsWith('.weight') ? [0.125, 1] : [0.0625, 0];
  let p = 1;
  while (p > Math.sqrt(6 / sizeOf(shape.slice(1)))) p /= 2;
  return [p, 0];
}

/** Overwrites every floating entry of the state dict, as common.py's `fill_module` does. */
export function fillModule<M extends Module>(module: M, prefix: string, dtype: Float): M {
  module.to({ dtype });
  tidy(() =>
    noGrad(() => {
      for (const [key, value] of Object.entries(module.stateDict())) {
        if (value.dtype === dtype) {
          value.copy_(fill(prefix + key, value.shape, dtype, ...networkRule(key, value.shape)));
        }
      }
    }),
  );
  return module;
}

/** What a golden file holds of one tensor. */
interface Entry {
  shape: number[];
  sha256: string;
  max: number;
  sum: number;
  abs: number;
  samples: number[];
}

interface Golden {
  about: { torch: string; dtype: Float; threads: number; processor: string };
  tensors: Record<string, Entry>;
}

export function readGolden(path: string): Golden {
  return JSON.parse(readFileSync(path, 'utf8')) as Golden;
}

export function committed(name: string, dtype: Float): Golden {
  return readGolden(`${GOLDENS}${name}.${dtype}.json`);
}

/** As common.py's `processor`: the model, and a hash of the instruction sets it offers. */
function processor(): string {
  const text = readFileSync('/proc/cpuinfo', 'utf8');
  const field = (name: string) => text.match(new RegExp(`^${name}\\s*: *(.*?)\\s*$`, 'm'))?.[1];
  const flags = createHash('sha256')
    .update(field('flags') ?? '')
    .digest('hex')
    .slice(0, 8);
  return `${field('model name')}, family ${field('cpu family')}, model ${field('model')}, flags ${flags}`;
}

/** Kernels, and so the last bits, differ between processors and between versions of libtorch. */
function onSameMachine(golden: Golden): boolean {
  try {
    const sameVersion = golden.about.torch.startsWith(engineInfo().libtorch);
    return sameVersion && processor() === golden.about.processor;
  } catch {
    return false; // no /proc: not Linux, not the machine that made the files
  }
}

function describe(t: Tensor): Entry {
  const data = t.toArray() as Float32Array | Float64Array;
  const entry: Entry = {
    shape: t.shape,
    sha256: createHash('sha256')
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      .digest('hex'),
    max: 0,
    sum: 0,
    abs: 0,
    samples: [],
  };
  for (const x of data) {
    entry.sum += x;
    entry.abs += Math.abs(x);
    entry.max = Number.isNaN(x) ? Number.NaN : Math.max(entry.max, Math.abs(x));
  }
  return entry;
}

/**
 * Collects what the engine computed and compares it with a golden file. `check` throws on the first tensor that
 * differs by more than `tolerance` times the tensor's largest value; `equal` counts those that agree in every bit.
 */
export class Computed {
  private readonly entries = new Map<string, { entry: Entry; data: ArrayLike<number> }>();

  add(key: string, t: Tensor): void {
    if (this.entries.has(key)) throw new Error(`'${key}' was recorded twice`);
    this.entries.set(key, { entry: describe(t), data: t.toArray() as Float64Array });
  }

  addState(prefix: string, module: Module): void {
    tidy(() => {
      for (const [key, t] of Object.entries(module.stateDict())) {
        if (t.dtype === 'float32' || t.dtype === 'float64') this.add(prefix + key, t);
      }
    });
  }

  addGradients(prefix: string, module: Module): void {
    tidy(() => {
      for (const [key, p] of Object.entries(module.namedParameters())) {
        if (!p.grad) throw new Error(`${prefix}${key} has no gradient`);
        this.add(prefix + key, p.grad);
      }
    });
  }

  /**
   * Compares with `golden`; every key of it that passes `only` must have been computed, and nothing else.
   * `tolerance` may depend on the key. Returns how many tensors were compared and how many are bit-equal.
   */
  check(
    golden: Golden,
    tolerance: number | ((key: string) => number),
    only: (key: string) => boolean = () => true,
  ): { compared: number; equal: number; worst: number } {
    const keys = Object.keys(golden.tensors).filter(only);
    // Gradients that are zero in theory (of a bias ahead of a batch norm) are pure rounding: no scale of their own.
    const floor = 1e-6 * Math.max(...Object.values(golden.tensors).map((entry) => entry.max));
    expect([...this.entries.keys()].filter(only).sort(), 'recorded tensors').toEqual([...keys].sort());
    let equal = 0;
    let worst = 0;
    const failures: string[] = [];
    for (const key of keys) {
      const want = golden.tensors[key]!;
      const { entry: got, data } = this.entries.get(key)!;
      expect(got.shape, `${key}: shape`).toEqual(want.shape);
      if (got.sha256 === want.sha256) {
        equal++;
        continue;
      }
      const n = data.length;
      const scale = Math.max(want.max, floor);
      const seed = seedOf('samples');
      const errors = want.samples.map((value, i) => Math.abs(data[hash32(seed, i) % n]! - value) / scale);
      // Sums see every element: the mean error and the largest magnitude are held to the same bound.
      errors.push(
        Math.abs(got.sum - want.sum) / n / scale,
        Math.abs(got.abs - want.abs) / n / scale,
        Math.abs(got.max - want.max) / scale,
      );
      const error = errors.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...errors);
      worst = Math.max(worst, error);
      const allowed = typeof tolerance === 'number' ? tolerance : tolerance(key);
      if (error > allowed) failures.push(`${key}: ${error.toExponential(2)} > ${allowed}`);
    }
    expect(failures, `${failures.length} of ${keys.length} tensors differ`).toEqual([]);
    return { compared: keys.length, equal, worst };
  }

  /**
   * Committed goldens. float64 within 1e-9 everywhere; float32 within 1e-6 on the processor that made the files,
   * else as `elsewhere` says.
   *
   * A bias ahead of a batch norm (`_bn2.bias`) has no gradient but rounding, 1e-17, of which Adam makes up to
   * 1e-9 learning rates a step: 1e-7 is allowed there.
   */
  checkCommitted(
    name: string,
    dtype: Float,
    elsewhere: { tolerance: number; only?: (key: string) => boolean },
  ) {
    const golden = committed(name, dtype);
    if (dtype === 'float64') return this.check(golden, (key) => (key.endsWith('_bn2.bias') ? 1e-7 : 1e-9));
    if (onSameMachine(golden)) return this.check(golden, 1e-6);
    return this.check(golden, elsewhere.tolerance, elsewhere.only);
  }
}
