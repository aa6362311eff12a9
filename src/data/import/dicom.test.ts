import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Random } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodePng } from '../../image/grid.js';
import { golden } from '../dicom/goldens.test-data.js';
import { readDicomHeader } from '../dicom/index.js';
import { renderPhantom, samplePhantom } from '../phantom/index.js';
import { importDataset } from './import.js';
import type { ImportOptions } from './options.js';

let root: string;
let images: string;
let out: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-import-dicom-'));
  images = join(root, 'photos');
  out = join(root, 'made');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (path: string, bytes: Uint8Array): void => {
  mkdirSync(dirname(join(images, path)), { recursive: true });
  writeFileSync(join(images, path), bytes);
};

const random = new Random(4);
const png = (): Promise<Uint8Array> =>
  encodePng(renderPhantom(samplePhantom(random, { prevalence: 0.5 }), 32), { width: 32, height: 32 });

const run = (options: Partial<ImportOptions>) =>
  importDataset(images, out, { positive: 'mel', duplicates: { exact: 'group' }, ...options });

describe('a folder for each class', () => {
  beforeEach(async () => {
    put('mel/DOE_JANE.dcm', golden('fields.dcm'));
    put('mel/1.2.840.10008.77', golden('rgb-explicit.dcm')); // named by a UID
    put('nev/IM0001', golden('jpeg-baseline-444.dcm')); // without any extension
    put('nev/plain.png', await png());
    put('DICOMDIR', golden('error-structured-report.dcm'));
    put('notes', Buffer.from('no DICOM'));
  });

  test('gives images and de-identified columns; file names of DICOM do not come in', async () => {
    const { dataset, report } = await run({ labelFromFolders: true });
    expect(dataset.rows.map(({ label }) => label).sort()).toEqual(['mel', 'mel', 'nev', 'nev']);
    expect(report.problems.filter(({ kind }) => kind === 'not-an-image').map(({ file }) => file)).toEqual([
      'DICOMDIR',
      'notes',
    ]);
    const manifest = readFileSync(join(out, 'manifest.csv'), 'utf8');
    expect(manifest).not.toMatch(/DOE|JANE|IM0001|10008\.77/);
    // A line with both names, such as a warning's, would undo the pseudonym.
    expect(report.counts.warning).toBeGreaterThan(0);
    for (const file of ['cleaning.csv', 'import-report.json', 'dataset.yaml'])
      expect(readFileSync(join(out, file), 'utf8')).not.toMatch(/DOE|JANE|IM0001|10008\.77/);
    const row = dataset.rows.find(({ extra }) => extra.patient_id !== '' && extra.patient_id !== undefined)!;
    expect(row.id).toMatch(/^dicom-[0-9a-f]{16}$/);
    expect(row.extra.patient_id).toMatch(/^[0-9a-f]{16}$/);
    expect(row.group).toBe(`patient:${row.extra.patient_id}`);
    expect(dataset.groupedBy).toBe('patient');
    const plain = dataset.rows.find(({ id }) => id === 'plain')!;
    expect(plain.extra).toMatchObject({ source_file: 'nev/plain.png', patient_id: '' });
    expect(dataset.rows.map(({ file }) => file.slice(-4)).sort()).toEqual(['.jpg', '.png', '.png', '.png']);
  });

  test('pseudonyms are other ones each time, and the same with a key', async () => {
    const patients = async (options: Partial<ImportOptions>) => {
      rmSync(out, { recursive: true, force: true });
      const { dataset } = await run({ labelFromFolders: true, ...options });
      return dataset.rows
        .map(({ extra }) => extra.patient_id)
        .filter(Boolean)
        .sort();
    };
    expect(await patients({})).not.toEqual(await patients({}));
    expect(await patients({ pseudonymKey: 'k' })).toEqual(await patients({ pseudonymKey: 'k' }));
  });

  test('identifiers are kept where that is asked for', async () => {
    const { dataset } = await run({ labelFromFolders: true, keepIdentifiers: true });
    expect(dataset.rows.map(({ id }) => id).sort()).toEqual([
      '1.2.840.10008.77',
      'DOE_JANE',
      'IM0001',
      'plain',
    ]);
    expect(dataset.rows.find(({ id }) => id === 'DOE_JANE')!.extra.source_file).toBe('mel/DOE_JANE.dcm');
  });
});

test('a table goes before the header, and names the images', async () => {
  put('a.dcm', golden('fields.dcm'));
  put('b.dcm', golden('rgb-explicit.dcm'));
  put('t.csv', Buffer.from('image,dx,sex,patient_id\na.dcm,mel,other,P7\nb,nev,,\n'));
  const { dataset } = await run({ metadata: 't.csv' });
  expect(dataset.rows.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(dataset.rows[0]).toMatchObject({ group: 'patient:P7', extra: { sex: 'other', patient_id: 'P7' } });
  expect(dataset.rows[0]!.extra.modality).not.toBe('');
});

test('files that cannot be read are named with their remedy; the import fails or leaves them out', async () => {
  put('mel/a.dcm', golden('rgb-explicit.dcm'));
  put('mel/lossless.dcm', golden('error-jpeg-lossless-cut.dcm'));
  put('nev/b.dcm', golden('rgb-implicit-planar.dcm'));
  put('nev/c.dcm', Buffer.from('not DICOM at all'));
  await expect(run({ labelFromFolders: true })).rejects.toThrow(
    /2 of 4 images cannot be decoded: mel\/lossless\.dcm, nev\/c\.dcm .*truncated JPEG Lossless.*--skip-unreadable/,
  );
  const { dataset, report } = await run({ labelFromFolders: true, skipUnreadable: true });
  expect(dataset.rows).toHaveLength(2);
  expect(report.counts).toMatchObject({ 'unreadable-image': 2 });
});

test('warnings of headers and of pictures are in the report, each once', async () => {
  put('mel/a.dcm', golden('fields.dcm'));
  put('nev/b.dcm', golden('rgb-3-frames.dcm'));
  const { report } = await run({ labelFromFolders: true });
  const warnings = report.problems.filter(({ kind }) => kind === 'warning');
  const of = (label: string) => warnings.filter((one) => one.label === label);
  expect([of('mel').length, of('nev').length]).toEqual([2, 1]);
  const [burned] = of('mel');
  expect(burned).toMatchObject({ id: expect.stringMatching(/^dicom-/), file: '' });
  expect(burned!.detail).toMatch(new RegExp(`^${burned!.id}: .*burned`));
  expect(of('nev')[0]!.detail).toMatch(/3 frames/);
});

test('a table may name images by their SOP Instance UID, whatever the files are called', async () => {
  const files = ['jpeg-ls-lossless-rgb', 'shape-inverse', 'bare-explicit', 'aspect-2-3'].map((name) =>
    readFileSync(new URL(`../../../test/goldens/dicom-codecs/${name}.dcm`, import.meta.url)),
  );
  const rows = files.map((bytes, i) => {
    put(`IM${i}`, bytes);
    const { fields } = readDicomHeader(bytes, `IM${i}`, { keepIdentifiers: true });
    return `${fields.sop_instance_uid},${i % 2 ? 'mel' : 'nev'}`;
  });
  writeFileSync(join(root, 'uids.csv'), ['instance,dx', ...rows].join('\n'));
  const { dataset } = await run({ metadata: join(root, 'uids.csv') });
  expect(dataset.provenance).toMatchObject({ idColumn: 'instance' });
  expect(dataset.rows.map(({ label }) => label).sort()).toEqual(['mel', 'mel', 'nev', 'nev']);
});
