/**
 * DICOM files among the images of an import: their pictures become image files, their headers metadata, de-identified.
 * What a metadata table says goes before what a header says.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DataError, readBytes, readBytesAsync } from 'graft-torch/base';
import { forEachParallel } from '../../base/index.js';
import type { DatasetItem } from '../build/item.js';
import { type Problem, problem } from '../dataset/problems.js';
import { type DeidentifyOptions, isDicom, readDicom, readDicomHeader } from '../dicom/index.js';
import { pseudonym } from '../dicom/pseudonym.js';
import { isDicomFile } from './files.js';

export interface DicomImportOptions {
  /** Patient ids, UIDs, study dates and file names are kept as they are; default: pseudonyms. */
  keepIdentifiers?: boolean;
  /** Key of the pseudonyms; default a random one that is not kept, so that nobody can make them again. */
  pseudonymKey?: string;
  /** The patient is not read from the header. */
  patientColumn?: string;
  signal?: AbortSignal;
}

/**
 * Gives the items that are DICOM files their fields, and the way to their picture.
 * @param named the items bear names that a table gives; else their names come from the files, which may hold a
 * patient's, and become pseudonyms
 * @returns the items in their order, and the warnings of the headers, to which making the pictures adds its own
 */
export async function withDicom(
  items: readonly DatasetItem[],
  named: boolean,
  options: DicomImportOptions,
): Promise<{ items: DatasetItem[]; problems: Problem[] }> {
  const { keepIdentifiers = false } = options;
  const deidentify: DeidentifyOptions = {
    keepIdentifiers,
    salt: options.pseudonymKey ?? randomBytes(16).toString('hex'),
  };
  const result = [...items];
  const problems: Problem[] = [];
  await forEachParallel(
    items.length,
    async (i) => {
      const item = items[i]!;
      const { source, name } = item;
      if (!('path' in source) || !isDicomFile(source.path)) return;
      const { path } = source;
      const id = named || keepIdentifiers ? item.id : `dicom-${pseudonym(deidentify.salt!, 'file', item.id)}`;
      // A line with pseudonym and file name would undo the pseudonym.
      const publicName = id === item.id ? name : '';
      const warn = (warnings: readonly string[]): void => {
        for (const detail of warnings)
          problems.push(
            problem('warning', {
              id,
              file: publicName,
              label: item.label,
              detail: detail.replaceAll(name, id),
            }),
          );
      };
      const read = async (): Promise<Uint8Array> => {
        try {
          return await readBytesAsync(path);
        } catch (cause) {
          throw new DataError((cause as Error).message.replace(path, name), { cause });
        }
      };
      let said: readonly string[] = [];
      const make = async (): Promise<Uint8Array> => {
        const { bytes, warnings } = await readDicom(await read(), name, deidentify);
        warn(warnings.filter((warning) => !said.includes(warning)));
        return bytes;
      };
      const values = async (): Promise<Uint8Array> => {
        const { bytes, values: open, warnings } = await readDicom(await read(), name, deidentify);
        warn(warnings.filter((warning) => !said.includes(warning) && !isOfRange(warning)));
        said = [...said, ...warnings]; // the values are asked for twice
        return open ? open() : bytes;
      };
      const { source_file: _, ...nameless } = item.extra;
      const extra = id === item.id ? item.extra : nameless;
      result[i] = { ...item, id, extra, source: { make }, publicName };
      try {
        const bytes = await read();
        if (!isDicom(bytes)) return; // making the picture says so
        const { fields, warnings, unsettled } = readDicomHeader(bytes, name, deidentify);
        const known = Object.entries(item.extra).filter(([, value]) => value !== '');
        result[i] = {
          ...result[i],
          ...(unsettled ? { source: { make, values } } : {}),
          extra: { ...extra, ...fields, ...Object.fromEntries(known.filter(([key]) => key in extra)) },
          patients: who(item.patients, fields.patient_id, options.patientColumn),
          lesions: who(item.lesions, fields.lesion_id),
        };
        warn(warnings);
        said = warnings;
      } catch {
        // A damaged header, or no access: making the picture fails on it as well, and names it among the unreadable.
      }
    },
    { signal: options.signal },
  );
  return { items: result, problems };
}

/** What has no meaning where one range is found for all pictures. */
const isOfRange = (warning: string): boolean => / bits without a window: /.test(warning);

/** Whether a cell may be a UID of DICOM: numbers with dots, more of them than a version has. */
export const isUid = (text: string): boolean => text.length <= 64 && /^[0-2](\.\d+){5,}$/.test(text);

/**
 * Which of the files bear an instance UID that a table names: their names may be anything.
 * @returns UID → file; one that two files bear is left out, as it names neither
 */
export function instancesIn(
  dir: string,
  images: readonly string[],
  uids: ReadonlySet<string>,
): Map<string, string> {
  const found = new Map<string, string>();
  const twice = new Set<string>();
  for (const file of images) {
    const path = join(dir, file);
    if (!isDicomFile(path)) continue;
    const uid = instanceUid(path);
    if (!uids.has(uid)) continue;
    if (found.has(uid)) twice.add(uid);
    found.set(uid, file);
  }
  for (const uid of twice) found.delete(uid);
  return found;
}

/** SOP Instance UID of a file; '' where it cannot be read: whoever reads the picture says why. */
function instanceUid(path: string): string {
  try {
    return readDicomHeader(readBytes(path), path, { keepIdentifiers: true }).fields.sop_instance_uid ?? '';
  } catch (cause) {
    if (cause instanceof DataError) return '';
    throw cause;
  }
}

/** Of the table, else of the header. */
const who = (known: readonly string[], field: string | undefined, column?: string): readonly string[] =>
  known.length > 0 || column === 'none' || field === undefined || field === '' ? known : [field];
