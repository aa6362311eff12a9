/** A trial's summary, analysed. */
import { type AnalysisOptions, analyse, type TrialAnalysis } from '../verdict/index.js';
import { scoresOf } from './scores.js';
import type { TrialSummary } from './summary.js';

/**
 * Analyses a finished trial, or what there is of one.
 * @throws DataError where runs and test images do not fit together, or a recorded AUC is not the AUC of the scores
 */
export const summarise = (summary: TrialSummary, options: AnalysisOptions = {}): TrialAnalysis =>
  analyse(scoresOf(summary), options);
