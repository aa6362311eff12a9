/** What a trial answers of a reporting guideline: what its scores say, and what training, data and the run folder know. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseYaml } from '../base/yaml/index.js';
import { capital, fixed, list, plural, whole } from '../report/index.js';
import { runFiles } from '../run/index.js';
import { type Facts, verdictFacts } from '../verdict/checklist/index.js';
import { type Judged, judge, type TrialAnalysis } from '../verdict/index.js';
import { readTableSummary } from '../verdict/report/index.js';
import { judgeTrial } from './analysis.js';
import { registeredSummary } from './registered.js';
import { countsIn, spanOf } from './report/span.js';
import { readTrialSummary } from './result.js';
import type { TrialSummary } from './summary.js';

const SECTIONS = {
  run: 'What was run',
  data: 'Data',
  images: 'Synthetic images',
  training: 'Training',
  methods: 'Methods',
  appendix: 'Appendix',
} as const;

/** Intervals of the bootstrap stand in the report alone: no answer needs them. */
const noBootstrap = { replicates: 0 };

/**
 * Of a trial's folder, or of a folder that `graft verdict --out` wrote.
 * @throws DataError where it is neither, or has not finished
 */
export function factsOfFolder(dir: string): { name: string; facts: Facts } {
  const saved = join(dir, 'summary.json');
  const table = existsSync(saved) && !existsSync(join(dir, runFiles.events)) ? readTableSummary(saved) : null;
  if (table) return { name: table.scores.name, facts: verdictFacts(judge(table, noBootstrap)) };
  const summary = registeredSummary(dir, readTrialSummary(dir));
  return { name: summary.name, facts: trialFacts(summary, judgeTrial(summary, noBootstrap)) };
}

/** @param judged the summary's scores, by `judgeTrial` */
export function trialFacts(summary: TrialSummary, judged: Judged): Facts {
  return {
    ...verdictFacts(judged),
    ...dataFacts(summary),
    ...participantFacts(summary),
    ...modelFacts(summary, judged.analysis),
    ...syntheticFacts(summary),
    ...recordFacts(summary),
  };
}

const splitNames = { train: 'training', val: 'validation', test: 'test' } as const;

/** '1,200 training images (960 benign of 940 lesions, 240 malignant of 231)', over folds as spans. */
function countsText({ dataset, folds }: TrialSummary): string {
  const { group, classes } = dataset;
  const parts = (['train', 'val', 'test'] as const).map((split) => {
    const own = (label?: string, key: 'images' | 'groups' = 'images'): number[] =>
      countsIn(folds, split, { label, key });
    const byClass = classes.map(
      (label) =>
        `${spanOf(own(label))} ${label}${group === 'image' ? '' : ` of ${spanOf(own(label, 'groups'))} ${group}s`}`,
    );
    return `${spanOf(own())} ${splitNames[split]} images (${list(byClass)})`;
  });
  return `${folds.length > 1 ? `In each of ${folds.length} folds ` : ''}${list(parts)}.`;
}

function dataFacts(summary: TrialSummary): Facts {
  const { dataset, folds, arms, sizePx, external, unknownTraining } = summary;
  const { name, hash, licence, group, kind, classes, positive } = dataset;
  const single = group === 'image';
  const apart = `${folds.length > 1 ? `In each of ${folds.length} folds no` : 'No'} ${group} is in more than one of training, validation and test images${folds.length > 1 ? ', and none is tested in two folds' : ''}; this was checked when the dataset was opened and when the scores were analysed.`;
  const parts = arms.filter(({ realFraction }) => realFraction < 1);
  return {
    source: {
      text: `${kind === 'phantom' ? 'Phantoms, drawn by a program: no patient is behind them. ' : ''}Dataset ${name}, ${licence === '' ? 'no licence recorded' : licence}, hash ${hash.slice(0, 16)}${external.length > 0 ? `; external sets ${list(external.map((set) => `${set.name} (${set.licence === '' ? 'no licence recorded' : set.licence}, ${set.hash.slice(0, 16)})`))}` : ''}.`,
      where: SECTIONS.data,
    },
    preprocessing: {
      text: `Images were framed as squares of ${sizePx} × ${sizePx} pixels and normalised as the classifier’s recipe says, alike in every partition and arm.`,
      where: SECTIONS.methods,
    },
    subsets: {
      text:
        parts.length > 0
          ? `Arms ${list(parts.map((arm) => `“${arm.name}”`))} were trained on a random part of the training groups, as their names say; validation and test images are whole in every arm.`
          : 'None: every arm was trained on all real training images of the dataset, except where its name says otherwise, and tested on all test images.',
      where: SECTIONS.run,
    },
    partition: {
      text:
        folds.length > 1
          ? `${folds.length}-fold cross-validation over ${group}s: in each fold the others serve for training and validation, and every image is tested once.`
          : `The dataset’s own split into training, validation and test images, by ${group}.`,
      where: SECTIONS.data,
    },
    counts: { text: countsText(summary), where: SECTIONS.data },
    disjointness: {
      text: single
        ? `By image: no patient or lesion is known, so that images of one patient may be on both sides. ${apart}`
        : `By ${group}. ${apart}`,
      where: SECTIONS.data,
    },
    leaks: {
      text: `Graft runs no trial whose generators, start weights or synthetic images were fitted to an image of a validation or test ${group}, as far as their lineage tells${external.length > 0 ? ', and takes no external set that shares groups or pictures with training' : ''}. ${unknownTraining.length === 0 ? 'Nothing was used whose training is not known.' : `Of ${list(unknownTraining.map(({ artefact, role }) => `${artefact} (${role})`))} nobody knows what it was fitted to.`}`,
      where: SECTIONS.data,
    },
    imbalance: {
      text: `Validation and test images are at their natural prevalence in every arm. Training: ${list(arms.map((arm) => `“${arm.name}” ${balanceText(arm)}`))}. Probabilities were not recalibrated after that.`,
      where: SECTIONS.run,
    },
    ...(classes.length > 2
      ? {
          diagnoses: {
            text: `Classes other than ${positive} are counted one by one: ${countsText(summary)}`,
            where: SECTIONS.data,
          },
        }
      : {}),
  };
}

/** How many came in, and who they are. */
function participantFacts({ flow, folds, dataset }: TrialSummary): Facts {
  const facts: Facts = {};
  const [first, last] = [flow?.[0], flow?.at(-1)];
  if (flow && first && last) {
    const reasons = flow.slice(1).map(({ text, images }, i) => `${text}: ${whole(flow[i]!.images - images)}`);
    facts.flow = {
      text: `${plural(first.images, 'image')} found, ${whole(last.images)} kept${reasons.length > 0 ? `; left out, each under its first fault: ${list(reasons)}` : '; nothing was left out'}. The diagram goes on to the partitions.`,
      where: SECTIONS.data,
    };
  }
  const demographics = folds[0]!.demographics ?? [];
  if (demographics.length > 0) {
    facts.demographics = {
      text: `${capital(list(demographics.map(({ title }) => title)))} by partition and class stand in the table ‘Who is in which partition’: ${(['train', 'val', 'test'] as const).map((split) => partitionText(demographics, split)).join('; ')}${folds.length > 1 ? ' (first fold)' : ''}.`,
      where: SECTIONS.data,
    };
    const missing = demographics.flatMap(({ title, cells }) => {
      const count = cells.reduce((sum, cell) => sum + cell.missing, 0);
      return count > 0 ? [`${title} of ${plural(count, 'image')}`] : [];
    });
    facts.missing = {
      text: `Every image has a label and every test image a score in every run. ${missing.length > 0 ? `Not known: ${list(missing)}; such images are in no subgroup, and nothing was imputed.` : 'No value of the columns that are told is missing.'} ${flow ? 'Images without a label, or that could not be read, were left out, as the flow says.' : `What was left out of ${dataset.name} when it was made is not recorded.`}`,
      where: SECTIONS.data,
    };
  }
  return facts;
}

/** 'test: age 45 (malignant) and 40 (benign), …' of numbers the medians, of words the most frequent value. */
function partitionText(
  demographics: NonNullable<TrialSummary['folds'][number]['demographics']>,
  split: keyof typeof splitNames,
): string {
  const told = demographics.map(({ title, values, cells }) => {
    const own = cells.filter((cell) => cell.split === split);
    if (own.some(({ quartiles }) => quartiles !== null))
      return `median ${title} ${list(own.flatMap(({ quartiles, label }) => (quartiles ? [`${quartiles[1]} (${label})`] : [])))}`;
    const counts = values.map((value) => ({
      value,
      count: own.reduce((sum, cell) => sum + (cell.values[value] ?? 0), 0),
    }));
    return counts.length === 0
      ? title
      : list(counts.slice(0, 3).map(({ value, count }) => `${value} ${whole(count)}`));
  });
  return `${splitNames[split]}: ${told.join(', ')}`;
}

function balanceText({ balance, synthetic, real }: TrialSummary['arms'][number]): string {
  const parts = [
    synthetic ? 'adds synthetic images of the positive class' : '',
    real === 'negatives' ? 'has no real positive images' : '',
    {
      none: '',
      oversampling: 'draws both classes equally often',
      'class-weights': 'weighs the loss by inverse class frequency',
      focal: 'uses a focal loss',
    }[balance],
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'leaves the classes as they are' : list(parts);
}

function modelFacts(summary: TrialSummary, { equalSteps }: TrialAnalysis): Facts {
  const { classifier, sizePx, runs, environment, version, dataset } = summary;
  const [name, start] = classifier.split(/ (from .+)$/);
  const steps = spanOf(runs.map(({ optimiserSteps }) => optimiserSteps));
  const settings = settingsText(summary);
  const mean = (of: (run: (typeof runs)[number]) => number): number =>
    runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  return {
    model: {
      text: `${name}, one input of ${sizePx} × ${sizePx} pixels, one output. The configuration as it was resolved is in the appendix.`,
      where: SECTIONS.run,
    },
    predictors: {
      text: 'The pixels of one picture, and nothing else: no clinical data, no label, no result of another test.',
      where: SECTIONS.run,
    },
    handcrafted: {
      text: 'There are none: the network learns from the pixels.',
      where: SECTIONS.run,
    },
    segmentation: {
      text: 'None was needed: the network gets the whole picture.',
      where: SECTIONS.run,
    },
    output: {
      text: `The probability of ${dataset.positive}, one number an image (sigmoid of the network’s output).`,
      where: SECTIONS.methods,
    },
    initialisation: {
      text: `The classifier: ${start ?? 'not recorded'}. Each seed draws its own ${start === 'from scratch' ? 'weights, ' : ''}order and augmentation; arms share seeds.`,
      where: SECTIONS.run,
    },
    training: {
      text: `${steps} optimiser steps${equalSteps ? ' in every run' : ', not equally many in every run'}${settings === '' ? '' : `; ${settings}`}. All other settings are in the configuration.`,
      where: SECTIONS.appendix,
    },
    selection: {
      text: `The step with the best validation AUC was kept (steps ${spanOf(runs.map(({ bestStep }) => bestStep))}); test images were scored once, with these weights. The trial chose no arm and no setting by test images.`,
      where: SECTIONS.training,
    },
    internal: {
      text: `Every run scored the test images of ${summary.folds.length > 1 ? 'its fold' : 'the split'}, of the training images’ own collection. Mean AUC on validation images ${fixed(mean((run) => run.validation.auc))}, on test images ${fixed(mean((run) => run.test.auc))}.`,
      where: 'Result',
    },
    software: {
      text: `Graft ${version}, libtorch ${environment.libtorch}, Node.js ${environment.node}; ${environment.device}, ${environment.cpu}, ${plural(environment.threads, 'thread')}.`,
      where: SECTIONS.appendix,
    },
  };
}

/** Recipe and overridden settings of the classifier as the trial file has them; '' where it has none. */
function settingsText({ configYaml }: TrialSummary): string {
  const { value } = parseYaml(configYaml, 'the trial’s configuration');
  const { classifier } = (value ?? {}) as { classifier?: { recipe?: unknown; set?: unknown } };
  if (typeof classifier !== 'object' || classifier === null) return '';
  const set = Object.entries((classifier.set ?? {}) as object).map(
    ([key, own]) => `${key} ${typeof own === 'string' ? own : JSON.stringify(own)}`,
  );
  return [
    typeof classifier.recipe === 'string' ? `recipe ${classifier.recipe}` : '',
    set.length > 0 ? `with ${list(set)}` : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function syntheticFacts({ gans, dataset }: TrialSummary): Facts {
  if (gans.length === 0) return {};
  const one = ({
    name,
    recipe,
    label,
    trainingImages,
    steps,
    batchSize,
    sampledImages,
    privacy,
  }: (typeof gans)[number]) =>
    `${name}: ${recipe}, trained on ${plural(trainingImages, `${label} training image`)} for ${whole(steps)} steps with batches of ${batchSize}, ${plural(sampledImages, 'image')} sampled; checks for copies and memorisation: ${privacy?.verdict ?? 'not made'}`;
  return {
    synthetic: {
      text: `Generators: ${list(gans.slice(0, 5).map(one))}${gans.length > 5 ? `, and ${gans.length - 5} more` : ''}. No generator saw an image of a validation or test ${dataset.group}.`,
      where: SECTIONS.images,
    },
  };
}

/** What stands in the folder for whoever wants to repeat it. */
function recordFacts({ dataset, external, gans, runs }: TrialSummary): Facts {
  return {
    availability: {
      text: `In the trial’s folder: weights, scores and configuration of ${plural(runs.length, 'run')}${gans.length > 0 ? `, ${plural(gans.length, 'generator')}` : ''}, with seeds and hashes (dataset ${dataset.hash.slice(0, 16)}${external.map(({ name, hash }) => `, ${name} ${hash.slice(0, 16)}`).join('')}). Graft itself is open source.`,
      where: SECTIONS.appendix,
    },
  };
}
