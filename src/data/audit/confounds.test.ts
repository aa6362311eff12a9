import { Random } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { measureConfounds, togetherNames } from './confounds.js';
import { categoricalFeature, type Feature, numericFeature } from './levels.js';

const n = 1200;
const random = new Random(5);
const labels = Uint8Array.from({ length: n }, () => (random.chance(0.3) ? 1 : 0));
const groups = Array.from({ length: n }, (_, i) => `g${i}`);

const category = (name: string, value: (label: number, i: number) => string): Feature =>
  categoricalFeature({ feature: name, source: 'metadata' }, Array.from(labels, value)) as Feature;
const number = (
  name: string,
  source: Feature['source'],
  value: (label: number, i: number) => number | null,
) => numericFeature({ feature: name, source }, Array.from(labels, value)) as Feature;

const features = [
  category('sex', () => (random.chance(0.5) ? 'male' : 'female')),
  category('hospital', (label) => (random.chance(label ? 0.8 : 0.3) ? 'A' : 'B')),
  number('age', 'metadata', (label) => random.normal(label ? 60 : 50, 15)),
  number('biopsy', 'metadata', (label) => (label && random.chance(0.6) ? random.uniform(0, 4) : null)),
  number('brightness', 'pixels', () => random.next()),
  number('file size', 'file', (label) => random.normal(label ? 1 : 0, 4)),
];

test('planted confounds are found and flagged, others are not; the strongest first', () => {
  const { confounds, notes } = measureConfounds(features, labels, { groups });
  const of = (name: string) => confounds.find(({ feature }) => feature === name)!;
  // P(A | positive) P(B | negative) + half the ties = 0.8 · 0.7 + (0.8 · 0.3 + 0.2 · 0.7) / 2.
  expect(of('hospital').auc).toBeCloseTo(0.75, 1);
  expect(of('biopsy').auc).toBeCloseTo(0.8, 1);
  for (const name of ['hospital', 'age', 'biopsy', togetherNames.metadata])
    expect(of(name)).toMatchObject({ flagged: true });
  for (const name of ['sex', 'brightness', 'file size']) expect(of(name)).toMatchObject({ flagged: false });
  // A weak relation that is certain is told, but not flagged.
  expect(of('file size').interval.low).toBeGreaterThan(0.5);
  expect(of(togetherNames.metadata).auc).toBeGreaterThan(of('biopsy').auc + 0.05);
  expect(of(togetherNames.metadata)).toMatchObject({ source: 'metadata', levels: [] });
  expect(of(togetherNames.traits)).toMatchObject({ source: 'pixels' });
  const aucs = confounds.map(({ auc }) => auc);
  expect(aucs).toEqual([...aucs].sort((a, b) => b - a));
  expect(notes).toEqual([expect.stringContaining('of the 6 looked at, expect 0.1 such')]);
});

test('levels: images and share of the positive class, the largest first', () => {
  const [hospital] = measureConfounds([features[1]!], labels, { groups }).confounds;
  const inA = features[1]!.codes.map((code) => (features[1]!.levels[code] === 'A' ? 1 : 0));
  const images = inA.reduce((sum, one) => sum + one, 0);
  const positives = inA.reduce((sum, one, i) => sum + one * labels[i]!, 0);
  expect(hospital!.levels.find(({ level }) => level === 'A')).toEqual({
    level: 'A',
    images,
    positiveShare: positives / images,
  });
  expect(hospital!.levels.map((level) => level.images)).toEqual([images, n - images].sort((a, b) => b - a));
});

test('an unknown column that orders the classes almost without error says the label; a scanner that does is a confound', () => {
  const word = (label: number, i: number) => ((label === 1) === (i % 500 !== 0) ? 'x' : 'y');
  const { confounds, notes } = measureConfounds(
    [category('outcome', word), category('scanner', word), number('bytes', 'file', (label) => label)],
    labels,
    { groups },
  );
  expect(confounds.map(({ feature }) => feature).sort()).toEqual(['bytes', 'scanner']);
  expect(confounds.every(({ flagged }) => flagged)).toBe(true);
  expect(notes[0]).toMatch(/say the label itself: outcome \(0\.99\d\)/);
});

test('classes in too few groups cannot be judged, and that is said', () => {
  const two = Array.from(labels, (label) => `g${label}`);
  const { confounds, notes } = measureConfounds([features[0]!], labels, { groups: two });
  expect(confounds).toEqual([]);
  expect(notes).toEqual(['sex cannot be judged: the classes lie in too few groups.']);
});
