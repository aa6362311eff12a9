/**
 * Runs by name: a wide table has a column a run (`real_f1_s0`), a folder of tables a file a run (`runs/real/fold1/seed0.csv`).
 * A pattern says where in the name arm, fold, seed and generator stand: `{arm}_f{fold}_s{seed}`.
 */
import { ConfigError } from 'graft-torch/base';

export interface RunName {
  arm: string;
  fold?: string;
  seed?: string;
  generator?: string;
}

/** Tried in this order. */
const usualPatterns = [
  '{arm}_f{fold}_s{seed}',
  '{arm}_s{seed}_f{fold}',
  '{arm}_fold{fold}_seed{seed}',
  '{arm}_seed{seed}_fold{fold}',
  '{arm}-fold{fold}-seed{seed}',
  '{arm}/fold{fold}/seed{seed}',
  '{arm}/fold-{fold}/seed-{seed}',
  '{arm}/f{fold}/s{seed}',
  '{arm}_seed{seed}',
  '{arm}_s{seed}',
  '{arm}-seed{seed}',
  '{arm}/seed{seed}',
  '{arm}/seed-{seed}',
  '{arm}_fold{fold}',
  '{arm}_f{fold}',
  '{arm}-fold{fold}',
  '{arm}/fold{fold}',
];

const parts = ['arm', 'fold', 'seed', 'generator'] as const;

export interface RunPattern {
  text: string;
  /** @returns undefined where the name does not follow the pattern */
  read(name: string): RunName | undefined;
}

/** @throws ConfigError for a pattern without `{arm}`, with a part twice or an unknown one */
export function runPattern(text: string): RunPattern {
  return patternOf(text, '[A-Za-z0-9.]+');
}

function patternOf(text: string, number: string): RunPattern {
  const used: string[] = [];
  const source = text
    .split(/(\{[^{}]*\})/)
    .map((piece) => {
      const [, part] = /^\{(.*)\}$/.exec(piece) ?? [];
      if (part === undefined) return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      if (!(parts as readonly string[]).includes(part) || used.includes(part))
        throw new ConfigError(
          `pattern ${text}: {${part}}; expected {arm}, {fold}, {seed}, {generator}, once each`,
        );
      used.push(part);
      return `(?<${part}>${part === 'arm' ? '[^/]+?' : number})`;
    })
    .join('');
  if (!used.includes('arm')) throw new ConfigError(`pattern ${text}: has no {arm}`);
  const form = new RegExp(`^${source}$`);
  // A pattern of two folders looks at the last two of a path.
  const depth = text.split('/').length;
  return {
    text,
    read: (name) => {
      const groups = form.exec(name.split('/').slice(-depth).join('/'))?.groups;
      return groups === undefined ? undefined : ({ ...groups } as unknown as RunName);
    },
  };
}

/** The first usual pattern that all names follow; with `atLeast` that so many follow. */
export function usualPattern(names: readonly string[], atLeast = names.length): RunPattern | undefined {
  return usualPatterns
    .map((text) => patternOf(text, '\\d+'))
    .find(
      ({ read }) => names.length > 0 && names.filter((name) => read(name) !== undefined).length >= atLeast,
    );
}

/** The name of a run's file without what its name ends in: `runs/real_s0.preds.csv` is `runs/real_s0.preds`. */
export const fileTitle = (path: string): string =>
  path.replaceAll('\\', '/').replace(/\.(csv|tsv|txt|parquet|jsonl?|ndjson)$/i, '');
