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

/** Errors of one kind, by what the images are: the most confident first, of how many. */
export interface ErrorRow {
  name: string;
  total: number;
  tiles: Tile[];
}

export interface EvaluationReportInput extends ReportSubject {
  rows: readonly ScoreRow[];
  evaluation: Evaluation;
  /** Of the positive class and of all others; left out where the pictures were not read. */
  errors: readonly ErrorRow[] | null;
}

/** Of a classifier with several classes. */
export interface ClassReportInput extends ReportSubject {
  rows: readonly ClassScoreRow[];
  evaluation: ClassEvaluation;
  /** A row a class. */
  errors: readonly ErrorRow[] | null;
}

export type AnyReportInput = EvaluationReportInput | ClassReportInput;
