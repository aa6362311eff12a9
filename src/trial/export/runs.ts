/**
 * A trial as other tools are told of it: its own run folder, and every run inside it (classifiers and GANs), each with
 * its settings flat and its log as numbers under names. Works from the run folders alone, so that a trial can be followed
 * while it runs, and on a machine without the engine.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { DataError } from 'graft-torch/base';
import type { RunEvent } from '../../run/index.js';
import { type RunRecord, readRun, readRunConfig, runFiles } from '../../run/index.js';
import { readTrialSummary } from '../result.js';
import type { TrialSummary } from '../summary.js';

export type Setting = string | number | boolean;

/** Values of one moment. */
export interface Measurement {
  /** Optimiser steps; of the trial itself: runs. */
  step: number;
  /** Milliseconds since 1970. */
  timeMs: number;
  /** By tag, `losses/generatorLoss`. NaN and infinities are among them: a run that diverged must show it. */
  values: Record<string, number>;
  /** A sample picture of that moment, a path; null: none. */
  picture: string | null;
}

export interface ExportedRun {
  /** `trial` for the trial itself, else the path inside it: `runs/real/seed-0`, `gan`. */
  name: string;
  record: RunRecord;
  /** The configuration, nested keys joined with dots. */
  settings: Record<string, Setting>;
  /** One an event of the log, in its order; events without numbers have none. */
  measurements: Measurement[];
  /** Of the first event, of the trial the first one of its parts; null before there is one. */
  startedAtMs: number | null;
  /** Of the last event. */
  endedAtMs: number | null;
  /**
   * Numbers of summary.json by tag, `summary/test.auc`; of the trial the mean test AUC of every arm. null until the run
   * has finished.
   */
  result: Record<string, number> | null;
  /** Grids of real and synthetic images that a finished trial keeps; PNG files. */
  grids: { tag: string; path: string }[];
}

export const TRIAL_NAME = 'trial';

/** Folders that hold no runs, and may hold many files. */
const LEAVES: ReadonlySet<string> = new Set([runFiles.samples, runFiles.checkpoints, 'figures', 'report']);

/**
 * The trial first, then its runs by name.
 * @throws DataError when the folder holds no trial, or a run in it is damaged
 */
export function readExportedRuns(trialDir: string): ExportedRun[] {
  const { kind, config } = readRunConfig(trialDir);
  if (kind !== 'trial')
    throw new DataError(
      `${trialDir}: is a ${kind} run, expected a trial; name the folder that \`graft trial run\` wrote`,
    );
  const inside = findRuns(trialDir).map((dir) => ({
    name: relative(trialDir, dir).split(sep).join('/') || TRIAL_NAME,
    dir,
  }));
  const runs = [...inside, ...foreignGans(config, trialDir)].map(({ name, dir }) =>
    exported(name, readRun(dir)),
  );
  if (existsSync(join(trialDir, runFiles.summary))) addPlaces(runs, readTrialSummary(trialDir), trialDir);
  takeTimes(runs);
  const rank = ({ name }: ExportedRun): number => (name === TRIAL_NAME ? 0 : 1);
  return runs.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/** A trial whose own log is empty began with the first of its parts and ended with the last. */
function takeTimes(runs: readonly ExportedRun[]): void {
  const trial = runs.find(({ name }) => name === TRIAL_NAME)!;
  const times = runs.flatMap(({ startedAtMs, endedAtMs }) =>
    startedAtMs === null ? [] : [startedAtMs, endedAtMs!],
  );
  if (times.length === 0) return;
  trial.startedAtMs ??= Math.min(...times);
  trial.endedAtMs ??= Math.max(...times);
}

/** What only the finished trial knows of its parts: which arm, fold and seed a run is, and where the grids are. */
function addPlaces(
  runs: readonly ExportedRun[],
  { runs: parts, gans }: TrialSummary,
  trialDir: string,
): void {
  for (const run of runs) {
    const part = parts.find(({ folder }) => folder === run.name);
    if (part) {
      const { arm, fold, seed } = part;
      Object.assign(run.settings, { 'trial.arm': arm, 'trial.fold': fold, 'trial.seed': seed });
    }
    if (run.name !== TRIAL_NAME) continue;
    run.result = meanAucs(parts);
    run.grids = gans.flatMap(({ name, realGrid, syntheticGrid }) =>
      Object.entries({ real: realGrid, synthetic: syntheticGrid }).flatMap(([which, path]) =>
        path === null ? [] : [{ tag: `grids/${name}/${which}`, path: resolve(trialDir, path) }],
      ),
    );
  }
}

/** Mean test AUC of every arm over its runs: what a trial comes down to before its statistics. */
function meanAucs(parts: TrialSummary['runs']): Record<string, number> {
  const arms = [...new Set(parts.map(({ arm }) => arm))];
  const meanOf = (arm: string): number => {
    const own = parts.filter((part) => part.arm === arm);
    return own.reduce((sum, { test }) => sum + test.auc, 0) / own.length;
  };
  return Object.fromEntries(arms.map((arm) => [`test AUC/${arm}`, meanOf(arm)]));
}

/** The folder itself and all below it that are runs. */
function findRuns(dir: string): string[] {
  const below = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !LEAVES.has(entry.name) && !entry.name.startsWith('.'))
    .flatMap(({ name }) => findRuns(join(dir, name)));
  return existsSync(join(dir, runFiles.config)) ? [dir, ...below] : below;
}

/** GANs that the trial took ready-made from elsewhere. */
function foreignGans(config: Record<string, unknown>, trialDir: string): { name: string; dir: string }[] {
  const gans = (config.gans ?? {}) as Record<string, { run?: unknown }>;
  return Object.entries(gans).flatMap(([name, { run }]) => {
    if (typeof run !== 'string') return [];
    const found = [run, join(trialDir, run)].find((dir) => existsSync(join(dir, runFiles.config)));
    return found ? [{ name: `gans/${name}`, dir: found }] : [];
  });
}

function exported(name: string, record: RunRecord): ExportedRun {
  const { events, config, summary } = record;
  const { kind: _kind, graft: _graft, finished: _finished, ...own } = summary ?? {};
  return {
    name,
    record,
    settings: flatSettings(config),
    measurements: events.map((event) => measurement(event, record)),
    startedAtMs: timeOf(events[0]),
    endedAtMs: timeOf(events.at(-1)),
    result: summary ? prefixed('summary', flatNumbers(own)) : null,
    grids: [],
  };
}

const timeOf = (event: RunEvent | undefined): number | null => (event ? Date.parse(event.wall.time) : null);

/** What names a run, not what it measures. */
const IDENTITY: ReadonlySet<string> = new Set(['seed', 'fold']);

function measurement({ type, step, wall, ...fields }: RunEvent, { samples }: RunRecord): Measurement {
  const own = Object.fromEntries(Object.entries(fields).filter(([key]) => !IDENTITY.has(key)));
  return {
    step,
    timeMs: Date.parse(wall.time),
    values: prefixed(type, { ...flatNumbers(own), ...flatNumbers(wall) }),
    picture: type === 'samples' ? (samples.find((sample) => sample.step === step)?.path ?? null) : null,
  };
}

const prefixed = (prefix: string, values: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}/${key}`, value]));

/** Every number of nested objects, keys joined with dots; lists are data, not figures, and are left out. */
function flatNumbers(content: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(
    leaves(content).filter((leaf): leaf is [string, number] => typeof leaf[1] === 'number'),
  );
}

/** Settings flat; lists and null as JSON. */
function flatSettings(content: Record<string, unknown>): Record<string, Setting> {
  const isSetting = (value: unknown): value is Setting =>
    ['string', 'number', 'boolean'].includes(typeof value);
  return Object.fromEntries(
    leaves(content).map(([key, value]) => [key, isSetting(value) ? value : JSON.stringify(value)]),
  );
}

function leaves(content: Record<string, unknown>): [string, unknown][] {
  return Object.entries(content).flatMap(([key, value]): [string, unknown][] => {
    if (value === undefined) return [];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[key, value]];
    return leaves(value as Record<string, unknown>).map(([inner, leaf]) => [`${key}.${inner}`, leaf]);
  });
}
