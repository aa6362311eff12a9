/** What an evaluation's report is composed of: plain data, so that it can be made, and tested, without a classifier. */
import type { Tile } from '../../report/index.js';
import type { ClassEvaluation, Evaluation } from '../evaluation.js';
import type { ClassScoreRow, ScoreRow } from '../scores.js';

/** What was evaluated, and when. */
export interface ReportSubject {
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
  /** Images that the classifier learned from, among those that were scored. */
  known: number;
  /** What stands beside the figures, a sentence each. */
  notes: readonly string[];
}

export interface EvaluationReportInput extends ReportSubject {
  rows: readonly ScoreRow[];
  evaluation: Evaluation;
  /** The most confident errors, the most confident first; left out where the pictures were not read. */
  errors: { missed: Tile[]; falseAlarms: Tile[] } | null;
}

/** Of a classifier with several classes. */
export interface ClassReportInput extends ReportSubject {
  rows: readonly ClassScoreRow[];
  evaluation: ClassEvaluation;
  /** By what the images are; the most confident errors first, of how many. Left out where the pictures were not read. */
  errors: { name: string; total: number; tiles: Tile[] }[] | null;
}
