import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { golden, valueAt, withText } from './goldens.test-data.js';
import { dicomColumns, readDicom, readDicomHeader } from './index.js';

describe('fields', () => {
  it('of a dermoscopy file', async () => {
    const { fields, warnings } = await readDicom(golden('fields.dcm'), 'fields.dcm', { salt: 'pepper' });
    expect(fields).toEqual({
      // Python: hmac.new(b'pepper', b'patient\0GR-0042', 'sha256').hexdigest()[:16]
      patient_id: '5defa71c1df3b21b',
      lesion_id: expect.stringMatching(/^2\.25\.\d{36,39}$/),
      sex: 'female',
      age_approx: '45',
      anatom_site_general: 'trunk',
      laterality: 'left',
      image_type: 'dermoscopic',
      dermoscopic_type: 'non-contact polarized',
      modality: 'XC',
      manufacturer: 'Erfundene Optik Süd',
      model: 'Skinscope 3',
      photometric: 'RGB',
      transfer_syntax: 'Explicit VR Little Endian',
      frames: '1',
      // Python: uuid.UUID of the digest's first 16 bytes, version 8
      study_uid: '2.25.273854095655242014254223574721570615001',
      series_uid: expect.stringMatching(/^2\.25\.\d{36,39}$/),
      sop_instance_uid: expect.stringMatching(/^2\.25\.\d{36,39}$/),
    });
    expect(new Set(Object.values(fields)).size).toBe(Object.keys(fields).length);
    expect(warnings.join()).toMatch(/fields\.dcm: .*burned.*fields\.dcm: .*recognised/);
  });

  it('of a file with implicit value representations, Latin-1, an age above 90, and a private site code', async () => {
    const { fields } = await readDicom(golden('fields-implicit.dcm'), 'a');
    expect(fields).toMatchObject({
      sex: '',
      age_approx: '90',
      anatom_site_general: 'head/neck',
      laterality: 'right',
      image_type: '',
      dermoscopic_type: '',
    });
    expect(fields.lesion_id).toMatch(/^[0-9a-f]{16}$/);
    expect(Object.keys(fields)).toEqual(dicomColumns.slice(0, -1));
  });

  it('keep identifiers on request, but no name, birth date or free text', async () => {
    const { fields } = await readDicom(golden('fields.dcm'), 'a', { keepIdentifiers: true });
    expect(fields).toMatchObject({
      patient_id: 'GR-0042',
      lesion_id: '1.2.826.0.1.3680043.9.9999.7',
      study_uid: '1.2.826.0.1.3680043.9.9999.1',
      series_uid: '1.2.826.0.1.3680043.9.9999.2',
      sop_instance_uid: '1.2.826.0.1.3680043.9.9999.3.1',
      study_date: '2021-03-04',
    });
    expect(Object.keys(fields)).toEqual([...dicomColumns]);
    expect(JSON.stringify(fields)).not.toMatch(/rike|nnchen|1975|belt|Hospital/);
    const implicit = await readDicom(golden('fields-implicit.dcm'), 'a', { keepIdentifiers: true });
    expect(implicit.fields.patient_id).toBe('GR-Ä');
    // Text where a UID belongs is no UID.
    const misused = await readDicom(withText('fields.dcm', [0x0020, 0x000d], 'Moerike'), 'a', {
      keepIdentifiers: true,
    });
    expect(misused.fields.study_uid).toMatch(/^2\.25\./);
    // The tracking id is free text even then.
    expect(implicit.fields.lesion_id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('pseudonyms are the same for the same patient and salt, and only then', async () => {
    const read = async (file: string, salt?: string) => (await readDicom(golden(file), 'a', { salt })).fields;
    const [first, second] = [await read('mono2-8.dcm', 'a'), await read('rgb-rle.dcm', 'a')];
    expect(first.patient_id).toBe(second.patient_id);
    expect(first.study_uid).toBe(second.study_uid);
    expect((await read('img2dcm.dcm', 'a')).patient_id).not.toBe(first.patient_id);
    const others = [await read('mono2-8.dcm', 'b'), await read('mono2-8.dcm')];
    for (const other of others) {
      expect(other.patient_id).not.toBe(first.patient_id);
      expect(other.study_uid).not.toBe(first.study_uid);
    }
  });

  it('ages in days, weeks, months and years become whole years', async () => {
    const ages = {
      '364D': '0',
      '366D': '1',
      '053W': '1',
      '011M': '0',
      '012M': '1',
      '030M': '2',
      '089Y': '89',
      '090Y': '90',
      '101Y': '90',
      '45': '45',
      '4x': '',
    };
    for (const [age, years] of Object.entries(ages)) {
      const bytes = withText('fields.dcm', [0x0010, 0x1010], age);
      if (years === '') bytes.fill(0, valueAt(bytes, 0x0010, 0x0030), valueAt(bytes, 0x0010, 0x0030) + 8);
      expect((await readDicom(bytes, 'a')).fields.age_approx, age).toBe(years);
    }
  });

  it('the age comes from the birth date where it is not stated, to the day', async () => {
    for (const [studied, years] of [
      ['20210309', '46'],
      ['20210308', '45'],
      ['20211301', ''],
      ['19740101', ''],
    ]) {
      const bytes = withText('fields.dcm', [0x0008, 0x0020], studied!);
      const at = valueAt(bytes, 0x0010, 0x1010);
      bytes.fill(0, at, at + 4);
      expect((await readDicom(bytes, 'a')).fields.age_approx, studied).toBe(years);
    }
  });

  it('are read from the beginning of a file alone', async () => {
    const bytes = golden('jpeg-3-frames.dcm');
    const whole = await readDicom(bytes, 'a');
    const header = readDicomHeader(bytes.subarray(0, bytes.length - 2400), 'a');
    expect(header.fields).toEqual(whole.fields);
    expect(header.fields.frames).toBe('3');
    expect(header.warnings).toEqual(['a: has 3 frames: only the first is used']);
  });
});

describe('de-identification', () => {
  it('lets nothing of the text, dates and UIDs of any element out', async () => {
    const { plantedElements } = JSON.parse(golden('expected.json').toString()) as { plantedElements: number };
    expect(plantedElements).toBeGreaterThan(900);
    const raw = golden('planted.dcm');
    for (const keepIdentifiers of [false, true]) {
      const image = await readDicom(raw, 'a', { keepIdentifiers });
      const out = [
        JSON.stringify([image.fields, image.warnings]),
        Buffer.from(image.bytes).toString('latin1'),
      ];
      if (keepIdentifiers) {
        const kept = ['patient_id', 'lesion_id', 'study_uid', 'series_uid', 'study_date'];
        expect(Object.keys(image.fields).filter((key) => /PLANTED|1943/.test(image.fields[key]!))).toEqual(
          kept,
        );
      } else for (const text of out) expect(text).not.toMatch(/PLANTED|NAME|1943|07-17|121314/i);
      expect(out[1]).not.toMatch(/PLANTED|1943/i);
    }
  });

  it('strips EXIF, XMP, IPTC, comments, thumbnails and what follows the end from a JPEG stream', async () => {
    const raw = golden('planted-jpeg.dcm');
    // Preamble, JFIF thumbnail, three in EXIF, comment by Pillow or ours, XMP, IPTC, JFXX, MPF, after the end.
    expect(raw.toString('latin1').split('PLANTED^NAME').length - 1).toBeGreaterThanOrEqual(9);
    const { bytes } = await readDicom(raw, 'a');
    expect(Buffer.from(bytes).toString('latin1')).not.toMatch(/PLANTED|Exif|Photoshop|adobe\.com|JFXX|MPF/);
    const { exif, xmp, iptc, orientation } = await sharp(bytes).metadata();
    expect([exif, xmp, iptc, orientation]).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('leaves no text chunk in a PNG file', async () => {
    const { bytes } = await readDicom(golden('planted.dcm'), 'a');
    const chunks: string[] = [];
    for (let at = 8; at < bytes.length; ) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      chunks.push(Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1'));
      at += 12 + view.getUint32(0);
    }
    expect(chunks.filter((chunk) => !['IHDR', 'pHYs', 'IDAT', 'IEND'].includes(chunk))).toEqual([]);
  });
});
