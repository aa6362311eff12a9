/**
 * A run folder: the only interface between trainers, reports and the studio (docs/run-folder.md describes its files). A run
 * that is killed at any moment goes on, and ends bit for bit like one that never was.
 *
 *   resolveConfig → createRun | openRun → run.event, saveCheckpoint → run.finish      a trainer
 *   readRun                                                                            who looks at it
 */

// Checkpoints.
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
// Where and with how many threads a run is computed, which may change when it goes on.
export { type ConditionsFrom, conditionsOf, noteConditions } from './conditions.js';
// Configuration: recipe, file, --set and flags over a schema's defaults; its paths, from wherever it is seen.
export { type ConfigSources, configToYaml, recipeNames, resolveConfig } from './config.js';
export { nearest } from './config-schema.js';
// Reading one, also while it is written, and without the engine.
export { type RunEvent, readEvents, readLastEvents } from './events.js';
// Ctrl-C, and how far one is.
export {
  type Interrupt,
  InterruptedError,
  interruptedExitCode,
  neverInterrupted,
  sleepUnless,
  withInterrupt,
} from './interrupt.js';
export type { Json } from './json.js';
export type { RunKind } from './kind.js';
export { type LoadedModule, loadModule, moduleOf } from './module.js';
export { asSeenNow, wholePaths } from './places.js';
export { type Figures, formatDuration, formatFigure, Progress, withProgress, withTotal } from './progress.js';
// Writing a run: one process at a time (../base/lock.ts).
export { annotateRun, createRun, openRun, Run, withdrawRefused } from './run-folder.js';
export {
  type RunHeader,
  type RunRecord,
  type RunStatus,
  readRun,
  readRunConfig,
  runFiles,
  runStatus,
  trainedOn,
} from './run-reader.js';
export { requireSameConfig, runConditions } from './same-config.js';
export { jobThreads, settleThreads } from './threads.js';
