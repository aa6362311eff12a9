/** Step: TypeScript → dist/. Its type check is the project's type check: tests and benchmarks are part of it. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { execute, SetupError, tail } from './tools.mjs';

/** tsconfig.json's `include`. */
const ROOMS = ['src', 'test', 'bench'];

const stampPath = (root) => join(root, 'build', 'typescript.key');
const buildInfoPath = (root) => join(root, 'build', 'tsconfig.tsbuildinfo');

/** Whether dist/ was made from the sources as they are, by their times and sizes. */
export function typeScriptIsCurrent(root) {
  const sources = listSources(root);
  try {
    return (
      readFileSync(stampPath(root), 'utf8') === stamp(root, sources) &&
      missingOutputs(root, sources).length === 0
    );
  } catch {
    return false;
  }
}

/** @returns {Promise<void>} fails with the compiler's messages where a type is wrong */
export async function compileTypeScript(root, signal) {
  const sources = listSources(root);
  const key = stamp(root, sources); // taken first: an edit made meanwhile counts as new next time
  rmSync(stampPath(root), { force: true });
  mkdirSync(dirname(stampPath(root)), { recursive: true });
  // The compiler trusts its own record and would not write again what was deleted from dist/.
  if (missingOutputs(root, sources).length > 0) rmSync(buildInfoPath(root), { force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [compiler, '-p', 'tsconfig.json', '--pretty', 'false'];
  const { code, output } = await execute(process.execPath, args, { cwd: root, signal });
  if (code !== 0) throw new SetupError(`TypeScript does not compile:\n${tail(output, 40)}`);
  removeOrphans(root, sources);
  const temporary = `${stampPath(root)}.${process.pid}.tmp`;
  writeFileSync(temporary, key);
  renameSync(temporary, stampPath(root));
}

function listSources(root) {
  return ROOMS.filter((room) => existsSync(join(root, room))).flatMap((room) =>
    readdirSync(join(root, room), { recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(room, name))
      .sort(),
  );
}

function stamp(root, sources) {
  const hash = createHash('sha256').update(process.version);
  for (const file of [...sources, 'tsconfig.json', 'package-lock.json']) {
    const { mtimeMs, size } = statSync(join(root, file));
    hash.update(`${file}|${mtimeMs}|${size}\n`);
  }
  return hash.digest('hex');
}

function missingOutputs(root, sources) {
  const outputs = sources
    .filter((file) => !file.endsWith('.d.ts'))
    .map((file) => file.replace(/\.ts$/, '.js'));
  return outputs.filter((file) => !existsSync(join(root, 'dist', file)));
}

/** What was compiled from a source that is no more would still be importable: it goes. */
function removeOrphans(root, sources) {
  const known = new Set(sources.map((file) => file.replace(/\.ts$/, '.js')));
  for (const name of readdirSync(join(root, 'dist'), { recursive: true })) {
    const file = name.replace(/\.map$/, '');
    if (file.endsWith('.js') && !known.has(file)) rmSync(join(root, 'dist', name), { force: true });
  }
}
