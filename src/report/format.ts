/** Numbers and words as reports print them. */

interface Interval {
  low: number;
  high: number;
}

/** With its sign and three decimals: '+0.012', '−0.004', '0.000'. */
export function signed(value: number): string {
  const text = Math.abs(value).toFixed(3);
  if (Number(text) === 0) return '0.000';
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** '= 0.034', and '< 0.001' where it is smaller; '> 0.99' rather than 1.000. */
export function pValue(p: number): string {
  if (p < 0.001) return '< 0.001';
  return p > 0.99 ? '> 0.99' : `= ${p < 0.1 ? p.toFixed(3) : p.toFixed(2)}`;
}

export const fixed = (value: number, digits = 3): string =>
  value < 0 ? `−${Math.abs(value).toFixed(digits)}` : value.toFixed(digits);

export const whole = (value: number): string => Math.round(value).toLocaleString('en-GB');

/** '0.712 to 0.803' */
export const range = ({ low, high }: Interval): string => `${fixed(low)} to ${fixed(high)}`;

/** '−0.012 to +0.031' */
export const signedRange = ({ low, high }: Interval): string => `${signed(low)} to ${signed(high)}`;

/** '18.8 %', and '< 0.1 %' where there is something but little. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return '< 0.1 %';
  if (share < 1 && share > 0.9995) return '> 99.9 %';
  return `${(100 * share).toFixed(1)} %`;
}

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

/** A title as a sentence: with a full stop, unless it asks or exclaims. */
export const ended = (text: string): string => (/[.?!…]$/.test(text) ? text : `${text}.`);

/** At most so many letters, the last one '…' where some are left out: for labels in figures. */
export const shortened = (text: string, letters: number): string =>
  text.length > letters ? `${text.slice(0, letters - 1).trimEnd()}…` : text;

/** 'a, b and c' */
export const list = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

/** Confidence level: '95 %', '96.3 %'. */
export const levelText = (level: number): string => `${Number((100 * level).toFixed(1))} %`;

/** With a capital first letter. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
