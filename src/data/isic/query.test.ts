import { expect, test } from 'vitest';
import { parseQuery } from './fake-query.test-data.js';
import { archiveQuery, searchParameters, syntheticQuery } from './query.js';
import { isSynthetic } from './schema.js';

// Each of the expected queries was accepted, and read as meant, by the server's own parser (isic/core/dsl.py).
test.each<[string, string[], boolean, string]>([
  ['', [], false, '-image_manipulation:synthetic'],
  ['', [], true, ''],
  ['', ['dermoscopic'], true, 'image_type:"dermoscopic"'],
  ['diagnosis_1:Malignant', [], true, 'diagnosis_1:Malignant'],
  [
    'diagnosis_1:Malignant OR diagnosis_1:Benign ',
    [],
    false,
    '(diagnosis_1:Malignant OR diagnosis_1:Benign) AND -image_manipulation:synthetic',
  ],
  [
    'diagnosis_3:"Melanoma Invasive" age_approx:[20 TO 40]',
    ['dermoscopic', 'clinical: close-up'],
    false,
    '(diagnosis_3:"Melanoma Invasive" age_approx:[20 TO 40]) AND (image_type:"dermoscopic" OR image_type:"clinical: close-up") AND -image_manipulation:synthetic',
  ],
])('%s with types %j, synthetic ones %s', (query, imageTypes, includeSynthetic, expected) => {
  expect(archiveQuery({ query, imageTypes, includeSynthetic })).toBe(expected);
  if (expected !== '') expect(() => parseQuery(expected)).not.toThrow();
  expect(() => parseQuery(syntheticQuery({ query, imageTypes }))).not.toThrow();
});

test('no alternative of a query escapes the filters', () => {
  const matches = parseQuery(
    archiveQuery({ query: 'sex:male OR sex:female', imageTypes: ['dermoscopic'], includeSynthetic: false }),
  );
  expect(matches({ sex: 'male', image_type: 'dermoscopic' })).toBe(true);
  expect(matches({ sex: 'male', image_type: 'dermoscopic', image_manipulation: 'altered' })).toBe(true);
  expect(matches({ sex: 'male', image_type: 'dermoscopic', image_manipulation: 'synthetic' })).toBe(false);
  expect(matches({ sex: 'female', image_type: 'RCM: tile' })).toBe(false);
});

test('what a search’s address holds', () => {
  const parameters = searchParameters('sex:male AND age_approx:[20 TO 40]', { collections: [2, 17] }, 100);
  expect(parameters.toString()).toBe(
    'query=sex%3Amale+AND+age_approx%3A%5B20+TO+40%5D&collections=2%2C17&limit=100',
  );
  expect(searchParameters('', { collections: [] }).toString()).toBe('');
});

test.each<[unknown, boolean]>([
  [{ acquisition: { image_manipulation: 'synthetic' } }, true],
  [{ clinical: { image_manipulation: ' Synthetic' } }, true],
  [{ image_manipulation: 'synthetic' }, true],
  [{ a: { b: [{ image_manipulation: 'synthetic' }] } }, true],
  [{ acquisition: { image_manipulation: 'instrument only' } }, false],
  [{ acquisition: { image_manipulation: null }, clinical: {} }, false],
  [{ note: 'synthetic' }, false],
  [null, false],
])('synthetic? %j: %s', (metadata, expected) => {
  expect(isSynthetic(metadata)).toBe(expected);
});
