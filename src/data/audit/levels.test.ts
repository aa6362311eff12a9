import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { categoricalFeature, columnFeature, type Feature, numericFeature } from './levels.js';

const made = (feature: Feature | string): Feature => {
  if (typeof feature === 'string') throw new Error(`no feature: ${feature}`);
  return feature;
};
const counts = ({ codes, levels }: Feature) =>
  levels.map((_, level) => codes.filter((code) => code === level).length);

describe('numbers', () => {
  test('ten bins of about as many images, named by what lies in them; missing is a level', () => {
    const random = new Random(1);
    const values = Array.from({ length: 1000 }, (_, i) => (i % 10 === 0 ? null : random.uniform(0, 100)));
    const feature = made(numericFeature({ feature: 'age', source: 'metadata' }, values));
    expect(feature).toMatchObject({ kind: 'numeric', images: 900, missing: 100 });
    expect(counts(feature)).toEqual([...Array<number>(10).fill(90), 100]);
    expect(feature.levels.at(-1)).toBe('(missing)');
    // Each value lies in the bin that is named after it.
    for (const [i, value] of values.entries()) {
      const level = feature.levels[feature.codes[i]!]!;
      if (value === null) expect(level).toBe('(missing)');
      else {
        const [from, to] = level.split(' to ').map(Number);
        expect(value).toBeGreaterThan(from! - 0.01);
        expect(value).toBeLessThan(to! + 0.01);
      }
    }
  });

  test('equal values share a bin, however many they are', () => {
    const values = Array.from({ length: 400 }, (_, i) => (i < 300 ? 0 : i));
    const feature = made(numericFeature({ feature: 'hair', source: 'pixels' }, values));
    expect(feature.levels).toEqual(['0', '300 to 339', '340 to 379', '380 to 399']);
    expect(counts(feature)).toEqual([300, 40, 40, 20]);
  });

  test('few images: fewer bins, of ten at least', () => {
    const feature = made(
      numericFeature(
        { feature: 'x', source: 'file' },
        Array.from({ length: 35 }, (_, i) => i),
      ),
    );
    expect(counts(feature)).toEqual([12, 12, 11]);
  });

  test('one value is no feature; with missing ones it is', () => {
    expect(numericFeature({ feature: 'x', source: 'file' }, [3, 3, 3])).toBe('constant');
    expect(numericFeature({ feature: 'x', source: 'file' }, [null, null])).toBe('constant');
    expect(made(numericFeature({ feature: 'x', source: 'file' }, [3, 3, null])).levels).toEqual([
      '3',
      '(missing)',
    ]);
  });
});

describe('columns', () => {
  test('a column is numeric if every known value is a number', () => {
    const ages = Array.from({ length: 200 }, (_, i) => (i % 20 === 0 ? 'unknown' : String(5 * (i % 18))));
    expect(made(columnFeature('age', ages))).toMatchObject({ kind: 'numeric', missing: 10 });
    expect(made(columnFeature('age', [...ages, ...Array<string>(10).fill('old')])).kind).toBe('categorical');
    expect(
      made(
        columnFeature(
          'grade',
          ages.map((_, i) => String(i % 3)),
        ),
      ).kind,
    ).toBe('categorical');
  });

  test('rare levels are put together, a single one keeps its name', () => {
    const sites = [
      ...Array<string>(50).fill('trunk'),
      ...Array<string>(20).fill('arm'),
      'ear',
      'ear',
      'nose',
    ];
    const feature = made(categoricalFeature({ feature: 'site', source: 'metadata' }, [...sites, '', 'N/A']));
    expect(feature.levels).toEqual(['trunk', 'arm', '(2 rarer ones)', '(missing)']);
    expect(counts(feature)).toEqual([50, 20, 3, 2]);
    expect(feature).toMatchObject({ images: 73, missing: 2 });
    expect(
      made(categoricalFeature({ feature: 'site', source: 'metadata' }, sites.slice(0, 72))).levels,
    ).toEqual(['trunk', 'arm', 'ear']);
  });

  test('more levels than are kept: the rarest go together', () => {
    const values = Array.from({ length: 1200 }, (_, i) => `camera ${i % 60}`);
    const feature = made(categoricalFeature({ feature: 'camera', source: 'metadata' }, values));
    expect(feature.levels).toHaveLength(51);
    expect(counts(feature)[50]).toBe(200);
  });

  test('names of single images and free text are no feature', () => {
    const names = Array.from({ length: 300 }, (_, i) => `IMG_${i}`);
    expect(columnFeature('remarks', names)).toBe('identifier');
    expect(columnFeature('remarks', [...names, ...Array<string>(200).fill('none seen')])).toBe('identifier');
    expect(columnFeature('licence', Array<string>(300).fill('CC0'))).toBe('constant');
  });
});
