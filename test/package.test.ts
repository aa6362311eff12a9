/**
 * The packages as a user has them: packed, installed from their tarballs in an empty folder, set up, used from the command
 * line, from a script and from TypeScript. The addon comes from the cache, for its sources are this clone's. What needs the
 * npm registry is skipped where there is none.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../src/base/index.js';
import { compileProgram, programEnvironment } from './program.js';

const root = packageRoot();
const dir = mkdtempSync(join(tmpdir(), 'graft-package-'));
const app = join(dir, 'app');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program in the folder of the installation. */
function run(command: string, args: string[], env: Record<string, string> = {}): Outcome {
  return spawnSync(command, args, { cwd: app, encoding: 'utf8', env: programEnvironment(env) });
}
const graft = (args: string[], env?: Record<string, string>) =>
  run(join(app, 'node_modules', '.bin', 'graft'), args, env);
/** An engine that nobody has set up. */
const bare = { GRAFT_ADDON_CACHE: join(dir, 'no-addon') };

/** `npm ping`, in seconds; the cache alone rarely holds everything. */
const registry =
  spawnSync('npm', ['ping', '--fetch-retries=0', '--fetch-timeout=10000'], { cwd: dir }).status === 0;
if (!registry) console.warn('no npm registry here: what installs the packages is skipped');

const tarballs = { 'graft-gan': '', 'graft-torch': '' };
beforeAll(async () => {
  await compileProgram();
  mkdirSync(app);
  const folders = [root, join(root, 'packages', 'torch')];
  // Without prepack, which compiles: other test files are using what is compiled.
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', dir, ...folders];
  const names = execFileSync('npm', pack, { cwd: root, encoding: 'utf8' }).trim().split('\n');
  for (const name of Object.keys(tarballs) as (keyof typeof tarballs)[])
    tarballs[name] = join(dir, names.find((file) => file.startsWith(name))!);
}, 300_000);

const filesIn = (tarball: string): string[] =>
  execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''));

describe('a tarball', () => {
  it.each(['graft-gan', 'graft-torch'] as const)('of %s holds what runs, and no tests or maps', (name) => {
    const files = filesIn(tarballs[name]);
    expect(files).toContain('LICENSE');
    expect(files).toContain('README.md');
    expect(
      files.filter((file) => /\.test[.-]|\.map$|goldens|^(test|bench|dist\/(test|bench))\//.test(file)),
    ).toEqual([]);
    const declared = new Set(files.filter((file) => file.endsWith('.d.ts')));
    const compiled = files.filter((file) => /^dist\/.*\.js$/.test(file));
    expect(compiled.filter((file) => !declared.has(file.replace(/\.js$/, '.d.ts')))).toEqual([]);
  });

  it('holds what is needed at run time beside the code', () => {
    const [gan, torch] = [filesIn(tarballs['graft-gan']), filesIn(tarballs['graft-torch'])];
    expect(gan.filter((file) => /^recipes\/.*\.yaml$/.test(file)).length).toBe(
      readdirSync(join(root, 'recipes'), { recursive: true }).filter((file) => String(file).endsWith('.yaml'))
        .length,
    );
    expect(torch.filter((file) => /^native\/.*\.(cc|h)$/.test(file)).length).toBe(
      readdirSync(join(root, 'packages', 'torch', 'native')).length,
    );
    expect(torch).toContain('setup/engine.mjs');
  });

  it.each(['graft-gan', 'graft-torch'] as const)('of %s passes publint', async (name) => {
    const { publint } = await import('publint');
    const tarball = readFileSync(tarballs[name]);
    const bytes = tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength);
    const { messages } = await publint({ pack: { tarball: bytes as ArrayBuffer }, strict: true });
    // A URL of the repository belongs into the manifest as soon as there is one.
    expect(messages.map(({ code, path }) => `${code} ${path.join('.')}`)).toEqual([]);
  });
});

/** Every door of an installed package, as one imports it. */
function doors(): string[] {
  const modules = join(app, 'node_modules');
  const { exports } = JSON.parse(readFileSync(join(modules, 'graft-torch', 'package.json'), 'utf8'));
  const torch = Object.keys(exports)
    .filter((path) => path !== './package.json')
    .map((path) => `graft-torch${path.slice(1)}`);
  const rooms = readdirSync(join(modules, 'graft-gan', 'dist', 'src'), { recursive: true })
    .map(String)
    .filter((path) => path.endsWith('/index.js'))
    .map((path) => `graft-gan/${dirname(path)}`);
  return [...torch, 'graft-gan', ...rooms.sort()];
}

const skipped = registry ? '' : ' (skipped: no npm registry)';
describe.skipIf(!registry)(`installed in an empty folder${skipped}`, () => {
  beforeAll(() => {
    const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    const { status, stderr } = run('npm', [...args, ...Object.values(tarballs)]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  }, 300_000);

  it('says its version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const { stdout, stderr } = run('npx', ['graft', '--version']);
    expect([stdout, stderr]).toEqual([`${version}\n`, '']);
  });

  it('before it is set up, says so in one line with the command that works there', () => {
    const doctor = graft(['doctor', '--json'], bare);
    expect(doctor.status).toBe(1);
    const { findings } = JSON.parse(doctor.stdout) as { findings: { name: string }[] };
    expect(findings.find(({ name }) => name === 'libtorch')).toMatchObject({
      status: 'missing',
      value: 'the engine is not set up on this machine: run `npx graft setup`',
      remedy: expect.stringContaining('`npx graft setup`'),
    });
  });

  it('is set up by one command, which finds the addon of a clone of the same sources', () => {
    const { status, stdout, stderr } = graft(['setup', '--json']);
    expect([status, stderr]).toEqual([0, '']);
    const { addon, libtorch, steps } = JSON.parse(stdout);
    expect(addon).toMatch(/addons.[0-9a-f]+\.node$/);
    expect(libtorch.version).toMatch(/^\d+\.\d+/);
    expect(steps).toEqual([]);
    const torch = run(join(app, 'node_modules', '.bin', 'graft-torch'), ['doctor', '--json']);
    expect(JSON.parse(torch.stdout)).toMatchObject({ libtorch: expect.stringMatching(/^\d+\.\d+/) });
  }, 600_000); // where the sources are others than the clone was set up with, they are compiled

  it('names the command to run where a compiler or libtorch is missing', () => {
    const { status, stderr } = graft(['setup'], { ...bare, LIBTORCH: join(dir, 'no-libtorch') });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^LIBTORCH is set to .*no-libtorch.*\ngraft: the engine is not set up: see above\n$/,
    );
    const read = graft(['setup'], { GRAFT_ADDON_CACHE: join(app, 'package.json') });
    expect(read.stderr).toContain('set GRAFT_CACHE to a folder that can');
  });

  it('draws phantoms, trains a GAN on them and samples it', () => {
    // What needs no tensors works before; the rest says what to do.
    const phantoms = ['data', 'phantoms', '--out', 'set', '--count', '120', '--size', '64', '--quiet'];
    expect(graft(phantoms, bare)).toMatchObject({ status: 0, stderr: '' });
    const sets = [
      'steps=2',
      'batchSize=4',
      'latentSize=8',
      'generatorWidth=4',
      'discriminatorWidth=4',
      'monitorEvery=0',
    ];
    const where = ['--data', 'set', '--class', 'malignant', '--out', 'run', '--device', 'cpu', '--quiet'];
    const train = ['gan', 'train', ...where, ...sets.flatMap((set) => ['--set', set])];
    expect(graft(train, bare)).toMatchObject({
      status: 1,
      stderr: 'graft: the engine is not set up on this machine: run `npx graft setup`\n',
    });
    expect(graft(train).status).toBe(0);
    expect(graft(['gan', 'sample', 'run', '--count', '4', '--out', 'images', '--quiet'])).toMatchObject({
      status: 0,
    });
    expect(existsSync(join(app, 'images', 'lineage.json'))).toBe(true);
  });

  it('trains in a script that imports graft-torch', () => {
    writeFileSync(
      join(app, 'train.mjs'),
      `import { backward, manualSeed, randn, tidy } from 'graft-torch';
       import { Linear } from 'graft-torch/nn';
       import { Adam } from 'graft-torch/optim';
       manualSeed(0);
       const model = new Linear(4, 1);
       const optimizer = new Adam([...model.parameters()], { lr: 0.1 });
       const x = randn([16, 4]);
       const losses = [];
       for (let i = 0; i < 20; i++) tidy(() => {
         const loss = model.forward(x).pow(2).mean();
         optimizer.zeroGrad();
         backward(loss);
         optimizer.step();
         losses.push(loss.item());
       });
       console.log(losses.at(-1) < losses[0] / 2);`,
    );
    expect(run(process.execPath, ['train.mjs'])).toEqual(
      expect.objectContaining({ stdout: 'true\n', stderr: '' }),
    );
  });

  it('gives every door to a script without an engine, and its types to a strict compiler', () => {
    const paths = doors();
    expect(paths.length).toBeGreaterThan(30);
    for (const door of ['graft-gan/data', 'graft-gan/data/dicom', 'graft-gan/verdict', 'graft-torch/nn'])
      expect(paths).toContain(door);
    const list = `const names = {};
      for (const door of ${JSON.stringify(paths)}) names[door] = Object.keys(await import(door))[0];
      console.log(JSON.stringify(names));`;
    const { stdout, stderr } = run(process.execPath, ['--input-type=module', '-e', list], bare);
    expect(stderr).toBe('');
    const names = JSON.parse(stdout) as Record<string, string | undefined>;
    const lines = paths.map((door, i) =>
      names[door]
        ? `import { ${names[door]} as _${i} } from '${door}';\nexport const used${i}: unknown = _${i};`
        : `export type * from '${door}';`,
    );
    writeFileSync(join(app, 'doors.ts'), `${lines.join('\n')}\n`);
    writeFileSync(join(app, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    // What a project has of its own: the compiler and the types of Node.
    const types = dirname(dirname(createRequire(import.meta.url).resolve('@types/node/package.json')));
    const options = [
      '--strict',
      '--outDir',
      'built',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--typeRoots',
      types,
    ];
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    // The examples, too: against the published types, and run as what comes of them.
    const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'));
    for (const name of examples) cpSync(join(root, 'examples', name), join(app, name));
    const checked = run(process.execPath, [tsc, ...options, '--types', 'node', 'doors.ts', ...examples]);
    // Types of other packages are theirs: Observable Plot's ask for those of D3.
    const ours = checked.stdout.split('\n').filter((line) => /^(?!node_modules\/(?!graft-)|\s|$)/.test(line));
    expect(ours).toEqual([]);
    expect(examples.length).toBe(4);
    const trained = run(process.execPath, [join('built', 'dcgan.js'), '20']);
    expect(trained).toMatchObject({ status: 0, stderr: '' });
    expect(trained.stdout).toMatch(/step 20: D /);
    const measured = run(process.execPath, [join('built', 'my-metric.js')]);
    expect(JSON.parse(measured.stdout)).toMatchObject({ metric: 'sharpness', better: 'lower' });
  }, 300_000);

  it('has types that resolve as its modules do (arethetypeswrong)', (context) => {
    const attw = [
      '--yes',
      '--prefer-offline',
      '@arethetypeswrong/cli@0.18.5',
      '--profile',
      'esm-only',
      '--format',
      'ascii',
    ];
    if (run('npx', [...attw.slice(0, 3), '--version']).status !== 0) context.skip('it cannot be fetched');
    for (const [name, tarball] of Object.entries(tarballs)) {
      const own = doors().filter((door) => door === name || door.startsWith(`${name}/`));
      const entries = own.map((door) => `.${door.slice(name.length)}`);
      const { status, stdout } = run('npx', [...attw, tarball, '--entrypoints', ...entries]);
      expect(status, stdout).toBe(0);
    }
  }, 300_000);
});
