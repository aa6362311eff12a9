/** TODO door */
export { summarise } from './analysis.js';
export { syntheticCount } from './arms.js';
export { type ArmSoFar, type Board, BoardReader, type JobProgress, jobTitle } from './board.js';
export { checkPictures, checkTrial, type PictureCheck } from './check.js';
export { trialFacts } from './checklist.js';
export { comparisonPairs, rolesOf } from './comparisons.js';
export {
  armsOf,
  requireBalanceArm,
  settleTrialThreads,
  type TrialConfig,
  trialConfigSchema,
} from './config.js';
export { type Cost, estimateCost } from './cost.js';
export { readSchedule } from './jobs.js';
export { planTrial, type TrialJob } from './plan.js';
export { probe } from './probe.js';
export { withModule, withRecipePaths } from './recipe-paths.js';
export { registeredSummary } from './registered.js';
export { requireMarginReason, trialPlan } from './registration.js';
export { openTrialDataset } from './reopen.js';
export { readTrialSummary } from './result.js';
export { describeSetting, measureRoom, type Room } from './room.js';
export { type Executor, type ExecutorContext, runTrial } from './run.js';
export { runJob } from './run-job.js';
export type { TrialSummary } from './summary.js';
export { trainingCounts, variantRows } from './variants.js';
export { BUSY_EXIT_CODE, type JobOutcome, programPath, work } from './work.js';
