/**
 * What a trial is given that has been fitted to images before: start weights, finished GANs, what GANs start from and are
 * chosen by. None of it may have seen what a fold evaluates on; where nobody can tell, the trial says so.
 */
import { type Dataset, openDataset } from '../data/dataset/index.js';
import {
  type Fit,
  type Held,
  heldOf,
  requireUnseen,
  rootsOf,
  type UnknownTraining,
} from '../data/lineage/index.js';
import { generatorSteps, ownSteps, traceTraining } from '../lineage/index.js';
import { type TrialConfig, usedGans } from './config.js';
import { classifierConfig, ganConfig } from './plan.js';
import { variantRows } from './variants.js';

interface Ingredient {
  /** Key of the trial file: `classifier.set.weights`. */
  role: string;
  /** As the trial file names it. */
  source: string;
  /** Of which GAN; null: of the classifiers. */
  gan: string | null;
  remedy: string;
  /** Default: traced from the source. */
  steps?: Fit[];
}

const REMEDIES = {
  run: "train a GAN on this dataset's training split (in folds: leave `run` out, and each fold trains its own)",
  initFrom: 'start from a run that never saw them, or from scratch',
  backbone: 'use the backbone random, or a network that never saw them',
  weights: 'start from weights that never saw them, or from scratch',
  module: 'take a network that never saw them',
} as const;

/** In the order of the trial file. */
function ingredientsOf(config: TrialConfig): Ingredient[] {
  const found: Ingredient[] = [];
  const used = usedGans(config);
  for (const [gan, { run, set, recipe }] of Object.entries(config.gans)) {
    if (!used.has(gan)) continue;
    const add = (key: keyof typeof REMEDIES, source: string, role: string): void =>
      void found.push({ role, source, gan, remedy: REMEDIES[key] });
    if (run !== null) {
      add('run', run, `gans.${gan}.run`);
      continue;
    }
    const settings = ganConfig(config, gan, { data: config.data });
    const where = (key: string): string =>
      key in set ? `gans.${gan}.set.${key}` : `gans.${gan}: ${recipe}: ${key}`;
    if (settings.initFrom !== null) add('initFrom', settings.initFrom, where('initFrom'));
    // One that only measures decides nothing.
    if (settings.bestBy !== null && settings.backbone !== null)
      add('backbone', settings.backbone, where('backbone'));
  }
  const { weights, module, own, moduleFitted } = classifierConfig(config);
  const { set, recipe } = config.classifier;
  if (module !== undefined && (own === undefined || own.includes('network')))
    found.push({
      role: 'module' in set ? 'classifier.set.module' : `classifier: ${recipe}: module`,
      source: module,
      gan: null,
      remedy: REMEDIES.module,
      steps: ownSteps({ module, moduleFitted }),
    });
  if (weights !== null)
    found.push({
      role: 'weights' in set ? 'classifier.set.weights' : `classifier: ${recipe}: weights`,
      source: weights,
      gan: null,
      remedy: REMEDIES.weights,
    });
  return found;
}

const stepsOf = ({ role, source, steps }: Ingredient): Fit[] =>
  steps ?? (/\.run$|initFrom$/.test(role) ? generatorSteps(source) : traceTraining(source).steps);

/** A fold as its runs see it. */
const heldOfFold = (dataset: Dataset, folds: number, fold: number): Held => ({
  ...heldOf(dataset, folds > 1 ? `of fold ${fold}` : null),
  rows: variantRows(dataset, folds, { fold, realFraction: 1 }),
});

/**
 * Of the whole trial, before anything is trained.
 * @returns what cannot be told, each once
 * @throws DataError naming the artefact, the steps between, the groups and the fold
 */
export function checkIngredients(config: TrialConfig, dataset: Dataset): UnknownTraining[] {
  const folds = foldsOf(config, dataset);
  const externals = Object.entries(config.external).map(
    ([name, dir]) => [name, heldElsewhere(openDataset(dir), name)] as const,
  );
  const unknown: UnknownTraining[] = [];
  for (const ingredient of ingredientsOf(config)) {
    const steps = stepsOf(ingredient);
    for (const held of folds) unknown.push(...requireUnseen(steps, held, ingredient));
    for (const [, held] of externals) requireUnseen(steps.flatMap(byFiles), held, ingredient);
  }
  return eachOnce(unknown);
}

/** Again for one job: files may have changed since. @param gan whose job it is; null: a classifier's */
export function checkIngredientsOf(config: TrialConfig, gan: string | null, dataset: Dataset): void {
  for (const ingredient of ingredientsOf(config))
    if (ingredient.gan === gan) requireUnseen(stepsOf(ingredient), heldOf(dataset), ingredient);
}

const foldsOf = (config: TrialConfig, dataset: Dataset): Held[] =>
  Array.from({ length: config.folds }, (_, i) => heldOfFold(dataset, config.folds, i + 1));

/** A test set from elsewhere: all of it is tested. */
const heldElsewhere = (external: Dataset, name: string): Held => ({
  rows: external.rows.map((row) => ({ ...row, split: 'test' })),
  roots: rootsOf(external),
  of: `of external.${name}`,
});

/** Names mean nothing in a dataset from elsewhere: what is known of a step by its files alone. */
function byFiles(fit: Fit): Fit[] {
  const only = ({ files }: Fit['train']): Fit['train'] => ({ groups: null, files: files ?? '', names: null });
  return fit.unknown === null ? [{ ...fit, train: only(fit.train), val: only(fit.val) }] : [];
}

const eachOnce = (all: readonly UnknownTraining[]): UnknownTraining[] => [
  ...new Map(all.map((one) => [JSON.stringify(one), one])).values(),
];
