/**
 * Does one way to train beat another? The statistics of a trial, on scores from any framework; needs no engine. Scores
 * (`TrialScores`) come from a table of anyone's (`readScoreTable`) or from a trial of Graft's (../trial).
 *
 *   readScoreTable → judge → verdictLines, or ./report and ./checklist
 *
 * `analyse` estimates, `decideVerdict` says what that comes to; `planPower` says beforehand what a design will be able to
 * see, `calibrate` whether the verdict keeps its promises. docs/verdict.md and docs/trial.md explain the choices.
 */

// Estimates.
export { type AnalysisOptions, analyse, type ExternalAnalysis, type TrialAnalysis } from './analysis.js';
export type { ArmAnalysis, Estimate } from './arms.js';
// From AUCs alone.
export { analyseAucs, decideAucs } from './aucs.js';
// Is the verdict right about trials whose truth is known?
export {
  type Calibration,
  type CalibrationOptions,
  calibrate,
  scenariosNamed,
  usualScenarios,
} from './calibration.js';
export { calibrationTable, scenarioList } from './calibration-table.js';
export type { Comparison, PairAnalysis } from './comparison.js';
export { failedImages, failuresOf } from './failures.js';
// The verdict, and how far it reaches.
export { type Judged, judge, type Scored } from './judged.js';
export type { Scope, VerdictKind } from './kind.js';
export { balanceAlone } from './limits.js';
// Before anything is trained.
export type { PowerPlan } from './power-outlook.js';
export {
  defaultAssumptions,
  type Pilot,
  type PowerAssumptions,
  pilotOf,
  pilotOfTable,
} from './power-pilot.js';
export { type PlanInput, planPower } from './power-plan.js';
// Plans that are registered, and deviations from them.
export {
  canonicalJson,
  DEVIATIONS_FILE,
  differingKeys,
  hashOfPlan,
  type KeptDeviation,
  type KeptRegistration,
  keepRegistration,
  makeRegistration,
  type Plan,
  type PlanSubject,
  planDifferences,
  REGISTRATION_FILE,
  type Registration,
  type RegistrationFile,
  type RegistrationRecord,
  readDeviations,
  readRegistration,
  registrationRecordSchema,
  registrationText,
  requirePast,
  someOf,
  toldDeviation,
  writeRegistration,
} from './registration.js';
export type {
  Limit,
  PlannedComparison,
  Question,
  Role,
  ScoredFold,
  ScoredRun,
  TestImages,
  TrialScores,
} from './scores.js';
// Where seeds are added step by step.
export { decideLook, type LookDecision, type LookSettings } from './sequential.js';
export { MOST_COLUMNS, type Subgroups } from './subgroups.js';
// Scores, from a table.
export {
  type AucTable,
  readScoreTable,
  type ScoreTable,
  type VerdictPlan,
  verdictPlanSchema,
} from './table.js';
export { decideVerdict, type Verdict, verdictLines } from './verdict.js';
export { estimandText } from './words.js';
