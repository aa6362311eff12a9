/** The golden values of test/goldens/stats.json (made by stats.py beside it), typed for the tests. */
import { readFileSync } from 'node:fs';

export interface StatsGolden {
  normal: { x: number[]; cdf: number[]; p: number[]; ppf: number[] };
  t: { t: number; df: number; cdf: number; p: number; ppf: number }[];
  nct: { t: number; df: number; delta: number; cdf: number }[];
  beta: { x: number; a: number; b: number; value: number }[];
  f: { x: number; d1: number; d2: number; sf: number }[];
  roc: {
    labels: number[];
    scores: number[];
    auc: number;
    fpr: number[];
    tpr: number[];
    thresholds: number[];
  }[];
  delong: {
    labels: number[];
    scores: number[][];
    groups: string[];
    aucs: number[];
    covariance: number[][];
    clustered: number[][];
    z: number;
    p: number;
    logit: [number, number];
  }[];
  seeds: {
    labels: number[];
    arm: number[][];
    baseline: number[][];
    mean: number;
    variance: number;
    p: number;
    low: number;
    high: number;
  }[];
  folds: {
    folds: { labels: number[]; arm: number[][]; baseline: number[][] }[];
    mean: number;
    variance: number;
    low: number;
    high: number;
    p: number;
    margin: number;
    equivalenceP: number;
    resampled: { testToTrain: number; p: number; low: number };
  }[];
  spending: { looks: number[]; alpha: number; shares: number[] }[];
  binormal: {
    aucs: [number, number];
    correlation: number;
    positives: number;
    negatives: number;
    covariance: number;
  }[];
  paired: {
    differences: number[];
    t: number;
    p: number;
    low: number;
    wilcoxon: { statistic: number; p: number };
    tied: { differences: number[]; statistic: number; p: number };
  };
  power: {
    power: { delta: number; df: number; alpha: number; power: number }[];
    detectable: { sd: number; n: number; alpha: number; power: number; effect: number }[];
  };
  scores: {
    labels: number[];
    probabilities: number[];
    threshold: number;
    auc: number;
    logLoss: number;
    brier: number;
    accuracy: number;
    balancedAccuracy: number;
    sensitivity: number;
    specificity: number;
    sensitivityAt90: number;
  };
}

export const statsGolden = JSON.parse(
  readFileSync(new URL('../../test/goldens/stats.json', import.meta.url), 'utf8'),
) as StatsGolden;

/** The golden values of test/goldens/roc-points.json (made by roc-points.py beside it). */
export const rocPointsGolden = (
  JSON.parse(readFileSync(new URL('../../test/goldens/roc-points.json', import.meta.url), 'utf8')) as {
    cases: {
      name: string;
      labels: number[];
      scores: number[];
      fpr: number[];
      tpr: number[];
      /** Without the first, which is infinite. */
      thresholds: number[];
      /** By rate: the highest sensitivity at this specificity, the highest threshold with this sensitivity. */
      at: Record<string, { sensitivity: number; threshold: number | null }>;
    }[];
  }
).cases;
