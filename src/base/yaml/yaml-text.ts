/**
 * YAML from files that anybody may have written: recipes, trials, mappings, descriptions of datasets, configurations of
 * runs. Anchors and aliases are read; what makes a small file a large or an endless value is an error with its line.
 */

import { ConfigError, oneLine } from 'graft-torch/base';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';

/** A text, read. */
export interface YamlText {
  document: Document;
  /** Plain data: text, numbers, booleans, null, lists, and maps as objects. Undefined for an empty file. */
  value: unknown;
  /** The line (from 1) that an offset in the text lies on. */
  lineAt(offset: number): number;
}

/** Collections within one another. Nothing that this project reads reaches 20. */
const maxDepth = 100;
const tooDeep = `nested more than ${maxDepth} deep`;
/** As the library's own: an alias counts as often as those within it are written out. */
const maxAliasCount = 100;
const maxAliases = 1000;
const maxBytes = 2 << 20;
/** Tags that say what plain YAML is anyway. */
const plainTags = /^(tag:yaml\.org,2002:|!!)(str|int|float|bool|null|map|seq)$/;

/**
 * @param label the file, for messages
 * @throws ConfigError naming the file and the line: not YAML, a key twice, an alias without its anchor or within itself,
 *   aliases that grow without measure, nested too deeply, a tag of a program's own
 */
export function parseYaml(text: string, label: string): YamlText {
  if (text.length > maxBytes)
    throw new ConfigError(`${label}: larger than ${maxBytes >> 20} MiB, which no such file is`);
  const lineCounter = new LineCounter();
  const lineAt = (offset: number): number => lineCounter.linePos(offset).line;
  const fail = (node: unknown, what: string): never => {
    const offset = (node as { range?: [number, number, number] | null } | null)?.range?.[0];
    throw new ConfigError(`${label}${offset === undefined ? '' : `:${lineAt(offset)}`}: ${what}`);
  };
  // Whether keys are unique is looked at below: the library compares each with all others.
  const options = { lineCounter, prettyErrors: false, uniqueKeys: false };
  const document = orTooDeep(label, () => parseDocument(text, options));
  const [problem] = document.errors;
  if (problem) {
    const [first] = problem.message.split('\n');
    const what = /call stack/.test(problem.message)
      ? tooDeep
      : problem.code === 'MULTIPLE_DOCS'
        ? "a second document begins here; one file holds one: remove what is below, and the '---'"
        : `not valid YAML: ${oneLine(first!, 200)}`;
    throw new ConfigError(`${label}:${lineAt(problem.pos[0])}: ${what}`);
  }
  const value = orTooDeep(label, () => {
    checkNodes(document, fail);
    return plainValue(document, label);
  });
  return { document, value, lineAt };
}

/** The library recurses: what is nested deeply enough fills the stack, while it is parsed or later. */
function orTooDeep<T>(label: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new ConfigError(`${label}: ${tooDeep}`);
    throw error;
  }
}

function plainValue(document: Document, label: string): unknown {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount }) ?? undefined;
  } catch (error) {
    if (!/^Excessive alias count/.test((error as Error).message)) throw error;
    throw new ConfigError(
      `${label}: its aliases stand for one another more than ${maxAliasCount} times; write the values out`,
    );
  }
  // Aliases of aliases may go deeper than what is written.
  if (depthOf(value, new Map()) > maxDepth) throw new RangeError();
  return value;
}

function depthOf(value: unknown, known: Map<object, number>): number {
  if (typeof value !== 'object' || value === null) return 0;
  const before = known.get(value);
  if (before !== undefined) return before;
  const depth =
    1 + Object.values(value).reduce((most: number, inner) => Math.max(most, depthOf(inner, known)), 0);
  known.set(value, depth);
  return depth;
}

function checkNodes(document: Document, fail: (node: unknown, what: string) => never): void {
  // The library looks for an alias's anchor through the whole document, each time.
  const anchors = new Map<string, Node>();
  let aliases = 0;
  visit(document, {
    // A visitor of its own for each kind would take the place of this one.
    Node: (_key, node, above) => {
      if (above.length > maxDepth && above.filter(isCollection).length >= maxDepth && isCollection(node))
        fail(node, tooDeep);
      if (isAlias(node)) {
        const name = oneLine(node.source, 40);
        if (++aliases > maxAliases) fail(node, `more than ${maxAliases} aliases; write the values out`);
        const target = anchors.get(node.source);
        if (target === undefined)
          fail(node, `the alias *${name} has no anchor before it; write &${name} at the value`);
        if (above.includes(target as never)) fail(node, `the alias *${name} stands within itself`);
      } else if (node.tag && !plainTags.test(node.tag)) {
        fail(node, `the tag ${oneLine(node.tag, 40)} is not read; write plain text, numbers, lists and keys`);
      }
      if (!isAlias(node) && node.anchor) anchors.set(node.anchor, node);
      if (isMap(node)) checkKeys(node.items, fail);
    },
  });
}

function checkKeys(items: readonly Pair[], fail: (node: unknown, what: string) => never): void {
  const keys = new Set<string>();
  for (const { key } of items) {
    if (isCollection(key) || isAlias(key)) fail(key, 'a key has to be plain text');
    const name = String(isScalar(key) ? key.value : key);
    if (keys.has(name)) fail(key, `not valid YAML: the key ${oneLine(name, 80)} stands there twice`);
    keys.add(name);
  }
}
