/** The golden values of test/goldens/classify/scores.json (made by scores.py beside it), typed for the tests. */
import { readFileSync } from 'node:fs';
import type { BinaryScores } from './scores.js';

interface ClassifyGolden {
  scores: {
    labels: number[];
    probabilities: number[];
    threshold: number;
    weights: number[];
    scores: BinaryScores;
    weighted: BinaryScores;
    /** In scikit-learn's order: ascending thresholds, and a last point without one. */
    curve: { precision: number[]; recall: number[]; thresholds: number[] };
    calibration: { bins: number; observed: number[]; mean: number[]; images: number[]; error: number }[];
  }[];
  temperature: {
    labels: number[];
    probabilities: number[];
    temperature: number;
    lossBefore: number;
    lossAfter: number;
  }[];
  wilson: { hits: number; images: number; low: number; high: number }[];
  subgroup: {
    labels: number[];
    probabilities: number[];
    groups: string[];
    inside: (boolean | null)[];
    difference: number;
    standardError: number;
    independentError: number;
    low: number;
    high: number;
    p: number;
  };
  spearman: { a: number[]; b: number[]; value: number };
  asah: { labels: number[]; ranks: number[]; published: { auc: number; low: number; high: number } };
}

export const classifyGolden = JSON.parse(
  readFileSync(new URL('../../test/goldens/classify/scores.json', import.meta.url), 'utf8'),
) as ClassifyGolden;
