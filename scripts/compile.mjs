/** Step: TypeScript → dist/ of both packages. Its type check is the project's: tests and benchmarks are part of it. */
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
import { execute, SetupError, tail } from '../packages/torch/setup/tools.mjs';

/** What the two tsconfig.json files include, and where it is compiled to. */
const PROJECTS = [
  { folder: join('packages', 'torch', 'src'), out: join('packages', 'torch', 'dist') },
  ...['src', 'test', 'bench', 'examples'].map((folder) => ({ folder, out: join('dist', folder) })),
];
const CONFIGS = ['tsconfig.json', 'tsconfig.base.json', join('packages', 'torch', 'tsconfig.json')];

const stampPath = (root) => join(root, 'build', 'typescript.key');
const buildInfoPaths = (root) =>
  ['tsconfig', 'torch'].map((name) => join(root, 'build', `${name}.tsbuildinfo`));

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
  removeOrphans(root, sources); // first: a type of what is gone would still be found
  // The compiler trusts its own record and would not write again what was deleted from dist/.
  if (missingOutputs(root, sources).length > 0)
    for (const path of buildInfoPaths(root)) rmSync(path, { force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [compiler, '--build', '--pretty', 'false'];
  const { code, output } = await execute(process.execPath, args, { cwd: root, signal });
  if (code !== 0) throw new SetupError(`TypeScript does not compile:\n${tail(output, 40)}`);
  const temporary = `${stampPath(root)}.${process.pid}.tmp`;
  writeFileSync(temporary, key);
  renameSync(temporary, stampPath(root));
}

/** Every source with what it is compiled to. */
function listSources(root) {
  return PROJECTS.filter(({ folder }) => existsSync(join(root, folder))).flatMap(({ folder, out }) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => ({ source: join(folder, name), output: join(out, name.replace(/\.ts$/, '.js')) }))
      .sort((a, b) => (a.source < b.source ? -1 : 1)),
  );
}

function stamp(root, sources) {
  const hash = createHash('sha256').update(process.version);
  for (const file of [...sources.map(({ source }) => source), ...CONFIGS, 'package-lock.json']) {
    const path = join(root, file);
    if (!existsSync(path)) continue;
    const { mtimeMs, size } = statSync(path);
    hash.update(`${file}|${mtimeMs}|${size}\n`);
  }
  return hash.digest('hex');
}

function missingOutputs(root, sources) {
  return sources.filter(({ source, output }) => !source.endsWith('.d.ts') && !existsSync(join(root, output)));
}

/** What was compiled from a source that is no more would still be importable: it goes. */
function removeOrphans(root, sources) {
  const known = new Set(sources.map(({ output }) => output));
  for (const { out } of PROJECTS) {
    if (!existsSync(join(root, out))) continue;
    for (const name of readdirSync(join(root, out), { recursive: true })) {
      const output = join(out, name.replace(/\.map$/, '').replace(/\.d\.ts$/, '.js'));
      if (output.endsWith('.js') && !known.has(output)) rmSync(join(root, out, name), { force: true });
    }
  }
}
