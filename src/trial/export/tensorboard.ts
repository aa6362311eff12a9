/**
 * `graft trial export --tensorboard`: every curve, sample picture and setting of a trial as TensorBoard's event files, a
 * folder a run. Written again, a file replaces its predecessor, so that nothing is in it twice.
 */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from 'graft-torch/base';
import { pngPicture, readPngFile } from '../../report/index.js';
import { type ExportedRun, readExportedRuns } from './runs.js';
import {
  type SessionStatus,
  settingsRecord,
  statusRecord,
  type TaggedValue,
  valuesRecord,
  versionRecord,
} from './tensorboard-events.js';

export interface TensorBoardExport {
  /** One a run; the folder is the run's name in TensorBoard. */
  files: string[];
  /** Numbers and pictures written. */
  scalars: number;
  pictures: number;
}

export interface TensorBoardOptions {
  signal?: AbortSignal;
  /** Told before each run, and at the end. */
  onProgress?: (done: number, total: number, name: string) => void;
}

/**
 * @param outDir made if missing; what `tensorboard --logdir` takes
 * @throws DataError when `trialDir` holds no trial or a run in it is damaged, WriteError when the disk is full
 */
export function exportTensorBoard(
  trialDir: string,
  outDir: string,
  options: TensorBoardOptions = {},
): TensorBoardExport {
  const runs = readExportedRuns(trialDir).filter(({ startedAtMs }) => startedAtMs !== null);
  const result: TensorBoardExport = { files: [], scalars: 0, pictures: 0 };
  for (const [done, run] of runs.entries()) {
    options.signal?.throwIfAborted();
    options.onProgress?.(done, runs.length, run.name);
    const startedAt = seconds(run.startedAtMs!);
    // TensorBoard looks for 'tfevents'; the number is when the log began, as in its own names.
    const path = join(outDir, ...run.name.split('/'), `events.out.tfevents.${Math.floor(startedAt)}.graft`);
    replaceFile(path, (temporary) => {
      const file = openSync(temporary, 'w');
      try {
        const { scalars, pictures } = writeRun(file, run, startedAt);
        result.scalars += scalars;
        result.pictures += pictures;
      } finally {
        closeSync(file);
      }
    });
    result.files.push(path);
  }
  options.onProgress?.(runs.length, runs.length, '');
  return result;
}

const seconds = (ms: number): number => ms / 1000;

function writeRun(file: number, run: ExportedRun, startedAt: number): { scalars: number; pictures: number } {
  const count = { scalars: 0, pictures: 0 };
  const write = (record: Uint8Array[]): void => writeFileSync(file, Buffer.concat(record));
  write(versionRecord(startedAt));
  write(settingsRecord(startedAt, run.settings));
  for (const { step, timeMs, values, picture } of run.measurements) {
    const tagged: TaggedValue[] = Object.entries(values).map(([tag, scalar]) => ({ tag, scalar }));
    count.scalars += tagged.length;
    // A moving picture is none that TensorBoard shows.
    const png = picture === null ? null : pngPicture(readFileSync(picture));
    if (png) {
      tagged.push({ tag: 'samples', ...png });
      count.pictures += 1;
    }
    if (tagged.length > 0) write(valuesRecord({ seconds: seconds(timeMs), step }, tagged));
  }
  const endedAt = seconds(run.endedAtMs!);
  const { step, status } = run.record;
  if (run.result) {
    const tagged: TaggedValue[] = Object.entries(run.result).map(([tag, scalar]) => ({ tag, scalar }));
    count.scalars += tagged.length;
    for (const { tag, path } of run.grids) {
      tagged.push({ tag, ...readPngFile(path) });
      count.pictures += 1;
    }
    write(valuesRecord({ seconds: endedAt, step }, tagged));
  }
  write(statusRecord(endedAt, sessionStatus(status)));
  return count;
}

const sessionStatus = (status: ExportedRun['record']['status']): SessionStatus =>
  status === 'finished' || status === 'running' ? status : 'stopped';
