/** A plan in words: what it will be able to see, and what was taken for granted. */
import { plural, whole } from '../report/index.js';
import type { Each, PowerPlan, Shape } from './power-outlook.js';
import type { Pilot, PowerAssumptions, TestGroups } from './power-pilot.js';

const sources: Record<keyof PowerAssumptions, string> = {
  auc: 'an assumption, not measured',
  seedDeviation:
    'our ISIC 2017 trial: EfficientNet-B0 from scratch at 64 px, three seeds (docs/experiments.md); pretrained networks differ less',
  generatorDeviation:
    'about what four folds of our ISIC 2017 trial show beyond seeds and test images; a pilot with folds knows better',
  correlation:
    'the same trial: a difference of 0.17 explains what its test set of 60 melanomas added; their height is an assumption that hardly matters',
};

/** What was taken for granted, each with where it is from. */
export function basisOf(of: {
  pilot: Pilot | undefined;
  each: Each;
  assume: PowerAssumptions;
  /** Of `assume`, what the user said. */
  given: Partial<PowerAssumptions>;
}): PowerPlan['basis'] {
  const { pilot, each, assume, given } = of;
  const basis = pilot ? pilotBasis(pilot, assume, given) : assumedBasis(assume, given);
  return basis.filter(({ name }) => each !== 'none' || name !== GENERATORS);
}

function pilotBasis(
  { name, seedVariance, degreesOfFreedom, generatorVariance, testVariance, test }: Pilot,
  assume: PowerAssumptions,
  given: Partial<PowerAssumptions>,
): PowerPlan['basis'] {
  const rough =
    degreesOfFreedom < 8 ? '; with so few degrees of freedom it may well be half or twice as large' : '';
  return [
    {
      name: 'deviation of the paired difference over seeds',
      value: Math.sqrt(seedVariance).toFixed(4),
      source: `pilot ${name}, ${plural(degreesOfFreedom, 'degree')} of freedom${rough}`,
    },
    generatorVariance === null
      ? generatorBasis(assume, given)
      : {
          name: GENERATORS,
          value: Math.sqrt(generatorVariance).toFixed(4),
          source: `pilot ${name}: what its folds differ by beyond seeds and test images; from so few folds, rough`,
        },
    {
      name: 'deviation from the choice of test images',
      value: Math.sqrt(testVariance).toFixed(4),
      source: `pilot ${name}, ${whole(test.positives)} positive and ${whole(test.negatives)} negative test groups`,
    },
  ];
}

const GENERATORS = 'deviation over generators of one recipe, τ';

const generatorBasis = (
  assume: PowerAssumptions,
  given: Partial<PowerAssumptions>,
): PowerPlan['basis'][number] => ({
  name: GENERATORS,
  value: String(assume.generatorDeviation),
  source: given.generatorDeviation === undefined ? sources.generatorDeviation : 'given',
});

function assumedBasis(assume: PowerAssumptions, given: Partial<PowerAssumptions>): PowerPlan['basis'] {
  const source = (key: keyof PowerAssumptions): string => (given[key] === undefined ? sources[key] : 'given');
  const { sameArm, otherArm } = assume.correlation;
  return [
    { name: 'test AUC', value: String(assume.auc), source: source('auc') },
    {
      name: 'deviation of the paired difference over seeds',
      value: String(assume.seedDeviation),
      source: source('seedDeviation'),
    },
    generatorBasis(assume, given),
    {
      name: 'correlation of two classifiers’ scores of an image',
      value: `${sameArm} in one arm, ${otherArm} between arms`,
      source: source('correlation'),
    },
  ];
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
/** Rounded up: a plan must not promise more than it can keep. */
const difference = (value: number): string => `±${(Math.ceil(value * 1000 - 1e-9) / 1000).toFixed(3)}`;

/** '5 folds × 3 seeds, a generator for each seed' */
function shapeText({ folds, seeds, each }: Shape): string {
  const size = `${folds > 1 ? `${plural(folds, 'fold')} × ` : ''}${plural(seeds, 'seed')}`;
  if (each === 'none') return size;
  return `${size}, ${each === 'seed' ? 'a generator for each seed' : folds > 1 ? 'a generator for each fold' : 'one generator'}`;
}

export function inWords(plan: Omit<PowerPlan, 'sentences'>, test: TestGroups): string[] {
  const { folds, margin, power, detectable, recommended, generators } = plan;
  const inEach = folds > 1 ? ' in each fold' : '';
  const groupsText = ({ positives, negatives }: TestGroups): string =>
    `${whole(positives)} positive and ${whole(negatives)} negative test groups`;
  if (detectable === null) {
    return [
      `One seed gets no verdict: it cannot tell an effect from the luck of training. Plan two at least.`,
    ];
  }
  const sentences = [
    `${shapeText(plan)}, on ${groupsText(test)}, will find a true difference of ${difference(detectable)} with ${percent(power)} power.`,
    `A true difference of the margin, ±${margin}, would be found in ${percent(plan.powerAtMargin)} of such trials; where there is none, ${percent(plan.equivalenceChance)} would show that it is within the margin.`,
  ];
  if (generators === 1) {
    sentences.push(
      'With one generator the verdict is about its images and no others: another run of the same recipe may do otherwise.',
    );
  }
  if (recommended) {
    const { classifiers, generators: count } = recommended;
    sentences.push(
      `Recommended: ${shapeText(recommended)} (${plural(classifiers, 'classifier')} an arm${count > 0 ? `, ${plural(count, 'generator')}` : ''}), which finds ${difference(recommended.detectable!)}${generators === 1 ? ', of the recipe' : ''}.`,
    );
  }
  if (detectable <= margin) return sentences;
  const { seedsForMargin, foldsForMargin, groupsForMargin, bothForMargin } = plan;
  if (seedsForMargin === null) {
    sentences.push(
      `${folds > 1 ? 'With these folds' : 'On this test set'} no number of seeds finds less than ${difference(plan.floor)}: only more ${folds > 1 ? 'folds or ' : ''}test images do.`,
    );
  }
  const ways = [
    foldsForMargin === null || foldsForMargin <= folds ? null : `${plural(foldsForMargin, 'fold')}`,
    seedsForMargin === null ? null : `${plural(seedsForMargin, 'seed')}${inEach}`,
    groupsForMargin && groupsText(groupsForMargin),
    bothForMargin &&
      `${plural(bothForMargin.seeds, 'seed')}${inEach} together with ${groupsText(bothForMargin)}`,
  ].filter((way) => way !== null);
  if (ways.length > 0) sentences.push(`To find the margin it takes ${ways.join(', or ')}.`);
  return sentences;
}
