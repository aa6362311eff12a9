/**
 * A trial: arms × folds × seeds, each a classifier of its own, and a verdict on what synthetic images bring. A trial file
 * (`trialConfigSchema`) and a dataset give the plan; the plan gives jobs, each with a folder of its own inside the trial's;
 * the folder is the only state, so that any number of processes on any machines work on one trial.
 *
 *   prepareTrial → createRun → runTrial → writeReport (./report)       a trial that begins
 *   openTrial → runTrial                                               one that goes on
 *   readTrialSummary → registeredSummary → summarise                   one that has finished
 *
 * Who does the jobs is in ./executors; the statistics are in ../verdict, for anyone's scores.
 */

// Finished.
export { judgeTrial, summarise } from './analysis.js';
// The trial file: arms, and what it leaves to the machine.
export { syntheticCount } from './arms.js';
export { type ArmSoFar, type Board, BoardReader, type JobProgress, jobTitle } from './board.js';
// Opened, planned, checked.
export { checkPictures, type PictureCheck } from './check.js';
export { factsOfFolder, trialFacts } from './checklist.js';
export { comparisonPairs, rolesOf } from './comparisons.js';
export { armsOf, settleTrialThreads, type TrialConfig, trialConfigSchema } from './config.js';
export { type Cost, estimateCost } from './cost.js';
export { readSchedule } from './jobs.js';
// What it will see and cost.
export { type ArmImages, armImages, trialPower } from './outlook.js';
export { classifierConfig, type TrialJob } from './plan.js';
export { type ProbeKind, probe } from './probe.js';
export { withModules, withRecipePaths } from './recipe-paths.js';
// Held to a plan.
export { registeredSummary } from './registered.js';
export { priorRegistration, requireMarginReason, requirePlan, trialPlan } from './registration.js';
export { readTrialSummary } from './result.js';
export { describeSetting, measureRoom, type Room } from './room.js';
// Run to the verdict, and watched.
export { type Executor, type ExecutorContext, runTrial, type TrialOptions } from './run.js';
// One job, in the process that a worker starts for it; a few steps of one.
export { runJobHere } from './run-job.js';
export type { TrialSummary } from './summary.js';
export { openTrial, prepareTrial, type Trial, type TrialFolder, trialOf } from './trial.js';
export { BUSY_EXIT_CODE, type JobOutcome, work } from './work.js';
