/** What an evaluation's report is composed of: plain data, so that it can be made, and tested, without a classifier. */
import type { Tile } from '../../report/document.js';
import type { Evaluation } from '../evaluation.js';
import type { ScoreRow } from '../scores.js';

export interface EvaluationReportInput {
  /** Name of the run folder. */
  run: string;
  /** Version of Graft that makes the report. */
  graft: string;
  /** When it is made, ISO 8601. */
  madeAt: string;
  architecture: string;
  sizePx: number;
  /** How the scores were made, such as 'test-time augmentation: flips'; null for the plain way. */
  scoring: string | null;
  dataset: {
    name: string;
    positive: string;
    groupedBy: 'patient' | 'lesion' | 'image';
    kind: 'images' | 'phantom';
    /** Not the one that the classifier was trained and validated on. */
    foreign: boolean;
  };
  split: string;
  rows: readonly ScoreRow[];
  evaluation: Evaluation;
  /** The most confident errors, the most confident first; left out where the pictures were not read. */
  errors: { missed: Tile[]; falseAlarms: Tile[] } | null;
}
