/**
 * What a result knows of itself, as sentences to be put into a checklist: one place for every answer, whatever the
 * guideline. Here stand the facts that scores alone give; a trial adds its own (../../trial/checklist.ts). A fact that is
 * not known is not there, and nothing is guessed in its place.
 */
import {
  fixed,
  levelText,
  list,
  plural,
  pValue,
  range,
  signed,
  signedRange,
  whole,
} from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { Comparison } from '../comparison.js';
import { failuresOf } from '../failures.js';
import type { Judged } from '../judged.js';
import { type RegistrationRecord, registrationText, whenFixed } from '../registration.js';
import { detectableText } from '../report/comparison-tables.js';
import { failuresText } from '../report/failures.js';
import { quoted } from '../report/paper.js';
import { subgroupsOf, subgroupsText } from '../report/subgroups.js';
import { armBenefit, armRecalibration } from '../run-measures.js';
import type { TrialScores } from '../scores.js';

import { type Facts, SECTIONS } from './answers.js';
import { methodFacts } from './method-facts.js';

/** What scores, analysis and verdict answer. */
export function verdictFacts(judged: Judged): Facts {
  const { analysis, scores, registration, isProbability } = judged;
  const primary = analysis.primary === null ? null : analysis.comparisons[analysis.primary]!;
  return {
    ...aimFacts(judged, primary),
    ...dataFacts(judged, primary),
    ...methodFacts(judged, primary),
    ...resultFacts(judged, primary),
    ...crosstabFact(scores, primary),
    ...sectionFacts(judged, primary),
    output: {
      text: isProbability
        ? `A probability of ‘${scores.names.positive}’ for each image.`
        : `A score for each image, higher for ‘${scores.names.positive}’; it is no probability.`,
      where: SECTIONS.methods,
    },
    ...registrationFacts(registration),
    limits: {
      text:
        judged.verdict.limits.length > 0
          ? judged.verdict.limits.map(({ detail }) => detail).join(' ')
          : 'None beyond those that every such study has, which the section names.',
      where: SECTIONS.limits,
    },
    outputs: {
      text: 'Every score of every run on every test image is kept in summary.json, which the report and this list are made from.',
      where: SECTIONS.appendix,
    },
    checklists: {
      text: 'The result was held against CLAIM, TRIPOD+AI and STARD-AI, as these lists show.',
      where: SECTIONS.methods,
    },
  };
}

function aimFacts({ analysis, verdict, registration }: Judged, primary: Comparison | null): Facts {
  if (!primary) return {};
  const { arms, folds } = analysis;
  const seeds = new Set(arms.flatMap((arm) => arm.seeds)).size;
  const { margin } = primary.equivalence;
  return {
    aim: {
      text: `Whether ${quoted(primary.arm)} has another test AUC than ${quoted(primary.baseline)}. Estimated is ${verdict.estimand}. A difference within ±${margin} was ${whenFixed(registration)} as too small to matter${registration?.marginReason ? ` (“${registration.marginReason}”)` : ''}.`,
      where: SECTIONS.verdict,
    },
    design: {
      text: `Comparison of ${plural(arms.length, 'way')} to train one classifier on the same images, paired by seed and by image: ${plural(seeds, 'seed')}${folds > 1 ? ` in each of ${folds} folds of a cross-validation` : ', one split'}. Development with internal${analysis.external.length > 0 ? ' and external' : ''} testing of methods; no model is offered for use.`,
      where: SECTIONS.methods,
    },
    verdict: { text: `${verdict.sentence} ${verdict.paragraph}`, where: SECTIONS.verdict },
  };
}

/** '400 images, 80 malignant, of 388 lesions (78 with a malignant image)' */
function imagesText(
  { images, positives, groups, positiveGroups }: TrialAnalysis['test'],
  names: TrialScores['names'],
): string {
  const of =
    names.group === 'image'
      ? ''
      : `, of ${plural(groups, names.group)} (${whole(positiveGroups)} with an image of ${names.positive})`;
  return `${plural(images, 'image')}, ${whole(positives)} ${names.positive}${of}`;
}

function dataFacts({ analysis, scores, registration }: Judged, primary: Comparison | null): Facts {
  const { names, test, folds, external, look } = analysis;
  const single = names.group === 'image';
  const spread = folds > 1 ? ` over ${folds} folds, each tested once` : '';
  const facts: Facts = {
    testSet: {
      text: `${imagesText(test, names)}${spread}: ${fixed((100 * test.positives) / test.images, 1)} % are ${names.positive}.`,
      where: SECTIONS.result,
    },
    disjointness: {
      text: `${folds > 1 ? `No ${names.group} is tested in two folds, which was checked. ` : ''}Whether ${single ? 'images of one patient' : `images of one ${names.group}`} were also trained on, the scores cannot show.`,
      where: SECTIONS.methods,
    },
    internal: {
      text: `Every run scored ${folds > 1 ? 'the test images of its fold' : 'the same test images'}, from the training images’ own collection: ${imagesText(test, names)}.`,
      where: SECTIONS.result,
    },
    external: {
      text:
        external.length > 0
          ? `Every run scored ${plural(external.length, 'further collection')} whole: ${external.map(({ name, test: own }) => `${name} (${imagesText(own, names)})`).join('; ')}.`
          : 'None: no images of another collection were scored, so that nothing is known of other cameras, skins and clinics.',
      where: external.length > 0 ? SECTIONS.external : SECTIONS.limits,
    },
    indeterminate: {
      text: 'There are none: every run gave every test image a score.',
      where: SECTIONS.methods,
    },
  };
  if (!primary) return facts;
  const seeds = new Set(analysis.arms.flatMap((arm) => arm.seeds)).size;
  const planned = look
    ? `Seeds were added in ${plural(look.looks.length, 'planned look')} (${look.looks.join(', ')}); it ended at look ${look.number}.`
    : `${plural(seeds, 'seed')}${folds > 1 ? ` in each of ${folds} folds` : ''}, a fixed number.`;
  facts.sampleSize = {
    text: `${planned} The test images are all that there were, not a number that was aimed at. By the variances that were seen, a true difference of ${detectableText(primary)} would be found with ${Math.round(100 * scores.power)} % power; the margin is ±${primary.equivalence.margin}. ${registration?.by === 'register' ? 'Seeds and margin were registered beforehand.' : 'No plan was registered that says what size was intended.'}`,
    where: SECTIONS.result,
  };
  return facts;
}

function resultFacts({ analysis }: Judged, primary: Comparison | null): Facts {
  const { arms, level } = analysis;
  const facts: Facts = {
    performance: {
      text: `Test AUC (${levelText(level)} interval): ${list(arms.map(({ arm, auc }) => `${quoted(arm)} ${fixed(auc.value)} (${range(auc)})`))}.`,
      where: SECTIONS.result,
    },
  };
  if (primary)
    facts.comparison = {
      text: `${quoted(primary.arm)} − ${quoted(primary.baseline)}: ${signed(primary.difference.value)} (${levelText(primary.level)} interval ${signedRange(primary.difference)}, p ${pValue(primary.p)}).`,
      where: SECTIONS.result,
    };
  return facts;
}

/** At which the net benefit is told in a sentence; the report has more. */
const TOLD_THRESHOLD = 0.1;

/** What the sections on calibration, net benefit, subgroups and failures say. */
function sectionFacts(judged: Judged, primary: Comparison | null): Facts {
  const { scores, analysis, isProbability } = judged;
  const { level } = analysis;
  const facts: Facts = {};
  const arms = primary ? [primary.baseline, primary.arm] : [];
  if (isProbability && primary) {
    const told = arms.flatMap((arm) => {
      const { slope, intercept } = armRecalibration(scores, arm, level);
      return slope && intercept
        ? [
            `${quoted(arm)} slope ${fixed(slope.mean, 2)} (${fixed(slope.low, 2)} to ${fixed(slope.high, 2)}), intercept ${fixed(intercept.mean, 2)} (${fixed(intercept.low, 2)} to ${fixed(intercept.high, 2)})`,
          ]
        : [];
    });
    if (told.length > 0)
      facts.calibration = {
        text: `Calibration on the test images with ${levelText(level)} intervals: ${told.join('; ')}. True probabilities have slope 1 and intercept 0. Reliability diagrams and expected calibration errors of every arm stand beside; nothing was recalibrated.`,
        where: SECTIONS.calibration,
      };
    const benefits = arms.map((arm) => armBenefit(scores, arm, { threshold: TOLD_THRESHOLD, level }));
    const difference = armBenefit(scores, primary.arm, {
      threshold: TOLD_THRESHOLD,
      minus: primary.baseline,
      level,
    });
    if (difference && benefits[0] && benefits[1])
      facts.utility = {
        text: `Decision curves (Vickers and Elkin 2006). At a threshold probability of ${100 * TOLD_THRESHOLD} % the net benefit is ${fixed(benefits[0].mean)} for ${quoted(primary.baseline)} and ${fixed(benefits[1].mean)} for ${quoted(primary.arm)}, a difference of ${signed(difference.mean)} (${signedRange(difference)}).`,
        where: SECTIONS.benefit,
      };
  }
  const columns = subgroupsOf(judged);
  if (columns.length > 0) facts.subgroups = { text: subgroupsText(columns), where: SECTIONS.subgroups };
  const failures = failuresOf(scores);
  if (failures)
    facts.failures = {
      text: failuresText(failures, scores.names.positive),
      where: SECTIONS.failures,
    };
  return facts;
}

/** Right and wrong calls of the two arms of the verdict, the mean over runs. */
function crosstabFact({ runs, folds, names }: TrialScores, primary: Comparison | null): Facts {
  if (!primary) return {};
  const told = [primary.baseline, primary.arm].flatMap((arm) => {
    const own = runs.filter((run) => run.arm === arm);
    if (own.length === 0 || own.some(({ threshold }) => threshold === null)) return [];
    const sums = { tp: 0, fn: 0, fp: 0, tn: 0 };
    for (const run of own) {
      const { labels } = folds.find(({ fold }) => fold === run.fold)!.test;
      labels.forEach((label, i) => {
        const called = run.testScores[i]! >= run.threshold!;
        sums[label === 1 ? (called ? 'tp' : 'fn') : called ? 'fp' : 'tn']++;
      });
    }
    const mean = (count: number): string => fixed(count / own.length, 1);
    return [
      `${quoted(arm)}: of ${names.positive}, ${mean(sums.tp)} found and ${mean(sums.fn)} missed; of the others, ${mean(sums.fp)} false alarms and ${mean(sums.tn)} rightly passed`,
    ];
  });
  if (told.length === 0) return {};
  return {
    crosstab: {
      text: `Images a run${folds.length > 1 ? ' (of one fold)' : ''}, the mean over runs, at each run’s own threshold. ${told.join('. ')}.`,
      where: SECTIONS.result,
    },
  };
}

function registrationFacts(registration: RegistrationRecord | null): Facts {
  return {
    registration: { text: registrationText(registration), where: SECTIONS.verdict },
    ...(registration === null
      ? {}
      : {
          deviations: {
            text:
              registration.deviations.length === 0
                ? 'None.'
                : registration.deviations.map(({ time, why }) => `${time.slice(0, 10)}: “${why}”.`).join(' '),
            where: SECTIONS.verdict,
          },
        }),
  };
}
