/**
 * How many jobs of a trial this machine has room for, by measuring: the first steps of one run, then of several at once,
 * as long as the machine as a whole gets faster; then what fits into memory. The threads of a run are given: they decide
 * its last bits, so that what else runs on the machine while this is measured must not decide them.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraftError } from 'graft-torch/base';
import { createRun } from '../run/index.js';
import type { TrialConfig } from './config.js';
import type { Meeting, ProbeKind, ProbeResult } from './probe.js';
import { programPath } from './work.js';

/** So many runs of one kind at once, with so many threads each. */
export interface Setting {
  parallel: number;
  threads: number;
  secondsPerStep: number;
  /** Of one run. */
  peakBytes: number;
  /** Part of a GPU's memory that all of them take together; 0 on a CPU. */
  deviceShare: number;
}

export interface Room {
  cores: number;
  memoryBytes: number;
  /** Of the classifier, every one that was tried; the last that was faster than those before is the chosen one. */
  tried: Setting[];
  chosen: Setting;
  /** By name, at the chosen setting. */
  gans: Record<string, Setting>;
}

/** Memory that is left for others. */
const MEMORY_SHARE = 0.8;
/** A setting must beat the one before by this much, or the fewer processes are kept. */
const GAIN = 1.05;

/** What may be used without swapping: of the machine, or of the control group that limits this process. */
export function availableMemoryBytes(): number {
  let available = freemem();
  try {
    const kib = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    if (kib !== undefined) available = Number(kib) * 1024;
  } catch {} // not Linux
  const limit = process.constrainedMemory();
  return limit > 0 && limit < 2 ** 60 ? Math.min(available, limit - process.memoryUsage().rss) : available;
}

export interface RoomOptions {
  /** Names of the GANs that the trial trains. */
  gans: readonly string[];
  onProbe?: (title: string) => void;
  /** Of each run. */
  threads: number;
  /** Runs at once are, by the user. */
  parallel?: number;
  /** Measures settings; tests bring their own. */
  measure?: (kind: ProbeKind, setting: { parallel: number; threads: number }) => Promise<ProbeResult>;
  cores?: number;
  memoryBytes?: number;
}

/** @throws GraftError with what a probe said */
export async function measureRoom(config: TrialConfig, options: RoomOptions): Promise<Room> {
  const { cores = availableParallelism(), memoryBytes = availableMemoryBytes(), onProbe } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'graft-room-'));
  const measure =
    options.measure ??
    ((kind: ProbeKind, setting: { parallel: number; threads: number }) =>
      runProbes({ scratch, config }, kind, setting));
  const fits = (
    parallel: number,
    { peakBytes, deviceShare, ...was }: Omit<Setting, 'secondsPerStep'>,
  ): number => {
    const onHost = Math.floor((MEMORY_SHARE * memoryBytes) / peakBytes);
    const onDevice = deviceShare > 0 ? Math.floor((MEMORY_SHARE * was.parallel) / deviceShare) : parallel;
    return Math.max(1, Math.min(parallel, onHost, onDevice));
  };
  try {
    const tried: Setting[] = [];
    for (const wanted of candidates(cores, options)) {
      const known = tried.at(-1);
      const setting = { parallel: known ? fits(wanted, known) : wanted, threads: options.threads };
      onProbe?.(describeSetting(setting));
      tried.push({ ...setting, ...(await measure('classifier', setting)) });
      const [before, last] = tried.slice(-2) as [Setting, Setting?];
      if (last && speed(last) < GAIN * speed(before)) break;
    }
    const best = tried.reduce((a, b) => (speed(b) >= GAIN * speed(a) ? b : a));
    const gans: Room['gans'] = {};
    for (const gan of options.gans) {
      const setting = { parallel: Math.min(best.parallel, Math.max(1, config.folds)), threads: best.threads };
      onProbe?.(`GAN ${gan}, ${describeSetting(setting)}`);
      gans[gan] = { ...setting, ...(await measure({ gan }, setting)) };
    }
    const all = [best, ...Object.values(gans)];
    const parallel = Math.min(...all.map((setting) => fits(best.parallel, setting)));
    const peakBytes = Math.max(...all.map((setting) => setting.peakBytes));
    return { cores, memoryBytes, tried, chosen: { ...best, parallel, peakBytes }, gans };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Steps a second of the whole machine. */
const speed = ({ parallel, secondsPerStep }: Setting): number => parallel / secondsPerStep;

export const describeSetting = ({ parallel, threads }: { parallel: number; threads: number }): string =>
  `${parallel} at once, ${threads} ${threads === 1 ? 'thread' : 'threads'} each`;

/** Runs at once: one, two, four and so on, until every core has its thread. */
function candidates(cores: number, { threads, parallel }: RoomOptions): number[] {
  if (parallel !== undefined) return [parallel];
  const most = Math.max(1, Math.floor(cores / threads));
  const counts: number[] = [];
  for (let count = 1; count < most; count *= 2) counts.push(count);
  return [...counts, most];
}

/** Runs as many probes at once as the setting says: what one run does alone, it does not do beside others. */
async function runProbes(
  { scratch, config }: { scratch: string; config: TrialConfig },
  kind: ProbeKind,
  { parallel, threads }: { parallel: number; threads: number },
): Promise<ProbeResult> {
  const folder = mkdtempSync(join(scratch, 'meeting-'));
  const results = await Promise.all(
    Array.from({ length: parallel }, () => {
      const dir = mkdtempSync(join(scratch, 'probe-'));
      createRun(join(dir, 'trial'), { kind: 'trial', config }).close();
      return runProbe(join(dir, 'trial'), kind, { threads, meeting: { folder, count: parallel } }).finally(
        () => rmSync(dir, { recursive: true, force: true }),
      );
    }),
  );
  return {
    secondsPerStep: results.reduce((sum, one) => sum + one.secondsPerStep, 0) / parallel,
    peakBytes: Math.max(...results.map((one) => one.peakBytes)),
    deviceShare: Math.max(...results.map((one) => one.deviceShare)),
  };
}

function runProbe(
  dir: string,
  kind: ProbeKind,
  { threads, meeting }: { threads: number; meeting: Meeting },
): Promise<ProbeResult> {
  const what = kind === 'classifier' ? [] : ['--gan', kind.gan];
  const where = ['--meet', meeting.folder, '--count', String(meeting.count)];
  const args = [
    programPath,
    'trial',
    'probe',
    dir,
    ...what,
    ...where,
    '--threads',
    String(threads),
    '--quiet',
  ];
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) settle(JSON.parse(stdout) as ProbeResult);
      else reject(new GraftError(stderr.trim().replace(/^graft: /, '') || `a probe ended with code ${code}`));
    });
  });
}
