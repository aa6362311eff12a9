/**
 * What decides the last bits of a run beside its configuration: device, threads, the kernels that the libraries chose
 * for this processor, and variables of the environment that change them. Sums over threads, and products of matrices by
 * another kernel, are rounded in another order; training carries that on into every digit. So a run writes down under
 * what it computes, and one that goes on under other conditions says so.
 */
import { isDeepStrictEqual } from 'node:util';
import { type RunEvent, readEvents } from './events.js';
import type { Json } from './json.js';
import type { Run } from './run-folder.js';
import { runFiles } from './run-reader.js';

export interface Conditions {
  device: string;
  /** Of the engine, OpenBLAS's included. */
  threads: number;
  libtorch: string;
  /** Instruction sets and kernels by library: `{ libtorch: 'AVX2', OpenBLAS: 'Zen' }`. */
  kernels: Record<string, string>;
  /** Variables that change what the libraries do, where they are set. */
  environment: Record<string, string>;
}

/** What the engine says of itself: `engineInfo()`. */
export interface Engine {
  libtorch: string;
  threads: number;
  capability: string;
  blasKernels: string;
}

/** From a step on, until the next entry. */
export interface ConditionsFrom extends Conditions {
  step: number;
}

/** Numbers of threads are left out: `setThreads` overrides them all. */
const DECISIVE =
  /^(OPENBLAS|GOTO|MKL|DNNL|ONEDNN|ATEN|NVIDIA_TF32|CUBLAS|TORCH_ALLOW)_(?!NUM_THREADS|VERBOSE|MAIN_FREE)/;

/** Of this process, now. */
export function conditionsNow(device: string, engine: Engine): Conditions {
  const { threads, libtorch, capability, blasKernels } = engine;
  const decisive = Object.entries(process.env).filter(([name]) => DECISIVE.test(name));
  return {
    device,
    threads,
    libtorch,
    kernels: { libtorch: capability, ...(blasKernels ? { OpenBLAS: blasKernels } : {}) },
    environment: Object.fromEntries(decisive.sort(([a], [b]) => (a < b ? -1 : 1))) as Record<string, string>,
  };
}

const EVENT = 'conditions';

/** What a run has been computed under, from its events; empty for runs of Graft 0.1. */
export const conditionsOf = (events: readonly RunEvent[]): ConditionsFrom[] =>
  events
    .filter(({ type }) => type === EVENT)
    .map(({ type: _type, wall: _wall, ...fields }) => fields as unknown as ConditionsFrom);

/**
 * Writes down what a run computes under from `step` on. Nothing is written where that has not changed, so that a run
 * that was stopped and went on has the events of one that never stopped.
 * @param warn is told what has changed since
 */
export function noteConditions(
  run: Run,
  step: number,
  { device, engine, warn = () => {} }: { device: string; engine: Engine; warn?: (message: string) => void },
): void {
  const now = conditionsNow(device, engine);
  const last = conditionsOf(readEvents(run.path(runFiles.events))).at(-1);
  const changes = last ? differences(last, now) : [];
  if (last && changes.length === 0) return;
  run.event(EVENT, step, { ...now } as unknown as Record<string, Json>);
  run.log(`computes with ${describe(now)}`);
  if (changes.length === 0) return;
  const message = `${run.dir}: goes on after step ${step} with ${changes.join('; ')}: its figures will not be, to the last digit, those of a run that never stopped`;
  run.log(`warning: ${message}`);
  warn(message);
}

const describe = ({ device, threads, libtorch, kernels, environment }: Conditions): string =>
  [
    `${threads} ${threads === 1 ? 'thread' : 'threads'} on ${device}`,
    `libtorch ${libtorch}`,
    ...Object.entries(kernels).map(([library, kernel]) => `${library} kernels ${kernel}`),
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  ].join(', ');

function differences(was: Conditions, now: Conditions): string[] {
  const keys = ['device', 'threads', 'libtorch', 'kernels', 'environment'] as const;
  const shown = (value: Conditions[(typeof keys)[number]]): string =>
    typeof value === 'object'
      ? Object.entries(value)
          .map(([name, inner]) => `${name}=${inner}`)
          .join(' ') || 'none'
      : String(value);
  return keys
    .filter((key) => !isDeepStrictEqual(was[key], now[key]))
    .map((key) => `${key} ${shown(now[key])} (was ${shown(was[key])})`);
}
