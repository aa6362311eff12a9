/** TODO door */
export { type AnalysisOptions, analyse, type TrialAnalysis } from './analysis.js';
export type { ArmAnalysis } from './arms.js';
export { analyseAucs, decideAucs } from './aucs.js';
export { type CalibrationOptions, calibrate, scenariosNamed, usualScenarios } from './calibration.js';
export { calibrationTable, scenarioList } from './calibration-table.js';
export { failedImages, failuresOf } from './failures.js';
export { type Judged, judge, type Scored } from './judged.js';
export { balanceAlone } from './limits.js';
export type { PowerPlan } from './power-outlook.js';
export { defaultAssumptions, type Pilot, pilotOf, pilotOfTable } from './power-pilot.js';
export { type PlanInput, planPower } from './power-plan.js';
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
export type { Limit, PlannedComparison, Question, Role, ScoredRun, TrialScores } from './scores.js';
export { decideLook } from './sequential.js';
export { MOST_COLUMNS } from './subgroups.js';
export {
  type AucTable,
  readScoreTable,
  type ScoreTable,
  type VerdictPlan,
  verdictPlanSchema,
} from './table.js';
export { decideVerdict, type Verdict, verdictLines } from './verdict.js';
export { estimandText } from './words.js';
