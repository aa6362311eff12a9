import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type ConfigSources, configToYaml, recipeNames, resolveConfig } from './config.js';
import { editDistance, nearest } from './config-schema.js';
import { createRun } from './run-folder.js';

const schema = z.strictObject({
  name: z.string().min(1).default('run').describe('Shown in reports'),
  steps: z.int().min(1).default(100).describe('Optimiser steps of the discriminator'),
  smoothing: z.number().min(0).max(1).default(0.9),
  flip: z.boolean().default(true),
  optimizer: z
    .strictObject({
      kind: z.enum(['adam', 'adamw']).default('adam'),
      lr: z.number().positive().default(2e-4).describe('Radford et al. 2016'),
      betas: z.tuple([z.number(), z.number()]).default([0.5, 0.999]),
    })
    .prefault({})
    .describe('Both networks'),
  objective: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('dcgan'), label: z.number().default(0.9) }),
      z.strictObject({ kind: z.literal('wgan'), penalty: z.number() }),
    ])
    .default({ kind: 'dcgan', label: 0.9 }),
  arms: z.array(z.strictObject({ name: z.string(), seeds: z.int().default(3) })).default([]),
  workers: z.union([z.int(), z.literal('auto')]).default('auto'),
});

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-config-'));
  mkdirSync(join(dir, 'recipes'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const recipe = (name: string, text: string): void =>
  writeFileSync(join(dir, 'recipes', `${name}.yaml`), text);
const file = (text: string): string => {
  writeFileSync(join(dir, 'my.yaml'), text);
  return join(dir, 'my.yaml');
};
const resolved = (sources: ConfigSources) =>
  resolveConfig(schema, { recipesDir: join(dir, 'recipes'), ...sources });
const failure = (sources: ConfigSources): string => {
  try {
    resolved(sources);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    return message.replaceAll(`${dir}/`, '');
  }
  throw new Error('was accepted');
};

describe('layers', () => {
  test('nothing given: the defaults, complete', () => {
    expect(resolved({})).toEqual({
      name: 'run',
      steps: 100,
      smoothing: 0.9,
      flip: true,
      optimizer: { kind: 'adam', lr: 2e-4, betas: [0.5, 0.999] },
      objective: { kind: 'dcgan', label: 0.9 },
      arms: [],
      workers: 'auto',
    });
  });

  test('recipe < file < set < flag; maps merge, lists and plain values replace', () => {
    recipe('base', 'steps: 10\nsmoothing: 0.5\noptimizer: {lr: 0.1, betas: [0.1, 0.2]}\n');
    recipe('top', 'extends: base\nkind: gan\noptimizer:\n  kind: adamw\n');
    const path = file('steps: 20\nname: file\noptimizer: {betas: [0, 0.9]}\n');
    const config = resolved({
      recipe: 'top',
      file: path,
      sets: ['steps=30', 'name=set'],
      flags: [
        { flag: '--name', key: 'name', value: 'flag' },
        { flag: '--steps', key: 'steps', value: undefined },
      ],
    });
    expect(config).toMatchObject({
      steps: 30,
      name: 'flag',
      smoothing: 0.5,
      optimizer: { kind: 'adamw', lr: 0.1, betas: [0, 0.9] },
    });
  });

  test('set: dotted keys, YAML types, whole maps replaced, entries of lists, text where only text may stand', () => {
    const config = resolved({
      file: file('arms: [{name: real}, {name: synthetic}]\n'),
      sets: [
        'optimizer.lr=1e-4',
        'optimizer.betas=[0, 0.9]',
        'flip=false',
        'objective={kind: wgan, penalty: 10}',
        'arms.1.seeds=5',
        'name=2017',
        'workers=4',
      ],
    });
    expect(config).toMatchObject({
      name: '2017',
      flip: false,
      optimizer: { lr: 1e-4, betas: [0, 0.9] },
      objective: { kind: 'wgan', penalty: 10 },
      arms: [
        { name: 'real', seeds: 3 },
        { name: 'synthetic', seeds: 5 },
      ],
      workers: 4,
    });
  });

  test("a file may extend a recipe or a neighbour, and a run's config.yaml can be used again", () => {
    recipe('base', 'steps: 10\n');
    expect(resolved({ file: file('extends: base\nname: x\n') })).toMatchObject({ steps: 10, name: 'x' });
    writeFileSync(join(dir, 'beside.yaml'), 'steps: 11\n');
    expect(resolved({ file: file('extends: beside.yaml\n') }).steps).toBe(11);
    const config = resolved({ sets: ['steps=77'] });
    createRun(join(dir, 'run'), { kind: 'gan', config }).close();
    expect(resolved({ file: join(dir, 'run', 'config.yaml'), kind: 'gan' })).toEqual(config);
  });
});

describe('messages name the place, the key, what was expected and what was meant', () => {
  test.each<[string, string]>([
    ['stps: 5\n', 'my.yaml:1: stps: unknown key (did you mean "steps"?)'],
    [
      '# a\n\noptimizer:\n  learning: 1\n',
      'my.yaml:4: optimizer.learning: unknown key (there are: kind, lr, betas)',
    ],
    ['lr: 0.1\n', 'my.yaml:1: lr: unknown key (did you mean "optimizer.lr"?)'],
    [
      'wait: 1\n',
      'my.yaml:1: wait: unknown key (there are: name, steps, smoothing, flip, optimizer, objective, arms, workers)',
    ],
    ['optimizer: {beta: 1}\n', 'my.yaml:1: optimizer.beta: unknown key (did you mean "betas"?)'],
    ['moothin: 1\n', 'my.yaml:1: moothin: unknown key (did you mean "smoothing"?)'],
    ['steps: many\n', 'my.yaml:1: steps: expected an integer ≥ 1, got "many"'],
    ['steps: 0\n', 'my.yaml:1: steps: expected an integer ≥ 1, got 0'],
    ['steps: 1.5\n', 'my.yaml:1: steps: expected an integer ≥ 1, got 1.5'],
    ['name: x\nsmoothing: 2\n', 'my.yaml:2: smoothing: expected a number ≥ 0 and ≤ 1, got 2'],
    ['optimizer: {lr: 0}\n', 'my.yaml:1: optimizer.lr: expected a number > 0, got 0'],
    ['optimizer: 5\n', 'my.yaml:1: optimizer: expected keys and values, got 5'],
    [
      'optimizer: {kind: adm}\n',
      'my.yaml:1: optimizer.kind: expected one of "adam", "adamw", got "adm" (did you mean "adam"?)',
    ],
    [
      'optimizer: {betas: [1]}\n',
      'my.yaml:1: optimizer.betas: expected a list of 2: [a number, a number], got [1]',
    ],
    ['flip: maybe\n', 'my.yaml:1: flip: expected true or false, got "maybe"'],
    ['name: ""\n', 'my.yaml:1: name: expected text (not empty), got ""'],
    ['workers: some\n', 'my.yaml:1: workers: expected an integer or "auto", got "some"'],
    [
      'objective:\n  kind: wgn\n',
      'my.yaml:2: objective.kind: expected one of "dcgan", "wgan", got "wgn" (did you mean "wgan"?)',
    ],
    ['objective:\n  kind: wgan\n', 'my.yaml:1: objective.penalty: missing; expected a number'],
    [
      'objective:\n  kind: dcgan\n  labl: 1\n',
      'my.yaml:3: objective.labl: unknown key (did you mean "label"?)',
    ],
    [
      'arms:\n  - name: a\n  - name: b\n    seed: 1\n',
      'my.yaml:4: arms.1.seed: unknown key (did you mean "seeds"?)',
    ],
    ['arms:\n  - seeds: 1\n', 'my.yaml:2: arms.0.name: missing; expected text'],
    ['arms: 3\n', 'my.yaml:1: arms: expected a list, each keys and values, got 3'],
    ['steps: 1\nsteps: 2\n', 'my.yaml:2: not valid YAML: the key steps stands there twice'],
    ['- a\n', 'my.yaml: expected keys and values at the top'],
    ['# steps: 5\n', 'my.yaml: has no settings; write some, or leave the file out for the defaults'],
    [
      '__proto__: {steps: 5}\n',
      'my.yaml:1: __proto__: unknown key (there are: name, steps, smoothing, flip, optimizer, objective, arms, workers)',
    ],
    ['kind: classifier\n', 'my.yaml: kind: is a config for classifier, expected gan'],
    ['extends: nothing\n', '--recipe nothing: no such recipe (there are: base)'],
    ['extends: my\n', 'my.yaml: extends itself (my.yaml → my.yaml)'],
  ])('%j', (text, message) => {
    recipe('base', '');
    expect(failure({ file: file(text), kind: 'gan' })).toBe(message);
  });

  test.each<[string, string]>([
    ['steps=x', '--set steps=x: steps: expected an integer ≥ 1, got "x"'],
    ['stepz=1', '--set stepz=1: stepz: unknown key (did you mean "steps"?)'],
    ['optimiser.lr=1', '--set optimiser.lr=1: optimiser: unknown key (did you mean "optimizer"?)'],
    ['steps', '--set steps: expected key=value'],
    ['=5', '--set =5: expected key=value'],
    ['a..b=5', '--set a..b=5: "a..b" is not a key'],
    [
      'optimizer.betas=[1',
      '--set optimizer.betas=[1: the value is not valid YAML: Flow sequence must end with a ]',
    ],
    ['optimizer.betas.2=1', '--set optimizer.betas.2=1: optimizer.betas has 2 entries (0 to 1), no "2"'],
    [
      '__proto__.polluted=1',
      '--set __proto__.polluted=1: __proto__: unknown key (there are: name, steps, smoothing, flip, optimizer, objective, arms, workers)',
    ],
  ])('--set %s', (set, message) => {
    const path = file('optimizer: {betas: [0, 1]}\n');
    expect(failure({ file: path, sets: [set] })).toBe(message);
    expect('polluted' in {}).toBe(false);
  });

  test('several faults: three, and how many more', () => {
    expect(failure({ sets: ['a1=1', 'b1=1', 'c1=1', 'd1=1'] })).toMatch(
      /^--set a1=1: .*; --set b1=1.* \(and 1 more\)$/,
    );
  });

  test('a wrong flag is named as the flag', () => {
    expect(failure({ flags: [{ flag: '--steps', key: 'steps', value: -1 }] })).toBe(
      '--steps: steps: expected an integer ≥ 1, got -1',
    );
  });

  test('recipes: the nearest name, or all; a missing file', () => {
    recipe('sngan-64', '');
    recipe('dcgan-64', '');
    expect(recipeNames(join(dir, 'recipes'))).toEqual(['dcgan-64', 'sngan-64']);
    expect(failure({ recipe: 'sngan64' })).toBe(
      '--recipe sngan64: no such recipe (did you mean "sngan-64"?)',
    );
    for (const folder of ['original', 'metadata']) mkdirSync(join(dir, 'recipes', folder));
    recipe('original/rate-10', 'steps: 3');
    recipe('metadata/isic', '');
    expect(recipeNames(join(dir, 'recipes'))).toEqual(['dcgan-64', 'original/rate-10', 'sngan-64']);
    expect(failure({ recipe: 'original/rate-1' })).toMatch(/did you mean "original\/rate-10"\?/);
    rmSync(join(dir, 'recipes', 'original'), { recursive: true });
    expect(failure({ recipe: 'x' })).toBe('--recipe x: no such recipe (there are: dcgan-64, sngan-64)');
    expect(failure({ file: join(dir, 'none.yaml') })).toBe('none.yaml: no such file');
  });

  test('a rule across keys speaks for itself', () => {
    const even = z.strictObject({ steps: z.int() }).refine((c) => c.steps % 2 === 0, {
      path: ['steps'],
      message: 'must be even',
    });
    expect(() => resolveConfig(even, { sets: ['steps=3'] })).toThrow('--set steps=3: steps: must be even');
  });
});

test('printed as YAML it reads back the same, with the descriptions as comments', () => {
  const config = resolved({ sets: ['arms=[{name: real}]'] });
  const yaml = configToYaml(config, { kind: 'gan', schema });
  expect(parse(yaml)).toEqual({ kind: 'gan', ...config });
  expect(yaml).toContain('kind: gan\nname: run # Shown in reports\nsteps: 100 # Optimiser steps of the');
  expect(yaml).toContain('# Both networks\noptimizer:\n  kind: adam\n  lr: 0.0002 # Radford et al. 2016\n');
  expect(yaml).toContain('  betas: [0.5, 0.999]\n');
});

test('edit distance: insert, delete, replace, swap', () => {
  expect(editDistance('', 'abc')).toBe(3);
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('lr', 'rl')).toBe(1);
  expect(nearest('batch', ['batchSize', 'patch'])).toBe('patch');
  expect(nearest('zzz', ['steps'])).toBeUndefined();
});
