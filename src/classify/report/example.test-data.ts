/** Evaluations' reports made without a classifier: patients with one to three images, and probabilities that are too sure. */

import { Random } from 'graft-torch/base';
import { partitionsOf } from '../../data/dataset/partition.js';
import type { Tile } from '../../report/document.js';
import { evaluateClasses, evaluateScores } from '../evaluation.js';
import type { ClassScoreRow, ScoreRow } from '../scores.js';
import type { ClassReportInput, EvaluationReportInput } from './input.js';

function drawRows(seed: number, patients: number): { rows: ScoreRow[]; metadata: Record<string, string>[] } {
  const random = new Random(seed);
  const rows: ScoreRow[] = [];
  const metadata: Record<string, string>[] = [];
  for (let patient = 0; patient < patients; patient++) {
    const own = { sex: random.chance(0.5) ? 'male' : 'female', age_approx: String(20 + 5 * random.int(14)) };
    for (let image = random.int(3); image >= 0; image--) {
      const logit = random.normal(-0.9, 1.4);
      const label = random.chance(1 / (1 + Math.exp(-logit))) ? 1 : 0;
      const score = 1 / (1 + Math.exp(-2.5 * logit));
      rows.push({ id: `i${rows.length}`, group: `p${patient}`, label, score });
      metadata.push({ ...own, anatom_site_general: random.chance(0.02) ? 'palms & <soles>' : 'torso' });
    }
  }
  return { rows, metadata };
}

const tile = (id: string): Tile => ({
  images: [{ jpeg: new Uint8Array([0xff, 0xd8, 0xff]), alt: id }],
  caption: '0.031',
  facts: [{ name: 'id', value: id }],
});

export function exampleEvaluationInput(
  options: { columns?: readonly string[]; errors?: boolean } = {},
): EvaluationReportInput {
  const { columns, errors = true } = options;
  const { rows, metadata } = drawRows(7, 220);
  return {
    run: 'example',
    graft: '0.0.0',
    madeAt: '2026-11-02T12:00:00Z',
    architecture: 'efficientnet-b0',
    sizePx: 64,
    scoring: null,
    dataset: { name: 'clinic', positive: 'melanoma', groupedBy: 'patient', kind: 'images', foreign: false },
    split: 'test',
    known: 0,
    notes: [],
    rows,
    evaluation: evaluateScores(rows, {
      validation: drawRows(8, 200).rows,
      partitions: partitionsOf(metadata, { columns }),
      replicates: 200,
    }),
    errors: errors
      ? [
          { name: 'melanoma', total: 2, tiles: [tile('i1'), tile('i2')] },
          { name: 'other', total: 1, tiles: [tile('i3')] },
        ]
      : null,
  };
}

/** HAM10000's diagnoses, their shares there, and names that a page has to escape and to fit. */
export const SEVEN = [
  ['melanoma', 0.11],
  ['nevus', 0.67],
  ['basal cell carcinoma', 0.05],
  ['actinic keratosis & Bowen’s <disease>', 0.04],
  ['benign keratosis', 0.1],
  ['dermatofibroma', 0.015],
  ['vascular lesion', 0.015],
] as const;

function drawClassRows(
  seed: number,
  lesions: number,
): { rows: ClassScoreRow[]; metadata: Record<string, string>[] } {
  const random = new Random(seed);
  const rows: ClassScoreRow[] = [];
  const metadata: Record<string, string>[] = [];
  for (let lesion = 0; lesion < lesions; lesion++) {
    // The first lesions are one of each, so that no class is missing.
    let place = random.next();
    const drawn = SEVEN.findIndex(([, share]) => {
      place -= share;
      return place < 0;
    });
    const truth = lesion < SEVEN.length ? lesion : Math.max(0, drawn);
    const sex = random.chance(0.5) ? 'male' : 'female';
    const age = String(20 + 5 * random.int(14));
    const site = random.chance(0.03) ? 'palms & <soles>' : random.chance(0.5) ? 'torso' : 'face';
    for (let image = random.int(3); image >= 0; image--) {
      const logits = SEVEN.map(
        ([, share], k) =>
          Math.log(share) + (k !== truth ? 0 : site === 'face' ? 1.6 : 3) + random.normal(0, 1.2),
      );
      const powers = logits.map((logit) => Math.exp(1.8 * logit));
      const sum = powers.reduce((all, power) => all + power, 0);
      const id = `i${rows.length}`;
      rows.push({
        id,
        group: `l${lesion}`,
        label: SEVEN[truth]![0],
        probabilities: powers.map((p) => p / sum),
      });
      metadata.push({ sex, age_approx: age, anatom_site_general: site });
    }
  }
  return { rows, metadata };
}

export function exampleClassInput(
  options: { lesions?: number; replicates?: number; errors?: boolean } = {},
): ClassReportInput {
  const { lesions = 500, replicates = 100, errors = true } = options;
  const classes = SEVEN.map(([name]) => name);
  const { rows, metadata } = drawClassRows(9, lesions);
  return {
    run: 'seven diagnoses',
    graft: '0.0.0',
    madeAt: '2026-11-02T12:00:00Z',
    architecture: 'efficientnet-b0',
    sizePx: 128,
    scoring: null,
    dataset: { name: 'clinic', positive: 'melanoma', groupedBy: 'lesion', kind: 'images', foreign: false },
    split: 'test',
    known: 0,
    notes: [],
    rows,
    evaluation: evaluateClasses(rows, classes, {
      validation: drawClassRows(10, lesions).rows,
      partitions: partitionsOf(metadata),
      replicates,
    }),
    errors: errors
      ? classes.map((name, k) => ({
          name,
          total: 3 * k,
          tiles: k === 0 ? [] : [tile(`i${k}`), tile(`j${k}`)],
        }))
      : null,
  };
}
