/** TODO door */

export { type ClassifierConfig, checkRecipe, classifierConfigSchema } from './config.js';
export { logitsOf, probability, scoreClasses, scoreSplit } from './evaluate.js';
export {
  type ClassEvaluation,
  type Evaluation,
  evaluateClasses,
  evaluateScores,
  type Score,
} from './evaluation.js';
export { type ClassifierExportFormat, exportClassifier } from './export.js';
export { checkFamiliarity, type Familiarity, type Known, type KnownOptions } from './familiarity.js';
export { binaryCounts, fewLines } from './few.js';
export { type GanTrainTestResult, runGanTrainTest } from './gan-train-test.js';
export { hairPartition } from './hair-partition.js';
export { requireUnseenParts } from './ingredients.js';
export { modelCard } from './model-card.js';
export {
  type ClassifierModule,
  type NetworkContext,
  type NetworkMaker,
  networkTitle,
  type OwnAugmentation,
  type OwnParts,
  openModule,
} from './own.js';
export { findPictures, type Pictures } from './pictures.js';
export { type Prediction, predictFiles, readSquares, type Unreadable } from './predict.js';
export {
  type ClassifierResult,
  framingOfRun,
  openClassifier,
  readClassifierConfig,
  readClassifierResult,
  readStoredClassScores,
  readStoredScores,
  showingOfRun,
} from './result.js';
export { type OpenedData, type ScoredRun, type ScoreRunOptions, type Scores, scoreRun } from './score-run.js';
export {
  type ClassScoreRow,
  columnOf,
  type EvaluationSplit,
  isOf,
  oneAgainstRest,
  readScores,
  type ScoredSplit,
  type ScoreRow,
  scoreSummary,
  splitWords,
  writeClassScores,
  writeScores,
} from './scores.js';
export type { Subgroup } from './subgroups.js';
export { framingOfFolders, readSyntheticFolders } from './synthetic-folders.js';
export { type StepFigures, trainClassifier } from './train.js';
export type { SyntheticImages } from './training-set.js';
