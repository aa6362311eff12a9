import { join } from 'node:path';
import { expect, test } from 'vitest';
import { column, dir, put } from './folder.test-data.js';
import { type Metadata, readMetadata } from './index.js';

const places = (metadata: Metadata): string[] =>
  metadata.rows.map((row) => `${row.file.replace(`${dir}/`, '')}:${row.line}`);

test('archive API v1, a folder with a JSON file a picture', async () => {
  const description = (name: string, clinical: object) =>
    JSON.stringify({
      _id: `id ${name}`,
      dataset: { name: 'UDA-1', _id: '54b6' },
      meta: { acquisition: { image_type: 'dermoscopic', pixelsX: 1022, pixelsY: 767 }, clinical },
      name,
    });
  put('v1/ISIC_2.json', description('ISIC_2', { benign_malignant: 'indeterminate', lesion_id: 'IL_1' }));
  put('v1/ISIC_1', description('ISIC_1', { benign_malignant: 'malignant', age_approx: 55, sex: 'unknown' }));
  put('v1/notes.md', 'not a description');
  const metadata = await readMetadata([join(dir, 'v1')]);
  expect(metadata.mapping).toBe('isic-archive-v1');
  expect(metadata.roles).toEqual({ id: 'name', label: 'benign_malignant', lesion: 'lesion_id' });
  expect(places(metadata)).toEqual(['v1/ISIC_1:1', 'v1/ISIC_2.json:1']);
  expect(metadata.rows.map((row) => row.cells)).toEqual([
    {
      _id: 'id ISIC_1',
      'dataset.name': 'UDA-1',
      'dataset._id': '54b6',
      image_type: 'dermoscopic',
      pixelsX: '1022',
      pixelsY: '767',
      benign_malignant: 'malignant',
      age_approx: '55',
      sex: '',
      name: 'ISIC_1',
      lesion_id: '',
      source_benign_malignant: 'malignant',
    },
    expect.objectContaining({
      name: 'ISIC_2',
      benign_malignant: '',
      source_benign_malignant: 'indeterminate',
      lesion_id: 'IL_1',
    }),
  ]);
  expect(metadata.sources).toEqual([
    { path: join(dir, 'v1'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/), rows: 2 },
  ]);
});

const v2 = (isicId: string, clinical: object) => ({
  public: true,
  isic_id: isicId,
  copyright_license: 'CC-BY',
  attribution: 'A',
  files: { full: { url: 'f', size: 1 }, thumbnail_256: { url: 't', size: 2 } },
  metadata: { acquisition: { image_type: 'dermoscopic' }, clinical },
});
const old = v2('ISIC_1', {
  anatom_site_general: 'head/neck',
  diagnosis: 'melanoma',
  benign_malignant: 'malignant',
});
const recent = v2('ISIC_2', {
  anatom_site_1: 'Torso',
  anatom_site_2: 'Back',
  diagnosis_1: 'Benign',
  diagnosis_2: 'Benign melanocytic proliferations',
  diagnosis_3: 'Nevus',
  patient_id: 'IP_7',
});
const unclear = v2('ISIC_3', { diagnosis_1: 'Indeterminate' });

const page = JSON.stringify({ count: 3, results: [old, recent, unclear], next: null }, null, 1);

test.each([
  ['an array', JSON.stringify([old, recent, unclear]), [1, 1, 1]],
  ['a page', page, page.split('\n').flatMap((line, i) => (line === '  {' ? [i + 1] : []))],
  ['JSON lines', [old, recent, unclear].map((record) => `${JSON.stringify(record)}\n`).join(''), [1, 2, 3]],
])('archive API v2: %s', async (_, text, lines) => {
  const metadata = await readMetadata([put('v2.json', text)]);
  expect(metadata.mapping).toBe('isic-archive-v2');
  expect(metadata.roles).toEqual({ id: 'isic_id', label: 'benign_malignant', patient: 'patient_id' });
  expect(metadata.rows.map((row) => row.line)).toEqual(lines);
  expect(column(metadata, 'isic_id')).toEqual(['ISIC_1', 'ISIC_2', 'ISIC_3']);
  expect(column(metadata, 'benign_malignant')).toEqual(['malignant', 'benign', '']);
  expect(column(metadata, 'diagnosis')).toEqual(['melanoma', 'Nevus', '']);
  expect(column(metadata, 'anatom_site_general')).toEqual(['head/neck', 'Torso', '']);
  expect(column(metadata, 'patient_id')).toEqual(['', 'IP_7', '']);
  expect(metadata.columns).toEqual(expect.arrayContaining(['files.full.url', 'diagnosis_1', 'public']));
});

test('archive API v2: the CSV of isic-cli', async () => {
  const path = put(
    'isic-cli.csv',
    'isic_id,attribution,copyright_license,age_approx,diagnosis_1\nISIC_1,"Hospital, City",CC-0,55,Malignant\n',
  );
  const metadata = await readMetadata([path]);
  expect(metadata.mapping).toBe('isic-archive-v2');
  expect(metadata.rows[0]).toEqual({
    file: path,
    line: 2,
    cells: {
      isic_id: 'ISIC_1',
      attribution: 'Hospital, City',
      copyright_license: 'CC-0',
      age_approx: '55',
      diagnosis_1: 'Malignant',
      benign_malignant: 'malignant',
    },
  });
});

test('ISIC 2016: no header, two spellings of the truth, the split from the files’ names', async () => {
  const paths = [
    put('ISBI2016_ISIC_Part3_Training_GroundTruth.csv', 'ISIC_0000000,benign\nISIC_0000002,malignant\n'),
    put('ISBI2016_ISIC_Part3_Test_GroundTruth.csv', 'ISIC_0000003,1.0\n'),
  ];
  const metadata = await readMetadata(paths);
  expect(metadata.mapping).toBe('isic-2016');
  expect(metadata.roles).toEqual({ id: 'image_id', label: 'benign_malignant', split: 'split' });
  expect(metadata.rows.map((row) => [row.line, ...Object.values(row.cells)])).toEqual([
    [1, 'ISIC_0000000', 'benign', 'benign', 'train'],
    [2, 'ISIC_0000002', 'malignant', 'malignant', 'train'],
    [1, 'ISIC_0000003', '1.0', 'malignant', 'test'],
  ]);
  expect(metadata.sources.map(({ rows }) => rows)).toEqual([2, 1]);
});

test('ISIC 2017: neither of the two is a nevus; joined with the ages', async () => {
  const metadata = await readMetadata([
    put(
      'ISIC-2017_Training_Part3_GroundTruth.csv',
      'image_id,melanoma,seborrheic_keratosis\nA,0.0,0.0\nB,1.0,0.0\nC,0.0,1.0\n',
    ),
    put(
      'ISIC-2017_Training_Data_metadata.csv',
      'image_id,age_approximate,sex\nC,unknown,male\nA,55,unknown\n',
    ),
  ]);
  expect(metadata.mapping).toBe('isic-2017');
  expect(column(metadata, 'diagnosis')).toEqual(['nevus', 'melanoma', 'seborrheic keratosis']);
  expect(column(metadata, 'benign_malignant')).toEqual(['benign', 'malignant', 'benign']);
  expect(column(metadata, 'age_approx')).toEqual(['55', '', '']);
  expect(column(metadata, 'sex')).toEqual(['', '', 'male']);
  expect(column(metadata, 'split')).toEqual(['train', 'train', 'train']);
});

test('ISIC 2018, task 3', async () => {
  const metadata = await readMetadata([
    put('gt18.csv', 'image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nA,0.0,0.0,0.0,1.0,0.0,0.0,0.0\n'),
    put('groupings.csv', 'image,lesion_id,diagnosis_confirm_type\nA,HAM_1,histopathology\n'),
  ]);
  expect(metadata.mapping).toBe('isic-2018');
  expect(metadata.roles).toEqual({ id: 'image', label: 'benign_malignant', lesion: 'lesion_id' });
  expect(metadata.rows[0]!.cells).toMatchObject({
    diagnosis: 'actinic keratosis or intraepithelial carcinoma',
    benign_malignant: 'malignant',
    lesion_id: 'HAM_1',
  });
});

test('ISIC 2019: rows of one table only, and repeated ones, keep their own file and line', async () => {
  const head = 'image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK\n';
  const hot = (at: number) => Array.from({ length: 9 }, (_, i) => (i === at ? '1.0' : '0.0')).join(',');
  const metadata = await readMetadata([
    put(
      'meta.csv',
      'image,age_approx,anatom_site_general,lesion_id,sex\nC,40,,,NaN\nA,55,,L1,male\nA,60,,L2,male\n',
    ),
    put('gt.csv', `${head}A,${hot(0)}\nB,${hot(8)}\nD,${hot(3)}\n`),
  ]);
  expect(metadata.mapping).toBe('isic-2019');
  expect(places(metadata)).toEqual(['gt.csv:2', 'gt.csv:3', 'gt.csv:4', 'meta.csv:2', 'meta.csv:4']);
  expect(column(metadata, 'image')).toEqual(['A', 'B', 'D', 'C', 'A']);
  expect(column(metadata, 'age_approx')).toEqual(['55', '', '', '40', '60']);
  expect(column(metadata, 'sex')).toEqual(['male', '', '', '', 'male']);
  expect(column(metadata, 'diagnosis')).toEqual(['melanoma', 'unknown', 'actinic keratosis', '', '']);
  expect(column(metadata, 'benign_malignant')).toEqual(['malignant', '', '', '', '']);
});

test('ISIC 2020: version 2 has the lesion, version 1 has not', async () => {
  const metadata = await readMetadata([
    put(
      'train.csv',
      'image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,target\nA,IP_1,,45.0,torso,unknown,benign,0\n',
    ),
  ]);
  expect(metadata.mapping).toBe('isic-2020');
  expect(metadata.roles).toEqual({ id: 'image_name', label: 'benign_malignant', patient: 'patient_id' });
  expect(metadata.rows[0]!.cells).toMatchObject({
    age_approx: '45.0',
    anatom_site_general: 'torso',
    diagnosis: 'unknown',
  });
});

test('HAM10000: names for codes; a code that is not known is an error', async () => {
  const head = 'lesion_id,image_id,dx,dx_type,age,sex,localization\n';
  const metadata = await readMetadata([
    put('ham.csv', `${head}H1,A,bkl,histo,80.0,male,scalp\nH2,B,mel,follow_up,,unknown,unknown\n`),
  ]);
  expect(metadata.mapping).toBe('ham10000');
  expect(metadata.rows.map((row) => row.cells)).toEqual([
    expect.objectContaining({
      diagnosis: 'benign keratosis',
      benign_malignant: 'benign',
      age_approx: '80.0',
      anatom_site_general: 'head/neck',
      diagnosis_confirm_type: 'histopathology',
    }),
    expect.objectContaining({
      benign_malignant: 'malignant',
      age_approx: '',
      sex: '',
      anatom_site_general: '',
    }),
  ]);
  await expect(
    readMetadata([put('ham.csv', `${head}H1,A,bkl,histo,80.0,male,scalp\nH1,B,xyz,histo,80,male,scalp\n`)]),
  ).rejects.toThrow(
    /ham\.csv, line 3: 'xyz' in dx is none of akiec, bcc, .*; add it to recipes\/metadata\/ham10000\.yaml: tables\.metadata\.columns\.diagnosis\.values/,
  );
});

test('the original’s tables: the ID is a patient only where it begins with IP_', async () => {
  const head = 'ID,dcm_name,age,anatomy,benign_malignant,diagnosis,sex,target\n';
  const row = (id: string, name: string) => `${id},${name},30.0,torso,benign,nevus,female,0\n`;
  const metadata = await readMetadata([
    put('aidl21-train.csv', head + row('5436e3ac', 'A') + row('IP_1', 'B')),
    put('aidl21-test.csv', head + row('IP_1', 'C')),
  ]);
  expect(metadata.mapping).toBe('aidl21');
  expect(column(metadata, 'patient_id')).toEqual(['', 'IP_1', 'IP_1']);
  expect(column(metadata, 'split')).toEqual(['train', 'train', 'test']);
  expect(column(metadata, 'age_approx')).toEqual(['30.0', '30.0', '30.0']);
  const whole = await readMetadata([put('aidl21-metadata.csv', head + row('IP_1', 'B'))]);
  expect(whole.columns).not.toContain('split');
  expect(whole.roles).not.toHaveProperty('split');
});

test('ISIC 2024: Kaggle’s metadata, and ground truth with supplement', async () => {
  put(
    '2024/train-metadata.csv',
    [
      'isic_id,target,patient_id,age_approx,sex,anatom_site_general,image_type,tbp_tile_type,tbp_lv_A,attribution,copyright_license,lesion_id,iddx_full,iddx_1,iddx_2,iddx_3,iddx_4,iddx_5,mel_thick_mm,tbp_lv_dnn_lesion_confidence',
      'ISIC_0015670,0,IP_1235828,60.0,male,lower extremity,TBP tile: close-up,3D: white,20.2,MSK,CC-BY,,Benign,Benign,,,,,,97.5',
      'ISIC_0015671,1,IP_1235829,,,,TBP tile: close-up,3D: XP,21.1,MSK,CC-BY,IL_1,Malignant::Melanoma,Malignant,Melanocytic,Melanoma Invasive,,,0.4,12.0',
    ].join('\n'),
  );
  const kaggle = await readMetadata([join(dir, '2024/train-metadata.csv')]);
  expect(kaggle.mapping).toBe('isic-2024');
  expect(kaggle.roles).toEqual({
    id: 'isic_id',
    label: 'benign_malignant',
    patient: 'patient_id',
    lesion: 'lesion_id',
  });
  expect(column(kaggle, 'benign_malignant')).toEqual(['benign', 'malignant']);
  expect(column(kaggle, 'diagnosis')).toEqual(['', 'Melanoma Invasive']);
  put('2024/truth.csv', 'isic_id,malignant\nISIC_1,0.0\nISIC_2,1.0\n');
  put(
    '2024/supplement.csv',
    'isic_id,attribution,copyright_license,lesion_id,iddx_full,iddx_1,iddx_2,mel_mitotic_index,mel_thick_mm,tbp_lv_dnn_lesion_confidence\nISIC_1,M,CC-BY,,Benign,Benign,,,,97\nISIC_2,M,CC-BY,IL_2,Malignant::BCC,Malignant,Basal cell carcinoma,,,3\n',
  );
  const own = await readMetadata(['truth', 'supplement'].map((name) => join(dir, `2024/${name}.csv`)));
  expect(own.mapping).toBe('isic-2024');
  expect(column(own, 'benign_malignant')).toEqual(['benign', 'malignant']);
  expect(column(own, 'lesion_id')).toEqual(['', 'IL_2']);
});

test('MILK10k: two images a lesion, ground truth a lesion', async () => {
  put(
    'milk/metadata.csv',
    [
      'lesion_id,image_type,isic_id,attribution,copyright_license,image_manipulation,age_approx,sex,skin_tone_class,site,MONET_hair',
      'IL_2,clinical: close-up,ISIC_3,MILK study team,CC-BY-NC,instrument only,65,male,3,trunk,0.2',
      'IL_2,dermoscopic,ISIC_1,MILK study team,CC-BY-NC,instrument only,65,male,3,trunk,0.1',
      'IL_1,clinical: close-up,ISIC_2,MILK study team,CC-BY-NC,,,,2,,0.5',
      'IL_1,dermoscopic,ISIC_4,MILK study team,CC-BY-NC,,,,2,,0.4',
      'IL_9,dermoscopic,ISIC_9,MILK study team,CC-BY-NC,,,,2,,0.4',
    ].join('\n'),
  );
  const classes = 'lesion_id,AKIEC,BCC,BEN_OTH,BKL,DF,INF,MAL_OTH,MEL,NV,SCCKA,VASC';
  put(
    'milk/truth.csv',
    `${classes}\nIL_1,0.0,0.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0,0.0,0.0\nIL_2,0,0,0,0,0,0,0,1,0,0,0\nIL_3,1,0,0,0,0,0,0,0,0,0,0\n`,
  );
  put(
    'milk/supplement.csv',
    'isic_id,diagnosis_full,diagnosis_confirm_type,invasion_thickness_interval\nISIC_1,Melanoma in situ,histopathology,\n',
  );
  const path = (name: string) => join(dir, `milk/${name}.csv`);
  for (const names of [
    ['metadata', 'truth', 'supplement'],
    ['truth', 'supplement', 'metadata'],
  ]) {
    const milk = await readMetadata(names.map(path));
    expect(milk.mapping).toBe('milk10k');
    expect(milk.roles).toEqual({ id: 'isic_id', label: 'benign_malignant', lesion: 'lesion_id' });
    // The lesion without an image shows by itself, and has no label: a precursor and a carcinoma in situ are one class.
    expect(column(milk, 'isic_id')).toEqual(['ISIC_3', 'ISIC_1', 'ISIC_2', 'ISIC_4', 'ISIC_9', 'IL_3']);
    expect(column(milk, 'lesion_id')).toEqual(['IL_2', 'IL_2', 'IL_1', 'IL_1', 'IL_9', 'IL_3']);
    expect(column(milk, 'benign_malignant')).toEqual(['malignant', 'malignant', 'benign', 'benign', '', '']);
    expect(column(milk, 'diagnosis').at(-1)).toBe('actinic keratosis or intraepithelial carcinoma');
    expect(column(milk, 'diagnosis_confirm_type')).toEqual(['', 'histopathology', '', '', '', '']);
    expect(column(milk, 'image_type').slice(0, 2)).toEqual(['close-up', 'dermoscopic']);
    expect(column(milk, 'anatom_site_general')[0]).toBe('trunk');
    expect(places(milk).at(-1)).toBe('milk/truth.csv:4');
  }
  await expect(readMetadata([path('truth')])).rejects.toThrow(
    'has a row a lesion_id, and no images; give the table that has lesion_id and images as well',
  );
  put('milk/twice.csv', `${classes}\nIL_2,0,1,0,0,0,0,0,0,0,0,0\n`);
  await expect(readMetadata(['metadata', 'truth', 'twice'].map(path))).rejects.toThrow(
    /twice\.csv, line 2: lesion_id 'il_2' stands in .*truth\.csv, line 3 already/,
  );
});
