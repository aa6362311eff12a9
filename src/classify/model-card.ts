/**
 * A model card in Markdown, with the sections of Mitchell et al. 2019, "Model Cards for Model Reporting". Everything in it
 * is taken from the run, its dataset and its scores; what they do not say is called unknown.
 */
import type { Dataset } from '../data/dataset/index.js';
import type { Lineage } from '../data/lineage/index.js';
import { framingWords, trainingFraming } from '../image/index.js';
import { codeSpan, type Markdown, markdownTable, md } from '../report/index.js';
import { choiceWords } from './choice.js';
import type { ClassifierConfig } from './config.js';
import type { Evaluation, Score, ScoreName } from './evaluation.js';
import { networkTitle } from './own.js';
import type { ClassifierSummary, ProbeSummary } from './result.js';
import type { Subgroup } from './subgroups.js';

export interface ModelCardInput {
  /** Name of the run. */
  run: string;
  /** Version of Graft. */
  graft: string;
  config: ClassifierConfig;
  summary: ClassifierSummary;
  /** When the run finished, ISO 8601; null where it does not say. */
  finished: string | null;
  /** Null where it is no longer there, or no longer the one that was trained on. */
  dataset: Dataset | null;
  /** Of each folder of synthetic images; null where it is no longer there. */
  synthetic: readonly { folder: string; lineage: Lineage | null }[];
  /** Of the test split; null where it cannot be made. */
  evaluation: Evaluation | null;
}

const UNKNOWN = 'unknown';

/** The card as Markdown. */
export function modelCard(input: ModelCardInput): string {
  const { run, config, summary } = input;
  const positive = code(summary.dataset.positive);
  return `${[
    md`# Model card: ${run}`,
    '**Not a medical device.** It has been neither approved nor validated for diagnosis, triage or treatment.',
    ...section('Model details', details(input)),
    ...section('Intended use', [
      md`- Purpose: research; telling ${positive} from the other classes in images like those of ${code(summary.dataset.name)}.`,
      '- Out of scope: decisions on patients; images of other kinds, devices or populations than those below.',
    ]),
    ...section('Factors', factors(input)),
    ...section('Metrics', [
      md`- Threshold: ${figure(summary.test.threshold)}, chosen on the validation split and used on the test split as it is.`,
      md`- Test-time augmentation: ${config.tta}.`,
      '- Intervals: 95 %, over images, whole groups at a time: DeLong for the AUC, Wilson for shares of images, the percentile bootstrap for the rest.',
    ]),
    ...section('Evaluation data', evaluationData(input)),
    ...section('Training data', trainingData(input)),
    ...section('Quantitative analyses', analyses(input)),
    ...section('Ethical considerations', [
      md`- Licence of the data: ${input.dataset?.licence || UNKNOWN}.`,
      '- Consent of the persons shown: unknown; the dataset does not record it.',
    ]),
    ...section('Caveats and recommendations', caveats(input)),
  ].join('\n\n')}\n`;
}

const section = (title: string, lines: readonly string[]): string[] => [`## ${title}`, lines.join('\n')];

function details({ graft, config, summary, finished }: ModelCardInput): string[] {
  return [
    md`- Architecture: ${networkTitle(config)}, ${summary.parameters.toLocaleString('en-US')} parameters, one logit; head: ${config.head}.`,
    md`- Input: ${config.channels === 1 ? 'grey' : 'RGB'}, ${config.imageSize} × ${config.imageSize} px, ${framingWords(summary.framing ?? trainingFraming)}.`,
    md`- Starting weights: ${config.weights === null ? 'none, from scratch' : code(config.weights)}.`,
    summary.probe
      ? probeWords(config, summary.probe)
      : md`- Training: ${summary.steps} steps of ${config.batchSize} images${summary.stoppedEarly ? ', stopped early' : ''}; best on validation at step ${summary.bestStep}${choiceWords(summary.choice)}; ${config.optimizer}, learning rate ${config.learningRate}, augmentation ${config.augmentation}, seed ${config.seed}.`,
    md`- Time: ${summary.seconds.toFixed(0)} s on ${summary.device}, ${summary.imagesPerSecond.toFixed(0)} images/s; the model of the processor was not recorded.`,
    md`- Finished: ${finished ?? UNKNOWN}, with Graft ${graft}.`,
    '- Authors, contact and licence of the model: unknown; to be filled in by whoever publishes it.',
  ];
}

const probeWords = ({ augmentation, seed }: ClassifierConfig, probe: ProbeSummary): string =>
  md`- Training: the network stays as it is; logistic regression on its ${probe.features} features, means over ${probe.views} views of an image (augmentation ${augmentation}); C ${probe.strength.toPrecision(3)}${probe.curve.length > 0 ? ', by cross-validation over groups of the training split' : ', given'}; seed ${seed}. k-NN (k = ${probe.neighbours.k}) on the same features: test AUC ${figure(probe.neighbours.testAuc)}.`;

function factors({ evaluation }: ModelCardInput): string[] {
  const found = evaluation?.subgroups ?? [];
  if (found.length === 0) return ['- Subgroups: none; the metadata that were at hand allow none.'];
  return found.map(
    ({ title, subgroups, missing }) =>
      md`- ${title}: ${subgroups.map(({ value }) => value).join(', ')}; unknown for ${missing} test images.`,
  );
}

function evaluationData({ dataset, summary, evaluation }: ModelCardInput): string[] {
  const counted = evaluation
    ? `${evaluation.images} images, ${evaluation.positives} of them positive, in ${evaluation.groups} groups`
    : 'size unknown';
  return [
    md`- Test split of ${code(summary.dataset.name)}: ${counted}; real images only, at their natural prevalence.`,
    md`- Groups: ${dataset === null ? UNKNOWN : `by ${dataset.groupedBy}`}; no group is in two splits.`,
    md`- Split: ${dataset === null ? UNKNOWN : dataset.splitBy === 'given' ? 'the source’s own' : 'dealt by group'}.`,
  ];
}

function trainingData({ dataset, summary, config, synthetic }: ModelCardInput): string[] {
  const { images } = summary;
  const { name, hash } = summary.dataset;
  return [
    md`- Dataset: ${code(name)}, SHA-256 of its manifest ${code(hash)}.`,
    ...(dataset === null
      ? ['- It is no longer where it was, or has changed: licence and provenance are unknown.']
      : [
          ...(dataset.kind === 'phantom'
            ? ['- Its images are procedural phantoms: no patient is shown.']
            : []),
          md`- Provenance: ${provenance(dataset.provenance)}.`,
        ]),
    md`- Real images: ${images.real}, ${images.realPositive} of them positive (used: ${config.real}).`,
    md`- Synthetic images: ${images.synthetic}, ${images.syntheticPositive} of them positive.`,
    ...synthetic.map(({ folder, lineage }) =>
      lineage === null
        ? md`- ${code(folder)}: no longer there; its lineage is unknown.`
        : md`- ${code(folder)}: ${lineage.count} images of ${code(lineage.class)} by run ${code(lineage.run)}, step ${lineage.checkpoint.step}, seed ${lineage.seed}, which learned from ${lineage.trainingGroups.length} groups of ${code(lineage.dataset.name)}.`,
    ),
  ];
}

const provenance = (known: Readonly<Record<string, unknown>>): Markdown => ({
  markdown:
    Object.entries(known)
      .map(([key, value]) => md`${key}: ${code(typeof value === 'string' ? value : JSON.stringify(value))}`)
      .join('; ') || UNKNOWN,
});

const SHOWN: readonly [ScoreName, string][] = [
  ['auc', 'AUC'],
  ['averagePrecision', 'Average precision'],
  ['sensitivity', 'Sensitivity'],
  ['specificity', 'Specificity'],
  ['precision', 'Precision'],
  ['negativePredictiveValue', 'Negative predictive value'],
  ['balancedAccuracy', 'Balanced accuracy'],
  ['brier', 'Brier score'],
  ['logLoss', 'Log loss'],
];

function analyses({ evaluation, summary }: ModelCardInput): string[] {
  if (evaluation === null) {
    const { testAuc, testAucInterval } = summary;
    return [
      `AUC on the test split: ${figure(testAuc)} (${between(testAucInterval)}). Further scores are unknown: the dataset is not at hand.`,
    ];
  }
  const { scores, calibration, subgroups } = evaluation;
  const row = (score: Score, title: string): string[] => [
    title,
    figure(score.value),
    between(score.interval),
  ];
  return [
    ...table(
      ['score', 'test split', '95 % interval'],
      SHOWN.map(([name, title]) => row(scores[name], title)),
    ),
    '',
    `Calibration error ${figure(calibration.error)}; true probabilities would have ${figure(calibration.floor.mean)}, up to ${figure(calibration.floor.high)}.`,
    ...subgroups.flatMap(({ title, subgroups: own }) => [
      '',
      ...table(
        [title, 'images', 'positive', 'AUC', '95 % interval', 'sensitivity', 'specificity'],
        own.map(subgroupRow),
      ),
    ]),
    ...(subgroups.some(({ subgroups: own }) => own.some(({ few }) => few))
      ? ['', '\\* too few to judge']
      : []),
  ];
}

const subgroupRow = (one: Subgroup): (string | Markdown)[] => [
  one.few ? { markdown: md`${one.value} \\*` } : one.value,
  String(one.images),
  String(one.positives),
  figure(one.auc),
  between(one.aucInterval),
  figure(one.sensitivity?.value ?? null),
  figure(one.specificity?.value ?? null),
];

function caveats({ dataset, evaluation, summary }: ModelCardInput): string[] {
  const few = evaluation?.subgroups.flatMap(({ title, subgroups }) =>
    subgroups.filter((one) => one.few).map(({ value }) => `${title}: ${value}`),
  );
  return [
    '- One training run with one seed: how much the scores depend on the seed is unknown.',
    '- Scores are of the same dataset; on images from elsewhere they are unknown.',
    ...(dataset?.groupedBy === 'image'
      ? ['- No patient or lesion is known: images of one patient may be in two splits, and scores too high.']
      : []),
    ...(summary.images.synthetic > 0 ? ['- A part of the training images is synthetic.'] : []),
    ...(few && few.length > 0 ? [md`- Too few images to judge: ${few.join('; ')}.`] : []),
  ];
}

const table = (head: readonly string[], rows: readonly (readonly (string | Markdown)[])[]): string[] =>
  markdownTable([head, ...rows]);

const code = codeSpan;
const figure = (value: number | null): string => value?.toFixed(3) ?? '–';
const between = (interval: { low: number; high: number } | null): string =>
  interval ? `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}` : '–';
