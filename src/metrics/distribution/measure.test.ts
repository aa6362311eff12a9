import { liveTensors, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import type { FeatureExtractor } from '../backbone/index.js';
import { DISTRIBUTION_METRICS } from '../registry.js';
import { standingOf } from '../report/records.js';
import { compareRecords, type MetricRecord } from '../sets/record.js';
import { drawIndices } from './features.js';
import { gaussian } from './golden.test-data.js';
import { measureAll, measureDistribution } from './measure.js';
import type { DistributionMetric } from './metric.js';

const backbone = {
  name: 'test',
  hash: 'abc',
  resizer: 'none',
  quantisation: 'bytes',
} as unknown as FeatureExtractor;

const of = (records: MetricRecord[], id: string): MetricRecord =>
  records.find(({ metric }) => metric === id)!;

describe('distribution metrics as records', () => {
  it('have counts, protocol, interval, and a floor that a shifted set does not reach', () => {
    const before = liveTensors();
    tidy(() => {
      const real = gaussian(120, 5, 1);
      const seen: number[] = [];
      const shifted = measureDistribution(
        backbone,
        { real, synthetic: gaussian(80, 5, 2, 1.5) },
        {
          seed: 3,
          class: 'melanoma',
          protocol: { sizePx: 64 },
          onProgress: (done, all) => seen.push(done / all),
        },
      );
      const same = measureDistribution(backbone, { real, synthetic: gaussian(80, 5, 2) }, { seed: 3 });
      expect(shifted.map(({ metric }) => metric)).toEqual(
        DISTRIBUTION_METRICS.flatMap(({ metrics }) => metrics.map(({ metric }) => metric)),
      );
      expect(seen.at(-1)).toBe(1);
      const frechet = of(shifted, 'frechet');
      expect(frechet).toMatchObject({
        class: 'melanoma',
        better: 'lower',
        n: { real: 120, synthetic: 80 },
        protocol: { sizePx: 64, backbone: 'test', backboneHash: 'abc', realImages: 120, syntheticImages: 80 },
      });
      // KID is unbiased: records of different N compare.
      expect(of(shifted, 'kernel').protocol).not.toHaveProperty('realImages');
      for (const record of shifted) {
        expect(standingOf(record), record.metric).toBe('worse');
        expect(record.interval![0], record.metric).toBeLessThanOrEqual(record.value);
        expect(record.interval![1], record.metric).toBeGreaterThanOrEqual(record.value);
      }
      for (const record of same) expect(standingOf(record), record.metric).not.toBe('worse');
      for (const id of ['precision', 'recall', 'coverage']) {
        for (const record of [of(same, id), of(shifted, id)]) {
          expect(record.interval![0]).toBeGreaterThanOrEqual(0);
          expect(record.interval![1]).toBeLessThanOrEqual(1);
        }
      }
      // The floor is of the real images alone.
      expect(of(shifted, 'frechet').floor!.value).toBe(of(same, 'frechet').floor!.value);
      expect(() => compareRecords(frechet, of(same, 'frechet'))).toThrow(/class .*sizePx/);
    });
    expect(liveTensors()).toBe(before);
  });

  it('hold the floor against synthetic images of its own N, or good images would seem bad', () => {
    tidy(() => {
      // Of one distribution: with halves of 40 the distance is far larger than with 80 : 400.
      const sets = { real: gaussian(80, 10, 1), synthetic: gaussian(400, 10, 2) };
      const { value, floor } = of(measureDistribution(backbone, sets, { metrics: ['frechet'] }), 'frechet');
      expect(value).toBeLessThan(0.7 * floor!.value);
      expect(floor!.matched!.value / floor!.value).toBeGreaterThan(0.8);
      expect(floor!.matched!.value / floor!.value).toBeLessThan(1.25);
    });
  });

  it('are cheap while training: two metrics, no intervals, a floor from one pair of halves', () => {
    tidy(() => {
      const sets = { real: gaussian(60, 5, 1), synthetic: gaussian(40, 5, 2) };
      const records = measureDistribution(backbone, sets, { metrics: ['frechet', 'kernel'], replicates: 0 });
      expect(records.map(({ metric }) => metric)).toEqual(['frechet', 'kernel']);
      for (const { interval, floor, protocol } of records) {
        expect(interval).toBeNull();
        expect(floor).toMatchObject({ interval: null, matched: null });
        expect(protocol).not.toHaveProperty('interval');
      }
    });
  });

  it('do not depend on what else is asked for', () => {
    tidy(() => {
      const sets = { real: gaussian(40, 4, 1), synthetic: gaussian(30, 4, 2, 0.5) };
      const ids = ['precision', 'recall', 'density', 'coverage'];
      const all = measureDistribution(backbone, sets, { metrics: ids, replicates: 3 });
      expect(all.map(({ metric }) => metric)).toEqual(ids);
      expect(all.map(({ protocol }) => protocol.settings)).toEqual([
        'balls to the 3rd neighbour, strict',
        'balls to the 3rd neighbour, strict',
        'balls to the 5th neighbour, strict',
        'balls to the 5th neighbour, strict',
      ]);
      // Five images have no fifth neighbour: precision must not ask for one.
      const few = { real: gaussian(5, 4, 1), synthetic: gaussian(5, 4, 2) };
      expect(measureDistribution(backbone, few, { metrics: ['precision'] })).toHaveLength(1);
      for (const metrics of [['recall'], ['coverage'], ['precision', 'density']]) {
        expect(measureDistribution(backbone, sets, { metrics, replicates: 3 })).toEqual(
          all.filter(({ metric }) => metrics.includes(metric)),
        );
      }
    });
  });

  it('leave out what there are too few images for', () => {
    tidy(() => {
      const [real, synthetic] = [gaussian(3, 5, 1), gaussian(9, 5, 2)];
      const records = measureDistribution(backbone, { real, synthetic });
      expect(records.map(({ metric }) => metric)).toEqual(['frechet']);
      expect(records[0]).toMatchObject({ interval: null, floor: null });
    });
  });

  it('add FD∞ and the Inception Score where there is what they need', () => {
    tidy(() => {
      const sets = { real: gaussian(240, 3, 1), synthetic: gaussian(200, 3, 2, 0.5) };
      const plain = measureAll(backbone, sets, { replicates: 0 });
      const infinity = of(plain.records, 'frechet-infinity');
      expect(plain.fit!.points).toHaveLength(15);
      expect(infinity.value).toBe(plain.fit!.value);
      expect(of(plain.records, 'inception-score')).toBeUndefined();
      expect(measureAll(backbone, { ...sets, real: gaussian(90, 3, 1) }, { replicates: 0 }).fit).toBeNull();
      // Features are the logits: images of one sure class each, evenly spread, score the number of classes.
      const sure = (n: number) =>
        tensor(
          Float32Array.from({ length: 4 * n }, (_, i) => (i % 4 === Math.floor(i / 4) % 4 ? 60 : 0)),
          [n, 4],
        );
      const classifier = { ...backbone, logits: (features: typeof sets.real) => features };
      const scored = measureAll(classifier, { real: sure(400), synthetic: sure(240) }, { replicates: 0 });
      const score = of(scored.records, 'inception-score');
      // Random splits are not quite even.
      expect(score.value).toBeGreaterThan(3.7);
      expect(score.value).toBeLessThanOrEqual(4);
      expect(score.floor!.value).toBeGreaterThan(3.7);
      expect(score.protocol.settings).toMatch(/2 splits/);
    });
  });
});

it('indices are drawn without a repeat', () => {
  expect(new Set(drawIndices(9, 5, new Random(1))).size).toBe(5);
});

it('a metric from outside is measured as those of the list, with interval and floor', () => {
  tidy(() => {
    const shift: DistributionMetric = {
      metrics: [{ metric: 'shift', name: 'Shift', better: 'lower', settings: 'means', range: [0, 1] }],
      minimum: 2,
      movesWithCount: false,
      statistic: () => (real, synthetic) => ({ shift: Math.abs(real.mean().sub(synthetic.mean()).item()) }),
    };
    const sets = { real: gaussian(60, 3, 1), synthetic: gaussian(60, 3, 2, 0.9) };
    const [record, ...rest] = measureDistribution(backbone, sets, { known: [shift] });
    expect(rest).toEqual([]);
    expect(record).toMatchObject({ metric: 'shift', name: 'Shift', protocol: { settings: 'means' } });
    expect(record!.interval![1]).toBeLessThanOrEqual(1);
    expect(standingOf(record!)).toBe('worse');
  });
});
