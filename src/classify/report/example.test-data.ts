/** An evaluation's report made without a classifier: patients with one to three images, and probabilities that are too sure. */

import { Random } from '../../random.js';
import type { Tile } from '../../report/document.js';
import { evaluateScores } from '../evaluation.js';
import { partitionsOf } from '../partition.js';
import type { ScoreRow } from '../scores.js';
import type { EvaluationReportInput } from './input.js';

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

export function exampleEvaluationInput(
  options: { columns?: readonly string[]; errors?: boolean } = {},
): EvaluationReportInput {
  const { columns, errors = true } = options;
  const { rows, metadata } = drawRows(7, 220);
  const tile = (id: string): Tile => ({
    images: [{ jpeg: new Uint8Array([0xff, 0xd8, 0xff]), alt: id }],
    caption: '0.031',
    facts: [{ name: 'id', value: id }],
  });
  return {
    run: 'example',
    graft: '0.0.0',
    madeAt: '2026-11-02T12:00:00Z',
    architecture: 'efficientnet-b0',
    sizePx: 64,
    scoring: null,
    dataset: { name: 'clinic', positive: 'melanoma', groupedBy: 'patient', kind: 'images', foreign: false },
    split: 'test',
    rows,
    evaluation: evaluateScores(rows, {
      validation: drawRows(8, 200).rows,
      partitions: partitionsOf(metadata, { columns }),
      replicates: 200,
    }),
    errors: errors ? { missed: [tile('i1'), tile('i2')], falseAlarms: [tile('i3')] } : null,
  };
}
