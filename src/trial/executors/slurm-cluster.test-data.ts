/** A Slurm cluster of one node on this machine, for tests: munged, slurmctld and slurmd under a temporary folder. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './until.test-data.js';

const daemons = ['munged', 'slurmctld', 'slurmd'].map((name) => `/usr/sbin/${name}`);

/** Why there can be no cluster here; undefined where there can. */
export function whyNoSlurm(): string | undefined {
  const missing = [...daemons, '/usr/bin/sbatch'].find((path) => !existsSync(path));
  if (missing) return `${missing} is missing: apt-get install slurm-wlm munge`;
  return process.getuid?.() === 0 ? undefined : 'slurmd needs root';
}

export interface SlurmCluster {
  /** For programs that are to talk to this cluster. */
  environment: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

/** @param dir an empty folder */
export async function startSlurm(dir: string): Promise<SlurmCluster> {
  for (const name of ['munge', 'state', 'spool']) mkdirSync(join(dir, name), { mode: 0o700 });
  const at = (name: string) => join(dir, name);
  writeFileSync(at('munge/key'), randomBytes(1024), { mode: 0o600 });
  const [controllerPort, nodePort] = [await freePort(), await freePort()];
  const node = hostname().split('.')[0]!;
  // A requeued task waits for its old credential to expire (cred_expire); the tests cannot wait two minutes, and five
  // seconds are the least there is.
  const conf = `
ClusterName=graft
SlurmctldHost=${node}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${at('munge/socket')},cred_expire=5
SlurmctldPort=${controllerPort}
SlurmdPort=${nodePort}
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool')}
SlurmctldPidFile=${at('slurmctld.pid')}
SlurmdPidFile=${at('slurmd.pid')}
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
SchedulerParameters=sched_interval=1,batch_sched_delay=1
KillWait=5
OverTimeLimit=0
NodeName=${node} NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes=${node} Default=YES MaxTime=60 State=UP
`;
  writeFileSync(at('slurm.conf'), conf);
  const environment = { ...process.env, SLURM_CONF: at('slurm.conf') };
  const started: ChildProcess[] = [];
  const start = (program: string, args: string[]) => {
    const log = openSync(at(`${program.split('/').at(-1)}.out`), 'a');
    started.push(spawn(program, args, { env: environment, stdio: ['ignore', log, log] }));
  };
  const files = ['socket', 'key-file', 'pid-file', 'log-file', 'seed-file'];
  const munge = files.map((name) => `--${name}=${at(`munge/${name.replace('-file', '')}`)}`);
  const cluster: SlurmCluster = {
    environment,
    async stop() {
      // A test that failed may have left tasks, which would outlive the daemons.
      const everyTask = ['--full', '--signal=KILL', `--user=${userInfo().username}`];
      spawnSync('scancel', everyTask, { env: environment, timeout: 5000 });
      for (const child of started.reverse()) {
        if (child.exitCode !== null) continue;
        child.kill('SIGTERM');
        await Promise.race([new Promise((done) => child.once('exit', done)), sleep(5000)]);
        child.kill('SIGKILL');
      }
    },
  };
  try {
    start(daemons[0]!, ['--force', '--foreground', ...munge]);
    await until(() => existsSync(at('munge/socket')));
    start(daemons[1]!, ['-D', '-f', at('slurm.conf')]);
    start(daemons[2]!, ['-D', '-f', at('slurm.conf')]);
    const idle = () =>
      execFileSync('sinfo', ['-h', '-o', '%T'], { env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
    await until(() => `${idle()}`.trim() === 'idle');
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}
