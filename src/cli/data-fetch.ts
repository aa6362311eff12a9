/** `graft data fetch isic`: images of the ISIC archive become a dataset. */

import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import { parseFractions } from '../data/dataset/index.js';
import type { ArchiveClient, ArchiveRequest, DownloadProgress, FetchResult } from '../data/isic/index.js';
import {
  archiveQuery,
  bulkMetadataUrl,
  createClient,
  describeBulkMetadata,
  expected,
  fetchBulkMetadata,
  fetchIsic,
  surveyArchive,
} from '../data/isic/index.js';
import type { Interrupt } from '../run/index.js';
import { InterruptedError, Progress, withInterrupt } from '../run/index.js';
import { examples, globalOptions, integer, notice, number, output } from './common.js';
import { type BarOf, bulkText, downloadBar, printFetched, surveyText } from './data-fetch-show.js';
import { plainTable, trimmed } from './table.js';

interface FetchFlags {
  query?: string;
  collections?: number[];
  imageTypes?: string[];
  includeSynthetic?: boolean;
  limit?: number;
  out?: string;
  dryRun?: boolean;
  downloadOnly?: boolean;
  skipFailed?: boolean;
  workers: number;
  rate: number;
  labelColumn: string;
  positive: string;
  classes?: string[];
  split: string;
  skipUnreadable?: boolean;
  name?: string;
  listCollections?: boolean;
  pinned?: boolean;
  bulkMetadata?: string;
  baseUrl?: string;
}

export function registerFetch(data: Command): void {
  const fetch = data.command('fetch').description('download images from a public archive');
  const command = fetch
    .command('isic')
    .description('make a dataset of images from the ISIC archive (docs/isic-archive.md)')
    .option(
      '--out <dataset>',
      'dataset folder to make; a run that was stopped is continued by the same command',
    )
    .option('--query <query>', 'which images, in the archive’s language (default: all)')
    .option('--collections <ids>', 'images of these collections only, such as 2,17', idList)
    .option('--image-types <types>', 'images of these types only, such as dermoscopic', commaList)
    .option('--include-synthetic', 'also images that the archive marks as made by a computer')
    .option(
      '--limit <n>',
      'at most so many images, those that came into the archive first',
      integer({ min: 1 }),
    )
    .option('--dry-run', 'say how many images and bytes it would be, and stop')
    .option('--download-only', 'make a plain folder with images/ and metadata.csv instead of a dataset')
    .option('--skip-failed', 'finish without the files that cannot be fetched, instead of failing')
    .option('--workers <n>', 'files fetched at once', integer({ min: 1, max: 64 }), 10)
    .option('--rate <requests>', 'requests a second, at most', number({ min: 0.1, max: 1000 }), 20)
    .option('--label-column <name>', 'metadata column with the labels', 'diagnosis_1')
    .option('--positive <label>', 'label of the class whose detection is at stake', 'Malignant')
    .option('--classes <a,b>', 'leave out every other label', commaList)
    .option('--split <train/val/test>', 'per cent of the images, class by class', '70/15/15')
    .option('--skip-unreadable', 'leave out images that cannot be decoded, instead of failing')
    .option('--name <name>', 'name of the dataset (default: the folder’s)')
    .option('--list-collections', 'print the archive’s public collections, and stop')
    .option('--pinned', 'with --list-collections: only those that the archive recommends')
    .option('--bulk-metadata <file>', 'store the metadata of all public images as a Parquet file, and stop')
    .option('--base-url <url>', 'address of the archive’s API (also: GRAFT_ISIC_URL)')
    .action(async (flags: FetchFlags, self: Command) => {
      if (flags.listCollections) return listCollections(flags, self);
      if (flags.bulkMetadata !== undefined) return storeBulkMetadata(flags.bulkMetadata, flags, self);
      return fetchCommand(flags, self);
    });
  examples(command, [
    [
      '1,000 dermoscopic images, melanomas and other malignant lesions against benign ones',
      'graft data fetch isic --image-types dermoscopic --query "diagnosis_1:Malignant OR diagnosis_1:Benign" \\\n' +
        '    --limit 1000 --out datasets/isic',
    ],
    ['how much would it be', 'graft data fetch isic --query "diagnosis_3:Melanoma*" --dry-run'],
    [
      'what the archive says of all its images, as a table',
      'graft data fetch isic --bulk-metadata isic.parquet',
    ],
    ['the collections that there are', 'graft data fetch isic --list-collections --pinned'],
    [
      'whole collections as plain files, to import them in several ways',
      'graft data fetch isic --collections 2,17 --download-only --out downloads/challenge',
    ],
  ]);
}

function commaList(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => part === '' || part.includes('"')))
    throw new InvalidArgumentError('Expected names with commas between.');
  return parts;
}

function idList(text: string): number[] {
  const ids = text.split(',').map((part) => part.trim());
  if (ids.some((id) => !/^\d{1,9}$/.test(id)))
    throw new InvalidArgumentError('Expected numbers with commas between.');
  return [...new Set(ids.map(Number))].sort((a, b) => a - b);
}

/** Gives `work` a client whose requests end at once on Ctrl-C. */
async function withClient<Result>(
  command: Command,
  { flags, stopped = 'stopped' }: { flags: FetchFlags; stopped?: string },
  work: (client: ArchiveClient, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const watch = (interrupt: Interrupt): NodeJS.Timeout =>
    setInterval(() => {
      if (interrupt.requested && !controller.signal.aborted) controller.abort(new InterruptedError(stopped));
    }, 50);
  return withInterrupt(async (interrupt) => {
    const timer = watch(interrupt);
    const client = createClient({
      baseUrl: flags.baseUrl ?? (process.env.GRAFT_ISIC_URL || undefined),
      userAgent: `graft/${graftVersion()}`,
      ratePerS: flags.rate,
      seed: globalOptions(command).seed,
      signal: controller.signal,
      onRetry: tellOfTrouble(command),
    });
    try {
      return await work(client, controller.signal);
    } finally {
      clearInterval(timer);
      client.close();
    }
  }, 'stopping; what is whole is kept');
}

/** Says why nothing moves, when that takes a while; but not once for each of many workers. */
function tellOfTrouble(command: Command): (error: Error, waitMs: number) => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return (error, waitMs) => {
    const nowMs = Date.now();
    if (waitMs < 3000 || nowMs - toldMs < 15_000) return;
    toldMs = nowMs;
    const overBar = process.stderr.isTTY ? '\r\u001b[K' : '';
    notice(command, `${overBar}${error.message}; trying again in ${Math.ceil(waitMs / 1000)} s`);
  };
}

async function listCollections(flags: FetchFlags, command: Command): Promise<void> {
  const collections = await withClient(command, { flags }, (client) =>
    client.collections(flags.pinned ? { pinned: true } : {}),
  );
  output(command, {
    json: collections,
    text: () => {
      const table = plainTable(['id', 'collection', 'pinned', 'DOI'], 4);
      for (const { id, name, pinned, doi } of collections)
        table.push([String(id), name, pinned ? 'yes' : '', doi]);
      return trimmed(table);
    },
  });
}

async function storeBulkMetadata(path: string, flags: FetchFlags, command: Command): Promise<void> {
  const url = process.env.GRAFT_ISIC_PARQUET_URL || bulkMetadataUrl;
  const summary = await withClient(
    command,
    { flags, stopped: 'stopped; nothing was stored' },
    async (client) => {
      let bar: InstanceType<typeof Progress> | undefined;
      try {
        await fetchBulkMetadata(client, path, {
          url,
          onBytes: (done, total) => {
            bar ??= new Progress({
              label: 'metadata',
              total: Math.ceil((total ?? 0) / 1000),
              unit: 'kB',
              quiet: globalOptions(command).quiet,
            });
            bar.update(Math.ceil(done / 1000));
          },
        });
      } finally {
        bar?.stop();
      }
      return describeBulkMetadata(path);
    },
  );
  output(command, { json: { path, ...summary }, text: () => bulkText(path, summary) });
}

function requestOf(flags: FetchFlags, client: ArchiveClient): ArchiveRequest {
  return {
    baseUrl: client.baseUrl,
    query: (flags.query ?? '').trim(),
    collections: flags.collections ?? [],
    imageTypes: flags.imageTypes ?? [],
    includeSynthetic: flags.includeSynthetic ?? false,
    limit: flags.limit ?? null,
  };
}

async function fetchCommand(flags: FetchFlags, command: Command): Promise<void> {
  const fractions = parseFractions(flags.split);
  const { out } = flags;
  if (flags.dryRun) return dryRun(flags, command);
  if (out === undefined)
    throw new ConfigError(
      '--out is missing: the dataset folder to make (or --dry-run, --list-collections, --bulk-metadata)',
    );
  const result = await withClient(
    command,
    { flags, stopped: 'stopped; what is whole is kept, and the same command continues' },
    (client, signal) => fetchTo(out, client, { signal, flags, fractions, command }),
  );
  await printFetched(result, out, command);
}

async function dryRun(flags: FetchFlags, command: Command): Promise<void> {
  await withClient(command, { flags }, async (client) => {
    const request = requestOf(flags, client);
    const survey = await surveyArchive(client, request);
    const { images, bytes } = expected(survey, request.limit);
    output(command, {
      json: { archive: client.host, query: archiveQuery(request), ...survey, fetched: { images, bytes } },
      text: surveyText(survey, request, client.host),
    });
  });
}

async function fetchTo(
  out: string,
  client: ArchiveClient,
  {
    signal,
    flags,
    fractions,
    command,
  }: {
    signal: AbortSignal;
    flags: FetchFlags;
    fractions: ReturnType<typeof parseFractions>;
    command: Command;
  },
): Promise<FetchResult> {
  const { quiet, seed } = globalOptions(command);
  const request = requestOf(flags, client);
  const bars = new Map<string, InstanceType<typeof Progress>>();
  const bar: BarOf = (label, { total, unit, start = 0 }) => {
    const found = bars.get(label) ?? new Progress({ label, total, unit, start, quiet });
    bars.set(label, found);
    return found;
  };
  let showDownload: (progress: DownloadProgress) => void = () => {};
  const phases = {
    survey: 'looking at values',
    read: 'decoding',
    compare: 'looking for duplicates',
  } as const;
  try {
    return await fetchIsic(client, out, {
      request,
      workers: flags.workers,
      skipFailed: flags.skipFailed,
      signal,
      onSurvey: (survey, continued) => {
        notice(command, `${surveyText(survey, request, client.host)}${continued ? '; continuing' : ''}`);
        showDownload = downloadBar(survey, request, bar);
      },
      onProgress: (progress) => showDownload(progress),
      ...(flags.downloadOnly
        ? {}
        : {
            import: {
              positive: flags.positive,
              labelColumn: flags.labelColumn,
              classes: flags.classes,
              fractions,
              seed,
              skipUnreadable: flags.skipUnreadable,
              name: flags.name ?? basename(resolve(out)),
              importer: `graft ${graftVersion()} data fetch isic`,
              onProgress: (phase, done, total) => {
                for (const [label, other] of bars) if (label !== phases[phase]) other.stop();
                bar(phases[phase], { total, unit: 'images' }).update(done);
              },
            },
          }),
    });
  } finally {
    for (const one of bars.values()) one.stop();
  }
}
