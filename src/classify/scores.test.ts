import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from 'graft-torch/base';
import { afterAll, describe, expect, it } from 'vitest';
import { probability } from './evaluate.js';
import {
  aucOf,
  type ClassScoreRow,
  classSummary,
  logOdds,
  oneAgainstRest,
  readClassScores,
  writeClassScores,
} from './scores.js';

const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/classify/fine_tuning.json', import.meta.url), 'utf8'),
).classes as Record<'macroAuc' | 'accuracy' | 'balancedAccuracy' | 'logLoss', number> &
  Record<'logits' | 'labels' | 'logOdds' | 'aucs' | 'recalls' | 'precisions', number[]>;

const CLASSES = ['melanoma', 'nevus', 'basal cell carcinoma', 'id'];
const K = CLASSES.length;
const logits = (i: number): number[] => golden.logits.slice(i * K, (i + 1) * K);
const rows = golden.labels.map(
  (label, i): ClassScoreRow => ({
    id: `image-${i}`,
    group: `patient-${i >> 1}`,
    label: CLASSES[label]!,
    probabilities: CLASSES.map((_, k) => probability(logOdds(logits(i), k))),
  }),
);

const dir = mkdtempSync(join(tmpdir(), 'graft-class-scores-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('logOdds', () => {
  it('is the logit of softmax', () => {
    for (const i of rows.keys()) {
      for (let k = 0; k < K; k++) expect(logOdds(logits(i), k)).toBeCloseTo(golden.logOdds[i * K + k]!, 9);
    }
  });

  it('tells apart what probabilities round to 1', () => {
    expect(logOdds([60, 0, 0], 0)).toBeCloseTo(60 - Math.log(2), 12);
    expect(logOdds([2000, 1000, 1000], 1)).toBe(-1000);
    expect(logOdds([3, 1], 0)).toBeCloseTo(2, 12);
  });
});

describe('classSummary', () => {
  const summary = classSummary(rows, CLASSES);

  it('agrees with scikit-learn', () => {
    for (const key of ['macroAuc', 'accuracy', 'balancedAccuracy', 'logLoss'] as const) {
      expect(summary[key], key).toBeCloseTo(golden[key], 12);
    }
    summary.classes.forEach(({ auc, sensitivity, precision, name, images }, k) => {
      expect(auc).toBeCloseTo(golden.aucs[k]!, 12);
      expect(sensitivity).toBeCloseTo(golden.recalls[k]!, 12);
      expect(precision).toBeCloseTo(golden.precisions[k]!, 12);
      expect(name).toBe(CLASSES[k]);
      expect(images).toBe(golden.labels.filter((label) => label === k).length);
    });
  });

  it('has intervals around the AUCs, and no precision of what is never called', () => {
    for (const { auc, aucInterval } of summary.classes) {
      expect(aucInterval!.low < auc && auc < aucInterval!.high).toBe(true);
    }
    const timid = rows.map((row) => ({
      ...row,
      probabilities: row.probabilities.map((value, k) => (k === 3 ? value * 1e-9 : value)),
    }));
    expect(classSummary(timid, CLASSES).classes[3]).toMatchObject({ sensitivity: 0, precision: null });
  });

  it('refuses a class without images', () => {
    const others = rows.filter(({ label }) => label !== 'nevus');
    expect(() => classSummary(others, CLASSES)).toThrow(DataError);
  });
});

it('writes every class with full precision, whatever it is called', () => {
  const path = join(dir, 'scores.csv');
  writeClassScores(path, rows, CLASSES);
  expect(readFileSync(path, 'utf8').split('\n')[0]).toBe(
    'id,group,label,p:melanoma,p:nevus,p:basal cell carcinoma,p:id',
  );
  const read = readClassScores(path, CLASSES);
  expect(read).toEqual(rows);
  expect(aucOf(oneAgainstRest(read, CLASSES, 2))).toBeCloseTo(golden.aucs[2]!, 12);
  writeFileSync(path, 'id,group,label,p:a,p:b\nx,g,a,0.5,\n');
  expect(() => readClassScores(path, ['a', 'b'])).toThrow(
    /line 2: expected id, group, label, p:a, p:b|line 2/,
  );
});
