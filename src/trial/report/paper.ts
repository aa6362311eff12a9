/**
 * The trial as the methods and results of a paper: whole sentences with every number, to be pasted and cut. They say what
 * the summary knows and nothing else.
 */
import { list, plural, whole } from '../../report/index.js';
import type { TrialAnalysis } from '../../verdict/index.js';
import { quoted, resultsParagraph, statisticsParagraph } from '../../verdict/report/index.js';
import type { TrialArm } from '../arms.js';
import type { TrialSummary } from '../summary.js';
import { amountText } from './design.js';
import { countsIn, spanOf } from './span.js';

/** Data, training sets, statistics, results, software: a paragraph each. */
export function methodsParagraphs(summary: TrialSummary, analysis: TrialAnalysis): string[] {
  return [
    dataParagraph(summary),
    armsParagraph(summary, analysis),
    statisticsParagraph(analysis, summary.registration),
    resultsParagraph(analysis),
    softwareParagraph(summary),
  ].filter((text) => text !== '');
}

function dataParagraph({ dataset, folds, external, sizePx }: TrialSummary): string {
  const { group, positive } = dataset;
  const part = (split: string): string =>
    `${spanOf(countsIn(folds, split))} (${spanOf(countsIn(folds, split, { label: positive }))} ${positive})`;
  const images = folds[0]!.counts.reduce((sum, row) => sum + row.images, 0);
  const units =
    group === 'image' ? '' : `, grouped by ${group} so that no ${group} is in more than one split`;
  const split =
    folds.length > 1
      ? `We used ${folds.length}-fold cross-validation${units}: in each fold ${part('train')} images were for training, ${part('val')} for validation and ${part('test')} for testing.`
      : `They were split${units} into ${part('train')} images for training, ${part('val')} for validation and ${part('test')} for testing.`;
  const kind = dataset.kind === 'phantom' ? 'procedurally drawn images (phantoms)' : 'images';
  const licence = dataset.licence ? `, ${dataset.licence}` : '';
  const sets = external.map(
    ({ name, labels, hash }) =>
      `${name} (${plural(labels.length, 'image')}, ${whole(labels.filter((label) => label === 1).length)} ${positive}; hash ${hash.slice(0, 16)})`,
  );
  return (
    `Data. The dataset ${dataset.name} (hash ${dataset.hash.slice(0, 16)}${licence}) holds ${whole(images)} ${kind} of the classes ${list(dataset.classes)}, resized to ${sizePx} × ${sizePx} pixels. ${split}` +
    (sets.length > 0 ? ` External test sets, on which nothing was trained or tuned, were ${list(sets)}.` : '')
  );
}

const BALANCES = {
  none: '',
  oversampling: 'both classes drawn equally often',
  'class-weights': 'the loss weighted by inverse class frequency',
  focal: 'a focal loss',
} as const;

const CHOICES: Record<string, string> = {
  random: 'taken at random',
  best: 'chosen by the discriminator’s score',
  diverse: 'chosen for diversity',
  filtered: 'filtered by label and by distance to training images',
};

/** 'filtered,best': one after the other. */
const choiceText = (choice: string): string => list(choice.split(',').map((step) => CHOICES[step] ?? step));

function armText(arm: TrialArm): string {
  const { synthetic, real, realFraction, augmentation, balance } = arm;
  const share = realFraction < 1 ? `${Number((100 * realFraction).toFixed(1))} % of the groups of ` : '';
  const parts = [
    `${share}the real ${real === 'all' ? 'training images' : 'negative images'}`,
    synthetic
      ? `synthetic images of ${synthetic.gan} (${amountText(arm)}, ${choiceText(synthetic.choice)})`
      : '',
    augmentation === 'standard' ? 'standard augmentation' : '',
    BALANCES[balance],
  ].filter((part) => part !== '');
  return `${quoted(arm.name)}: ${list(parts)}`;
}

function armsParagraph(summary: TrialSummary, { equalSteps }: TrialAnalysis): string {
  const { runs, arms, gans, dataset, folds } = summary;
  const present = arms.filter(({ name }) => runs.some((run) => run.arm === name));
  const seeds = [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  const steps = spanOf(runs.map((run) => run.optimiserSteps));
  const used = gans.map(({ recipe }) => recipe).filter((recipe, i, all) => all.indexOf(recipe) === i);
  const gan =
    gans.length === 0
      ? ''
      : ` Synthetic ${dataset.positive} images came from ${gans.length === 1 ? 'one generative adversarial network' : `${gans.length} generative adversarial networks`} (${list(used)}; ${spanOf(gans.map(({ sizePx }) => sizePx))} px, ${spanOf(gans.map(({ steps: own }) => own))} steps with batches of ${spanOf(gans.map(({ batchSize }) => batchSize))}),${gans.length > 1 ? ' each' : ''} trained on the ${spanOf(gans.map(({ trainingImages }) => trainingImages))} training images of its class${folds.length > 1 ? ' and fold' : ''} alone; no image of a validation or test ${dataset.group} was seen by a generator.`;
  return (
    `Training. We compared ${plural(present.length, 'training set')}: ${present.map(armText).join('; ')}.${gan} ` +
    `The classifier was ${summary.classifier}, trained ${equalSteps ? `for ${steps} optimiser steps in every run` : `for ${steps} optimiser steps`}; the step with the highest validation AUC was kept, and the decision threshold was chosen on validation images. ` +
    `Every training set was run with ${plural(seeds.length, 'seed')} (${seeds.join(', ')})${folds.length > 1 ? ` in each of ${folds.length} folds` : ''}, ${plural(runs.length, 'run')} in all. Validation and test images were real and at their natural prevalence.`
  );
}

function softwareParagraph({ version, environment, dataset, gans }: TrialSummary): string {
  const { libtorch, node, cpu, device, threads } = environment;
  const hashes = [...new Set(gans.map(({ lineage }) => lineage.datasetHash.slice(0, 16)))];
  const lineage =
    hashes.length > 0
      ? ` Generators were trained on the data with the hash${hashes.length > 1 ? 'es' : ''} ${list(hashes)}.`
      : '';
  return `Software. Graft ${version} (libtorch ${libtorch}, Node.js ${node}) on ${device}, ${cpu}, ${plural(threads, 'thread')}. The full configuration, all scores and the hash of the dataset (${dataset.hash}) are in the trial’s summary.${lineage}`;
}
