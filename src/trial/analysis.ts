/** A trial's summary, analysed and judged. */
import { type AnalysisOptions, analyse, type Judged, judge, type TrialAnalysis } from '../verdict/index.js';
import { scoresOf } from './scores.js';
import type { TrialSummary } from './summary.js';

/**
 * Analyses a finished trial, or what there is of one.
 * @throws DataError where runs and test images do not fit together, or a recorded AUC is not the AUC of the scores
 */
export const summarise = (summary: TrialSummary, options: AnalysisOptions = {}): TrialAnalysis =>
  analyse(scoresOf(summary), options);

/** With its verdict, for reports and checklists. @throws as `summarise` */
export const judgeTrial = (summary: TrialSummary, options: AnalysisOptions = {}): Judged =>
  judge(
    { scores: scoresOf(summary), isProbability: true, subgroups: summary.subgroups ?? [] },
    { ...options, registration: summary.registration },
  );
