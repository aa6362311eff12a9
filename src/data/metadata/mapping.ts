/**
 * Mapping files: what the columns of a table mean. The vintages that Graft knows lie in recipes/metadata/ in the very
 * format in which users write one for a table of their own (docs/metadata.md).
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError, readText } from 'graft-torch/base';
import { z } from 'zod';
import { parseYaml } from '../../base/yaml/index.js';

const text = z.string();
const name = z.string().min(1);
const names = z.array(name).min(1);

/** The value of a cell as YAML has it: `0`, `true` and `null` are what the cell says, as text. */
const cell = z
  .union([z.string(), z.number(), z.boolean(), z.null()])
  .transform((value) => (value === null ? '' : String(value)));

const pattern = z.string().refine(
  (source) => {
    try {
      new RegExp(source);
      return true;
    } catch {
      return false;
    }
  },
  { message: 'expected a regular expression' },
);

const fromColumns = z.strictObject({
  from: z.union([name, names]),
  missing: z.array(cell).optional(),
  values: z.record(text, cell).optional(),
  others: z.enum(['keep', 'missing', 'error']).optional(),
  optional: z.boolean().optional(),
});
const oneHot = z.strictObject({
  'one-hot': z.record(name, cell),
  none: cell.optional(),
});
const expression = z.strictObject({ sql: name });
const fromFileName = z.strictObject({ 'file-name': z.record(name, cell) });

const column = z.union([name, names, fromColumns, oneHot, expression, fromFileName]);

const table = z
  .strictObject({
    recognise: names.optional(),
    headerless: z.record(name, pattern).optional(),
    id: name.optional(),
    per: name.optional(),
    required: names.optional(),
    columns: z.record(name, column).default({}),
  })
  .refine((value) => (value.id === undefined) !== (value.per === undefined), {
    message: 'either id, what the image is called, or per, a column of the tables before',
    path: ['id'],
  })
  .refine((value) => value.recognise === undefined || value.headerless === undefined, {
    message: 'either recognise or headerless, not both',
  });

const schema = z
  .strictObject({
    description: text,
    source: text.optional(),
    missing: z.array(cell).default(['NA', 'N/A', 'NaN', 'null', 'None']),
    tables: z.record(name, table).refine((tables) => Object.keys(tables).length > 0, {
      message: 'expected one table at least',
    }),
    roles: z
      .strictObject({
        label: name.optional(),
        patient: name.optional(),
        lesion: name.optional(),
        split: name.optional(),
      })
      .default({}),
  })
  .refine(
    ({ tables }) =>
      Object.keys(tables).length === 1 ||
      Object.values(tables).every(({ recognise, headerless }) => recognise ?? headerless),
    { message: 'of several tables each needs recognise, so that it can be told from the others' },
  )
  .refine(({ tables }) => Object.values(tables)[0]?.id !== undefined, {
    message: 'the first table needs id: it says what the images are called',
    path: ['tables'],
  })
  .superRefine(({ tables, roles }, context) => {
    const known = Object.values(tables).flatMap(({ id, per, recognise, headerless, columns }) => [
      id ?? per!,
      ...(recognise ?? Object.keys(headerless ?? {})),
      ...Object.keys(columns),
    ]);
    for (const [role, column] of Object.entries(roles))
      if (column !== undefined && !known.includes(column))
        context.addIssue({
          code: 'custom',
          path: ['roles', role],
          message: `no table has '${column}'; name it under recognise or columns`,
        });
  });

export type ColumnSpec = z.output<typeof column>;
export type FromColumns = z.output<typeof fromColumns>;
export type TableMapping = z.output<typeof table>;
export interface Mapping extends z.output<typeof schema> {
  /** Name of a shipped one, else the path. */
  name: string;
  /** Path, for messages. */
  path: string;
  /** Graft's own, whose SQL is known to be harmless. */
  isShipped: boolean;
}

/** Folder of the shipped mappings: beside src/, or beside dist/. */
function mappingsDir(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const found = join(dir, 'recipes', 'metadata');
    if (existsSync(found)) return found;
    if (dirname(dir) === dir) throw new ConfigError('recipes/metadata/ is missing: install Graft again');
  }
}

/** The names of the shipped mappings, sorted. */
export function mappingNames(): string[] {
  return readdirSync(mappingsDir())
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/** All shipped mappings, by name. */
export function shippedMappings(): Mapping[] {
  return mappingNames().map(loadMapping);
}

/**
 * A shipped mapping by name, or a mapping file by path.
 * @throws ConfigError naming the file and the key, or listing the names
 */
export function loadMapping(nameOrPath: string): Mapping {
  const isPath = /\.ya?ml$|[\\/]/.test(nameOrPath);
  if (!isPath && !mappingNames().includes(nameOrPath))
    throw new ConfigError(
      `--mapping ${nameOrPath}: no such mapping; there are plain, ${mappingNames().join(', ')}, or the path of a YAML file`,
    );
  const path = isPath ? nameOrPath : join(mappingsDir(), `${nameOrPath}.yaml`);
  const label = isPath ? path : `recipes/metadata/${nameOrPath}.yaml`;
  const result = schema.safeParse(parseYaml(readText(path), label).value);
  if (!result.success) throw new ConfigError(`${label}: ${explain(result.error.issues[0]!, [])}`);
  return { ...result.data, name: nameOrPath, path: label, isShipped: !isPath };
}

/** One line for the first thing that is wrong: its key, and what was expected. */
function explain(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): string {
  const path = [...above, ...issue.path];
  const key = path.map(String).join('.') || 'the file';
  if (issue.code === 'unrecognized_keys')
    return `${[...path, issue.keys[0]!].map(String).join('.')}: unknown key`;
  if (issue.code === 'invalid_union') {
    // Of the forms that a column may take, the one that came furthest is the one that was meant.
    const closest = issue.errors
      .filter((errors) => !errors.every((error) => error.code === 'invalid_type' && error.path.length === 0))
      .sort((a, b) => misses(a) - misses(b))[0];
    if (closest?.[0]) return explain(closest.find((error) => error.path.length > 0) ?? closest[0], path);
    return `${key}: expected a column's name, a list of them, or one of from, one-hot, sql, file-name`;
  }
  return `${key}: ${issue.message.replace(/^Invalid input: /, '')}`;
}

/** Unknown keys weigh most: a form whose keys are not even those is not the one that was meant. */
function misses(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
}
