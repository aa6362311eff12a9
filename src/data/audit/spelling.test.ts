import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { auditTables } from './index.js';
import { columnFeature } from './levels.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-audit-words-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const put = (name: string, rows: readonly string[]): string => {
  const path = join(dir, name);
  writeFileSync(path, `${rows.join('\n')}\n`);
  return path;
};

test('leaks are found whatever the spelling; a missing patient is nobody', async () => {
  const train = put('train.csv', [
    'image,dx,PatientID',
    'A1,Melanoma,P1',
    'A2,nevus,NA',
    '0007,nevus,unknown',
    'A4,melanoma,12.0',
  ]);
  const test = put('test.csv', [
    'image,dx,PatientID',
    'B1,MELANOMA,p1 ',
    'B2,nevus,NA',
    '7.0,nevus,-',
    'B4,nevus,12',
  ]);
  const { leaks, positive } = await auditTables(
    [
      { split: 'train', paths: [train] },
      { split: 'test', paths: [test] },
    ],
    { positive: 'melanoma', pairs: [['a2', 'b2']] },
  );
  expect(positive).toBe('melanoma');
  const found = Object.fromEntries(leaks.map(({ kind, groups }) => [kind, groups]));
  expect(found).toEqual({ id: 1, patient: 2, 'near-duplicate': 1 });
});

test('a split that is spelt in two ways is one', async () => {
  const rows = ['image,dx,fold', 'a,melanoma,Train', 'b,nevus,train', 'c,nevus,TEST', 'd,melanoma,test'];
  const audit = await auditTables([{ paths: [put('splits.csv', rows)] }], { columns: { split: 'fold' } });
  expect(audit.splits).toHaveLength(2);
});

test('a column of numbers stays one with words for nothing and decimal commas in it', () => {
  const ages = Array.from({ length: 60 }, (_, i) => (i % 10 ? `${20 + i},5` : ['NA', 'none', '—'][i % 3]!));
  expect(columnFeature('age', ages)).toMatchObject({ kind: 'numeric', missing: 6 });
  const days = Array.from({ length: 60 }, (_, i) => `20${10 + (i % 10)}-0${1 + (i % 9)}-11`);
  expect(columnFeature('taken', days)).toMatchObject({ kind: 'numeric', missing: 0 });
  const sexes = Array.from({ length: 60 }, (_, i) => ['male', 'Male', 'female'][i % 3]!);
  expect(columnFeature('sex', sexes)).toMatchObject({ levels: ['Male', 'female'] });
});
