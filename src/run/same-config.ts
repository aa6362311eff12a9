/**
 * Whether a run goes on with the configuration it was trained with so far. An edited config.yaml would otherwise
 * give a result that no configuration describes: half of it one batch size, half another.
 */
import { ConfigError } from 'graft-torch/base';
import { encodeJson } from './json.js';

/**
 * Keys that any run may change between two of its parts: where and how fast it computes, and what it writes down
 * from now on. None of them reaches back into what was computed. (On another device, or with another number of
 * threads, sums are rounded in another order: the run goes on, but not to the same bits.)
 */
export const runConditions: readonly string[] = [
  'device',
  'threads',
  'logEvery',
  'sampleEvery',
  'checkpointEvery',
];

export interface ConfigComparison {
  /** What the run was trained with so far. */
  was: object;
  /** What it is to go on with. */
  now: object;
  /** Dotted keys that may differ; a key covers what lies below it. */
  changeable?: readonly string[];
  /** Steps that were done with `was`: with 'steps' changeable, fewer cannot be asked for. */
  step?: number;
}

/**
 * @param file where `now` was read, for the message
 * @throws ConfigError naming every key that differs and may not, with both values
 */
export function requireSameConfig(file: string, { was, now, changeable = [], step }: ConfigComparison): void {
  const [before, after] = [flatten(was), flatten(now)];
  const mayChange = (key: string): boolean =>
    changeable.some((one) => key === one || key.startsWith(`${one}.`));
  const differing = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => before.get(key) !== after.get(key) && !mayChange(key),
  );
  if (differing.length > 0) {
    const trained = step === undefined ? 'this run was started' : `this run was trained to step ${step}`;
    const list = differing.map(
      (key) => `${key} is ${after.get(key) ?? 'missing'}, was ${before.get(key) ?? 'missing'}`,
    );
    throw new ConfigError(
      `${file}: ${trained} with another configuration: ${list.join('; ')}. Put ${differing.length === 1 ? 'it' : 'them'} back, or start a new run (these may change: ${changeable.join(', ') || 'none'})`,
    );
  }
  const { steps } = now as { steps?: unknown };
  if (step !== undefined && typeof steps === 'number' && steps < step) {
    throw new ConfigError(
      `${file}: steps is ${steps}, but this run has done ${step} already; give ${step} or more`,
    );
  }
}

/** Dotted key → value as JSON. A list is one value: its entries have no names. */
function flatten(value: object, above = ''): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const name = `${above}${key}`;
    const isMap = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
    if (isMap && Object.keys(inner).length > 0) {
      for (const entry of flatten(inner, `${name}.`)) flat.set(...entry);
    } else flat.set(name, encodeJson(inner));
  }
  return flat;
}
