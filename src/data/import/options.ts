/** What may be decided about an import. */
import { z } from 'zod';
import { defaultFractions } from '../dataset/split.js';
import { fractionsSchema, option } from '../options.js';

const column = z.string().min(1, 'expected the name of a column').optional();
const yes = z.boolean().default(false);

export const importSchema = z.strictObject({
  positive: option(z.string(), 'label of the class whose detection is at stake', '--positive <label>'),
  metadata: option(
    z.union([z.string(), z.array(z.string()).readonly()]).default([]),
    'CSV, TSV, JSON or Parquet with a row an image, or a folder of JSON; relative to here, else to the images; repeatable; [train|val|test]=TABLE gives its split',
    { flags: '--metadata <table>', list: 'repeat' },
  ),
  mapping: option(
    z.string().optional(),
    'how the tables are read: a name from `graft data mappings`, or a YAML file (default: recognised)',
    '--mapping <name>',
  ),
  labelFromFolders: option(
    yes,
    'labels are the names of the folders: DIR/<class>/*.jpg; also DIR/train/<class>/…, DIR/<class>/train/…, whose split is kept',
    '--label-from-folders',
  ),
  idColumn: option(
    column,
    'column with the images’ names (default: the one that matches the files)',
    '--id-column <name>',
  ),
  labelColumn: option(
    column,
    'column with the labels (default: the one that holds the positive)',
    '--label-column <name>',
  ),
  lesionColumn: option(
    column,
    'column with the lesion (default: lesion_id if there is one; or none)',
    '--group-column <name>',
  ),
  patientColumn: option(
    column,
    'column with the patient (default: patient_id if there is one; or none)',
    '--patient-column <name>',
  ),
  splitColumn: option(
    column,
    'column with a given split, which is kept (default: split anew); none passes over split folders',
    '--split-column <name>',
  ),
  masks: option(
    z.enum(['aside', 'keep', 'pictures']).default('aside'),
    'masks beside the images (x_mask.png, masks/x.png): left out, stored, or pictures too',
    '--masks <what>',
  ),
  leaks: option(
    z.enum(['refuse', 'drop']).default('refuse'),
    'when a given split tears a group apart: an error, or its images leave the split that is trained on',
    '--leaks <what>',
  ),
  required: option(
    z.array(z.string()).readonly().default([]),
    'leave out rows where it is empty, unknown or other; repeatable',
    { flags: '--require <column>', list: 'repeat' },
  ),
  strata: option(
    z.array(z.string()).readonly().default([]),
    'columns to share out evenly over the splits, such as site and age',
    { flags: '--stratify <a,b>', list: 'commas' },
  ),
  duplicates: z
    .strictObject({
      exact: option(
        z.enum(['remove', 'group']).default('remove'),
        'copies of a file',
        '--exact-duplicates <what>',
      ),
      near: option(
        z.enum(['group', 'remove', 'keep']).default('group'),
        'images of one picture: in one group; all but one removed; or only named',
        '--near-duplicates <what>',
      ),
    })
    .prefault({}),
  nearEvidence: option(
    z.number().min(0.3).max(3).optional(),
    'least evidence that two images show one picture, 0.3…3 (default: 0.65; higher joins less)',
    '--near-evidence <x>',
  ),
  knownDuplicates: option(
    z.string().optional(),
    'table of pairs of ids that show one picture',
    '--known-duplicates <csv>',
  ),
  oneClass: option(yes, 'allow a dataset of the positive class alone, for a GAN', '--one-class'),
  keepIdentifiers: option(
    yes,
    'DICOM: keep patient ids, UIDs, study dates and file names (default: pseudonyms)',
    '--keep-identifiers',
  ),
  pseudonymKeyFile: option(
    z.string().optional(),
    'DICOM: key of the pseudonyms, for the same ones in a later import (default: a random one that is not kept)',
    '--pseudonym-key-file <file>',
  ),
  partial: option(yes, 'accept that most rows and most images do not meet, instead of failing', '--partial'),
  negative: option(
    z.string().optional(),
    'what all other labels together are called',
    '--negative-name <label>',
  ),
  renameLabels: option(
    z.record(z.string(), z.string()).optional(),
    'rename a label, or put several together; repeatable',
    { flags: '--rename <old=new>', list: 'repeat' },
  ),
  classes: option(z.array(z.string()).readonly().optional(), 'leave out every other label, after renaming', {
    flags: '--classes <a,b>',
    list: 'commas',
  }),
  fractions: option(fractionsSchema.default(defaultFractions), 'per cent of the images, class by class', {
    flags: '--split <train/val/test>',
    shownDefault: '70/15/15',
  }),
  intensity: option(
    z.string().default('auto'),
    'which stored values become black and white, for 12- and 16-bit, signed and float files: auto, full, bits=12, 0:4095 or percentile=0.5 (the same for all images)',
    '--intensity <range>',
  ),
  page: option(
    z.string().optional(),
    'of TIFFs that hold several pictures: first, middle, last or a number (default: the largest, where it is one)',
    '--page <page>',
  ),
  channels: option(
    z.union([z.literal(1), z.literal(3)]).optional(),
    'of what learns from the images (default: 1 where all are grey, else 3)',
    '--channels <number>',
  ),
  skipUnreadable: option(
    yes,
    'leave out images that cannot be decoded, instead of failing',
    '--skip-unreadable',
  ),
  acceptWarnings: option(
    yes,
    'take damaged images that decode in spite of it, as PNG and with a warning; never those cut off',
    '--accept-warnings',
  ),
  images: option(
    z.enum(['copy', 'link', 'share']).default('copy'),
    'link the images instead of copying them',
    { flags: '--link', means: 'link' },
  ),
  name: option(z.string().min(1).optional(), 'name of the dataset (default: the folder’s)', '--name <name>'),
  licence: option(z.string().default(''), 'licence of the images, for reports', '--licence <licence>'),
  seed: z.int().nonnegative().default(0).describe('decides the split'),
});

/** What is no setting of the data: who imports, and how one watches it. */
export interface ImportContext {
  /** Program and version, for the provenance. */
  importer?: string;
  /** Further provenance, over what the import itself knows. */
  provenance?: Readonly<Record<string, unknown>>;
  /** Key of the pseudonyms, in place of a file with it. */
  pseudonymKey?: string;
  /** `survey`: headers and values looked at; `read`: images decoded; `compare`: images compared with all others. */
  onProgress?: (phase: 'survey' | 'read' | 'compare', done: number, total: number) => void;
  signal?: AbortSignal;
}

/** As they may be given. */
export type ImportOptions = z.input<typeof importSchema> & ImportContext;
/** As they count, defaults included. */
export type ImportSettings = z.output<typeof importSchema> & ImportContext;
