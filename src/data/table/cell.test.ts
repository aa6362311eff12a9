import { describe, expect, test } from 'vitest';
import {
  type CellRole,
  chosenName,
  columnKey,
  idKey,
  isMissing,
  labelKey,
  numberOf,
  numberReader,
  oneSpelling,
  plainText,
} from './cell.js';

describe('the text of a cell', () => {
  test('loses what nobody sees, and nothing else', () => {
    for (const odd of [
      '\u00a0a b',
      '\ufeffa b',
      'a b\u200b',
      'a\u00a0b',
      '\u200ea b\u200f',
      'a\u00ad b',
      ' a b\t',
    ])
      expect(plainText(odd)).toBe('a b');
    expect(plainText('u\u0308ber')).toBe('über');
    for (const kept of ['007', 'A  b', 'HER2-', '１', 'نمی\u200cخواهم', '#N/A'])
      expect(plainText(kept)).toBe(kept);
    expect(plainText('a\ud800')).toBe('a\ufffd');
    expect(plainText('👩\u200d🔬')).toBe('👩\u200d🔬');
  });

  test('is the same when taken twice', () => {
    const marks = [
      ' ',
      '\u00a0',
      '\u200b',
      '\u200d',
      '\u0308',
      'u',
      'A',
      '\ufeff',
      '.',
      '\n',
      '\ud83d',
      '\u1e9b\u0323',
    ];
    for (let n = 0; n < 12 ** 3; n++) {
      const text = [n % 12, Math.floor(n / 12) % 12, Math.floor(n / 144)].map((i) => marks[i]).join('');
      const once = plainText(text);
      expect(plainText(once)).toBe(once);
      expect(labelKey(once)).toBe(labelKey(text));
    }
  });
});

describe('keys', () => {
  test.each([
    ['Melanoma', 'MELANOMA', ' melanoma\u00a0', 'mela\u00adnoma', 'Ｍelanoma'],
    ['nevus', 'ne\u034fvus', 'nevus\u3164', 'ne\uffa0vus', 'nevus\ufe0f', '\u2800nevus', 'ne\u{e0020}vus'],
    ['bösartig', 'BÖSARTIG', 'bo\u0308sartig', 'bo\u034f\u0308sartig'],
    ['Straße', 'STRASSE'],
    ['MALİGN', 'malign', 'MALIGN', 'malıgn'],
    ['ΟΔΟΣ', 'οδος', 'οδοσ'],
    ['basal cell carcinoma', 'basal_cell_carcinoma', 'Basal-Cell  Carcinoma', 'basal cell–carcinoma'],
    ['1', '1.0', '01', '+1', '1,0', '1.000000e+00', '1.'],
    ['9007199254740993', '9007199254740993.0'],
    ['0', '-0', '0.0', '.0'],
    ['True', 'TRUE', 'true '],
  ])('%s and its spellings are one label', (...spellings) => {
    expect(new Set(spellings.map(labelKey)).size).toBe(1);
  });

  test.each([
    ['HER2+', 'HER2-'],
    ['1', '-1'],
    ['1', 'true'],
    ['1', '10'],
    ['1.1', '1.10001'],
    ['bösartig', 'boesartig'],
    ['nevus', 'nevi'],
    ['+', '-'],
    ['T1-2', 'T1 3'],
    ['1-2', '12'],
    ['9007199254740993', '9007199254740992'],
    ['1e200', '1e201'],
  ])('%s and %s are two labels', (a, b) => {
    expect(labelKey(a)).not.toBe(labelKey(b));
  });

  test('ids: zeros in front and a spreadsheet’s .0 are spelling, every other digit counts', () => {
    expect(new Set(['7', '007', '7.0', ' 7', '7.00'].map(idKey)).size).toBe(1);
    expect(idKey('ISIC_1')).toBe(idKey('isic_1 '));
    for (const [a, b] of [
      ['1.1', '1.10'],
      ['1', '1.000'],
      ['1', '1,000'],
      ['1e3', '1000'],
      ['P-1', 'P_1'],
      ['P1', 'P01'],
      ['9007199254740993', '9007199254740992'],
    ])
      expect(idKey(a!)).not.toBe(idKey(b!));
    expect(idKey('000')).toBe('0');
  });

  test('columns', () => {
    expect(new Set(['patient_id', 'Patient ID', 'PatientID', ' patient-id'].map(columnKey)).size).toBe(1);
  });
});

test('missing words, by role', () => {
  const roles: CellRole[] = ['value', 'number', 'group', 'label', 'required'];
  const always =
    'NA|N/A|n / a|nan|NaN|NaT|null|NULL|unknown|UNKNOWN|Unknown |-|--|—|?|.|#N/A|<NA>|[unknown]|(missing)|\\N|pending|TBD|&nbsp;|[]|{}|unbekannt|k.A.|inconnu|não informado|未知|\u00a0|'.split(
      '|',
    );
  for (const role of roles)
    for (const word of always) expect([role, word, isMissing(word, role)]).toEqual([role, word, true]);
  for (const word of ['none', 'None', 'other']) {
    expect(isMissing(word, 'value')).toBe(false);
    for (const role of roles.slice(1)) expect(isMissing(word, role)).toBe(true);
  }
  expect(isMissing('Anonymous', 'group')).toBe(true);
  expect(isMissing('Anonymous', 'label')).toBe(false);
  for (const role of roles)
    for (const word of [
      'nevus',
      'nv',
      '0',
      'no',
      'false',
      'Nancy',
      'nd',
      'NC',
      'AK',
      'KA',
      'N',
      '+',
      'normal',
    ])
      expect(isMissing(word, role)).toBe(false);
});

test('numbers', () => {
  expect(['1', ' -2.5', '1e3', '\u22123', '.5', '5.'].map(numberOf)).toEqual([1, -2.5, 1000, -3, 0.5, 5]);
  for (const none of [
    '',
    ' ',
    '0x10',
    'Infinity',
    'NaN',
    '1e999',
    '12 mm',
    '9007199254740993',
    '1,5',
    'true',
    '1_000',
  ])
    expect(numberOf(none)).toBeUndefined();
  expect(['45', 'NA', 'none', '50.5'].map(numberReader(['45', 'NA', 'none', '50.5'])!)).toEqual([
    45,
    undefined,
    undefined,
    50.5,
  ]);
  expect(['45,5', '50', '-'].map(numberReader(['45,5', '50', '-'])!)).toEqual([45.5, 50, undefined]);
  expect(['0,123', '0,456'].map(numberReader(['0,123', '0,456'])!)).toEqual([0.123, 0.456]);
  for (const words of [['45', 'old'], ['1,234', '5,678'], ['1,5', '2.5'], ['NA', ''], []])
    expect(numberReader(words)).toBeUndefined();
});

describe('one spelling', () => {
  test('the one named by the user, else the commonest', () => {
    const labels = ['Melanoma', 'MELANOMA', 'Melanoma', 'nevus', 'Nevus', 'Nevus', 'scc'];
    const { of, merged } = oneSpelling(labels, { named: ['melanoma'] });
    expect(labels.map(of)).toEqual(['melanoma', 'melanoma', 'melanoma', 'Nevus', 'Nevus', 'Nevus', 'scc']);
    expect(merged).toEqual([
      { to: 'Nevus', from: [{ spelling: 'nevus', count: 1 }] },
      {
        to: 'melanoma',
        from: [
          { spelling: 'Melanoma', count: 2 },
          { spelling: 'MELANOMA', count: 1 },
        ],
      },
    ]);
  });

  test('of truth values 1 is True, elsewhere it is not', () => {
    const truths = oneSpelling(['1', '0', 'True', 'True', 'False', 'False', '1.0']);
    expect(['1', '1.0', 'true', '0', 'FALSE'].map(truths.of)).toEqual([
      'True',
      'True',
      'True',
      'False',
      'False',
    ]);
    expect(oneSpelling(['1', 'true', '2']).of('1')).toBe('1');
    expect(oneSpelling(['1', '01'], { key: idKey }).of('true')).toBe('true');
  });

  test('yes and no are truth values beside others; letters by themselves are names', () => {
    const answers = oneSpelling(['true', '1', 'Yes', 'y', '0', 'no', 'N', 'F'], { named: ['true'] });
    expect(['1', 'Yes', 'y'].map(answers.of)).toEqual(['true', 'true', 'true']);
    expect(new Set(['0', 'no', 'N', 'F'].map(answers.of)).size).toBe(1);
    expect(oneSpelling(['N', 'F', 'N', 'T']).merged).toEqual([]);
    expect(oneSpelling(['yes', '1', 'maybe']).merged).toEqual([]);
  });

  test('Cyrillic letters that look like Latin ones are read as them, Greek ones are not', () => {
    expect(labelKey('m\u0435lanoma')).toBe(labelKey('Melanoma'));
    expect(idKey('\u042012')).toBe(idKey('P12'));
    expect(labelKey('Норма')).toBe(labelKey('НОРМА'));
    expect(labelKey('TNF-α')).not.toBe(labelKey('TNF-a'));
  });

  test('a single spelling stays as it is, whatever it looks like', () => {
    expect(oneSpelling(['007', '007', 'P1'], { key: idKey }).merged).toEqual([]);
    expect(oneSpelling(['007', '007'], { key: idKey }).of('007')).toBe('007');
  });
});

test('a name on the command line: as written, else the only one that is alike', () => {
  expect(chosenName('melanoma', ['Melanoma', 'nevus'])).toBe('Melanoma');
  expect(chosenName('a', ['A', 'a'])).toBe('a');
  expect(chosenName('a', ['A', 'a '])).toBeUndefined();
  expect(chosenName('scc', ['Melanoma'])).toBeUndefined();
});
