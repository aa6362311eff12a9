/** Numbers and words as the report prints them. */
import type { Interval } from '../../stats/delong.js';
import { signed } from '../verdict.js';

export { pValue, signed } from '../verdict.js';

export const fixed = (value: number, digits = 3): string =>
  value < 0 ? `−${Math.abs(value).toFixed(digits)}` : value.toFixed(digits);

export const whole = (value: number): string => Math.round(value).toLocaleString('en-GB');

/** '0.712 to 0.803' */
export const range = ({ low, high }: Interval): string => `${fixed(low)} to ${fixed(high)}`;

/** '−0.012 to +0.031' */
export const signedRange = ({ low, high }: Interval): string => `${signed(low)} to ${signed(high)}`;

export const plural = (n: number, noun: string, many = `${noun}s`): string =>
  `${whole(n)} ${n === 1 ? noun : many}`;

/** '42 s', '21 min', '3 h 05 min' */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** '2 November 2026' in UTC. */
export const day = (iso: string): string =>
  new Date(iso).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });

/** 'a, b and c' */
export const list = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
