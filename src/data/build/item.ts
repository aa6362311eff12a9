/** What a dataset is made of: images whose labels are known, wherever they come from. */
import type { DatasetRow, Split } from '../dataset/dataset.js';
import type { ImageMask } from '../dataset/dataset-masks.js';

export interface DatasetItem {
  id: string;
  label: string;
  /** Known patients and lesions: images that share one stay in one split. */
  patients: readonly string[];
  lesions: readonly string[];
  extra: Readonly<Record<string, string>>;
  /** Of an image that was decoded before, its group settled: it is not decoded again; other bytes are refused. */
  known?: Readonly<Pick<DatasetRow, 'sha256' | 'width' | 'height'>>;
  /** Masks that the dataset keeps. */
  masks?: readonly ImageMask[];
  /** A file, or how to make the bytes of a JPEG or PNG file. */
  source:
    | { path: string }
    | {
        make: () => Promise<Uint8Array>;
        /** Of a file that leaves open which of its values are black and white: the values, in a TIFF file. */
        values?: () => Promise<Uint8Array>;
      };
  /** What problems call the image. */
  name: string;
  /** What they call it once it has been read, where its file's name may be a patient's; default `name`. */
  publicName?: string;
  /** The metadata table and the line in it; '' and 0 where there is none. */
  table: string;
  line: number;
  /**
   * Its group, where that is settled already: given for all items or for none; duplicates are then not looked for, and
   * a given split is not completed.
   */
  group?: string;
  /** Its split, where that is given: for all items or for none. */
  split?: Split;
}
