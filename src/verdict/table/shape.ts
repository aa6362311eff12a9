/**
 * How a table is built, which the plan of a verdict can say beforehand: folds, seeds, and whether patients and generators
 * are known. A fold or a seed that was left out afterwards, by what the scores were, is then seen.
 */
import { z } from 'zod';
import { numberOf } from '../../data/table/index.js';
import type { Plan } from '../registration.js';

const count = z.number().int().min(1);
const names = z.array(z.union([z.number(), z.string().min(1)])).transform((list) => sorted(list.map(String)));

export const designSchema = z
  .strictObject({
    folds: z.union([count, names]).optional().describe('how many folds there will be, or which'),
    seeds: z.union([count, names]).optional().describe('how many seeds in each fold, or which'),
    groups: z.boolean().optional().describe('whether a column says which images are of one patient'),
    generators: z
      .boolean()
      .optional()
      .describe('whether a column says with whose synthetic images a run was trained'),
    external: names.optional().describe('names of external test sets'),
    kind: z.enum(['scores', 'aucs']).optional().describe('a row an image, or AUCs alone'),
  })
  .prefault({})
  .describe('how the table will be built');

/** As the table has it; names as they are written there. */
export interface TableShape {
  kind: 'scores' | 'aucs';
  folds: readonly string[];
  seeds: readonly string[];
  groups: boolean;
  generators: boolean;
  external: readonly string[];
}

const order = new Intl.Collator('en', { numeric: true });
const sorted = (list: readonly string[]): string[] => [...new Set(list)].sort(order.compare);

/** '01' and '1.0' are the fold 1. */
const named = (cell: string): string => String(numberOf(cell) ?? cell);

export function shapeOf(
  rows: readonly { fold: string; seed: string; external?: string }[],
  kind: TableShape['kind'],
  has: ReadonlySet<string>,
): TableShape {
  return {
    kind,
    folds: sorted(rows.map(({ fold }) => named(fold))),
    seeds: sorted(rows.map(({ seed }) => named(seed))),
    groups: has.has('group'),
    generators: has.has('generator'),
    external: sorted(rows.flatMap(({ external = '' }) => (external === '' ? [] : [external]))),
  };
}

/** What the table has for what was planned: a number for a number, names for names. */
export function shapeAs(planned: Plan, shape: TableShape): Plan {
  const like = (key: 'folds' | 'seeds'): number | readonly string[] =>
    Array.isArray(planned[key]) ? shape[key] : shape[key].length;
  return {
    folds: like('folds'),
    seeds: like('seeds'),
    groups: shape.groups,
    generators: shape.generators,
    external: shape.external,
    kind: shape.kind,
  };
}
