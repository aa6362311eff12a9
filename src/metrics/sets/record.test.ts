import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from 'graft-torch/base';
import { afterAll, describe, expect, it } from 'vitest';
import { compareRecords, differingFields, type MetricRecord, readRecords } from './record.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-record-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const record = (own: Partial<MetricRecord> = {}): MetricRecord => ({
  metric: 'frechet',
  name: 'Fréchet distance',
  unit: '',
  better: 'lower',
  class: 'melanoma',
  value: 0.2,
  sd: null,
  interval: [0.18, 0.22],
  floor: { value: 0.1, interval: null, matched: null },
  n: { real: 283, synthetic: 1000 },
  protocol: { backbone: 'a'.repeat(64), resizer: 'bicubic', images: '283, 1000' },
  ...own,
});

describe('comparing records', () => {
  it('says which is better, by how much, and whether the intervals leave room between', () => {
    const other = record({ value: 0.3, interval: [0.27, 0.33] });
    expect(compareRecords(record(), other)).toEqual({
      difference: expect.closeTo(0.1, 10),
      better: 'first',
      apart: true,
    });
    expect(compareRecords(other, record())).toMatchObject({ better: 'second', apart: true });
    expect(compareRecords(record(), record({ value: 0.21, interval: [0.19, 0.23] })).apart).toBe(false);
    expect(compareRecords(record(), record({ interval: null }))).toMatchObject({ better: null, apart: null });
  });

  it('takes the other side for what is better the higher, and the distance from the floor for what is best as real', () => {
    const of = (better: MetricRecord['better'], value: number) => record({ better, value });
    expect(compareRecords(of('higher', 0.2), of('higher', 0.3)).better).toBe('second');
    // The floor is 0.1: 0.05 is nearer to it than 0.3.
    expect(compareRecords(of('real', 0.3), of('real', 0.05)).better).toBe('second');
  });

  it('refuses what was measured differently, naming each field with both values', () => {
    const other = record({
      class: 'nevus',
      protocol: { backbone: 'b'.repeat(64), resizer: 'bicubic', images: '283, 500', subsets: 100 },
    });
    expect(differingFields(record(), other)).toEqual([
      'class (melanoma against nevus)',
      'backbone (aaaaaaaaaaaa… against bbbbbbbbbbbb…)',
      'images (283, 1000 against 283, 500)',
      'subsets (undefined against 100)',
    ]);
    expect(() => compareRecords(record(), other)).toThrow(DataError);
    expect(() => compareRecords(record(), record({ metric: 'kernel' }))).toThrow(
      /cannot be compared, they differ in metric \(frechet against kernel\)/,
    );
  });
});

describe('reading records', () => {
  it('takes the records of what a command printed, whatever stands beside them', () => {
    const path = join(dir, 'good.json');
    writeFileSync(path, JSON.stringify({ real: 'isic2017', seed: 0, records: [record()] }));
    expect(readRecords(path)).toEqual([record()]);
  });

  it.each([
    ['no JSON', '{', /broken\.json/],
    ['no records', '{"records": []}', /records: .*graft metrics image --json/],
    ['another value', JSON.stringify({ records: [{ ...record(), value: 'low' }] }), /records\.0\.value: /],
  ])('names file and key: %s', (_name, text, message) => {
    const path = join(dir, 'broken.json');
    writeFileSync(path, text);
    expect(() => readRecords(path)).toThrow(message);
    expect(() => readRecords(path)).toThrow(/broken\.json/);
  });
});
