import { describe, expect, test } from 'vitest';
import { fillGuideline, guidelines, SECTIONS } from '../verdict/checklist/index.js';
import { judgeTrial } from './analysis.js';
import { trialFacts } from './checklist.js';
import { exampleSummary } from './example.test-data.js';
import { composeReport } from './report/content.js';

const summary = exampleSummary({ folds: 2, external: ['elsewhere'], metadata: true });
const judged = judgeTrial(summary, { replicates: 20 });
const facts = trialFacts(summary, judged);
const report = composeReport(summary, judged, {
  readPng: () => {
    throw new Error('there is no picture');
  },
});

describe('the facts of a trial', () => {
  test('are sentences that point to sections of the report', () => {
    const titles: string[] = [SECTIONS.verdict, ...report.sections.map(({ title }) => title)];
    for (const [id, { text, where }] of Object.entries(facts)) {
      expect(text, id).toMatch(/^[A-Z0-9“].*[.”]$/s);
      expect(text, id).not.toMatch(/undefined|NaN|Infinity|\[object|\.\.| {2}/);
      expect(titles, id).toContain(where);
    }
  });

  test('say what the summary says', () => {
    expect(facts.counts!.text).toContain(
      'In each of 2 folds 1,200 training images (960 benign of 940 lesions',
    );
    expect(facts.disjointness!.text).toMatch(/^By lesion\. .*none is tested in two folds/);
    expect(facts.initialisation!.text).toContain('from scratch');
    expect(facts.flow!.text).toMatch(
      /^2,103 images found, 1,800 kept; left out, .* exact copy of another: 251\./,
    );
    expect(facts.demographics!.text).toMatch(
      /^Sex, age and anatomical site by partition .*training: .*median age/,
    );
    expect(facts.missing!.text).toMatch(/Not known: sex of \d+ images/);
    expect(facts.calibration!.text).toMatch(/slope 0\.\d\d \(.*intercept −0/);
    expect(facts.utility!.text).toContain('At a threshold probability of 10 %');
    expect(facts.subgroups!.text).toContain('sex female');
    expect(facts.failures!.text).toContain('listed by name');
    expect(facts.model!.text).toMatch(/^EfficientNet-B0, one input of 64 × 64 pixels/);
    expect(facts.external!.text).toContain('elsewhere (150 images, 30 malignant');
    expect(facts.source!.text).toContain(summary.dataset.hash.slice(0, 16));
    expect(facts.registration!.text).toMatch(/^Not registered/);
    expect(facts.sampleSize!.text).toContain('No plan was registered');
    expect(facts.uncertainty!.text).toContain('by lesion');
    const configYaml = 'classifier:\n  recipe: efficientnet-b0-64\n  set: { steps: 600, lr: 0.001 }\n';
    expect(trialFacts({ ...summary, configYaml }, judged).training!.text).toBe(
      '600 optimiser steps in every run; recipe efficientnet-b0-64 with steps 600 and lr 0.001. All other settings are in the configuration.',
    );
  });

  test('right and wrong calls add up to the images of a run', () => {
    const numbers = [
      ...facts.crosstab!.text.matchAll(
        /of malignant, ([\d.]+) found and ([\d.]+) missed; of the others, ([\d.]+) false alarms and ([\d.]+)/g,
      ),
    ];
    expect(numbers).toHaveLength(2);
    for (const [, tp, fn, fp, tn] of numbers) {
      expect(Number(tp) + Number(fn)).toBeCloseTo(80, 0);
      expect(Number(fp) + Number(tn)).toBeCloseTo(320, 0);
    }
  });

  test('answer most of each guideline; ethics, funding and clinic stay with the author', () => {
    for (const guideline of Object.values(guidelines)) {
      const { items, counts } = fillGuideline(guideline, facts);
      expect(counts.filled + counts.part + counts.author).toBe(items.length);
      expect(counts.filled).toBeGreaterThanOrEqual(items.length / 4);
    }
    const { items } = fillGuideline(guidelines.claim, facts);
    const of = (status: string) => items.filter((item) => item.status === status).map(({ number }) => number);
    expect(of('author')).toEqual(expect.arrayContaining(['1', '5', '11', '14', '31', '41', '44']));
    expect(of('filled')).toEqual(
      expect.arrayContaining(['4', '9', '19', '20', '21', '24', '26', '29', '33']),
    );
    expect(of('part')).toEqual(expect.arrayContaining(['7', '34', '40']));
  });

  test('what was not done is said, and not left out', () => {
    const plain = exampleSummary({ seeds: 1 });
    const own = trialFacts(plain, judgeTrial(plain, { replicates: 0 }));
    expect(own.external!.text).toMatch(/^None/);
    expect(own.uncertainty!.text).toContain('each arm has one run');
    expect(own.heterogeneity).toBeUndefined();
  });
});
