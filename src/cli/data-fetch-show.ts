/** What `graft data fetch isic` shows: what it would be, how far it is, what came of it. */
import type { Command } from 'commander';
import { byteText } from 'graft-torch/base';
import { nameSome } from '../data/dataset/index.js';
import type {
  ArchiveRequest,
  BulkSummary,
  DownloadProgress,
  FetchResult,
  Survey,
} from '../data/isic/index.js';
import { expected } from '../data/isic/index.js';
import type { Figures } from '../run/index.js';
import { globalOptions, notice, output } from './common.js';
import { printMade } from './data-making.js';
import { plainTable, trimmed, whole } from './table.js';

export function surveyText(survey: Survey, request: Pick<ArchiveRequest, 'limit'>, host: string): string {
  const { images, bytes, isEstimate } = expected(survey, request.limit);
  const size = bytes === null ? 'of unknown size' : `${isEstimate ? 'about ' : ''}${byteText(bytes)}`;
  const names = Object.entries(survey.collections).map(([id, name]) => `${name} (${id})`);
  return [
    `${host}: ${whole(images)} images, ${size}${isEstimate ? `; the first of ${whole(survey.images)}` : ''}`,
    ...(names.length === 0 ? [] : [`collections: ${names.join(', ')}`]),
    ...(survey.synthetic === 0
      ? []
      : [`left out as synthetic: ${whole(survey.synthetic)} (--include-synthetic)`]),
  ].join('\n');
}

export function bulkText(path: string, { rows, columns, snapshotAt, diagnoses }: BulkSummary): string {
  const table = plainTable(['diagnosis_1', 'images']);
  for (const { diagnosis, images } of diagnoses) table.push([diagnosis || '(none)', whole(images)]);
  return [
    `${path}: ${whole(rows)} public images${snapshotAt === null ? '' : `, as of ${snapshotAt}`}`,
    `columns: ${columns.join(', ')}`,
    '',
    trimmed(table),
  ].join('\n');
}

/** The bar of a name, made where there is none yet. */
export type BarOf = (
  label: string,
  options: { total: number; unit: string; start?: number },
) => { update(done: number, figures?: Figures): void };

/** By bytes where they are known, which makes for a steadier time left, else by files. */
export function downloadBar(
  survey: Survey,
  request: ArchiveRequest,
  bar: BarOf,
): (progress: DownloadProgress) => void {
  const { images, bytes: total, isEstimate } = expected(survey, request.limit);
  const unit = unitOf(total ?? 0);
  return ({ files, bytes, keptFiles, keptBytes, failed }) => {
    // What earlier runs left is found at once: it must not count into the rate.
    if (bytes === keptBytes && failed === 0) return;
    const figures = { failed: failed > 0 ? failed : undefined };
    if (total !== null && !isEstimate)
      bar('isic', {
        total: Math.ceil(total / unit.bytes),
        unit: unit.name,
        start: Math.round(keptBytes / unit.bytes),
      }).update(Math.round(bytes / unit.bytes), { files: `${files}/${images}`, ...figures });
    else
      bar('isic', { total: images, unit: 'files', start: keptFiles }).update(files, {
        got: byteText(bytes),
        ...figures,
      });
  };
}

const units = [
  { name: 'GB', bytes: 1e9 },
  { name: 'MB', bytes: 1e6 },
  { name: 'kB', bytes: 1e3 },
] as const;

/** A unit in which a number of bytes has at least three digits, where there is one. */
const unitOf = (bytes: number): (typeof units)[number] =>
  units.find((unit) => bytes >= 100 * unit.bytes) ?? units[2];

export async function printFetched(result: FetchResult, out: string, command: Command): Promise<void> {
  const { report, keptFiles, made, wasFinished } = result;
  const lines = (): string[] => {
    const licences = Object.entries(report.licences).map(([licence, n]) => `${licence} (${whole(n)})`);
    const table = plainTable(['left out', 'n', 'which']);
    for (const { text, images, ids } of report.excluded)
      table.push([text, whole(images), nameSome(ids.filter(Boolean), 3)]);
    return [
      `${out}: ${whole(report.images)} images, ${byteText(report.bytes)}${keptFiles > 0 && !wasFinished ? `, ${whole(keptFiles)} of them from an earlier run` : ''}`,
      `licences: ${licences.join(', ') || 'none stated'}; whom to name: ${out}/attribution.txt`,
      ...(report.request.limit !== null || report.listed === report.announced.images
        ? []
        : [
            `the archive announced ${whole(report.announced.images)} images and listed ${whole(report.listed)}`,
          ]),
      ...(report.licencesWithoutText.length === 0
        ? []
        : [`the archive has no text of ${report.licencesWithoutText.join(', ')}`]),
      ...(report.excluded.length === 0 ? ['Nothing was left out of the download.'] : [trimmed(table)]),
      '',
    ];
  };
  const { json } = globalOptions(command);
  if (made) {
    const withFetch = { ...made.report, fetch: { ...report, keptFiles } };
    if (!json) process.stdout.write(`${lines().join('\n')}\n`);
    await printMade(made.dataset, withFetch, command);
    if (made.dataset.classes.length === 1)
      notice(command, 'all images are of one class: enough for a GAN, not for a classifier');
    return;
  }
  output(command, {
    json: { dir: out, images: report.images, fetch: { ...report, keptFiles } },
    text: () => lines().join('\n'),
  });
  notice(command, wasFinished ? `${out} had been finished by an earlier run` : `made ${out}`);
}
