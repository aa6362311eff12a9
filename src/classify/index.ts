/**
 * Classifiers: a recipe and a dataset's pixels become a run folder with weights and scores; scores become an evaluation.
 *
 *     const result = await trainClassifier({ config, runDir, dataset, cache });
 *     const { network } = await openClassifier(runDir, 'cpu');
 *     const evaluation = evaluateScores(result.testScores, { validation: result.valScores });
 *
 * A network or an augmentation of one's own goes in with the options, or as a module (`ClassifierModule`). Reports and
 * explanations have doors of their own: `graft-gan/classify/report`, `graft-gan/classify/explain`.
 */

// Recipes and runs: training, and opening what was trained.

export { type ChoiceSummary, choiceWords } from './choice.js';
export {
  type ClassifierConfig,
  type ClassifierRecipe,
  checkRecipe,
  classifierConfigSchema,
  classifierRecipeSchema,
} from './config.js';
export { requireUnseenParts } from './ingredients.js';
export {
  type ClassifierResult,
  framingOfRun,
  type OpenedClassifier,
  openClassifier,
  readClassifierConfig,
  readClassifierResult,
  readStoredClassScores,
  readStoredScores,
  showingOfRun,
} from './result.js';
export { framingOfFolders, readSyntheticFolders } from './synthetic-folders.js';
export { type StepFigures, type TrainClassifierOptions, trainClassifier } from './train.js';
export type { SyntheticImages } from './training-set.js';

// A network or an augmentation of one's own.

export {
  architectureTitle,
  type ClassifierModule,
  type NetworkContext,
  type NetworkMaker,
  networkTitle,
  type OwnAugmentation,
  type OwnParts,
  openModule,
} from './own.js';

// Scores of single images: made by a network, read and written.

export { logitsOf, probability, scoreClasses, scoreSplit } from './evaluate.js';
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

// What is said of scores: intervals, calibration, subgroups; and when it rests on too few images.

export {
  type ClassEvaluation,
  type Evaluation,
  evaluateClasses,
  evaluateScores,
  type Score,
} from './evaluation.js';
export { binaryCounts, fewLines } from './few.js';
export { hairPartition } from './hair-partition.js';
export type { Subgroup } from './subgroups.js';

// Images that a run knows already.

export { checkFamiliarity, type Familiarity, type Known, type KnownOptions } from './familiarity.js';

// Use: predictions, files for other programs, the model card.

export { readCardInput } from './card-input.js';
export { type ClassifierExportFormat, exportClassifier } from './export.js';
export { modelCard } from './model-card.js';
export { findPictures, type Pictures } from './pictures.js';
export { type Prediction, predictFiles, readSquares, type Unreadable } from './predict.js';

// What synthetic images are worth to a classifier.

export { type GanTrainTestResult, runGanTrainTest } from './gan-train-test.js';
