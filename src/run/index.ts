/** TODO door */

export {
  type Checkpoint,
  loadCheckpoint,
  requireLastCheckpoint,
  resumeCheckpoint,
  saveCheckpoint,
  underPrefix,
  withPrefix,
} from './checkpoint.js';
export { bestCheckpointPath, checkpointPath, listCheckpoints } from './checkpoint-file.js';
export { checkpointHash } from './checkpoint-hash.js';
export { type ConditionsFrom, conditionsOf, noteConditions } from './conditions.js';
export { type ConfigSources, configToYaml, resolveConfig } from './config.js';
export { nearest } from './config-schema.js';
export { type RunEvent, readLastEvents } from './events.js';
export {
  type Interrupt,
  InterruptedError,
  interruptedExitCode,
  neverInterrupted,
  sleepUnless,
  withInterrupt,
} from './interrupt.js';
export type { RunKind } from './kind.js';
export { asSeenNow, wholePaths } from './places.js';
export { type Figures, formatDuration, formatFigure, Progress, withProgress, withTotal } from './progress.js';
export {
  annotateRun,
  createRun,
  type Json,
  openRun,
  Run,
  type RunRecord,
  readEvents,
  readRun,
  readRunConfig,
  runFiles,
  runStatus,
  trainedOn,
} from './run-folder.js';
export { requireSameConfig, runConditions } from './same-config.js';
export { jobThreads, settleThreads } from './threads.js';
