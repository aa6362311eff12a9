/**
 * Which columns of the metadata may be confounds. What names an image, a lesion or a patient is none, and what says
 * the diagnosis in other words is the label itself.
 */
import { columnFeature, type Feature } from './levels.js';

/** Columns that state or follow from the diagnosis, in the vintages of the ISIC archive and in HAM10000. */
const diagnosisColumns =
  /^(source_)?(label|class|target|dx|diagnosis(_[1-5]|_full)?|benign_malignant|malignant|melanocytic|mel_(class|type|thick_mm|ulcer|mitotic_index)|nevus_type|mel|nv|bcc|ak|akiec|bkl|df|vasc|scc|unk)$/i;

/** Names, addresses and hashes of single images, lesions, patients, visits. */
const identifierColumns =
  /(^|[_.\s])(u?id|uuid|url|sha256|md5|file|filename|path)$|^(image|image_name|dcm_name|isic_id|seed|detail_seed)$/i;

/** What can be recorded without a look at the diagnosis: however well it tells the label, it is a confound. */
const recordedApart =
  /(^|[_.\s])(age|sex|gender|site|local|anat|source|attribution|licen[cs]e|collection|dataset|hospital|cent(er|re)|institution|country|camera|device|scanner|dermosc|image_type|modality|pixels|width|height|year|date|skin|phototype|hair|ruler)/i;

export const isRecordedApart = (column: string): boolean => recordedApart.test(column);

export interface ColumnChoice {
  /** Columns of id, patient, lesion, group. */
  identifiers: readonly string[];
  /** Columns of the label, and whatever else is known to say it. */
  labels: readonly string[];
  /** Columns of splits: the audit's own, a challenge's. */
  splits: readonly string[];
}

/**
 * The columns as features; what is none is named in a note.
 * @param columns name → values, one an image
 */
export function columnFeatures(
  columns: ReadonlyMap<string, readonly string[]>,
  choice: ColumnChoice,
): { features: Feature[]; notes: string[] } {
  const features: Feature[] = [];
  const skipped = { label: [] as string[], identifier: [] as string[], constant: [] as string[] };
  const twins: string[] = [];
  for (const [name, values] of columns) {
    if (choice.splits.includes(name)) continue;
    if (choice.labels.includes(name) || diagnosisColumns.test(name)) skipped.label.push(name);
    else if (choice.identifiers.includes(name) || identifierColumns.test(name)) skipped.identifier.push(name);
    else {
      const feature = columnFeature(name, values);
      if (typeof feature === 'string') skipped[feature].push(name);
      else {
        const twin = features.find((other) => isSamePartition(other, feature));
        if (twin) twins.push(`${name} (says what ${twin.feature} says)`);
        else features.push(feature);
      }
    }
  }
  const notes = [
    { names: skipped.label, text: 'Left out, because they say the label' },
    { names: skipped.identifier, text: 'Left out, because they name single images, lesions or patients' },
    { names: skipped.constant, text: 'Left out, because they are the same for all images but a few at most' },
    { names: twins, text: 'Left out, because they stand in another column already' },
  ]
    .filter(({ names }) => names.length > 0)
    .map(({ names, text }) => `${text}: ${names.join(', ')}.`);
  return { features, notes };
}

/** Whether two features tell the same images apart, whatever their levels are called. */
function isSamePartition(a: Feature, b: Feature): boolean {
  if (a.levels.length !== b.levels.length) return false;
  const there = new Map<number, number>();
  const back = new Map<number, number>();
  return a.codes.every((code, i) => {
    const other = b.codes[i]!;
    if (!there.has(code)) there.set(code, other);
    if (!back.has(other)) back.set(other, code);
    return there.get(code) === other && back.get(other) === code;
  });
}
