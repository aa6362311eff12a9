/**
 * `graft data fetch isic`: images and metadata from the ISIC archive become a dataset, or a plain folder.
 *
 * list → download → table, attributions, licences → import → final name. Each step can be killed: the same command
 * goes on from there. Nothing bears the target's name before everything is whole.
 */
import { dirname, join } from 'node:path';
import { DataError, readJson, writeFileAtomic, writeJson } from 'graft-torch/base';
import { inWorkplace, publishFolder, requireFree, type Workplace } from '../../base/index.js';
import type { Dataset } from '../dataset/dataset.js';
import { nameSome } from '../dataset/problems.js';
import type { ImportReport } from '../dataset/report.js';
import type { ArchiveClient } from './client.js';
import { type DownloadProgress, type DownloadResult, downloadAll } from './download-all.js';
import { type Exclusion, exclusions, type Journal, openJournal } from './journal.js';
import { listImages } from './listing.js';
import { type FetchImportOptions, publishDataset } from './publish.js';
import type { ArchiveRequest } from './query.js';
import type { ImageRecord } from './schema.js';
import { attributionText, countCredits, licenceLine, writeLicences, writeMetadata } from './sidecars.js';
import { expected, freeBytes, surveyArchive } from './survey.js';
import {
  fetchReportFile,
  isFinished,
  prepareWork,
  readState,
  type Survey,
  type WorkState,
  workEnding,
  workPaths,
} from './work-folder.js';

export interface FetchOptions {
  request: ArchiveRequest;
  /** Files fetched at once; default 10. */
  workers?: number;
  /** Files that cannot be fetched are left out and named, instead of failing. */
  skipFailed?: boolean;
  /** How to import the images; without it a plain folder is made. */
  import?: FetchImportOptions;
  signal?: AbortSignal;
  /** What the archive announced, before the first image is fetched. */
  onSurvey?: (survey: Survey, continued: boolean) => void;
  onProgress?: (progress: DownloadProgress) => void;
}

/** `isic-fetch.json`. */
export interface FetchReport {
  format: 'graft-isic-fetch-1';
  archive: string;
  request: Omit<ArchiveRequest, 'baseUrl'>;
  startedAt: string;
  finishedAt: string;
  /** What the archive announced when the fetch began. */
  announced: Survey;
  /** Images that its pages then held. */
  listed: number;
  images: number;
  bytes: number;
  /** Images by licence. */
  licences: Record<string, number>;
  /** Licences that the archive gives no text of. */
  licencesWithoutText: string[];
  excluded: { why: Exclusion; text: string; images: number; ids: string[] }[];
}

export interface FetchResult {
  report: FetchReport;
  /** Files that were there from an earlier run. */
  keptFiles: number;
  /** The dataset, where one was asked for. */
  made?: { dataset: Dataset; report: ImportReport };
  /** Everything was done by an earlier run that was killed just before its end. */
  wasFinished: boolean;
}

/**
 * Fetches what `options.request` asks for.
 * @param target folder to make; must not exist, or be empty
 * @throws ConfigError for a request that the archive does not understand, or that differs from the unfinished fetch to
 * the same target; DataError when images could not be fetched (the same command goes on), or not be imported (they are
 * kept); the signal's reason; else as `makeFolder`
 */
export async function fetchIsic(
  client: ArchiveClient,
  target: string,
  options: FetchOptions,
): Promise<FetchResult> {
  // Whatever the end: the same command goes on from what was fetched.
  return inWorkplace(target, (place) => fetchInto({ place, client, target }, options), {
    ending: workEnding,
    keepAfter: () => true,
    marks: Object.values(workPaths('')),
  });
}

async function fetchInto(
  { place, client, target }: { place: Workplace; client: ArchiveClient; target: string },
  options: FetchOptions,
): Promise<FetchResult> {
  const { dir } = place;
  const { request, signal } = options;
  const begun = readState(dir, request);
  if (begun && isFinished(target, begun)) return finishedBefore(target);
  requireFree(target);
  const survey = begun?.survey ?? (await surveyArchive(client, request));
  if (!begun) await checkRoom(survey, request, dir);
  options.onSurvey?.(survey, begun !== undefined);
  const state: WorkState = begun ?? {
    format: 'graft-isic-fetch-1',
    request,
    survey,
    startedAt: new Date().toISOString(),
  };
  await prepareWork(dir, state);
  const { report, keptFiles } = await download(client, { dir, state }, options);
  signal?.throwIfAborted();
  let made: FetchResult['made'];
  if (options.import)
    made = await publishDataset(place, target, {
      ...options.import,
      licence: licenceLine(Object.keys(report.licences)),
      provenance: {
        ...provenanceOf(report),
        ...(options.import.importer ? { importer: options.import.importer } : {}),
      },
      signal,
    });
  else publishFolder(workPaths(dir).download, target);
  return { report, keptFiles, made, wasFinished: false };
}

/** What the dataset's description says of where it comes from; all of it stands in `isic-fetch.json`. */
function provenanceOf(report: FetchReport): Record<string, unknown> {
  const { archive, request, startedAt, finishedAt, announced, images } = report;
  return {
    importer: 'graft data fetch isic',
    archive,
    request,
    startedAt,
    finishedAt,
    announcedImages: announced.images,
    fetchedImages: images,
    // Where the download lay for a while.
    images: 'images',
    metadata: 'metadata.csv',
  };
}

function finishedBefore(target: string): FetchResult {
  const report = readJson<FetchReport>(join(target, fetchReportFile));
  return { report, keptFiles: report.images, wasFinished: true };
}

/** @throws DataError when the disk is too small; with a limit the size is a guess, and nothing is refused for it */
async function checkRoom(survey: Survey, request: ArchiveRequest, dir: string): Promise<void> {
  const { bytes, isEstimate } = expected(survey, request.limit);
  if (bytes === null || isEstimate) return;
  const parent = dirname(dir);
  const free = await freeBytes(parent);
  if (bytes > free)
    throw new DataError(
      `${parent} has room for ${gigabytes(free)}, but the images take ${gigabytes(bytes)}; give another --out, or a --limit`,
    );
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Lists and fetches everything and writes what goes beside it. */
async function download(
  client: ArchiveClient,
  { dir, state }: { dir: string; state: WorkState },
  options: FetchOptions,
): Promise<{ report: FetchReport; keptFiles: number }> {
  const paths = workPaths(dir);
  const journal = await openJournal(paths.journal);
  try {
    const got = await downloadAll(client, listImages(client, journal, state.request), {
      journal,
      dir: paths.images,
      workers: options.workers ?? 10,
      signal: options.signal,
      onProgress: options.onProgress,
    });
    if (got.failed > 0 && !options.skipFailed) throw failed(got);
    const missing = [...got.missing, ...got.failures.map(({ id }): [string, Exclusion] => [id, 'failed'])];
    const report = await writeBeside(client, journal, { paths, state, got, missing, signal: options.signal });
    return { report, keptFiles: got.keptFiles };
  } finally {
    await journal.close();
  }
}

function failed({ failures, files }: DownloadResult): DataError {
  const shown = failures.slice(0, 5).map(({ id, reason }) => `${id} (${reason})`);
  return new DataError(
    `${failures.length} of ${files + failures.length} files could not be fetched: ${nameSome(
      [...shown, ...failures.slice(5).map(({ id }) => id)],
      5,
    )}; run the same command again to fetch just these, or finish without them with --skip-failed`,
  );
}

async function writeBeside(
  client: ArchiveClient,
  journal: Journal,
  options: {
    paths: ReturnType<typeof workPaths>;
    state: WorkState;
    got: DownloadResult;
    missing: [string, Exclusion][];
    signal?: AbortSignal;
  },
): Promise<FetchReport> {
  const { paths, state, got, missing, signal } = options;
  if (got.files === 0) throw new DataError(`${client.host} lists images, but gave the file of none`);
  const without = new Set(missing.map(([id]) => id));
  async function* records(): AsyncGenerator<ImageRecord> {
    for await (const record of journal.records()) {
      signal?.throwIfAborted();
      if (!without.has(record.id)) yield record;
    }
  }
  await writeMetadata(join(paths.download, 'metadata.csv'), records);
  const { attributions, licences } = await countCredits(records());
  writeFileAtomic(join(paths.download, 'attribution.txt'), attributionText(attributions));
  const licencesWithoutText = await writeLicences(paths.download, licences.keys(), client);
  const { baseUrl, ...request } = state.request;
  const excluded = [...journal.excluded, ...missing];
  const report: FetchReport = {
    format: 'graft-isic-fetch-1',
    archive: baseUrl,
    request,
    startedAt: state.startedAt,
    finishedAt: new Date().toISOString(),
    announced: state.survey,
    listed:
      journal.ids.size + journal.excluded.filter(([, why]) => why === 'synthetic' || why === 'no-id').length,
    images: got.files,
    bytes: got.bytes,
    licences: Object.fromEntries(licences),
    licencesWithoutText,
    excluded: (Object.keys(exclusions) as Exclusion[]).flatMap((why) => {
      const ids = excluded.filter(([, reason]) => reason === why).map(([id]) => id);
      return ids.length === 0 ? [] : [{ why, text: exclusions[why], images: ids.length, ids }];
    }),
  };
  writeJson(join(paths.download, fetchReportFile), report);
  return report;
}
