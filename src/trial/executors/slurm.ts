/**
 * Workers as the tasks of a Slurm job array (https://slurm.schedmd.com/job_array.html). Slurm starts a task again when
 * its node fails or it is pre-empted (`--requeue`); a task whose time is nearly over saves and queues itself again, so
 * that a trial outlives both a short time limit and the process that began it. What dies otherwise is replaced by
 * `ensure`.
 *
 * Everything is told by `sbatch`, `squeue` and `scancel`. `squeue` is read in its own fields: `--json` needs a plug-in
 * that distributions leave out, and `sacct` an accounting database that small clusters do not have.
 */
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError, ensureFolder, GraftError } from 'graft-torch/base';
import { lastLine, runTool } from './tool.js';
import {
  isAlive,
  stoppedExitCode,
  trialLabel,
  untilGone,
  type WorkerState,
  type Workers,
} from './workers.js';

export interface SlurmOptions {
  /** The trial's folder, on a file system that the cluster's nodes see at the same path. */
  trialDir: string;
  /** What a worker is, such as `['/usr/bin/node', 'main.js', 'trial', 'work', DIR]`. */
  command: readonly string[];
  partition?: string;
  account?: string;
  /** Of one worker. */
  cpus?: number;
  memoryMb?: number;
  gpus?: number;
  timeMinutes?: number;
  /** Further options of sbatch, such as `--constraint=a100`. */
  extra?: readonly string[];
  /** Between the warning and the time limit, in which a worker saves. Slurm may warn up to a minute early. */
  warningSeconds?: number;
  /** How long `stop` waits for workers to save before it cancels them. */
  graceMs?: number;
  pollMs?: number;
  environment?: NodeJS.ProcessEnv;
}

/** A task of the array as `squeue` shows it. */
export interface SlurmTask {
  /** `123_4`: array and index. */
  id: string;
  state: WorkerState;
  /** Slurm's own word for the state, and why. */
  slurmState: string;
  reason: string;
}

export function slurmWorkers(options: SlurmOptions): Workers {
  const { trialDir, graceMs = 90_000, pollMs = 1000, environment } = options;
  const mine = [`--user=${userInfo().username}`, `--name=${jobName(trialDir)}`];
  const run = (program: string, args: readonly string[], input = '') =>
    runTool(program, {
      args,
      input,
      environment,
      absent: "run this where Slurm's commands are (a login node), or take another --executor",
      failure: (stderr, error) => slurmError(program, stderr, error),
    });
  // Slurm forgets an ended task after minutes (MinJobAge): what was seen once and is no longer listed is gone.
  const seen = new Map<string, SlurmTask>();

  const states = async (): Promise<WorkerState[]> => {
    const listed = parseQueue(
      await run('squeue', ['--noheader', '--array', '--states=all', ...queueFormat, ...mine]),
    );
    const forgotten = new Set(seen.keys());
    for (const task of listed) {
      seen.set(task.id, task);
      forgotten.delete(task.id);
    }
    for (const id of forgotten) seen.set(id, { ...seen.get(id)!, state: 'gone' });
    return [...seen.values()].map((task) => task.state);
  };

  return {
    states,
    async ensure(count) {
      const missing = count - (await states()).filter(isAlive).length;
      if (missing < 1) return;
      ensureFolder(outputFolder(trialDir));
      const id = await run('sbatch', sbatchArguments(options, missing), slurmScript(options.command));
      const array = id.trim().split(';')[0]!;
      for (let index = 0; index < missing; index++) {
        const task = `${array}_${index}`;
        seen.set(task, { id: task, state: 'pending', slurmState: 'PENDING', reason: 'None' });
      }
    },
    async stop() {
      // A pending task has nothing to save.
      await run('scancel', ['--state=PENDING', ...mine]);
      await run('scancel', ['--state=RUNNING', '--batch', '--signal=USR2', ...mine]);
      if (await untilGone({ states }, { graceMs, pollMs })) return;
      await run('scancel', mine);
    },
    notices: () => slurmNotices([...seen.values()], trialDir),
  };
}

const outputFolder = (trialDir: string): string => join(resolve(trialDir), 'workers');
const jobName = (trialDir: string): string => `graft-${trialLabel(trialDir)}`;
const queueFormat = ['--format=%i|%T|%r'];

/** The options of `sbatch` for `count` more workers; the script comes through its standard input. */
export function sbatchArguments(options: SlurmOptions, count: number): string[] {
  const { trialDir, partition, account, cpus, memoryMb, gpus, timeMinutes, warningSeconds = 60 } = options;
  // Slurm replaces %A and %a; a % of the folder's own has to be doubled.
  const output = join(outputFolder(trialDir).replaceAll('%', '%%'), 'slurm-%A_%a.log');
  const given = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name}=${value}`];
  return [
    '--parsable',
    `--job-name=${jobName(trialDir)}`,
    `--array=0-${count - 1}`,
    '--requeue',
    '--open-mode=append',
    `--output=${output}`,
    // B: to the script alone, which tells the worker.
    `--signal=B:USR1@${warningSeconds}`,
    ...given('partition', partition),
    ...given('account', account),
    ...given('cpus-per-task', cpus),
    ...given('mem', memoryMb === undefined ? undefined : `${memoryMb}M`),
    ...given('gres', gpus ? `gpu:${gpus}` : undefined),
    ...given('time', timeMinutes),
    ...(options.extra ?? []),
  ];
}

/** The batch script of one worker: plain POSIX shell. */
export function slurmScript(command: readonly string[]): string {
  return `#!/bin/sh
# One worker of a trial. USR1: the time limit is near; the worker saves, and the task is queued again.
# USR2: the trial is stopped; the worker saves, and that is all. TERM, Slurm's own, reaches the worker directly.
task="\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
export GRAFT_WORKER="slurm-$task"
worker= again= told=
tell() { told=1; [ -z "$worker" ] || kill -TERM "$worker"; }
trap 'again=1; tell' USR1
trap tell USR2
trap told=1 TERM
${command.map(quote).join(' ')} &
worker=$!
wait "$worker"; status=$?
# A trap ends 'wait' early.
while [ "$told" ]; do
  told=
  wait "$worker"; code=$?
  [ "$code" -eq 127 ] || status=$code
done
[ -z "$again" ] || [ "$status" -ne ${stoppedExitCode} ] || scontrol requeue "$task"
exit "$status"
`;
}

/** What `--dry-run` shows: the command and the script that it reads. */
export const describeSlurm = (options: SlurmOptions, count: number): string =>
  `${['sbatch', ...sbatchArguments(options, count)].map(quote).join(' ')} <<'END'\n${slurmScript(options.command)}END\n`;

const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** Slurm's states in which a task waits, or is at work or on its way between the two; all others are ends. */
const waiting = new Set(['PENDING', 'REQUEUED', 'SUSPENDED', 'RESV_DEL_HOLD']);
const working = new Set([
  'RUNNING',
  'CONFIGURING',
  'COMPLETING',
  'SIGNALING',
  'STAGE_OUT',
  'STOPPED',
  'RESIZING',
]);

/** Reads `squeue --format=%i|%T|%r`. */
export function parseQueue(text: string): SlurmTask[] {
  return text
    .split('\n')
    .filter((line) => line.includes('|'))
    .map((line) => {
      const [id = '', slurmState = '', reason = ''] = line.split('|').map((field) => field.trim());
      return { id, slurmState, reason, state: stateOf(slurmState, reason) };
    });
}

function stateOf(slurmState: string, reason: string): WorkerState {
  // Slurm holds a task that no node could start; without a person it stays so for ever.
  if (/requeued.held/i.test(reason)) return 'gone';
  if (waiting.has(slurmState)) return 'pending';
  return working.has(slurmState) ? 'running' : 'gone';
}

/** Reasons that only mean: wait your turn. */
const patient =
  /^(None|Priority|Resources|BeginTime|Dependency|JobArrayTaskLimit|QOS.*Limit|Assoc.*Limit.*)$/;

function slurmNotices(tasks: readonly SlurmTask[], trialDir: string): string[] {
  const waits = tasks
    .filter(({ state, reason }) => state === 'pending' && !patient.test(reason))
    .map(({ reason }) => `Slurm lets workers wait: ${reason} (squeue --me, scontrol show job)`);
  const ends = tasks
    .filter(({ state, slurmState }) => state === 'gone' && !['COMPLETED', 'CANCELLED'].includes(slurmState))
    .filter(({ slurmState }) => !waiting.has(slurmState) && !working.has(slurmState))
    .map(
      ({ slurmState, reason }) =>
        `a worker ended: ${slurmState}${reason === 'None' ? '' : `, ${reason}`}; its output is in ${outputFolder(trialDir)}`,
    );
  const held = tasks
    .filter(({ reason }) => /requeued.held/i.test(reason))
    .map(
      ({ id }) =>
        `Slurm could not start task ${id} and holds it: scontrol show job ${id}, then scancel ${id}`,
    );
  return [...new Set([...held, ...waits, ...ends])];
}

/** What Slurm says, and what helps. The lasting ones are ConfigErrors: trying again is of no use. */
const remedies: readonly [RegExp, string][] = [
  [/configuration source|slurm\.conf/i, 'run this on a machine of the cluster (its login node)'],
  [/invalid partition/i, 'sinfo lists the partitions'],
  [/invalid account|account\/partition/i, 'sacctmgr show associations lists yours'],
  [
    /invalid (feature|qos|generic resource|gres|job array)/i,
    'ask for less, or for what sinfo -o "%P %c %m %G %l" lists',
  ],
  [
    /node configuration is not available|more processors|memory specification/i,
    'ask for less: sinfo -o "%P %c %m %G"',
  ],
  [/time limit/i, 'ask for less time: sinfo -o "%P %l" lists the limits'],
  [/access\/permission denied|user.*not allowed/i, 'ask the cluster’s operators for access'],
  [/unrecogni[sz]ed option|invalid option/i, 'look at the extra options'],
];

function slurmError(program: string, stderr: string, error: Error): GraftError {
  const said = lastLine(stderr, /^\w+: (error|fatal): /) ?? error.message;
  const remedy = remedies.find(([pattern]) => pattern.test(stderr))?.[1];
  return remedy ? new ConfigError(`${program}: ${said}; ${remedy}`) : new GraftError(`${program}: ${said}`);
}
