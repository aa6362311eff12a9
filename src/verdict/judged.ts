/** Scores with what they come to: the value that reports and checklists are made from, of a trial or of a table. */
import { type AnalysisOptions, analyse, type TrialAnalysis } from './analysis.js';
import type { RegistrationRecord } from './registration.js';
import type { TrialScores } from './scores.js';
import type { Subgroups } from './subgroups.js';
import { decideVerdict, type Verdict } from './verdict.js';

/** Scores, and what is known of them besides. */
export interface Scored {
  scores: TrialScores;
  /** Of a table of scores, whether all of them are probabilities, so that calibration can be asked for. */
  isProbability: boolean;
  /** Metadata columns of the test images. */
  subgroups: readonly Subgroups[];
}

export interface Judged extends Scored {
  analysis: TrialAnalysis;
  verdict: Verdict;
  /** null: no plan was written down. */
  registration: RegistrationRecord | null;
  /** As the analysis was made with: for what is computed again at earlier looks. */
  options: AnalysisOptions;
}

/** @throws DataError where runs and test images do not fit together */
export function judge(
  { scores, isProbability, subgroups }: Scored,
  { registration = null, ...options }: AnalysisOptions & { registration?: RegistrationRecord | null } = {},
): Judged {
  const analysis = analyse(scores, options);
  const verdict = decideVerdict(analysis);
  return { scores, isProbability, subgroups, analysis, verdict, registration, options };
}
