/**
 * A DICOM file's header → the columns that a dataset may know about an image, de-identified.
 *
 * An allow list: what is not read here does not come out. No names, birth dates, addresses, institutions,
 * physicians, accession numbers, free text, private elements. Identifiers come out as pseudonyms (pseudonym.ts),
 * dates not at all, unless they are asked for.
 */

import type { DataSet } from 'dicom-parser';
import { isMissing, plainText } from '../table/cell.js';
import { frameCount, sopClass } from './describe.js';
import type { DicomFile } from './parse.js';
import { pseudonym, pseudonymUid } from './pseudonym.js';
import { identifier, itemsOf, text } from './values.js';

export interface DeidentifyOptions {
  /** Keeps the patient's id, UIDs and the study's date as they are; default false. */
  keepIdentifiers?: boolean;
  /** Key of the pseudonyms, the same for all files of a dataset; keep it secret. Default: none, so anyone can make them. */
  salt?: string;
}

/** Columns of {@link readFields} in order; `study_date` only with `keepIdentifiers`. A missing value is ''. */
export const dicomColumns = [
  'patient_id',
  'lesion_id',
  'sex',
  'age_approx',
  'anatom_site_general',
  'laterality',
  'image_type',
  'dermoscopic_type',
  'modality',
  'manufacturer',
  'model',
  'photometric',
  'transfer_syntax',
  'frames',
  'study_uid',
  'series_uid',
  'sop_instance_uid',
  'study_date',
] as const;

const sexes: Readonly<Record<string, string>> = { M: 'male', F: 'female' };
const sides: Readonly<Record<string, string>> = { L: 'left', R: 'right', B: 'both', U: 'unpaired' };
const dermoscopicPhotography = '1.2.840.10008.5.1.4.1.1.77.1.7';

/** HIPAA's Safe Harbor puts all ages above 89 into one category (45 CFR 164.514(b)(2)(i)(C)). */
const maxAgeYears = 90;

/**
 * Coding schemes whose code meanings are the scheme's, not the user's (PS3.16, 8): SNOMED CT under its three names,
 * DICOM, FMA, UMLS, RadLex, NCI Thesaurus, LOINC, ICD-O. A meaning from a private scheme is free text.
 */
const publicSchemes = ['SCT', 'SRT', 'SNM3', 'DCM', 'FMA', 'UMLS', 'RADLEX', 'NCIt', 'LN', 'ICDO3'];

/** What a file says about its image, de-identified. */
export function readFields(file: DicomFile, options: DeidentifyOptions = {}): Record<string, string> {
  const { dataSet } = file;
  const { keepIdentifiers = false, salt = '' } = options;
  const characterSet = text(dataSet, 'x00080005');
  const uid = (tag: string): string => {
    const value = text(dataSet, tag);
    return value === '' || (keepIdentifiers && isUid(value)) ? value : pseudonymUid(salt, value);
  };
  const named = identifier(dataSet, 'x00100020', characterSet);
  const patient = isMissing(named, 'group') ? '' : plainText(named); // `ANONYMOUS` is not one person
  const isDermoscopy = sopClass(file) === dermoscopicPhotography;
  return {
    patient_id: patient === '' || keepIdentifiers ? patient : pseudonym(salt, 'patient', patient),
    lesion_id: lesionOf(dataSet, { patient, characterSet, keepIdentifiers, salt }),
    sex: sexes[text(dataSet, 'x00100040')] ?? '',
    age_approx: ageOf(dataSet),
    anatom_site_general: siteOf(dataSet, characterSet),
    laterality: sides[text(dataSet, 'x00200062') || text(dataSet, 'x00200060')] ?? '',
    image_type: isDermoscopy ? 'dermoscopic' : '',
    dermoscopic_type: dermoscopicType(dataSet),
    modality: code(text(dataSet, 'x00080060')),
    manufacturer: printable(text(dataSet, 'x00080070', characterSet)),
    model: printable(text(dataSet, 'x00081090', characterSet)),
    photometric: code(text(dataSet, 'x00280004')),
    transfer_syntax: file.syntax.name,
    frames: String(frameCount(file)),
    study_uid: uid('x0020000d'),
    series_uid: uid('x0020000e'),
    sop_instance_uid: uid('x00080018'),
    ...(keepIdentifiers ? { study_date: isoDate(parseDate(text(dataSet, 'x00080020'))) } : {}),
  };
}

/** What must not go unnoticed about a file, without its name. */
export function headerWarnings(file: DicomFile): string[] {
  const warnings: string[] = [];
  const frames = frameCount(file);
  if (text(file.dataSet, 'x00280301') === 'YES')
    warnings.push(
      'says that text is burned into its pixels (0028,0301); Graft does not remove it: look at it',
    );
  if (text(file.dataSet, 'x00280302') === 'YES')
    warnings.push('says that the patient can be recognised in it (0028,0302): look at it');
  if (frames > 1) warnings.push(`has ${frames} frames: only the first is used`);
  return warnings;
}

/**
 * The Tracking UID (0062,0021), else the Tracking ID (0062,0020) together with the patient, whose own label it is.
 * The ID is free text and never comes out as it is.
 */
function lesionOf(
  dataSet: DataSet,
  {
    patient,
    characterSet,
    keepIdentifiers,
    salt,
  }: { patient: string; characterSet: string; keepIdentifiers: boolean; salt: string },
): string {
  const uid = text(dataSet, 'x00620021');
  if (uid) return keepIdentifiers && isUid(uid) ? uid : pseudonymUid(salt, uid);
  const label = identifier(dataSet, 'x00620020', characterSet);
  return label ? pseudonym(salt, 'lesion', `${patient}\0${label}`) : '';
}

/** Whole years from Patient's Age (0010,1010), else from the birth date, which itself does not come out. */
function ageOf(dataSet: DataSet): string {
  const years = statedAge(text(dataSet, 'x00101010')) ?? computedAge(dataSet);
  return years === undefined ? '' : String(Math.min(years, maxAgeYears));
}

const daysPerUnit: Readonly<Record<string, number>> = { D: 1, W: 7, M: 365.25 / 12, Y: 365.25 };

function statedAge(age: string): number | undefined {
  const match = /^(\d{1,3})([DWMY]?)$/.exec(age);
  if (!match) return undefined;
  return Math.floor((Number(match[1]) * daysPerUnit[match[2] || 'Y']!) / daysPerUnit.Y! + 1e-9);
}

interface CalendarDate {
  year: number;
  month: number;
  day: number;
}

function computedAge(dataSet: DataSet): number | undefined {
  const born = parseDate(text(dataSet, 'x00100030'));
  // Study, acquisition, content, series; acquisition date and time.
  const seen = ['x00080020', 'x00080022', 'x00080023', 'x00080021', 'x0008002a']
    .map((tag) => parseDate(text(dataSet, tag).slice(0, 10)))
    .find((date) => date !== undefined);
  if (!born || !seen) return undefined;
  const hadBirthday = seen.month > born.month || (seen.month === born.month && seen.day >= born.day);
  const years = seen.year - born.year - (hadBirthday ? 0 : 1);
  return years >= 0 && years <= 130 ? years : undefined;
}

/** `19870412…`, or as before 1993 `1987.04.12`. */
function parseDate(value: string): CalendarDate | undefined {
  const match = /^(\d{4})(\.?)(\d{2})\2(\d{2})/.exec(value);
  if (!match) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[3]), Number(match[4])];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? { year, month, day } : undefined;
}

function isoDate(date: CalendarDate | undefined): string {
  if (!date) return '';
  const [month, day] = [date.month, date.day].map((part) => String(part).padStart(2, '0'));
  return `${date.year}-${month}-${day}`;
}

/** Anatomic Region (0008,2218), else Body Part Examined (0018,0015), else Primary Anatomic Structure (0008,2228). */
function siteOf(dataSet: DataSet, characterSet: string): string {
  const coded = (tag: string): string => {
    const item = itemsOf(dataSet, tag)[0];
    if (!item || !publicSchemes.includes(text(item, 'x00080102'))) return '';
    return printable(text(item, 'x00080104', text(item, 'x00080005') || characterSet));
  };
  const site = coded('x00082218') || code(text(dataSet, 'x00180015')) || coded('x00082228');
  return site.toLowerCase();
}

/** Contact Method (0016,1003) and Light Source Polarization (0016,1001) in the words of the ISIC archive. */
function dermoscopicType(dataSet: DataSet): string {
  const contact = text(dataSet, 'x00161003').replace('NON_', 'NON-').toLowerCase();
  const light = text(dataSet, 'x00161001').replace('NON_', 'NON-').toLowerCase();
  return /^(non-)?contact$/.test(contact) && /^(non-)?polarized$/.test(light) ? `${contact} ${light}` : '';
}

const isUid = (value: string): boolean => /^[0-9.]{1,64}$/.test(value);

/** A code string as the standard wants it, and as the ISIC files have it (HEAD/NECK); anything else is dropped. */
const code = (value: string): string => (/^[A-Za-z0-9_ /-]{1,32}$/.test(value) ? value : '');

/** A line of letters, digits and common signs; anything else is dropped. */
const printable = (value: string): string =>
  /^[\p{L}\p{M}\p{N} .,;:/()'&+®™_-]{1,64}$/u.test(value) ? value : '';
