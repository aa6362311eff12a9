/** The sections of a report that scores alone fill: the box with the verdict, result, folds, other collections, calibration. */
import type { Block, Section, Summary } from '../../report/index.js';
import { levelText, pValue, signed, signedRange } from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { Judged } from '../judged.js';
import { type PlanSubject, registrationText, whenFixed } from '../registration.js';
import { askedText, type Verdict } from '../verdict.js';
import { aucFigure } from './auc-figure.js';
import { checksTable, detectableText, differencesTable } from './comparison-tables.js';
import { coveredText, hasGenerators } from './covered.js';
import { type ArmGroup, curvesFigure } from './curves-figure.js';
import { differencesFigure } from './differences-figure.js';
import { type FailurePictures, failuresSection } from './failures.js';
import { foldsFigure, foldsTable } from './folds.js';
import { looksBlocks } from './looks.js';
import { benefitSection } from './net-benefit.js';
import { type ArmStyle, armLabel } from './palette.js';
import { recalibrationTable } from './recalibration-table.js';
import { calibrationTable, reliabilityFigure } from './reliability-figure.js';
import {
  externalDifferencesTable,
  externalTable,
  scoreDifferenceTable,
  scoreTables,
} from './score-tables.js';
import { subgroupSection } from './subgroups.js';

/** How a report's figures look, and what they call things. */
export interface Look {
  styles: readonly ArmStyle[];
  /** Arms that share a panel of curves. */
  groups: readonly ArmGroup[];
  /** What the positive class is called. */
  positive: string;
  /** AUC of the best possible classifier, where it is known. */
  bayesAuc: number | null;
  /** Default: of a trial. */
  subject?: PlanSubject;
}

const tones: Partial<Record<Verdict['kind'], Summary['tone']>> = {
  helps: 'good',
  harms: 'bad',
  equivalent: 'even',
};

export const verdictBox = ({ analysis, verdict, registration }: Judged, subject?: PlanSubject): Summary => ({
  title: 'Verdict',
  // A claim with a limit is to be read before it is believed.
  tone: verdict.limits.length > 0 ? 'open' : (tones[verdict.kind] ?? 'open'),
  short: verdict.short,
  ...(verdict.estimand && { asked: askedText(verdict) }),
  sentence: verdict.sentence,
  paragraph: verdict.paragraph,
  points: verdict.limits.map(({ detail }) => detail),
  note: registrationText(registration, subject),
  figures: keyFigures(analysis),
});

function keyFigures(analysis: TrialAnalysis): Summary['figures'] {
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  if (!primary) return [];
  const several = primary.runs.length > 1;
  return [
    {
      label: 'Difference in AUC',
      value: signed(primary.difference.value),
      note: `${armLabel(primary.arm)} against ${armLabel(primary.baseline)}`,
    },
    {
      label: `${levelText(primary.level)} interval`,
      value: signedRange(primary.difference),
      broad: true,
      note: several ? coveredText(analysis) : 'other test images only',
    },
    {
      label: 'p',
      value: pValue(primary.p).replace('= ', ''),
      note: 'comparison fixed by the design',
    },
    {
      label: 'Detectable',
      value: detectableText(primary),
      note: several
        ? `with ${Math.round(primary.detectable.power * 100)} % power`
        : 'at best: seeds left out',
    },
  ];
}

const given = (blocks: readonly (Block | null)[]): Block[] => blocks.filter((block) => block !== null);

function resultSection({ scores, analysis, registration }: Judged, look: Look): Section {
  const { styles, bayesAuc, subject } = look;
  const compared = analysis.comparisons.length > 0;
  return {
    id: 'result',
    title: 'Result',
    blocks: given([
      ...(compared
        ? [differencesFigure(analysis, styles, whenFixed(registration, subject)), differencesTable(analysis)]
        : []),
      aucFigure(analysis, styles, bayesAuc),
      curvesFigure(scores, look),
      ...scoreTables(analysis),
      scoreDifferenceTable(analysis),
      checksTable(analysis),
      ...analysis.notes.map((text): Block => ({ kind: 'prose', lead: 'Note.', text })),
    ]),
  };
}

const foldsSection = (analysis: TrialAnalysis, styles: readonly ArmStyle[]): Section => ({
  id: 'folds',
  title: 'Fold by fold',
  blocks: given([foldsFigure(analysis, styles), foldsTable(analysis)]),
});

const externalSection = (analysis: TrialAnalysis): Section => ({
  id: 'external',
  title: 'Other collections',
  blocks: given([externalTable(analysis), externalDifferencesTable(analysis)]),
});

/** Of probabilities. */
const calibrationSection = ({ scores, analysis }: Judged, look: Look): Section => ({
  id: 'calibration',
  title: 'Calibration',
  blocks: [
    reliabilityFigure(scores, { ...look, synthetic: hasGenerators(analysis) }),
    recalibrationTable(
      scores,
      look.styles.map(({ name }) => name),
      analysis.level,
    ),
    calibrationTable(
      scores,
      look.styles.map(({ name }) => name),
    ),
  ],
});

/** All that scores alone fill of a report, in the order in which it is told; sections without a block are left out later. */
export interface ScoreSections {
  result: Section;
  folds: Section;
  external: Section;
  subgroups: Section;
  /** Of probabilities: else there are none. */
  calibration: Section[];
  looks: Block[];
  failures: Section;
}

export function scoreSections(judged: Judged, look: Look, pictures?: FailurePictures): ScoreSections {
  const { scores, analysis, isProbability } = judged;
  return {
    result: resultSection(judged, look),
    folds: foldsSection(analysis, look.styles),
    external: externalSection(analysis),
    subgroups: subgroupSection(judged),
    calibration: isProbability
      ? [calibrationSection(judged, look), benefitSection(scores, analysis, look.styles)]
      : [],
    looks: looksBlocks(judged),
    failures: failuresSection(scores, pictures),
  };
}
