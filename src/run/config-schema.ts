/**
 * What a schema says about a key, for messages: which keys there are, what a key expects in plain words, which
 * known key was probably meant. Works on the JSON Schema that zod derives, so it needs no knowledge of zod's
 * classes.
 */
import { z } from 'zod';

/** The part of JSON Schema (2020-12) that zod produces and that matters here. */
export interface JsonSchema {
  type?: string;
  description?: string;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  items?: boolean | JsonSchema;
  prefixItems?: JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  minItems?: number;
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
}

export type KeyPath = readonly (string | number)[];

/** The schema of what a user may write (defaults optional). */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return inlined(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema);
}

/** Replaces references to `$defs` by what they name. A recursive reference becomes "anything". */
function inlined(root: JsonSchema): JsonSchema {
  const visit = (node: unknown, open: readonly string[]): unknown => {
    if (Array.isArray(node)) return node.map((item) => visit(item, open));
    if (typeof node !== 'object' || node === null) return node;
    const { $ref, $defs: _, ...rest } = node as JsonSchema;
    const name = $ref?.replace('#/$defs/', '');
    const entries = Object.entries(rest).map(([key, value]) => [key, visit(value, open)]);
    const own = Object.fromEntries(entries) as JsonSchema;
    if (name === undefined || open.includes(name)) return own;
    const target = name === '#' ? undefined : root.$defs?.[name];
    return { ...(visit(target ?? {}, [...open, name]) as JsonSchema), ...own };
  };
  return visit(root, []) as JsonSchema;
}

/** The alternatives of a schema; of a tagged union only those whose tag fits `value`, if any does. */
export function alternatives(schema: JsonSchema, value?: unknown): JsonSchema[] {
  const options = (schema.anyOf ?? schema.oneOf ?? []).flatMap((option) => alternatives(option, value));
  if (options.length === 0) {
    const { allOf, ...own } = schema;
    if (allOf === undefined) return [schema];
    const properties = Object.assign({}, own.properties, ...allOf.map((part) => part.properties ?? {}));
    return [{ type: 'object', ...own, properties }];
  }
  const fits = options.filter((option) =>
    Object.entries(option.properties ?? {}).some(
      ([key, tag]) => tag.const !== undefined && (value as Record<string, unknown>)?.[key] === tag.const,
    ),
  );
  return fits.length > 0 ? fits : options;
}

/** The schemas that a key path may have, given what was written (`value` decides between tagged unions). */
export function schemasAt(schema: JsonSchema, path: KeyPath, value?: unknown): JsonSchema[] {
  const [key, ...rest] = path;
  const here = alternatives(schema, value);
  if (key === undefined) return here;
  const inner = (value as Record<string | number, unknown> | undefined)?.[key];
  return here.flatMap((option) => {
    const list = typeof option.items === 'object' ? option.items : undefined;
    const other = typeof option.additionalProperties === 'object' ? option.additionalProperties : undefined;
    const next =
      option.type === 'array'
        ? (option.prefixItems?.[Number(key)] ?? list)
        : (option.properties?.[String(key)] ?? other);
    return next === undefined ? [] : schemasAt(next, rest, inner);
  });
}

/** The keys that may stand at a path. */
export function keysAt(schema: JsonSchema, path: KeyPath, value?: unknown): string[] {
  return schemasAt(schema, path, value).flatMap((option) => Object.keys(option.properties ?? {}));
}

/** What is expected, in words: 'an integer ≥ 1', 'one of "dcgan", "sngan"'; '' when nothing can be said. */
export function expectation(schemas: readonly JsonSchema[]): string {
  const constants = schemas.filter((schema) => schema.const !== undefined).map((schema) => schema.const);
  const words = schemas.filter((schema) => schema.const === undefined).map(wordsFor);
  if (constants.length === 1) words.push(JSON.stringify(constants[0]));
  if (constants.length > 1) words.push(wordsFor({ enum: constants }));
  return [...new Set(words.filter((word) => word !== ''))].join(' or ');
}

function wordsFor(schema: JsonSchema): string {
  if (schema.enum !== undefined)
    return `one of ${schema.enum.map((item) => JSON.stringify(item)).join(', ')}`;
  switch (schema.type) {
    case 'integer':
      return `an integer${range(schema)}`;
    case 'number':
      return `a number${range(schema)}`;
    case 'string':
      return (schema.minLength ?? 0) > 0 ? 'text (not empty)' : 'text';
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    case 'object':
      return 'keys and values';
    case 'array':
      return listWords(schema);
    default:
      return '';
  }
}

function listWords(schema: JsonSchema): string {
  if (schema.prefixItems !== undefined) {
    return `a list of ${schema.prefixItems.length}: [${schema.prefixItems.map((item) => expectation(alternatives(item))).join(', ')}]`;
  }
  const each = typeof schema.items === 'object' ? expectation(alternatives(schema.items)) : '';
  const least = (schema.minItems ?? 0) > 0 ? ` (at least ${schema.minItems})` : '';
  return `a list${each === '' ? '' : `, each ${each}`}${least}`;
}

function range(schema: JsonSchema): string {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
  const bounds: string[] = [];
  // zod gives every integer the safe range as bounds; nobody needs to be told.
  if (minimum !== undefined && minimum > -Number.MAX_SAFE_INTEGER) bounds.push(`≥ ${minimum}`);
  if (exclusiveMinimum !== undefined) bounds.push(`> ${exclusiveMinimum}`);
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) bounds.push(`≤ ${maximum}`);
  if (exclusiveMaximum !== undefined) bounds.push(`< ${exclusiveMaximum}`);
  return bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
}

/**
 * The known key that an unknown one was probably meant to be: a neighbour with a similar name, else the same
 * name elsewhere in the schema (as a dotted path); undefined when nothing is near.
 * @param path with the unknown key at its end
 */
export function nearestKey(schema: JsonSchema, path: KeyPath, value?: unknown): string | undefined {
  const key = String(path.at(-1));
  const beside = nearest(key, keysAt(schema, path.slice(0, -1), value));
  if (beside !== undefined) return beside;
  // Else the same name further down, or one that it abbreviates: lr → learningRate, rate → learningRate.
  const plain = (name: string): string => name.toLowerCase().replace(/[-_]/g, '');
  const last = (path: string): string => path.split('.').at(-1)!;
  const initials = (name: string): string => name.charAt(0) + name.slice(1).replace(/[^A-Z]/g, '');
  const wanted = plain(key);
  const paths = allPaths(schema, value);
  return (
    paths.find((known) => plain(last(known)) === wanted) ??
    paths.find((known) => wanted.length > 1 && plain(initials(last(known))) === wanted) ??
    paths.find((known) => wanted.length > 3 && plain(last(known)).includes(wanted))
  );
}

function allPaths(schema: JsonSchema, value: unknown, prefix = ''): string[] {
  return alternatives(schema, value).flatMap((option) =>
    Object.entries(option.properties ?? {}).flatMap(([key, inner]) => [
      `${prefix}${key}`,
      ...allPaths(inner, (value as Record<string, unknown> | undefined)?.[key], `${prefix}${key}.`),
    ]),
  );
}

/** The candidate nearest to a misspelt word: at most a third of its letters wrong; undefined when none is. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const scored = candidates
    .map((candidate) => ({
      candidate,
      distance: editDistance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((a, b) => a.distance - b.distance);
  const best = scored[0];
  return best !== undefined && best.distance <= limit ? best.candidate : undefined;
}

/** Number of letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => {
    const row = new Array<number>(b.length + 1).fill(0);
    row[0] = i;
    return row;
  });
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      }
      rows[i]![j] = least;
    }
  }
  return rows[a.length]![b.length]!;
}
