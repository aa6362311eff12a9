/**
 * A module of the user's own: a file of JavaScript (of TypeScript where this Node strips types) whose default export
 * hands in what a room lets in from outside: networks, an objective, an augmentation, metrics. Its code runs with the
 * rights of whoever names it.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError, readBytes } from 'graft-torch/base';
import { requireTrustIn } from '../base/index.js';

export interface LoadedModule {
  /** What its default export holds, unchecked: whoever asked for it knows what must be there. */
  exports: Readonly<Record<string, unknown>>;
  /** SHA-256 of the file, 64 hex digits; what it imports is not in it. */
  hash: string;
  /** Whole. */
  path: string;
}

/** Those that this process has loaded, whole paths. */
const loaded = new Set<string>();

/** The module in whose own code an error came up; undefined where in none. */
export function moduleOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // Frames alone: a message may name a module that has done nothing wrong.
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const names = (path: string): string[] => [path, pathToFileURL(path).href];
  return [...loaded].find((path) => frames.some((frame) => names(path).some((name) => frame.includes(name))));
}

/**
 * @param options.sha256 of the file as it was when something was made with it
 * @param options.remedy where it has changed since
 * @throws ConfigError in one line: no such file, not trusted (../base/trust.ts), changed since, TypeScript that this Node does not run, code that fails,
 *   no default export
 */
export async function loadModule(
  file: string,
  options: { sha256?: string | undefined; remedy?: string } = {},
): Promise<LoadedModule> {
  const path = resolve(file);
  if (!existsSync(path))
    throw new ConfigError(`${file}: there is no such module; name a .js, .mjs or .ts file`);
  requireTrustIn(file, { what: 'a module' });
  const { remedy = 'put it back as it was, or start a new run' } = options;
  const hash = createHash('sha256').update(readBytes(path)).digest('hex');
  if (options.sha256 !== undefined && options.sha256 !== hash)
    throw new ConfigError(
      `${file}: is not the module that the run was begun with (SHA-256 ${options.sha256.slice(0, 12)}…, now ${hash.slice(0, 12)}…): ${remedy}`,
    );
  loaded.add(path);
  let content: { default?: unknown };
  try {
    // By its content: a file that has changed is another module, though this process has loaded it before.
    content = await import(/* @vite-ignore */ `${pathToFileURL(path).href}?${hash.slice(0, 16)}`);
  } catch (error) {
    throw new ConfigError(`${file}: ${whyNot(error)}`, { cause: error });
  }
  const exports = content.default;
  if (typeof exports !== 'object' || exports === null)
    throw new ConfigError(`${file}: has no object as its default export; write \`export default { … }\``);
  return { exports: exports as Record<string, unknown>, hash, path };
}

function whyNot(error: unknown): string {
  const { code, message = String(error) } = error as { code?: string; message?: string };
  const [line] = message.split('\n');
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return `Node ${process.versions.node} does not run this kind of file; compile TypeScript first (npx tsc), or use Node 22.18 or later`;
  const missing = code === 'ERR_MODULE_NOT_FOUND' ? /package '([^']+)'/.exec(message)?.[1] : undefined;
  if (missing) return `needs the package ${missing}; install it where the module lies (npm i ${missing})`;
  return `cannot be loaded: ${line}`;
}
