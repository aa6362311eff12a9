/** A fetch that is whole takes its final form: a dataset, or a plain folder ready for `graft data import`. */
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError } from 'graft-torch/base';
import { keepAside, publishFolder, type Workplace } from '../../base/index.js';
import { type Dataset, openDataset } from '../dataset/dataset.js';
import type { ImportReport } from '../dataset/report.js';
import { importDataset } from '../import/import.js';
import type { ImportOptions } from '../import/options.js';
import { workPaths } from './work-folder.js';

/** What the caller decides about the import. */
export type FetchImportOptions = Pick<
  ImportOptions,
  | 'positive'
  | 'labelColumn'
  | 'classes'
  | 'fractions'
  | 'seed'
  | 'skipUnreadable'
  | 'name'
  | 'importer'
  | 'onProgress'
>;

/**
 * Imports the download, adds attribution, licences, table and report, and gives the whole the target's name at once.
 * @throws DataError or ConfigError when the images cannot be imported as asked; the download is then a plain folder
 * beside the target, which the message names with the command that imports it
 */
export async function publishDataset(
  place: Workplace,
  target: string,
  options: FetchImportOptions & {
    licence: string;
    provenance: Record<string, unknown>;
    signal?: AbortSignal;
  },
): Promise<{ dataset: Dataset; report: ImportReport }> {
  const paths = workPaths(place.dir);
  rmSync(paths.dataset, { recursive: true, force: true });
  let report: ImportReport;
  try {
    ({ report } = await importDataset(paths.images, paths.dataset, {
      ...options,
      metadata: join(paths.download, 'metadata.csv'),
      idColumn: 'isic_id',
      // The download goes away: hard links where the disk has them, else copies.
      images: 'share',
      // Enough for a GAN.
      oneClass: true,
    }));
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof DataError || error instanceof ConfigError)) throw error;
    const kept = keepAside(paths.download, `${target.replace(/\/+$/, '')}.download`);
    place.clear();
    const Same = error instanceof ConfigError ? ConfigError : DataError;
    throw new Same(
      `${error.message}; the download is whole and kept in ${kept}: import it with ${importCommand(kept, target, options)}`,
      { cause: error },
    );
  }
  for (const name of readdirSync(paths.download))
    if (name !== 'images') cpSync(join(paths.download, name), join(paths.dataset, name), { recursive: true });
  publishFolder(paths.dataset, target);
  return { dataset: openDataset(target), report };
}

/** The command that imports a plain folder as the fetch would have. */
function importCommand(
  dir: string,
  target: string,
  options: Pick<FetchImportOptions, 'labelColumn' | 'positive'>,
): string {
  return [
    'graft data import',
    quoted(join(dir, 'images')),
    '--metadata',
    quoted(join(dir, 'metadata.csv')),
    ...(options.labelColumn === undefined ? [] : ['--label-column', quoted(options.labelColumn)]),
    '--positive',
    quoted(options.positive),
    '--out',
    quoted(target),
  ].join(' ');
}

const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
