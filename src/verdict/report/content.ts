/** The report on a table of anyone's scores: what the verdict rests on, and nothing that a table cannot know. */

import { stringify } from 'yaml';
import type { Block, ReportDocument, Section, TableBlock } from '../../report/index.js';
import { fixed, left, plural, right, whole } from '../../report/index.js';
import { auc } from '../../stats/index.js';
import type { Judged } from '../judged.js';
import type { TrialScores } from '../scores.js';
import type { ScoreTable } from '../table.js';
import type { Verdict } from '../verdict.js';
import { methodItems } from './methods.js';
import { armLabel, armStyles } from './palette.js';
import { resultsParagraph, statisticsParagraph } from './paper.js';
import { type Look, scoreSections, verdictBox } from './sections.js';

export interface TableSource {
  path: string;
  sha256: string;
}

export interface ComposeOptions {
  /** What was agreed on beforehand, as it was resolved. */
  plan: object;
  marginReason: string | null;
  sources: readonly TableSource[];
  version: string;
}

export function composeTableReport(
  table: ScoreTable,
  judged: Judged,
  options: ComposeOptions,
): ReportDocument {
  const { scores, analysis, verdict, registration } = judged;
  const primary = scores.comparisons.find(({ role }) => role === 'primary');
  const look: Look = {
    // As in a trial: the baseline grey, the arm of the verdict in the colour of synthetic images.
    styles: armStyles(scores.arms, (arm) => (arm === scores.reference ? 0 : arm === primary?.arm ? 2 : null)),
    groups: [{ title: '', arms: scores.arms }],
    positive: scores.names.positive,
    bayesAuc: null,
    subject: 'analysis',
  };
  const seeds = new Set(scores.runs.map(({ seed }) => seed)).size;
  const own = scoreSections(judged, look);
  const sections: Section[] = [
    own.result,
    own.folds,
    own.external,
    own.subgroups,
    ...own.calibration,
    { id: 'looks', title: 'Step by step', blocks: own.looks },
    own.failures,
    tableSection(table, options),
    {
      id: 'methods',
      title: 'Methods',
      blocks: [
        {
          kind: 'list',
          items: methodItems(analysis, {
            power: scores.power,
            chosen: primary
              ? `${armLabel(primary.arm)} against ${armLabel(primary.baseline)}`
              : 'none was named',
          }),
        },
        { kind: 'subheading', text: 'For a paper' },
        { kind: 'prose', text: statisticsParagraph(analysis, registration, 'analysis') },
        { kind: 'prose', text: resultsParagraph(analysis) },
      ],
    },
    limitsSection(scores, verdict),
    appendix(scores, options),
  ];
  return {
    eyebrow: 'Graft verdict on a table of scores',
    title: scores.name,
    subtitle: [
      plural(analysis.arms.length, 'arm'),
      ...(analysis.folds > 1 ? [plural(analysis.folds, 'fold')] : []),
      plural(seeds, 'seed'),
      `${plural(analysis.test.images, 'test image')}, ${whole(analysis.test.positives)} ${scores.names.positive}`,
    ].join(' · '),
    summary: verdictBox(judged, 'analysis'),
    sections: sections.filter(({ blocks }) => blocks.length > 0),
    footer: `Made by Graft ${options.version} from summary.json, which holds every number and score of this page.`,
  };
}

/** What the table holds, and what was assumed where it says nothing. */
function tableSection({ scores, notes }: ScoreTable, { marginReason }: ComposeOptions): Section {
  const { folds, external, names } = scores;
  const row = (name: string, labels: readonly number[], groups: readonly string[]): string[] => [
    name,
    whole(labels.length),
    whole(labels.filter((label) => label === 1).length),
    whole(new Set(groups).size),
  ];
  return {
    id: 'table',
    title: 'The table',
    blocks: [
      {
        kind: 'table',
        title: 'Test images',
        columns: [
          left('Set'),
          right('Images'),
          right(names.positive),
          right(names.group === 'image' ? 'Groups' : `${names.group}s`),
        ],
        rows: [
          ...folds.map(({ fold, test }) =>
            row(folds.length > 1 ? `Fold ${fold}` : 'Test images', test.labels, test.groups),
          ),
          ...external.map((set) => row(set.name, set.labels, set.groups)),
        ],
      },
      ...(notes.length > 0
        ? [
            { kind: 'subheading' as const, text: 'What was assumed' },
            ...notes.map((text): Block => ({ kind: 'prose', text })),
          ]
        : []),
      ...(marginReason === null
        ? []
        : [{ kind: 'prose' as const, lead: `Why ±${scores.equivalenceMargin}.`, text: marginReason }]),
    ],
  };
}

function limitsSection({ folds, equalSteps, runs }: TrialScores, { limits }: Verdict): Section {
  const synthetic = runs.some(({ generator }) => generator !== null);
  const items = [
    ...limits.map(({ short, detail }) => ({
      lead: `${short.charAt(0).toUpperCase()}${short.slice(1)}.`,
      text: detail,
    })),
    {
      lead: 'Not a medical device.',
      text: 'Nothing here may be used to diagnose or treat.',
    },
    {
      lead: 'What a table cannot tell.',
      text:
        `Whether test images were kept out of training${synthetic ? ', out of the generator’s training' : ''} and out of every choice (of hyper-parameters, of the epoch, of the arm); whether near-duplicates or images of one patient stand on both sides` +
        `${equalSteps === null ? '; whether arms were trained equally long' : ''}. All of it can make a difference that is none, and no statistic sees it.`,
    },
    {
      lead: folds.length > 1 ? 'One collection.' : 'One training set.',
      text:
        folds.length > 1
          ? 'Folds share most of their training images; another collection could answer differently.'
          : 'Seeds repeat the training, not the collection of the training images. The intervals do not cover that.',
    },
  ];
  return { id: 'limits', title: 'Limits', blocks: [{ kind: 'list', items }] };
}

function appendix(scores: TrialScores, { plan, sources, version }: ComposeOptions): Section {
  return {
    id: 'appendix',
    title: 'Appendix',
    blocks: [
      runsTable(scores),
      {
        kind: 'table',
        title: 'Files',
        columns: [left('What'), left('Value')],
        rows: [...sources.map(({ path, sha256 }) => [path, `SHA-256 ${sha256}`]), ['Graft', version]],
        slim: true,
      },
      {
        kind: 'code',
        title: 'What was agreed on, as resolved (verdict.yaml)',
        text: stringify(plan).trimEnd(),
      },
    ],
  };
}

function runsTable({ runs, folds, external }: TrialScores): TableBlock {
  const several = folds.length > 1;
  const validated = runs.some(({ validationAuc }) => validationAuc !== null);
  const thresholds = runs.some(({ threshold }) => threshold !== null);
  const generators = runs.some(({ generator }) => generator !== null);
  return {
    kind: 'table',
    title: 'Every run',
    columns: [
      left('Arm'),
      ...(several ? [right('Fold')] : []),
      right('Seed'),
      ...(generators ? [left('Generator')] : []),
      ...(validated ? [right('Validation AUC')] : []),
      right('Test AUC'),
      ...external.map(({ name }) => right(`${name} AUC`)),
      ...(thresholds ? [right('Threshold')] : []),
    ],
    rows: runs.map((run) => [
      armLabel(run.arm),
      ...(several ? [String(run.fold)] : []),
      String(run.seed),
      ...(generators ? [run.generator ?? '–'] : []),
      ...(validated ? [run.validationAuc === null ? '–' : fixed(run.validationAuc)] : []),
      fixed(auc(folds.find(({ fold }) => fold === run.fold)!.test.labels, run.testScores)),
      ...external.map(({ name, labels }) => {
        const own = run.externalScores[name];
        return own ? fixed(auc(labels, own)) : '–';
      }),
      ...(thresholds ? [run.threshold === null ? '–' : fixed(run.threshold)] : []),
    ]),
    sortable: true,
  };
}
