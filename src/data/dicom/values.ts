/**
 * Values of DICOM elements. Nothing here throws: a value that is absent, empty, malformed or reaches past the end of
 * the file is `undefined` (numbers) or `''` (text).
 */
import type { DataSet, Element } from 'dicom-parser';

/** TextDecoder labels of Specific Character Set (0008,0005), PS3.3 C.12.1.1.2. Others: ASCII only. */
const encodings: Readonly<Record<string, string>> = {
  'IR 100': 'iso-8859-1',
  'IR 101': 'iso-8859-2',
  'IR 109': 'iso-8859-3',
  'IR 110': 'iso-8859-4',
  'IR 126': 'iso-8859-7',
  'IR 127': 'iso-8859-6',
  'IR 138': 'iso-8859-8',
  'IR 144': 'iso-8859-5',
  'IR 148': 'windows-1254',
  'IR 192': 'utf-8',
  'IR 203': 'iso-8859-15',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/** The bytes of an element's value. */
export function bytesOf(dataSet: DataSet, tag: string): Uint8Array | undefined {
  const element: Element | undefined = dataSet.elements[tag];
  if (!element || !(element.length > 0)) return undefined;
  const end = element.dataOffset + element.length;
  return end <= dataSet.byteArray.length ? dataSet.byteArray.subarray(element.dataOffset, end) : undefined;
}

/** All values of a text element, decoded, without padding; the character set is the file's. */
export function texts(dataSet: DataSet, tag: string, characterSet = ''): string[] {
  const bytes = bytesOf(dataSet, tag);
  if (!bytes) return [];
  const key = characterSet.replace(/^ISO(_| 2022 )/, '').trim();
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: bytes beyond ASCII, and escapes to other character sets
  const plain = !/[\x1b\x80-\xff]/.test(raw);
  const encoding = encodings[key];
  const text = plain ? raw : encoding ? new TextDecoder(encoding).decode(bytes) : '';
  return text.split('\\').map((value) => value.replaceAll('\0', '').trim());
}

/** The first value of a text element. */
export function text(dataSet: DataSet, tag: string, characterSet = ''): string {
  return texts(dataSet, tag, characterSet)[0] ?? '';
}

/** The first value of an identifier: where its character set is not known, its bytes as Latin-1, so that it stays one. */
export function identifier(dataSet: DataSet, tag: string, characterSet = ''): string {
  return text(dataSet, tag, characterSet) || text(dataSet, tag, 'IR 100');
}

/** A value as it may stand in a message: one line, of a file's garbage only what prints. */
export const quoted = (value: string): string => `'${value.slice(0, 64).replace(/[^\x20-\x7e]/g, '?')}'`;

/** One 16-bit value (US), or with `signed` SS. */
export function word(dataSet: DataSet, tag: string, { index = 0, signed = false } = {}): number | undefined {
  const bytes = bytesOf(dataSet, tag);
  if (!bytes || bytes.length < 2 * (index + 1)) return undefined;
  return signed ? dataSet.int16(tag, index) : dataSet.uint16(tag, index);
}

/** The first value of a decimal or integer string (DS, IS). */
export function decimal(dataSet: DataSet, tag: string): number | undefined {
  const value = text(dataSet, tag);
  const number = value === '' ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Data sets of a sequence's items. */
export function itemsOf(dataSet: DataSet, tag: string): DataSet[] {
  return (dataSet.elements[tag]?.items ?? []).flatMap((item) => (item.dataSet ? [item.dataSet] : []));
}
