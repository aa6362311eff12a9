import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeSlurm, parseQueue, sbatchArguments, slurmScript, slurmWorkers } from './slurm.js';
import { type SlurmCluster, startSlurm, whyNoSlurm } from './slurm-cluster.test-data.js';
import { until } from './until.test-data.js';
import { isAlive, trialLabel } from './workers.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-slurm-'));
const trialDir = mkdtempSync(join(folder, 'trial of 100% '));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('what is submitted', () => {
  it('asks for what was wanted, and nothing else', () => {
    const few = sbatchArguments({ trialDir, command: ['work'] }, 3);
    expect(few).toContain('--array=0-2');
    expect(few).toContain('--requeue');
    expect(few.filter((word) => /partition|mem|gres|cpus|time=/.test(word))).toEqual([]);
    const all = sbatchArguments(
      {
        trialDir,
        command: [],
        partition: 'gpu',
        cpus: 4,
        memoryMb: 8000,
        gpus: 1,
        timeMinutes: 90,
        extra: ['--nice'],
      },
      1,
    );
    expect(all).toEqual(
      expect.arrayContaining([
        '--partition=gpu',
        '--cpus-per-task=4',
        '--mem=8000M',
        '--gres=gpu:1',
        '--time=90',
      ]),
    );
    expect(all.at(-1)).toBe('--nice');
  });

  it('is shown as a shell would read it', () => {
    const words = ['node', "it's", 'a b', '$HOME', ''];
    const text = describeSlurm({ trialDir, command: words }, 2);
    const command = text.split('\n').find((line) => line.endsWith(' &'))!;
    const printed = execFileSync('sh', [
      '-c',
      `for w in ${command.slice(0, -2)}; do printf '%s\\n' "$w"; done`,
    ]);
    expect(`${printed}`).toBe(`${words.join('\n')}\n`);
  });
});

describe('parseQueue', () => {
  it.each([
    ['12_0|PENDING|Resources', 'pending'],
    ['12_0|PENDING|launch failed requeued held', 'gone'],
    ['12_0|RUNNING|None', 'running'],
    ['12_0|COMPLETING|None', 'running'],
    ['12_0|SUSPENDED|None', 'pending'],
    ['12_0|COMPLETED|None', 'gone'],
    ['12_0|FAILED|NonZeroExitCode', 'gone'],
    ['12_0|TIMEOUT|TimeLimit', 'gone'],
    ['12_0|NODE_FAIL|None', 'gone'],
    ['12_0|SOME_NEW_WORD|None', 'gone'],
  ])('%s: %s', (line, state) => {
    expect(parseQueue(`${line}\n\n`)).toEqual([expect.objectContaining({ id: '12_0', state })]);
  });
});

/** Slurm's programs as shell scripts. */
function stub(text: string): NodeJS.ProcessEnv {
  const bin = mkdtempSync(join(folder, 'bin'));
  for (const name of ['squeue', 'sbatch', 'scancel']) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return { ...process.env, PATH: `${bin}:/bin:/usr/bin` };
}

it('a task that Slurm has forgotten is gone', async () => {
  const rows = join(folder, 'rows');
  const show = (text: string) => writeFileSync(rows, text);
  show('');
  const environment = stub(
    `case $0 in *sbatch) cat >/dev/null; echo '7;cluster';; *squeue) cat ${rows};; esac`,
  );
  const workers = slurmWorkers({ trialDir, command: ['x'], environment });
  await workers.ensure(2);
  show('7_0|PENDING|Resources\n7_1|RUNNING|None\n');
  expect(await workers.states()).toEqual(['pending', 'running']);
  show('7_1|RUNNING|None\n');
  expect(await workers.states()).toEqual(['gone', 'running']);
});

describe('what goes wrong', () => {
  const failure = async (environment: NodeJS.ProcessEnv) => {
    const error = await slurmWorkers({ trialDir, command: ['x'], environment })
      .ensure(1)
      .then(() => undefined)
      .catch((caught: Error) => caught);
    expect(error?.message).not.toContain('\n');
    return error!;
  };

  it('no Slurm', async () => {
    const error = await failure({ PATH: folder });
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/^squeue: not found on PATH; run this where .*login node/);
  });

  it('no cluster, and a wrong partition: the remedy, at once', async () => {
    const lost = await failure(
      stub('echo "squeue: fatal: Could not establish a configuration source" >&2; exit 1'),
    );
    expect(lost).toBeInstanceOf(ConfigError);
    expect(lost.message).toBe(
      'squeue: Could not establish a configuration source; run this on a machine of the cluster (its login node)',
    );
    const wrong = await failure(
      stub('case $0 in *sbatch) echo "sbatch: error: invalid partition specified: x" >&2; exit 1;; esac'),
    );
    expect(wrong.message).toBe('sbatch: invalid partition specified: x; sinfo lists the partitions');
  });

  it('a controller that is away for a moment is no ConfigError', async () => {
    const error = await failure(stub('echo "squeue: error: Unable to contact slurm controller" >&2; exit 1'));
    expect(error).not.toBeInstanceOf(ConfigError);
    expect(error.message).toBe('squeue: Unable to contact slurm controller');
  });
});

/** Stands in for a worker: notes that it began, saves for a moment when told to end, and then exits with 75. */
const standIn = `
echo "$$ $GRAFT_WORKER" > "$1/began-$(date +%s%N)"
trap 'sleep 0.3; echo saved > "$1/saved-$$"; exit 75' TERM
while [ ! -e "$1/finish" ]; do sleep 0.1; done
`;

const reason = whyNoSlurm();
describe.skipIf(reason)(`on a cluster${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let cluster: SlurmCluster;
  beforeAll(async () => {
    cluster = await startSlurm(mkdtempSync(join(folder, 'cluster')));
  });
  afterAll(() => cluster?.stop());

  const begin = (name: string) => {
    const dir = mkdtempSync(join(folder, name));
    const command = ['/bin/sh', '-c', standIn, 'worker', dir];
    const workers = slurmWorkers({
      trialDir: dir,
      command,
      cpus: 1,
      environment: cluster.environment,
      pollMs: 200,
      graceMs: 20_000,
    });
    const files = (kind: string) => readdirSync(dir).filter((file) => file.startsWith(`${kind}-`));
    const alive = async () => (await workers.states()).filter(isAlive).length;
    const running = async () => (await workers.states()).filter((state) => state === 'running').length;
    const began = () => files('began').map((file) => readFileSync(join(dir, file), 'utf8').trim().split(' '));
    const slurm = (program: string, ...args: string[]) =>
      execFileSync(program, args, { env: cluster.environment, encoding: 'utf8' });
    return { dir, command, workers, files, alive, running, began, slurm };
  };

  it('starts an array, starts what was killed again, and stops so that all save', async () => {
    const { dir, command, workers, files, alive, running, began, slurm } = begin('kill');
    expect(await workers.states()).toEqual([]);
    await workers.ensure(2);
    expect(await alive()).toBe(2);
    await workers.ensure(2);
    await until(() => files('began').length === 2);
    expect(slurm('squeue', '-h', '-r', '-o', '%i').trim().split('\n')).toHaveLength(2);

    process.kill(Number(began()[0]![0]), 'SIGKILL');
    await until(async () => (await alive()) === 1);
    expect(workers.notices().join()).toMatch(
      /a worker ended: FAILED, NonZeroExitCode; its output is in .*workers/,
    );
    await workers.ensure(2);
    await until(() => files('began').length === 3);
    expect(await running()).toBe(2);

    // Another process finds them: nothing is kept outside Slurm.
    const again = slurmWorkers({ trialDir: dir, command, environment: cluster.environment });
    expect((await again.states()).filter(isAlive)).toHaveLength(2);

    await workers.stop();
    expect(await alive()).toBe(0);
    expect(files('saved')).toHaveLength(2);
    expect(readdirSync(join(dir, 'workers')).every((file) => /^slurm-\d+_\d+\.log$/.test(file))).toBe(true);
  }, 60_000);

  it('a task whose time is nearly over saves and is queued again; one that Slurm requeues too', async () => {
    const { dir, workers, files, alive, began, slurm } = begin('time');
    await workers.ensure(2);
    await until(() => files('began').length === 2);
    const names = began().map(([, name]) => name!);
    expect(names.join(' ')).toMatch(/^slurm-\d+_\d slurm-\d+_\d$/);
    const [late, moved] = names.map((name) => name.replace('slurm-', ''));
    // The warning itself: Slurm's shortest time limit is a minute.
    slurm('scancel', '--batch', '--signal=USR1', late!);
    slurm('scontrol', 'requeue', moved!);
    await until(() => files('began').length === 4);
    expect(files('saved')).toHaveLength(2);
    expect(await alive()).toBe(2);
    expect(began().map(([, name]) => name)).toEqual(expect.arrayContaining(names));
    expect(new Set(began().map(([, name]) => name)).size).toBe(2);

    writeFileSync(join(dir, 'finish'), '');
    await until(async () => (await alive()) === 0);
    expect(workers.notices()).toEqual([]);
  }, 60_000);

  it('what cannot be had is said', async () => {
    const dir = mkdtempSync(join(folder, 'large'));
    const ask = (extra: string) =>
      slurmWorkers({
        trialDir: dir,
        command: ['true'],
        extra: [extra],
        environment: cluster.environment,
      }).ensure(1);
    await expect(ask('--partition=nowhere')).rejects.toThrow(
      /sbatch: .*partition.*; sinfo lists the partitions/,
    );
    await expect(ask('--gres=gpu:1')).rejects.toThrow(/sbatch: .*; ask for /);
    await expect(ask('--no-such-option')).rejects.toThrow(/sbatch: .*; look at the extra options/);
  });
});

it('trialLabel: short, plain, and different for every folder', () => {
  const other = mkdtempSync(join(folder, 'trial of 100% '));
  expect(trialLabel(trialDir)).toMatch(/^trial-of-100-[a-z0-9-]*-[0-9a-f]{10}$/);
  expect(trialLabel(trialDir).length).toBeLessThanOrEqual(40);
  expect(trialLabel(other)).not.toBe(trialLabel(trialDir));
  expect(slurmScript(['x'])).toContain('\nx &\n');
});
