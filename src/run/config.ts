/**
 * Configuration: a recipe, a file, `--set` and flags, laid over the schema's defaults in this order and checked
 * by the schema. The result is complete; a run folder keeps it. Unknown keys and wrong types are errors that
 * name the file and line (or the option) they came from, the key, and what was expected.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { ConfigError, readText } from 'graft-torch/base';
import { Document, isMap, isScalar, isSeq, type Pair, visit } from 'yaml';
import type { z } from 'zod';
import { packageRoot } from '../base/index.js';
import { parseYaml } from '../base/yaml/index.js';
import {
  expectation,
  type JsonSchema,
  jsonSchemaOf,
  type KeyPath,
  keysAt,
  nearest,
  nearestKey,
  schemasAt,
} from './config-schema.js';
import { type RunKind, runKinds } from './kind.js';
import { locatePaths } from './places.js';

/** Where a configuration comes from, weakest first. */
export interface ConfigSources {
  /** Name of a file in recipes/ without .yaml, or the path of a YAML file. */
  recipe?: string | undefined;
  /** Path of a YAML file; a run's config.yaml will do too. */
  file?: string | undefined;
  /** `key=value` with dotted keys ('optimizer.lr=1e-4', 'arms.0.name=real') and values in YAML. */
  sets?: readonly string[] | undefined;
  /** Options of the command line that stand for a key; those whose value is undefined are left out. */
  flags?: readonly { flag: string; key: string; value: unknown }[] | undefined;
  /** Refuses recipes and files that say `kind:` and mean another one. */
  kind?: RunKind | undefined;
  /** Another folder than the package's recipes/. */
  recipesDir?: string | undefined;
}

type Plain = Record<string, unknown>;

/** What was written so far, and where each key was written last: 'my.yaml:12', '--set steps=5'. */
interface Layers {
  value: Plain;
  origins: Map<string, string>;
  schema: JsonSchema;
  sources: ConfigSources;
}

/**
 * Resolves a configuration.
 * @param schema a zod schema made of strict objects, with every default and its description in it.
 * @throws ConfigError with one line a user can act on.
 */
export function resolveConfig<Schema extends z.ZodType>(
  schema: Schema,
  sources: ConfigSources = {},
): z.output<Schema> {
  const layers: Layers = { value: {}, origins: new Map(), schema: jsonSchemaOf(schema), sources };
  if (sources.recipe !== undefined) addFile(layers, recipePath(sources.recipe, sources.recipesDir));
  if (sources.file !== undefined) addFile(layers, sources.file);
  for (const text of sources.sets ?? []) addSet(layers, text);
  for (const { flag, key, value } of sources.flags ?? []) {
    if (value !== undefined) assign(layers, { key, value }, flag);
  }
  const result = schema.safeParse(layers.value);
  if (result.success) return result.data;
  const lines = result.error.issues.flatMap((issue) => explain(layers, issue as Issue, []));
  const rest = lines.length > 3 ? ` (and ${lines.length - 3} more)` : '';
  throw new ConfigError(lines.slice(0, 3).join('; ') + rest);
}

/** The names of the recipes, sorted; those in a folder with it: `original/dcgan-64-rate-10`. */
export function recipeNames(recipesDir = join(packageRoot(), 'recipes')): string[] {
  if (!existsSync(recipesDir)) return [];
  return readdirSync(recipesDir, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('metadata/')) // mappings of tables lie there
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * The path of a recipe by name, or of a YAML file.
 * @throws ConfigError with the nearest name, or all names.
 */
export function recipePath(name: string, recipesDir = join(packageRoot(), 'recipes')): string {
  if (/\.ya?ml$/.test(name)) return name;
  const names = recipeNames(recipesDir);
  if (names.includes(name)) return join(recipesDir, `${name}.yaml`);
  const near = nearest(name, names);
  if (name.includes('/') && (near === undefined || existsSync(name))) return name;
  const advice = near === undefined ? `there are: ${names.join(', ')}` : `did you mean "${near}"?`;
  throw new ConfigError(`--recipe ${name}: no such recipe (${advice})`);
}

/**
 * A configuration as YAML, for `--dry-run`.
 * @param options.kind stands first, as in a run's config.yaml.
 * @param options.schema its descriptions become comments.
 */
export function configToYaml(config: object, options: { kind?: RunKind; schema?: z.ZodType } = {}): string {
  const { kind, schema } = options;
  const document = new Document(kind === undefined ? config : { kind, ...config }, {
    aliasDuplicateObjects: false,
  });
  const root = schema === undefined ? undefined : jsonSchemaOf(schema);
  visit(document, {
    // Short lists of plain values stay on one line: betas: [0.5, 0.999].
    Seq: (_key, node) => {
      if (node.items.length > 0 && node.items.every(isScalar)) node.flow = true;
    },
    Pair: (_key, pair, ancestors) => {
      if (root === undefined) return;
      const path = [...pathOf(ancestors), String((pair.key as { value?: unknown }).value)];
      const description = schemasAt(root, path, config)[0]?.description ?? describedAt(root, path, config);
      if (description === undefined) return;
      const text = ` ${description.replace(/\s+/g, ' ')}`;
      if (isScalar(pair.value) || (isSeq(pair.value) && pair.value.flow)) pair.value.comment = text;
      else (pair.key as { commentBefore?: string }).commentBefore = text;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** A description may stand on a union, whose alternatives do not carry it. */
function describedAt(root: JsonSchema, path: KeyPath, config: object): string | undefined {
  const key = String(path.at(-1));
  const parents = schemasAt(root, path.slice(0, -1), config);
  return parents.map((parent) => parent.properties?.[key]?.description).find((text) => text !== undefined);
}

/** The keys on the way down to a YAML node. */
function pathOf(ancestors: readonly unknown[]): string[] {
  return ancestors.flatMap((node, index) => {
    const next = ancestors[index + 1];
    if (isSeq(node) && next !== undefined) return [String(node.items.indexOf(next))];
    const isPair = typeof node === 'object' && node !== null && 'key' in node && 'value' in node;
    return isPair ? [String(((node as Pair).key as { value?: unknown }).value)] : [];
  });
}

// ——— layers ———

function addFile(layers: Layers, path: string, above: readonly string[] = []): void {
  const { sources } = layers;
  const full = resolve(path);
  const label = shortPath(full);
  if (above.includes(full)) {
    throw new ConfigError(`${label}: extends itself (${[...above, full].map(shortPath).join(' → ')})`);
  }
  if (!existsSync(full)) throw new ConfigError(`${label}: no such file`);
  const { document, value: content, lineAt } = parseYaml(readText(full), label);
  if (content === undefined)
    throw new ConfigError(`${label}: has no settings; write some, or leave the file out for the defaults`);
  if (!isPlain(content)) throw new ConfigError(`${label}: expected keys and values at the top`);
  // What heads a run's config.yaml, and `extends`, are not part of the result.
  const { extends: parent, kind, graft: _graft, folder, dataHash: _hash, ...written } = content;
  if (sources.kind !== undefined && kind !== undefined && kind !== sources.kind) {
    throw new ConfigError(`${label}: kind: is a config for ${String(kind)}, expected ${sources.kind}`);
  }
  const isRun = typeof folder === 'string' && runKinds.includes(kind as RunKind);
  const own = isRun ? locatePaths(kind as RunKind, written, { dir: dirname(full), folder }) : written;
  if (parent !== undefined) {
    if (typeof parent !== 'string') {
      throw new ConfigError(`${label}: extends: expected the name of a recipe or a file`);
    }
    // A bare name is a recipe beside this file, else one of the package's.
    const beside = join(dirname(full), /\.ya?ml$/.test(parent) ? parent : `${parent}.yaml`);
    const parentPath = existsSync(beside) ? beside : recipePath(parent, sources.recipesDir);
    addFile(layers, parentPath, [...above, full]);
  }
  const lineOf = new Map<string, number>();
  visit(document, {
    Seq: (_key, node, ancestors) => {
      for (const item of node.items as { range?: [number, number, number] }[]) {
        const at = lineAt(item.range?.[0] ?? 0);
        lineOf.set(pathKey(pathOf([...ancestors, node, item])), at);
      }
    },
    Pair: (_key, pair, ancestors) => {
      const key = pair.key;
      if (!isScalar(key)) return;
      const at = lineAt(key.range?.[0] ?? 0);
      lineOf.set(pathKey([...pathOf(ancestors), String(key.value)]), at);
    },
  });
  if (document.contents !== null && !isMap(document.contents)) return;
  merge(layers.value, own, (path) => {
    const line = lineOf.get(pathKey(path));
    layers.origins.set(pathKey(path), line === undefined ? label : `${label}:${line}`);
  });
}

/**
 * Maps are merged key by key; everything else, lists included, replaces what was there.
 * @param note called with the path of every key that is written
 */
function merge(into: Plain, from: Plain, note: (path: KeyPath) => void): void {
  for (const [key, value] of Object.entries(from)) {
    const noteBelow = (path: KeyPath): void => note([key, ...path]);
    note([key]);
    const old = Object.hasOwn(into, key) ? into[key] : undefined;
    if (isPlain(value)) {
      const target = isPlain(old) ? old : {};
      define(into, key, target);
      merge(target, value, noteBelow);
    } else {
      define(into, key, value);
      if (Array.isArray(value)) noteItems(value, noteBelow);
    }
  }
}

function noteItems(value: unknown, note: (path: KeyPath) => void): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    note([key]);
    noteItems(inner, (path) => note([key, ...path]));
  }
}

function addSet(layers: Layers, text: string): void {
  const label = `--set ${text}`;
  const equals = text.indexOf('=');
  if (equals < 1) throw new ConfigError(`${label}: expected key=value`);
  const key = text.slice(0, equals).trim();
  const written = text.slice(equals + 1).trim();
  let value: unknown;
  try {
    value = parseYaml(written, '').value ?? null;
  } catch (error) {
    const [, what = ''] = /^:\d+: (.*)/.exec((error as Error).message) ?? [];
    throw new ConfigError(`${label}: the value ${what.startsWith('not ') ? 'is ' : ''}${what}`);
  }
  // Where only text may stand, 2017 is text.
  const allowed = schemasAt(layers.schema, key.split('.'), layers.value);
  const isTextOnly = allowed.length > 0 && allowed.every((option) => option.type === 'string');
  if (isTextOnly && typeof value !== 'string' && value !== null && typeof value !== 'object') value = written;
  assign(layers, { key, value }, label);
}

/** Puts a value at a dotted key, replacing what was there. */
function assign(
  layers: Layers,
  { key: dotted, value }: { key: string; value: unknown },
  label: string,
): void {
  const path = dotted.split('.');
  if (path.includes('')) throw new ConfigError(`${label}: "${dotted}" is not a key`);
  let node: Plain | unknown[] = layers.value;
  path.forEach((key, index) => {
    layers.origins.set(pathKey(path.slice(0, index + 1)), label);
    if (Array.isArray(node) && !(Number(key) < node.length && /^\d+$/.test(key))) {
      const count = node.length;
      throw new ConfigError(
        `${label}: ${path.slice(0, index).join('.')} has ${count} entries (0 to ${count - 1}), no "${key}"`,
      );
    }
    if (index === path.length - 1) {
      define(node as Plain, key, value);
      return;
    }
    const inner: unknown = Object.hasOwn(node, key) ? (node as Plain)[key] : undefined;
    if (!isPlain(inner) && !Array.isArray(inner)) define(node as Plain, key, {});
    node = (node as Plain)[key] as Plain | unknown[];
  });
  noteItems(value, (below) => layers.origins.set(pathKey([...path, ...below]), label));
}

/** Sets an own property, also one called __proto__. */
function define(object: Plain, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

const pathKey = (path: KeyPath): string => path.map(String).join('\0');

/** Relative to where the user is, when that is shorter to read. */
function shortPath(full: string): string {
  const near = relative(process.cwd(), full);
  return near.startsWith('..') || isAbsolute(near) ? full : near;
}

// ——— messages ———

interface Issue {
  code: string;
  message: string;
  path: (string | number)[];
  keys?: string[];
  errors?: Issue[][];
}

/** One line an issue: where it was written, which key, what was expected, what was found. */
function explain(layers: Layers, issue: Issue, above: KeyPath): string[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((key) => {
      const near = nearestKey(layers.schema, [...path, key], layers.value);
      const known = keysAt(layers.schema, path, layers.value);
      const list = `${known.slice(0, 12).join(', ')}${known.length > 12 ? ', …' : ''}`;
      const advice = near === undefined ? ` (there are: ${list})` : ` (did you mean "${near}"?)`;
      return `${originOf(layers, [...path, key])}: ${dotted([...path, key])}: unknown key${advice}`;
    });
  }
  if (issue.code === 'invalid_union' && issue.errors !== undefined) {
    // The alternative that came furthest says best what is wrong.
    const inner = issue.errors
      .filter((issues) => issues.every((one) => one.path.length > 0 || one.code === 'unrecognized_keys'))
      .sort((a, b) => a.length - b.length)[0];
    if (inner !== undefined) return inner.flatMap((one) => explain(layers, one, path));
  }
  const found = valueAt(layers.value, path);
  const schemas = schemasAt(layers.schema, path, layers.value);
  const wanted = issue.code === 'custom' ? '' : expectation(schemas);
  const where = `${originOf(layers, path)}: ${path.length === 0 ? '' : `${dotted(path)}: `}`;
  if (wanted === '') return [`${where}${issue.message}`];
  if (found === undefined) return [`${where}missing; expected ${wanted}`];
  const options = schemas.flatMap((schema) => [...(schema.enum ?? []), schema.const]).filter(isText);
  const near = isText(found) ? nearest(found, options) : undefined;
  const advice = near === undefined ? '' : ` (did you mean "${near}"?)`;
  return [`${where}expected ${wanted}, got ${shown(found)}${advice}`];
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** Where the key, or the nearest one around it, was written. */
function originOf(layers: Layers, path: KeyPath): string {
  for (let length = path.length; length > 0; length--) {
    const origin = layers.origins.get(pathKey(path.slice(0, length)));
    if (origin !== undefined) return origin;
  }
  return 'config';
}

function valueAt(value: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null
        ? (inner as Record<string | number, unknown>)[key]
        : undefined,
    value,
  );
}

const dotted = (path: KeyPath): string => path.map(String).join('.');

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
