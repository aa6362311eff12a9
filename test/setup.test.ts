/** The set-up's parts on made-up trees: what counts as done, who waits for whom, which libtorch is taken. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

  it('makes another addon of the same sources: one that is there already is stale', async () => {
    const { addonKey } = (await import(script('build-addon'))) as {
      addonKey(libtorch: unknown, libjpeg: unknown): string;
    };
    const libtorch = { version: '2.13.1', includeDirs: [], libDir: root, cxx11Abi: null, identity: '' };
    const libjpeg = (version: string) => ({ version, includeDirs: [root], library: join(root, library) });
    const keys = [null, libjpeg('2.1.5'), libjpeg('3.0.1')].map((found) => addonKey(libtorch, found));
    expect(new Set(keys).size).toBe(3);
    expect(addonKey(libtorch, null)).toBe(keys[0]);
  });
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
