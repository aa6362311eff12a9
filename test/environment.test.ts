/** The tests' own environment, and that the program gives the same in anyone else's. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPhantomDataset } from '../src/data/phantom/dataset.js';
import { listCheckpoints } from '../src/run/checkpoint-file.js';
import { checkpointHash } from '../src/run/checkpoint-hash.js';
import { readEvents, withoutWall } from '../src/run/run-folder.js';
import { settleEnvironment } from './environment.js';
import { compileProgram, programEnvironment, runProgram } from './program.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-environment-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('the user’s kernels, language, time zone and colours decide nothing; where things are stays', () => {
  const env = {
    ...{ PATH: '/bin', HOME: '/root', TMPDIR: '/tmp/a b', LIBTORCH: '/opt/torch', CUDA_VISIBLE_DEVICES: '0' },
    ...{ OPENBLAS_CORETYPE: 'Haswell', OPENBLAS_L2_SIZE: '512', OMP_NUM_THREADS: '1', MKL_CBWR: 'AVX2' },
    ...{
      LC_ALL: 'de_DE.UTF-8',
      LANG: 'C',
      TZ: 'Asia/Kathmandu',
      NO_COLOR: '1',
      FORCE_COLOR: '1',
      CI: 'true',
    },
    ...{ GRAFT_BACKBONE: 'efficientnet-lite0:w.pth', GRAFT_TEST_WEIGHTS: '/w' },
    ...{ GRAFT_CACHE: '/c', XDG_CACHE_HOME: '/c', AWS_REGION: 'x', KUBECONFIG: '/k', PGHOST: 'x' },
  };
  settleEnvironment(env);
  expect(env).toEqual({
    ...{ PATH: '/bin', HOME: '/root', TMPDIR: '/tmp/a b', LIBTORCH: '/opt/torch', CUDA_VISIBLE_DEVICES: '0' },
    ...{ LC_ALL: 'C.UTF-8', TZ: 'UTC', TERM: 'dumb', GRAFT_ADDON_CACHE: '/c/addon' },
    ...{ GRAFT_BACKBONE: 'random', GRAFT_TEST_WEIGHTS: '/w' },
  });
});

test('this process has that environment, and so have the programs that tests start', () => {
  for (const env of [process.env, programEnvironment()]) {
    expect(env).toMatchObject({ LC_ALL: 'C.UTF-8', TZ: 'UTC' });
    expect(Object.keys(env).filter((name) => /^(OPENBLAS|MKL)_|^LANG$/.test(name))).toEqual([]);
  }
});

/** Environments that users have. */
const foreign: [string, Record<string, string | undefined>][] = [
  [
    'German, in Nepal, without colours, with a temporary folder that has spaces',
    {
      ...{ LC_ALL: 'de_DE.UTF-8', LANG: 'tr_TR.UTF-8', TZ: 'Asia/Kathmandu', CI: 'true' },
      ...{ NO_COLOR: '1', COLUMNS: '40', TMPDIR: join(dir, 'a temporary folder') },
    },
  ],
  [
    'without a home or a language, other numbers of threads, all files private',
    {
      ...{ HOME: undefined, LC_ALL: 'C', LANG: 'C', TZ: ':bogus' },
      ...{ OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '2', OMP_WAIT_POLICY: 'ACTIVE' },
    },
  ],
];

/** What an import and a GAN come to, as far as two of them can be the same. */
function resultsIn(name: string, environment: Record<string, string | undefined>): Record<string, unknown> {
  const cwd = join(dir, name);
  mkdirSync(cwd);
  const env = { ...programEnvironment(), ...environment } as Record<string, string>;
  for (const [key, value] of Object.entries(environment)) if (value === undefined) delete env[key];
  const graft = (...args: string[]): string => {
    const { status, stdout, stderr } = runProgram([...args, '--quiet'], { cwd, env, inherit: false });
    expect(status, stderr).toBe(0);
    return stdout;
  };
  const table = join(dir, 'table.csv');
  graft(
    'data',
    'import',
    join(dir, 'phantoms', 'images'),
    '--metadata',
    table,
    '--positive',
    'Ärger',
    '--out',
    'set',
  );
  const sets = ['steps=2', 'batchSize=4', 'latentSize=8', 'generatorWidth=4', 'discriminatorWidth=4'];
  const train = ['gan', 'train', '--data', 'set', '--class', 'Ärger', '--out', 'gan', '--threads', '2'];
  graft(...train, '--device', 'cpu', ...[...sets, 'monitorEvery=0'].flatMap((set) => ['--set', set]));
  return {
    manifest: readFileSync(join(cwd, 'set', 'manifest.csv'), 'utf8'),
    described: graft('data', 'describe', 'set').replaceAll(cwd, ''),
    hash: checkpointHash(listCheckpoints(join(cwd, 'gan')).at(-1)!.path),
    events: readEvents(join(cwd, 'gan', 'events.jsonl')).map(withoutWall),
  };
}

let usual: Record<string, unknown>;
beforeAll(async () => {
  await compileProgram();
  mkdirSync(join(dir, 'a temporary folder'));
  await createPhantomDataset(join(dir, 'phantoms'), { count: 40, sizePx: 64, prevalence: 0.5, seed: 2 });
  // Words that languages sort, write in capitals and count in different ways; points in time.
  const rows = readdirSync(join(dir, 'phantoms', 'images')).map(
    (file, i) =>
      `${file.replace(/\.\w+$/, '')},${i % 2 ? 'Ärger' : 'zebra'},patient-${i},${['I', 'ı', 'ä', 'z'][i % 4]},2020-03-01T23:30:00Z`,
  );
  const head = 'isic_id,diagnosis_1,patient_id,anatom_site_general,taken';
  writeFileSync(join(dir, 'table.csv'), `${[head, ...rows].join('\n')}\n`);
  usual = resultsIn('usual', {});
}, 300_000);

test.each(foreign)('%s: the same', (name, environment) => {
  const umask = process.umask(0o077);
  try {
    expect(resultsIn(name, environment)).toEqual(usual);
  } finally {
    process.umask(umask);
  }
});
