/** The set-up's parts on made-up trees: what counts as done, who waits for whom, which libtorch is taken. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findEngine } from 'graft-torch/setup';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

interface Scripts {
  findLibtorch(env: Record<string, string>): Record<string, unknown> | null;
  findLibjpeg(prefixes: string[]): Record<string, unknown> | null;
  isSupported(version: string): boolean;
  isUnchanged(libtorch: unknown): boolean;
  nodeModulesAreCurrent(root: string): boolean;
  typeScriptIsCurrent(root: string): boolean;
  compileTypeScript(root: string): Promise<void>;
}

/** The scripts are plain JavaScript without types: they run before anything is compiled. */
const script = (name: string) => {
  const folder = ['compile', 'node-modules'].includes(name) ? 'scripts' : 'packages/torch/setup';
  return new URL(`../${folder}/${name}.mjs`, import.meta.url).href;
};
const load = async (name: string) => (await import(script(name))) as Scripts;

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-setup-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

describe('finding libtorch', () => {
  const extension = process.platform === 'darwin' ? 'dylib' : 'so';

  function plant(): void {
    write(`lib/libtorch_cpu.${extension}`, 'library');
    write(`lib/libc10.${extension}`, '\0_ZN3c105ErrorC1ENS_14SourceLocationENSt7__cxx1112basic_stringIcE\0');
    write('include/ATen/core/dispatch/Dispatcher.h', '');
    write('include/torch/csrc/api/include/torch/version.h', '');
    write(
      'include/torch/headeronly/version.h',
      '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 13\n#define TORCH_VERSION_PATCH 1\n',
    );
  }

  it('takes $LIBTORCH before everything else, with its version and string layout', async () => {
    const { findLibtorch } = await load('libtorch');
    plant();
    expect(findLibtorch({ LIBTORCH: root })).toMatchObject({
      source: 'LIBTORCH',
      version: '2.13.1',
      libDir: join(root, 'lib'),
      includeDirs: [join(root, 'include'), join(root, 'include/torch/csrc/api/include')],
      cuda: false,
      cxx11Abi: process.platform === 'darwin' ? null : true,
    });
  });

  it('sees CUDA and the older string layout', async () => {
    const { findLibtorch } = await load('libtorch');
    plant();
    write('lib/libtorch_cuda.so', '');
    write(`lib/libc10.${extension}`, '\0_ZN3c105ErrorC1ENS_14SourceLocationESs\0');
    expect(findLibtorch({ LIBTORCH: root })).toMatchObject({
      cuda: true,
      cxx11Abi: process.platform === 'darwin' ? null : false,
    });
  });

  it('refuses a $LIBTORCH without libtorch instead of taking another', async () => {
    const { findLibtorch } = await load('libtorch');
    expect(() => findLibtorch({ LIBTORCH: root })).toThrow(`LIBTORCH is set to ${root}`);
  });

  it('notices that another libtorch took its place, or none', async () => {
    const { findLibtorch, isUnchanged } = await load('libtorch');
    plant();
    const found = findLibtorch({ LIBTORCH: root });
    expect(isUnchanged(found)).toBe(true);
    write(`lib/libtorch_cpu.${extension}`, 'another library');
    expect(isUnchanged(found)).toBe(false);
    rmSync(join(root, 'lib'), { recursive: true });
    expect(isUnchanged(found)).toBe(false);
  });

  it.each([
    ['1.12.1', false],
    ['1.13.0', true],
    ['2.0.0', true],
    ['2.13.0+cu130', true],
    ['unknown', true],
  ])('judges version %s: %s', async (version, expected) => {
    expect((await load('libtorch')).isSupported(version)).toBe(expected);
  });
});

describe('finding libjpeg-turbo', () => {
  const library = join('lib', process.platform === 'darwin' ? 'libjpeg.dylib' : 'libjpeg.so');
  const configured = (text: string) => write('include/jconfig.h', `#define JPEG_LIB_VERSION 62\n${text}`);

  it('takes headers and library together, with the version', async () => {
    const { findLibjpeg } = await load('libjpeg');
    write('include/jpeglib.h', '');
    configured('#define LIBJPEG_TURBO_VERSION  2.1.5\n');
    expect(findLibjpeg([root])).toBe(null);
    write(library, '');
    expect(findLibjpeg([join(root, 'nowhere'), root])).toEqual({
      version: '2.1.5',
      includeDirs: [join(root, 'include')],
      library: join(root, library),
    });
  });

  it('takes no other libjpeg', async () => {
    const { findLibjpeg } = await load('libjpeg');
    write('include/jpeglib.h', '');
    write(library, '');
    configured('');
    expect(findLibjpeg([root])).toBe(null);
  });
});

describe('the addon’s cache', () => {
  /** A project with sources of its own, a libtorch and a compiler that writes down what it is asked for. */
  interface Project {
    cache: { addonCacheDir(env: object): string };
    build: {
      addonKey(parts: object, env: object): string;
      buildAddon(parts: object, o: object): Promise<Built>;
    };
    record: {
      findEngine(env: object): { path?: string; problem?: string };
      recordEngine(engine: object, env: object): void;
      setUpCommand(): string;
    };
    compiler: { findCompiler(env: object, known?: object | null): { version: string } | null };
    engine: {
      provideAddon(parts: object, options: object): Promise<unknown>;
      readyEngine(env: object): unknown;
    };
  }
  interface Built {
    key: string;
    addon: string;
    compiled: string[];
  }

  const setupDir = fileURLToPath(new URL('../packages/torch/setup', import.meta.url));
  const env = (extra: Record<string, string> = {}) => ({
    PATH: process.env.PATH,
    GRAFT_CACHE: join(root, 'cache'),
    CXX: join(root, 'c++'),
    ...extra,
  });
  const addonDir = () => join(root, 'cache', 'addon');

  async function project(name: string): Promise<Project> {
    cpSync(setupDir, join(root, name, 'setup'), { recursive: true });
    write(`${name}/native/a.cc`, 'int a;');
    write(`${name}/native/b.cc`, 'int b;');
    write(`${name}/node_modules/node-api-headers/package.json`, '{}');
    write(`${name}/node_modules/node-api-headers/include/node_api.h`, '');
    const modules = { cache: 'cache', build: 'build-addon', record: 'record', compiler: 'compiler' };
    const entries = Object.entries({ ...modules, engine: 'engine' }).map(async ([key, file]) => [
      key,
      await import(pathToFileURL(join(root, name, 'setup', `${file}.mjs`)).href),
    ]);
    return Object.fromEntries(await Promise.all(entries)) as Project;
  }

  async function parts(
    libtorch = 'libtorch',
  ): Promise<{ libtorch: object; libjpeg: null; compiler: object }> {
    const file = `${libtorch}/lib/libtorch_cpu.${extension}`;
    if (!existsSync(join(root, file))) write(file, libtorch); // written again, it would be another one
    write(`${libtorch}/lib/libc10.${extension}`, '');
    write(`${libtorch}/include/ATen/core/dispatch/Dispatcher.h`, '');
    const { findLibtorch } = await load('libtorch');
    const { findCompiler } = (await import(script('compiler'))) as Project['compiler'];
    const found = findLibtorch({ LIBTORCH: join(root, libtorch) });
    return { libtorch: found!, libjpeg: null, compiler: findCompiler(env())! };
  }

  /** Builds and records, as a set-up does that can load what it has built. */
  async function setUp(one: Project, extra: Record<string, string> = {}, libtorch = 'libtorch') {
    const made = await parts(libtorch);
    const built = await one.build.buildAddon(made, { env: env(extra) });
    const engine = { ...built, host: hostname(), env: extra.LIBTORCH ?? null, ...made };
    one.record.recordEngine(engine, env(extra));
    return { ...built, engine };
  }
  const extension = process.platform === 'darwin' ? 'dylib' : 'so';

  beforeEach(() => {
    // Links what is not empty, as a linker does.
    write(
      'c++',
      `#!/bin/sh
if [ "$1" = --version ]; then echo "fake $(cat ${join(root, 'compiler-version')})"; exit; fi
for arg; do case "$arg" in *.o) [ -s "$arg" ] || [ "$previous" = -o ] || exit 1;; esac; previous=$arg; done
echo "$*" >> ${join(root, 'calls')}
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
echo made > "$out"
`,
    );
    chmodSync(join(root, 'c++'), 0o755);
    write('compiler-version', '1.0');
  });

  it('is one for two projects with the same sources', async () => {
    const [a, b] = [await project('a'), await project('deep/in/b')];
    const first = await setUp(a);
    expect(first.compiled).toEqual(['a.cc', 'b.cc']);
    expect((await setUp(b)).compiled).toEqual([]);
    const path = join(addonDir(), first.addon);
    expect([a, b].map(({ record }) => record.findEngine(env()).path)).toEqual([path, path]);
    expect(readFileSync(join(root, 'calls'), 'utf8')).not.toMatch(/ -c \/|native\//); // no path of a project gets into an object
  });

  it('compiles the one file that was edited, and leaves the others theirs', async () => {
    const [a, b] = [await project('a'), await project('b')];
    const first = await setUp(a);
    write('b/native/b.cc', 'int b = 2;');
    expect(b.record.findEngine(env()).problem).toMatch(/not set up/);
    const second = await setUp(b);
    expect(second.compiled).toEqual(['b.cc']);
    expect(a.record.findEngine(env()).path).toBe(join(addonDir(), first.addon));
    expect(b.record.findEngine(env()).path).toBe(join(addonDir(), second.addon));
  });

  it('has a key of all that an addon depends on, and of nothing else', async () => {
    const { build } = await project('a');
    write('a/native/jpeg.cc', '// alone in asking for libjpeg');
    const made = await parts();
    const other = (changes: object, extra: Record<string, string> = {}) =>
      build.addonKey({ ...made, ...changes }, env(extra));
    const libjpeg = (version: string) => ({
      version,
      includeDirs: [root],
      library: join(root, 'libjpeg.so'),
    });
    const keys = [
      other({}),
      other({ libtorch: { ...made.libtorch, identity: 'another' } }),
      other({ compiler: { ...made.compiler, version: 'fake 2.0' } }),
      other({ libjpeg: libjpeg('2.1.5') }),
      other({ libjpeg: libjpeg('3.0.1') }),
      other({}, { CXXFLAGS: '-O3' }),
      other({}, { LDFLAGS: '-s' }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(other({ compiler: { ...made.compiler, path: '/elsewhere/c++', identity: 'moved' } })).toBe(
      keys[0],
    );
    write('a/native/notes.txt', 'no source');
    expect(other({})).toBe(keys[0]);
    write('a/native/kernel.h', '// a header');
    expect(other({})).not.toBe(keys[0]);
  });

  it('asks a compiler for its version only where it is another file', async () => {
    const { compiler } = await project('a');
    const found = compiler.findCompiler(env())!;
    expect(found.version).toBe('fake 1.0');
    write('compiler-version', '2.0');
    expect(compiler.findCompiler(env(), found)).toBe(found);
    utimesSync(join(root, 'c++'), 1, 1);
    expect(compiler.findCompiler(env(), found)!.version).toBe('fake 2.0');
    expect(compiler.findCompiler(env({ CXX: 'no-such-compiler' }))).toBe(null);
  });

  it('says in one line that nothing was set up, and the command', async () => {
    const { record } = await project('a');
    expect(record.findEngine(env()).problem).toBe(
      'the engine is not set up on this machine: run `npx graft-torch setup`',
    );
  });

  it('names the command that works where the package lies', async () => {
    const commandOf = async (name: string) => (await project(name)).record.setUpCommand();
    expect(await commandOf('app/node_modules/graft-torch')).toBe('npx graft-torch setup');
    write('app/node_modules/graft-gan/package.json', '{}');
    write('app/scripts/setup.mjs', ''); // the user's own, not a clone's
    expect(await commandOf('app/node_modules/graft-torch')).toBe('npx graft setup');
    write('clone/scripts/setup.mjs', '');
    expect(await commandOf('clone/packages/torch')).toBe('npm run setup');
  });

  it('keeps the libtorch of the last set-up, and does not take one for another that $LIBTORCH names', async () => {
    const { record } = await project('a');
    const system = await setUp(await project('a'));
    const [one, two] = [join(root, 'one'), join(root, 'two')];
    const other = await setUp(await project('a'), { LIBTORCH: one }, 'one');
    expect(other.key).not.toBe(system.key);
    const at = (addon: string) => join(addonDir(), addon);
    expect(record.findEngine(env({ LIBTORCH: one })).path).toBe(at(other.addon));
    expect(record.findEngine(env()).path).toBe(at(other.addon));
    expect(record.findEngine(env({ LIBTORCH: two })).problem).toMatch(
      /^the engine is not set up for LIBTORCH=.*two: run `.* setup`$/,
    );
    await setUp(await project('a'));
    expect(record.findEngine(env()).path).toBe(at(system.addon));
  });

  it('sees that libtorch was upgraded or went, before it is loaded', async () => {
    const one = await project('a');
    await setUp(one);
    write(`libtorch/lib/libtorch_cpu.${extension}`, 'a newer one');
    const changed = /^libtorch has changed since the engine was set up \(.*libtorch\/lib\): run `.* setup`$/;
    expect(one.record.findEngine(env()).problem).toMatch(changed);
    rmSync(join(root, 'libtorch'), { recursive: true });
    expect(one.record.findEngine(env()).problem).toMatch(changed);
    write(`libtorch/lib/libtorch_cpu.${extension}`, 'the newest one of all');
    expect((await setUp(one)).compiled).toHaveLength(2);
    expect(one.record.findEngine(env()).path).toBeTruthy();
  });

  it('serves machines that share a home, each with its own libtorch', async () => {
    const one = await project('a');
    const { engine } = await setUp(one);
    const elsewhere = { ...engine, host: 'another', key: 'other', addon: 'addons/other.node' };
    write('cache/addon/addons/other.node', '');
    one.record.recordEngine({ ...elsewhere, libtorch: { ...engine.libtorch, libDir: '/nowhere' } }, env());
    expect(one.record.findEngine(env()).path).toBe(join(addonDir(), engine.addon)); // its own, though not the newest
    const strangers = join(root, 'strangers');
    cpSync(join(root, 'cache'), strangers, { recursive: true });
    const [file] = readdirSync(join(strangers, 'addon', 'records'));
    const path = join(strangers, 'addon', 'records', file!);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(hostname(), 'a-third-one'));
    const found = one.record.findEngine(env({ GRAFT_CACHE: strangers })).path;
    expect(found).toBe(join(strangers, 'addon', engine.addon)); // the one whose libtorch is here
  });

  it('is not loaded where it is damaged, and a set-up makes it anew', async () => {
    const one = await project('a');
    await setUp(one);
    const path = one.record.findEngine(env()).path as string;
    const calls = () => readFileSync(join(root, 'calls'), 'utf8').split('\n').length;
    const before = calls();
    writeFileSync(path, 'm');
    expect(one.record.findEngine(env()).problem).toMatch(/damaged \(.*\.node\): run `.* setup`$/);
    // Linked anew; what this test's compiler makes cannot be loaded, which is said.
    const done = one.engine.provideAddon(await parts(), {
      env: env(),
      step: (_: string, work: () => unknown) => work(),
    });
    await expect(done).rejects.toThrow('was built, but cannot be loaded');
    expect(calls()).toBeGreaterThan(before);
    expect(existsSync(path)).toBe(false);
  });

  it.each(['{"engines":null}', '{"engines":[{}]}', '[]', '{"engines":{}}', '{"engines":[null]}', '{'])(
    'with a record of another shape, %s, is one that was never set up',
    async (text) => {
      const one = await project('a');
      await setUp(one);
      const [record] = readdirSync(join(addonDir(), 'records'));
      writeFileSync(join(addonDir(), 'records', record!), text);
      expect(one.record.findEngine(env()).problem).toMatch(/not set up/);
      await setUp(one);
      expect(one.record.findEngine(env()).path).toBeTruthy();
    },
  );

  it('is the same from every folder, also where $GRAFT_CACHE is relative', async () => {
    const { cache } = await project('a');
    const { addonCacheDir } = cache as unknown as { addonCacheDir(env: object): string };
    expect(addonCacheDir({ GRAFT_CACHE: 'c' })).toBe(join(process.cwd(), 'c', 'addon'));
    expect(addonCacheDir({ GRAFT_ADDON_CACHE: './d' })).toBe(join(process.cwd(), 'd'));
  });

  it('can lie where an image or an installation for all wants it', async () => {
    const { cache } = await project('a');
    const shared = env({ GRAFT_ADDON_CACHE: '/opt/graft/addon' });
    expect(cache.addonCacheDir(shared)).toBe('/opt/graft/addon');
    expect(cache.addonCacheDir(env())).toBe(join(root, 'cache', 'addon'));
    expect(cache.addonCacheDir({ XDG_CACHE_HOME: '/x' })).toBe('/x/graft/addon');
  });

  it('that cannot be written names the variable that says where', async () => {
    const { engine } = await project('a');
    write('cache', 'a file where a folder would be');
    const made = await parts();
    await expect(engine.provideAddon(made, { env: env(), step: quietly })).rejects.toThrow(
      /cache .*addon cannot be written \(\w+\): set GRAFT_CACHE/,
    );
  });

  it('does not record what cannot be loaded, and builds it again', async () => {
    const { engine, record } = await project('a');
    const made = await parts();
    for (let i = 0; i < 2; i++) {
      const done = engine.provideAddon(made, { env: env(), step: quietly });
      await expect(done).rejects.toThrow('was built, but cannot be loaded');
      expect(record.findEngine(env()).problem).toMatch(/not set up/);
    }
  });

  it('is built once by two set-ups at a time', async () => {
    await project('a');
    const { path: real } = findEngine();
    // What it links is this machine's engine, which can be loaded.
    const compiler = readFileSync(join(root, 'c++'), 'utf8').replace(
      'echo made > "$out"',
      `cp '${real}' "$out"`,
    );
    write('c++', compiler.replace('echo "$*"', 'sleep 0.2; echo "$*"'));
    const made = await parts();
    const program = `
      const { provideAddon, findEngine } = await import(${JSON.stringify(pathToFileURL(join(root, 'a/setup/engine.mjs')).href)});
      const [parts, env] = ${JSON.stringify([made, env()])};
      const { compiled, path } = await provideAddon(parts, { env, step: (_, work) => work() });
      console.log(JSON.stringify([compiled.length, path === findEngine(env).path]));`;
    const run = () =>
      new Promise<unknown>((done) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
        let output = '';
        child.stdout.on('data', (chunk) => {
          output += chunk;
        });
        child.on('close', () => done(output && JSON.parse(output)));
      });
    const both = await Promise.all([run(), run()]);
    expect(both.sort()).toEqual([
      [0, true],
      [2, true],
    ]);
    expect(readFileSync(join(root, 'calls'), 'utf8').trim().split('\n')).toHaveLength(3);
  });

  it('is ready only as long as a set-up would find nothing to do', async () => {
    const one = await project('a');
    await setUp(one);
    const { findLibjpeg } = await load('libjpeg');
    const here = findLibjpeg as unknown as () => object | null;
    const made = { ...(await parts()), libjpeg: here() };
    const built = await one.build.buildAddon(made, { env: env() });
    one.record.recordEngine({ ...built, host: hostname(), env: null, ...made }, env());
    expect(one.engine.readyEngine(env())).not.toBe(null);
    expect(one.engine.readyEngine(env({ CXXFLAGS: '-O3' }))).toBe(null);
    expect(one.engine.readyEngine(env({ CXX: 'no-such-compiler' }))).not.toBe(null); // an image without a compiler
    write('compiler-version', '2.0');
    utimesSync(join(root, 'c++'), 1, 1);
    expect(one.engine.readyEngine(env())).toBe(null);
  });

  it('mends an object that a lost machine left empty', async () => {
    const { build } = await project('a');
    const made = await parts();
    await build.buildAddon(made, { env: env() });
    rmSync(join(addonDir(), 'addons'), { recursive: true });
    const [object] = readdirSync(join(addonDir(), 'objects'));
    write(`cache/addon/objects/${object}`, '');
    expect((await build.buildAddon(made, { env: env() })).compiled).toHaveLength(2);
  });

  it('drops what is old, too much or half made', async () => {
    const one = await project('a');
    const past = Date.now() / 1000 - 40 * 86_400;
    const objects = Array.from({ length: 12 }, (_, i) => `a.cc-${i.toString(16).repeat(8)}.o`);
    for (const [i, name] of objects.entries()) {
      write(`cache/addon/objects/${name}`, 'x');
      utimesSync(join(addonDir(), 'objects', name), past, i < 2 ? past : Date.now() / 1000 - 60 * (20 - i));
    }
    write('cache/addon/objects/b.cc-0.o.1.tmp', 'x');
    utimesSync(join(addonDir(), 'objects', 'b.cc-0.o.1.tmp'), past, past);
    write('cache/addon/addons/nobody.node', 'x');
    const { addon } = await setUp(one);
    const left = readdirSync(join(addonDir(), 'objects'));
    expect(left.filter((name) => name.startsWith('a.cc'))).toHaveLength(8);
    expect(left).toContain(objects[11]);
    expect(left).not.toContain(objects[0]);
    expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(readdirSync(join(addonDir(), 'addons'))).toEqual([basename(addon)]);
  });

  const quietly = (_: string, work: () => Promise<unknown>) => work();
});

describe('npm packages', () => {
  const lock = (packages: object) => JSON.stringify({ packages });
  const wanted = {
    '': { name: 'graft' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/for-another-platform': { version: '1.0.0', optional: true },
  };

  it.each([
    ['installed as locked', { 'node_modules/a': { version: '1.0.0' } }, true],
    ['another version', { 'node_modules/a': { version: '1.0.1' } }, false],
    ['one is missing', {}, false],
    [
      'another version of an optional one',
      { 'node_modules/a': { version: '1.0.0' }, 'node_modules/for-another-platform': { version: '2.0.0' } },
      false,
    ],
  ])('%s', async (_, present, expected) => {
    const { nodeModulesAreCurrent } = await load('node-modules');
    write('package-lock.json', lock(wanted));
    write('node_modules/.package-lock.json', lock(present));
    expect(nodeModulesAreCurrent(root)).toBe(expected);
  });

  it('an interrupted installation does not count', async () => {
    const { nodeModulesAreCurrent } = await load('node-modules');
    write('package-lock.json', lock({ '': {} }));
    write('node_modules/a/package.json', '{}');
    expect(nodeModulesAreCurrent(root)).toBe(false);
  });
});

describe('TypeScript', () => {
  /** Stands for the compiler: copies what it is given, or fails. */
  const compiler = (body: string) =>
    write('node_modules/typescript/bin/tsc', `const fs = require('node:fs'); ${body}`);
  const copying =
    "fs.mkdirSync('dist/src', { recursive: true }); for (const f of fs.readdirSync('src')) fs.copyFileSync('src/' + f, 'dist/src/' + f.replace('.ts', '.js'));";

  beforeEach(() => {
    write('package.json', '{}');
    write('package-lock.json', '{}');
    write('tsconfig.json', '{}');
    write('src/a.ts', 'export {};');
  });

  it('is current until a source is edited, added or removed, or an output is lost', async () => {
    const { typeScriptIsCurrent, compileTypeScript } = await load('compile');
    compiler(copying);
    const changes = [
      () => {}, // nothing was ever compiled
      () => write('src/a.ts', 'export { };'),
      () => utimesSync(join(root, 'src/a.ts'), 1, 1),
      () => write('src/b.ts', 'export {};'),
      () => rmSync(join(root, 'src/b.ts')),
      () => rmSync(join(root, 'dist/src/a.js')),
    ];
    for (const change of changes) {
      change();
      expect(typeScriptIsCurrent(root)).toBe(false);
      await compileTypeScript(root);
      expect(typeScriptIsCurrent(root)).toBe(true);
    }
  });

  it('removes what was compiled from a source that is gone', async () => {
    const { compileTypeScript } = await load('compile');
    compiler(copying);
    write('dist/src/gone.js', '');
    await compileTypeScript(root);
    expect(existsSync(join(root, 'dist/src/gone.js'))).toBe(false);
    expect(existsSync(join(root, 'dist/src/a.js'))).toBe(true);
  });

  it('fails with the compiler’s words, and stays not current', async () => {
    const { typeScriptIsCurrent, compileTypeScript } = await load('compile');
    compiler(`${copying} console.log('src/a.ts(1,1): error TS1'); process.exit(2);`);
    await expect(compileTypeScript(root)).rejects.toThrow('error TS1');
    expect(typeScriptIsCurrent(root)).toBe(false);
  });
});

describe('two set-ups at a time', () => {
  /** A process that holds the lock for a while and writes down when. */
  function hold(name: string, milliseconds: number): Promise<number | null> {
    const program = `
      import { appendFileSync } from 'node:fs';
      const { withLock } = await import(${JSON.stringify(script('lock'))});
      await withLock('lock', async () => {
        appendFileSync('log', '${name} in\\n');
        await new Promise((done) => setTimeout(done, ${milliseconds}));
        appendFileSync('log', '${name} out\\n');
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      stdio: 'ignore',
    });
    return new Promise((done) => child.on('exit', done));
  }
  const log = () => readFileSync(join(root, 'log'), 'utf8').trim().split('\n');

  it('wait for each other', async () => {
    expect(await Promise.all(['a', 'b', 'c'].map((name) => hold(name, 150)))).toEqual([0, 0, 0]);
    const lines = log();
    expect(lines).toHaveLength(6);
    for (let i = 0; i < 6; i += 2) expect(lines[i + 1]).toBe(lines[i]?.replace('in', 'out'));
    expect(existsSync(join(root, 'lock'))).toBe(false);
  });

  it('let go of everything when one is told to end', async () => {
    const program = `
      const { withLock } = await import(${JSON.stringify(script('lock'))});
      await withLock('lock', () => withLock('inner', async (signal) => {
        signal.addEventListener('abort', () => console.log('aborted'));
        console.log('in');
        await new Promise((done) => setTimeout(done, 20_000));
      }));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: root });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (String(chunk).includes('in')) child.kill('SIGTERM');
    });
    expect(await new Promise((done) => child.on('close', done))).toBe(143);
    expect(output).toBe('in\naborted\n');
    expect(existsSync(join(root, 'lock')) || existsSync(join(root, 'inner'))).toBe(false);
  });

  it('do not wait for a dead one', async () => {
    const dead = spawn(process.execPath, ['-e', '']);
    await new Promise((done) => dead.on('exit', done));
    write('lock', `${dead.pid} ${hostname()} 1`);
    expect(await hold('a', 1)).toBe(0);
    expect(log()).toEqual(['a in', 'a out']);
  });

  it('do not wait for one that has been silent for long', async () => {
    write('lock', '1 another-host 1');
    const past = Date.now() / 1000 - 3600;
    utimesSync(join(root, 'lock'), past, past);
    expect(await hold('a', 1)).toBe(0);
  });
});
