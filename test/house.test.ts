import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FLOOR, findViolations, HOUSE, ROOF } from './house.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function readSources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const room of ['src', 'test', 'bench']) {
    for (const name of readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      files.set(posix.join(room, ...name.split(sep)), readFileSync(join(root, room, name), 'utf8'));
    }
  }
  return files;
}

/** A small tree that keeps every rule, to plant one violation in. */
const sound = {
  'src/errors.ts': '',
  'src/random.ts': "import { GraftError } from './errors.js';",
  'src/files.ts': '',
  'src/index.ts': "export * from './gan/train.js';",
  'src/torch/tensor.ts': "import { GraftError } from '../errors.js';\nload('graft.node');",
  'src/nn/module.ts': "import type { Tensor } from '../torch/tensor.js';",
  'src/data/loader.ts':
    "import { Tensor } from '../torch/tensor.js';\nimport { Random } from '../random.js';",
  'src/run/events.ts': "import { writeFileAtomic } from '../files.js';",
  'src/run/checkpoint.ts': "import { Tensor } from '../torch/tensor.js';",
  'src/gan/train.ts':
    "export { loader } from '../data/loader.js';\nexport const late = () => import('../run/events.js');",
  'src/trial/run.ts': "import { train } from '../gan/train.js';",
  'src/trial/run.test.ts': "import { main } from '../cli/main.js';",
  'src/cli/main.ts': "import { Module } from '../nn/module.js';\nimport { runTrial } from '../trial/run.js';",
};

function planted(path: string, text: string): string[] {
  return findViolations(new Map(Object.entries({ ...sound, [path]: text })));
}

describe('the house', () => {
  it('imports run downwards only', () => {
    const files = readSources();
    expect(files.size).toBeGreaterThan(10);
    expect(findViolations(files)).toEqual([]);
  });

  it('has a place for every room of src/', () => {
    const places = [...Object.keys(HOUSE), ...FLOOR, ...ROOF];
    const rooms = readdirSync(join(root, 'src')).map((name) => name.replace(/(\.test)?\.ts$/, ''));
    expect(rooms.filter((room) => !places.includes(room))).toEqual([]);
  });

  it('has no cycle in its table', () => {
    const below = (room: string, path: string[]): void => {
      expect(path).not.toContain(room);
      for (const next of HOUSE[room] ?? []) below(next, [...path, room]);
    };
    for (const room of Object.keys(HOUSE)) below(room, []);
  });
});

describe('findViolations', () => {
  it('finds nothing in a sound tree', () => {
    expect(findViolations(new Map(Object.entries(sound)))).toEqual([]);
  });

  it.each([
    ['an import upwards', 'src/torch/tensor.ts', "import { Module } from '../nn/module.js';", /not nn/],
    ['an import sideways', 'src/data/loader.ts', "import { log } from '../run/events.js';", /not run/],
    ['a type-only import', 'src/nn/module.ts', "import type { T } from '../gan/train.js';", /not gan/],
    ['a re-export', 'src/run/events.ts', "export * from '../data/loader.js';", /not data/],
    ['a dynamic import', 'src/nn/module.ts', "const t = await import('../trial/run.js');", /not trial/],
    ['an import type', 'src/nn/module.ts', "let t: import('../trial/run.js').Trial;", /not trial/],
    ['the engine outside checkpoints', 'src/run/events.ts', "import '../torch/tensor.js';", /not torch/],
    [
      'the command line from below',
      'src/trial/run.ts',
      "import '../cli/main.js';",
      /nothing below imports cli/,
    ],
    [
      'the public list from below',
      'src/gan/train.ts',
      "import '../index.js';",
      /nothing below imports index/,
    ],
    ['a floor that climbs', 'src/errors.ts', "import '../src/torch/tensor.js';", /is the floor/],
    ['an unknown room', 'src/attic/box.ts', "import '../torch/tensor.js';", /no room of the house/],
    ['a missing file', 'src/gan/train.ts', "import './lost.js';", /no such file/],
    ['a test that imports a missing file', 'src/trial/run.test.ts', "import './lost.js';", /no such file/],
    ['a missing extension', 'src/gan/train.ts', "import '../data/loader';", /end in \.js/],
    ['a test as a source', 'src/gan/train.ts', "import '../trial/run.test.js';", /not there to be imported/],
    ['a second owner of the addon', 'src/gan/train.ts', "load('graft.node');", /native addon/],
  ])('finds %s', (_, path, text, reason) => {
    const violations = planted(path, text);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatch(reason);
    expect(violations[0]).toContain(path);
  });
});

describe('native code', () => {
  // Compiled without OpenMP, the header's template is a plain loop on one thread, and nothing says so.
  it('splits loops by native/parallel.h, never by at::parallel_for', () => {
    const files = readdirSync(join(root, 'native')).filter((name) => /\.(cc|h)$/.test(name));
    expect(files).toContain('parallel.h');
    const users = files.filter((name) =>
      readFileSync(join(root, 'native', name), 'utf8')
        .split('\n')
        .some((line) => !line.trim().startsWith('//') && /at::parallel_(for|reduce)\b/.test(line)),
    );
    expect(users).toEqual([]);
  });
});
