import { expect, test } from 'vitest';
import { columnFeatures, isRecordedApart } from './columns.js';

const images = 200;
const column = (value: (i: number) => string) => Array.from({ length: images }, (_, i) => value(i));

test('identifiers, labels, splits, constants and repetitions are left out and named', () => {
  const { features, notes } = columnFeatures(
    new Map([
      ['isic_id', column((i) => `ISIC_${i}`)],
      ['case', column((i) => `C${i % 20}`)], // the patient, though nothing in its name says so
      ['lesion_id', column((i) => `L${i % 15}`)],
      ['diagnosis', column((i) => (i % 2 ? 'nevus' : 'melanoma'))],
      ['benign_malignant', column((i) => (i % 2 ? 'benign' : 'malignant'))],
      ['mel_thick_mm', column((i) => (i % 2 ? '' : String(i / 100)))],
      ['verdict', column((i) => (i % 2 ? 'ok' : 'bad'))],
      ['source_split', column((i) => (i % 3 ? 'train' : 'test'))],
      ['licence', column(() => 'CC0')],
      ['sex', column((i) => (i % 3 ? 'male' : 'female'))],
      ['sexe', column((i) => (i % 3 ? 'm' : 'f'))],
      ['age_approx', column((i) => String(20 + (i % 50)))],
    ]),
    { identifiers: ['case'], labels: ['verdict'], splits: ['source_split'] },
  );
  expect(features.map(({ feature }) => feature)).toEqual(['sex', 'age_approx']);
  expect(notes).toEqual([
    'Left out, because they say the label: diagnosis, benign_malignant, mel_thick_mm, verdict.',
    'Left out, because they name single images, lesions or patients: isic_id, case, lesion_id.',
    'Left out, because they are the same for all images but a few at most: licence.',
    'Left out, because they stand in another column already: sexe (says what sex says).',
  ]);
});

test.each([
  ['age_approx', true],
  ['anatom_site_general', true],
  ['meta.acquisition.image_type', true],
  ['patient age', true],
  ['stage', false],
  ['percentage', false],
  ['outcome', false],
])('%s can be recorded without the diagnosis: %s', (name, apart) => {
  expect(isRecordedApart(name)).toBe(apart);
});
