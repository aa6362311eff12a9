import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FRONT_DOOR, findCircles, findLongSignatures, findViolations, PACKAGES, ROOF } from './house.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function readSources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const room of ['src', 'packages/torch/src', 'test', 'bench']) {
    for (const name of readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      files.set(posix.join(room, ...name.split(sep)), readFileSync(join(root, room, name), 'utf8'));
    }
  }
  return files;
}

/** A small tree that keeps every rule, to plant one violation in. */
const sound = {
  'packages/torch/src/base/index.ts': '',
  'packages/torch/src/torch/index.ts': "export { Tensor } from './tensor.js';",
  'packages/torch/src/torch/tensor.ts': "import { GraftError } from '../base/index.js';\nload('graft.node');",
  'packages/torch/src/nn/index.ts': '',
  'packages/torch/src/nn/module.ts': "import type { Tensor } from '../torch/index.js';",
  'src/index.ts': "export { version } from './base/index.js';",
  'src/base/index.ts': "export * from 'graft-torch/base';",
  'src/data/pixels/index.ts': "export { loader } from './loader.js';",
  'src/data/pixels/loader.ts':
    "import { Tensor } from 'graft-torch';\nimport { Random } from '../../base/index.js';",
  'src/run/index.ts': '',
  'src/run/events.ts': "import { writeFileAtomic } from 'graft-torch/base';",
  'src/stats/index.ts': '',
  'src/generate/index.ts': "export * from './train.js';",
  'src/generate/train.ts':
    "export { loader } from '../data/pixels/index.js';\nexport const late = () => import('../run/index.js');",
  'src/trial/index.ts': '',
  'src/trial/run.ts': "import { train } from '../generate/index.js';",
  'src/trial/run.test.ts': "import { main } from '../cli/main.js';",
  'src/cli/main.ts':
    "import { Module } from 'graft-torch/nn';\nimport { runTrial } from '../trial/index.js';",
};

function planted(path: string, text: string): string[] {
  return findViolations(new Map(Object.entries({ ...sound, [path]: text })));
}

describe('the house', () => {
  const files = readSources();

  it('has doors, and imports run downwards through them', () => {
    expect(files.size).toBeGreaterThan(10);
    expect(findViolations(files)).toEqual([]);
  });

  it('has no circle', () => {
    expect(findCircles(files)).toEqual([]);
  });

  it('hands over one value where there would be a row of parameters', () => {
    expect(findLongSignatures(files).length).toBeLessThanOrEqual(20);
  });

  it.each(Object.entries(PACKAGES))('%s: has a place for every room', (_, { src, rooms }) => {
    const places = [...Object.keys(rooms), ROOF, FRONT_DOOR];
    expect(readdirSync(join(root, src)).filter((room) => !places.includes(room))).toEqual([]);
  });

  it.each(Object.entries(PACKAGES))('%s: has no circle in its table', (_, { rooms }) => {
    const below = (room: string, path: string[]): void => {
      expect(path).not.toContain(room);
      for (const next of rooms[room] ?? []) below(next, [...path, room]);
    };
    for (const room of Object.keys(rooms)) below(room, []);
  });
});

describe('findViolations', () => {
  it('finds nothing in a sound tree', () => {
    expect(findViolations(new Map(Object.entries(sound)))).toEqual([]);
  });

  it.each([
    ['an import upwards', 'packages/torch/src/torch/tensor.ts', "import '../nn/index.js';", /not nn/],
    [
      'an import sideways',
      'src/data/pixels/loader.ts',
      "import { log } from '../../run/index.js';",
      /not run/,
    ],
    [
      'a type-only import',
      'src/run/events.ts',
      "import type { T } from '../generate/index.js';",
      /not generate/,
    ],
    ['a re-export', 'src/run/events.ts', "export * from '../data/pixels/index.js';", /not data/],
    ['a dynamic import', 'src/run/events.ts', "const t = await import('../trial/index.js');", /not trial/],
    ['an import type', 'src/run/events.ts', "let t: import('../trial/index.js').Trial;", /not trial/],
    ['an import past the door', 'src/trial/run.ts', "import '../generate/train.js';", /past the door/],
    ['the command line past a door', 'src/cli/main.ts', "import '../trial/run.js';", /past the door/],
    ['the engine where no tensors are', 'src/stats/index.ts', "import 'graft-torch';", /knows no tensors/],
    ['the inside of the engine', 'src/run/events.ts', "import 'graft-torch/torch/tensor';", /no such door/],
    ['the engine by its own name', 'packages/torch/src/nn/module.ts', "import 'graft-torch';", /its name/],
    [
      'the tool from the engine',
      'packages/torch/src/nn/module.ts',
      "import '../../../../src/run/index.js';",
      /outside the package/,
    ],
    ['the package from within', 'src/trial/run.ts', "import '../index.js';", /nothing below/],
    ['the command line from below', 'src/trial/run.ts', "import '../cli/main.js';", /nothing below/],
    ['a floor that climbs', 'src/base/index.ts', "import '../run/index.js';", /no other room, not run/],
    ['an unknown room', 'src/attic/box.ts', "import '../run/index.js';", /no room of the house/],
    ['a missing file', 'src/generate/train.ts', "import './lost.js';", /no such file/],
    ['a test that imports a missing file', 'src/trial/run.test.ts', "import './lost.js';", /no such file/],
    ['a missing extension', 'src/generate/train.ts', "import '../data/pixels/index';", /end in \.js/],
    [
      'a test as a source',
      'src/generate/train.ts',
      "import '../trial/run.test.js';",
      /not there to be imported/,
    ],
    ['a second owner of the addon', 'src/generate/train.ts', "load('graft.node');", /native addon/],
  ])('finds %s', (_, path, text, reason) => {
    const violations = planted(path, text);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatch(reason);
    expect(violations[0]).toContain(path);
  });
});

describe('findCircles', () => {
  it('finds none in a sound tree', () => {
    expect(findCircles(new Map(Object.entries(sound)))).toEqual([]);
  });

  it('finds a circle of types, and names its members once', () => {
    const tree = {
      ...sound,
      'src/run/events.ts': "import type { A } from './folder.js';",
      'src/run/folder.ts': "import { b } from './reader.js';",
      'src/run/reader.ts': "export { c } from './events.js';",
    };
    expect(findCircles(new Map(Object.entries(tree)))).toEqual([
      ['src/run/events.ts', 'src/run/folder.ts', 'src/run/reader.ts'],
    ]);
  });
});

describe('findLongSignatures', () => {
  it('counts positional parameters of functions, methods and constructors', () => {
    const tree = {
      'src/run/a.ts': `export function four(a, b, c, d) {}
        const three = (a, b, c) => a;
        class K { constructor(a, b, c, d) {} m(a, b, c, { d, e }) {} }`,
    };
    expect(findLongSignatures(new Map(Object.entries(tree)))).toHaveLength(3);
  });
});

describe('native code', () => {
  // Compiled without OpenMP, the header's template is a plain loop on one thread, and nothing says so.
  it('splits loops by native/parallel.h, never by at::parallel_for', () => {
    const files = readdirSync(join(root, 'packages/torch/native')).filter((name) => /\.(cc|h)$/.test(name));
    expect(files).toContain('parallel.h');
    const users = files.filter((name) =>
      readFileSync(join(root, 'packages/torch/native', name), 'utf8')
        .split('\n')
        .some((line) => !line.trim().startsWith('//') && /at::parallel_(for|reduce)\b/.test(line)),
    );
    expect(users).toEqual([]);
  });
});
