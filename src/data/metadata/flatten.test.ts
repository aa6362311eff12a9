import { expect, test } from 'vitest';
import { flattenRecord, flattenRecords } from './flatten.js';

test('leaves of the archive’s API v1 take their own names', () => {
  const record = {
    _id: '5436e3acbae478396759f0df',
    meta: {
      clinical: {
        benign_malignant: 'benign',
        age_approx: 30,
        diagnosis_confirm_type: null,
        melanocytic: true,
      },
      acquisition: { image_type: 'dermoscopic', pixelsX: 1022 },
    },
    name: 'ISIC_0000008',
  };
  expect(flattenRecord(record)).toEqual({
    _id: '5436e3acbae478396759f0df',
    benign_malignant: 'benign',
    age_approx: '30',
    diagnosis_confirm_type: '',
    melanocytic: 'true',
    image_type: 'dermoscopic',
    pixelsX: '1022',
    name: 'ISIC_0000008',
  });
});

test('a name that two leaves bear becomes the dotted path; the top’s is its own path', () => {
  expect(flattenRecord({ name: 'a', dataset: { name: 'b', licence: 'CC0' } })).toEqual({
    name: 'a',
    'dataset.name': 'b',
    licence: 'CC0',
  });
  const files = { full: { url: 'f', size: 1 }, thumbnail_256: { url: 't', size: 2 } };
  expect(flattenRecord({ files })).toEqual({
    'files.full.url': 'f',
    'files.full.size': '1',
    'files.thumbnail_256.url': 't',
    'files.thumbnail_256.size': '2',
  });
});

test('a column has one name in all records, also where only one of them has the clash', () => {
  const table = flattenRecords([{ a: { x: 1 } }, { a: { x: 2 }, b: { x: 3 } }, {}]);
  expect(table.columns).toEqual(['a.x', 'b.x']);
  expect(table.rows).toEqual([
    ['1', ''],
    ['2', '3'],
    ['', ''],
  ]);
});

test('lists stay JSON, empty objects leave no column', () => {
  expect(flattenRecord({ list: [1, { a: null }], clinical: {} })).toEqual({ list: '[1,{"a":null}]' });
});

test('keys with dots in them lose no value', () => {
  expect(flattenRecord({ x: { b: 1 }, y: { b: 2 }, z: { 'x.b': 3 } })).toEqual({
    'x.b': '1',
    'y.b': '2',
    'x.b_2': '3',
  });
});

test('keys of Object’s own are keys like any other', () => {
  const record = JSON.parse('{"__proto__": 1, "constructor": {"toString": 2}}');
  expect(Object.entries(flattenRecord(record))).toEqual([
    ['__proto__', '1'],
    ['toString', '2'],
  ]);
});
