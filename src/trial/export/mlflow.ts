/**
 * `graft trial export --mlflow`: a trial as runs of an MLflow tracking server, one parent for the trial and a nested run
 * for each of its parts, with settings, every curve, the results, the report and the last sample picture.
 *
 * An export may be repeated, also of a trial that still runs: tags on the server say what it has (`graft.events`: how
 * many events of the log), each set by the same request as the figures themselves, so that nothing is logged twice.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  BATCH_ITEMS,
  BATCH_PARAMS,
  type Metric,
  type MlflowClient,
  type MlflowClientOptions,
  type MlflowRun,
  mlflowClient,
} from './mlflow-client.js';
import { type ExportedRun, readExportedRuns, TRIAL_NAME } from './runs.js';

export interface MlflowOptions extends MlflowClientOptions {
  /** Name; made if missing. */
  experiment: string;
  /** Told before each run, and at the end. */
  onProgress?: (done: number, total: number, name: string) => void;
}

export interface MlflowExport {
  /** Page of the parent run. */
  page: string;
  /** Runs that are new there, that got something added, and that had everything. */
  created: number;
  updated: number;
  unchanged: number;
  metrics: number;
  files: number;
  /** NaN and infinities, which MLflow's interface has no number for: left out. */
  notFinite: number;
  /** False where the server does not take files: then only figures are there. */
  takesFiles: boolean;
}

/** A run's name, and which trial it belongs to. */
const TAG = {
  run: 'graft.run',
  trial: 'graft.trial',
  events: 'graft.events',
  settings: 'graft.settings',
  result: 'graft.result',
  files: 'graft.files',
} as const;

/** One more tag than metrics stands in a request. */
const METRICS_A_BATCH = BATCH_ITEMS - 10;
/** What every server takes. */
const KEY_LENGTH = 250;
const VALUE_LENGTH = 500;

/**
 * @throws DataError when `trialDir` holds no trial, ConfigError for a wrong address, GraftError when the server cannot
 * be reached or refuses; what was logged until then stays, and the next export goes on behind it
 */
export async function exportMlflow(trialDir: string, options: MlflowOptions): Promise<MlflowExport> {
  const client = mlflowClient(options);
  const runs = readExportedRuns(trialDir);
  const experiment = await client.experiment(options.experiment);
  const trial = identityOf(trialDir, runs);
  const known = new Map(
    (await client.findRuns(experiment, { key: TAG.trial, value: trial })).map((run) => [
      run.tags[TAG.run],
      run,
    ]),
  );
  const result: MlflowExport = {
    page: '',
    created: 0,
    updated: 0,
    unchanged: 0,
    metrics: 0,
    files: 0,
    notFinite: 0,
    takesFiles: true,
  };
  let parent: MlflowRun | null = null;
  for (const [done, run] of runs.entries()) {
    options.signal?.throwIfAborted();
    options.onProgress?.(done, runs.length, run.name);
    const old = known.get(run.name);
    const target: MlflowRun =
      old ??
      (await client.createRun(experiment, {
        name: run.name === TRIAL_NAME ? basename(resolve(trialDir)) : run.name,
        startedAtMs: run.startedAtMs ?? Date.now(),
        tags: {
          [TAG.trial]: trial,
          [TAG.run]: run.name,
          'graft.kind': run.record.kind,
          'graft.version': run.record.graft,
          'mlflow.source.name': 'graft',
          ...(parent ? { 'mlflow.parentRunId': parent.id } : {}),
        },
      }));
    parent ??= target;
    const changed = await bringUpToDate({ client, target, run, result });
    result[old ? (changed ? 'updated' : 'unchanged') : 'created'] += 1;
  }
  result.page = `${client.uri}/#/experiments/${experiment}/runs/${parent!.id}`;
  options.onProgress?.(runs.length, runs.length, '');
  return result;
}

/**
 * What tells this trial from another: its folder's name and when its first part began. Both stay the same while it runs,
 * and when it is moved. No quote is in it, which would end the search's filter.
 */
function identityOf(trialDir: string, runs: readonly ExportedRun[]): string {
  const began = runs.flatMap(({ startedAtMs }) => (startedAtMs === null ? [] : [startedAtMs]));
  const when = began.length > 0 ? new Date(Math.min(...began)).toISOString() : 'not begun';
  return `${basename(resolve(trialDir)).replace(/['"`\\]/g, '_')} ${when}`;
}

/** A run, and the one on the server that it becomes. */
interface Update {
  client: MlflowClient;
  target: MlflowRun;
  run: ExportedRun;
  /** Counted up. */
  result: MlflowExport;
}

/** Adds what the server lacks of a run. @returns whether there was anything */
async function bringUpToDate(update: Update): Promise<boolean> {
  const { client, target, run, result } = update;
  let changed = false;
  if (target.tags[TAG.settings] === undefined) {
    await logSettings(client, target.id, run);
    changed = true;
  }
  for (const { metrics, tags } of batchesOf(run, target.tags, result)) {
    await client.log(target.id, { metrics, tags });
    result.metrics += metrics.length;
    changed = true;
  }
  if (await uploadFiles(update)) changed = true;
  const status = STATUS[run.record.status];
  if (target.status !== status) {
    await client.finish(target.id, status, status === 'RUNNING' ? null : run.endedAtMs);
    changed = true;
  }
  return changed;
}

/** A stopped run can go on: 'KILLED' there, not 'FAILED'. */
const STATUS = { finished: 'FINISHED', running: 'RUNNING', resumable: 'KILLED', empty: 'KILLED' } as const;

async function logSettings(client: MlflowClient, runId: string, { settings }: ExportedRun): Promise<void> {
  const params = Object.entries(settings).map(([name, setting]): [string, string] => [
    keyOf(name),
    shortened(String(setting), VALUE_LENGTH),
  ]);
  for (let start = 0; start < Math.max(1, params.length); start += BATCH_PARAMS) {
    const isLast = start + BATCH_PARAMS >= params.length;
    await client.log(runId, {
      params: Object.fromEntries(params.slice(start, start + BATCH_PARAMS)),
      tags: isLast ? { [TAG.settings]: String(params.length) } : {},
    });
  }
}

/** Metrics behind those that the server has, cut between events, each batch with the tag that says how far it goes. */
function* batchesOf(
  { measurements, result: final, record, endedAtMs }: ExportedRun,
  tags: Readonly<Record<string, string>>,
  count: { notFinite: number },
): Generator<{ metrics: Metric[]; tags: Record<string, string> }> {
  const metricsOf = (values: Record<string, number>, step: number, timestamp: number): Metric[] => {
    const all = Object.entries(values);
    const finite = all.filter(([, value]) => Number.isFinite(value));
    count.notFinite += all.length - finite.length;
    return finite.map(([key, value]) => ({ key: keyOf(key), value, timestamp, step }));
  };
  const begin = Number(tags[TAG.events] ?? 0);
  let metrics: Metric[] = [];
  for (let i = begin; i < measurements.length; i++) {
    const { values, step, timeMs } = measurements[i]!;
    const own = metricsOf(values, step, timeMs);
    if (metrics.length + own.length > METRICS_A_BATCH) {
      yield { metrics, tags: { [TAG.events]: String(i) } };
      metrics = [];
    }
    metrics.push(...own);
  }
  if (measurements.length > begin) yield { metrics, tags: { [TAG.events]: String(measurements.length) } };
  if (final === null || tags[TAG.result] !== undefined) return;
  const results = metricsOf(final, record.step, endedAtMs ?? Date.now());
  for (let start = 0; start < Math.max(1, results.length); start += METRICS_A_BATCH) {
    const part = results.slice(start, start + METRICS_A_BATCH);
    const isLast = start + METRICS_A_BATCH >= results.length;
    yield { metrics: part, tags: isLast ? { [TAG.result]: String(results.length) } : {} };
  }
}

/** Letters, digits, - _ . / and blanks are what every server takes. */
const keyOf = (name: string): string => name.replace(/[^\w\-. /]/g, '_').slice(0, KEY_LENGTH);

const shortened = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;

/** @returns whether any was sent: files that are there already are not sent again */
async function uploadFiles({ client, target, run, result }: Update): Promise<boolean> {
  const files = filesOf(run).map(({ name, path }) => ({ name, content: readFileSync(path) }));
  const hash = createHash('sha256');
  for (const { name, content } of files) hash.update(`${name}\0${content.length}\0`).update(content);
  const digest = hash.digest('hex');
  if (target.tags[TAG.files] === digest) return false;
  for (const { name, content } of files) {
    if (!(await client.upload(target, name, content))) {
      result.takesFiles = false;
      return false;
    }
    result.files += 1;
  }
  await client.log(target.id, { tags: { [TAG.files]: digest } });
  return true;
}

const REPORT_FILES = ['report.html', 'report.pdf', 'report.md'];

/** Small files that say what the run was and came to; of samples the last. */
function filesOf({ name, record }: ExportedRun): { name: string; path: string }[] {
  const { dir, samples } = record;
  const own = ['config.yaml', 'summary.json'].map((file) => ({ name: file, path: join(dir, file) }));
  const last = samples.at(-1);
  if (last) own.push({ name: `samples/${basename(last.path)}`, path: last.path });
  if (name === TRIAL_NAME) {
    const report = join(dir, 'report');
    own.push(...REPORT_FILES.map((file) => ({ name: `report/${file}`, path: join(report, file) })));
    const figures = join(report, 'figures');
    const drawn = existsSync(figures) ? readdirSync(figures).sort() : [];
    own.push(...drawn.map((file) => ({ name: `report/figures/${file}`, path: join(figures, file) })));
  }
  return own.filter(({ path }) => existsSync(path));
}
