/** The golden files of test/goldens/dicom (made by pydicom and dcmtk), and ways to change them. */
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../../test/goldens/dicom/', import.meta.url);

/** A file's bytes. */
export const golden = (file: string): Buffer => readFileSync(new URL(file, folder));

/** Every DICOM file; names of those that must be refused begin with `error-`. */
export const goldenFiles: readonly string[] = readdirSync(folder).filter((name) => name.endsWith('.dcm'));

/** Where an explicit little-endian element's value begins: the first occurrence of its tag. */
export function valueAt(bytes: Buffer, group: number, element: number): number {
  const at = bytes.indexOf(Buffer.from([group & 255, group >> 8, element & 255, element >> 8]), 132);
  if (at < 0) throw new Error(`no element ${group},${element}`);
  return at + 8;
}

/** A file with other text in an element; the length stays. */
export function withText(file: string, [group, element]: [number, number], text: string): Buffer {
  const bytes = Buffer.from(golden(file));
  const at = valueAt(bytes, group, element);
  const length = bytes.readUInt16LE(at - 2);
  if (text.length > length) throw new Error(`'${text}' is longer than ${length}`);
  bytes.write(text.padEnd(length, '\0'), at, 'latin1');
  return bytes;
}
