/** A run's settings beside the defaults, for the report's table. */
import type { ConfigEntry } from './input.js';

/** Leaves of nested keys by dotted name; lists are leaves. */
function flatten(value: unknown, path: readonly string[] = []): [string, string][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.entries(value).flatMap(([key, inner]) => flatten(inner, [...path, key]));
  return [[path.join('.'), shown(value)]];
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(shown).join(', ');
  if (value === null || value === undefined) return 'none';
  return String(value);
}

/**
 * @param config as resolved
 * @param presets what it would be, had nothing been set; keys that must be set are absent
 */
export function configEntries(config: object, presets: object): ConfigEntry[] {
  const preset = new Map(flatten(presets));
  // A group that is off by default has one leaf there, and several here.
  const presetOf = (key: string): string | null =>
    preset.get(key) ??
    [...preset].find(([name, value]) => key.startsWith(`${name}.`) && value === 'none')?.[1] ??
    null;
  return flatten(config).map(([key, value]) => ({ key, value, preset: presetOf(key) }));
}
