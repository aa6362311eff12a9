/** The report on a table of AUCs: few blocks, since so little is known. */

import { join } from 'node:path';
import { writeJson } from 'graft-torch/base';
import { stringify } from 'yaml';
import { graftVersion } from '../../base/index.js';
import type { Block, ReportDocument } from '../../report/index.js';
import {
  capital,
  fixed,
  left,
  plural,
  pValue,
  right,
  signed,
  signedRange,
  writeReportFiles,
} from '../../report/index.js';
import type { AucAnalysis, AucVerdict } from '../aucs.js';
import { type RegistrationRecord, registrationText } from '../registration.js';
import type { AucTable } from '../table.js';
import { bareP } from './columns.js';
import { pairLabel } from './differences-figure.js';
import { armLabel } from './palette.js';

/** @returns path of the page */
export function writeAucReport(
  table: AucTable,
  dir: string,
  {
    analysis,
    verdict,
    registration,
  }: { analysis: AucAnalysis; verdict: AucVerdict; registration: RegistrationRecord | null },
): string {
  const version = graftVersion();
  const { html } = writeReportFiles(compose(table, analysis, { verdict, version, registration }), dir);
  writeJson(join(dir, 'summary.json'), {
    format: 'graft-verdict-aucs-1',
    version,
    plan: table.plan,
    rows: table.rows,
    notes: table.notes,
    registration,
    analysis,
    verdict,
  });
  return html;
}

const tones: Partial<Record<AucVerdict['kind'], 'good' | 'bad' | 'even'>> = {
  helps: 'good',
  harms: 'bad',
  equivalent: 'even',
};

function compose(
  { plan, notes }: AucTable,
  analysis: AucAnalysis,
  {
    verdict,
    version,
    registration,
  }: { verdict: AucVerdict; version: string; registration: RegistrationRecord | null },
): ReportDocument {
  const primary = analysis.comparisons.find(({ role }) => role === 'primary')!;
  const level = `${Number((100 * analysis.level).toFixed(1))} %`;
  const folds = [...new Set(primary.foldDifferences.map(({ fold }) => fold))];
  const result: Block[] = [
    {
      kind: 'table',
      title: 'Paired differences in AUC',
      columns: [
        left('Comparison'),
        right('Difference'),
        right(`${level} interval`),
        right('p'),
        right('p, corrected'),
        right('t over folds alone'),
      ],
      rows: analysis.comparisons.map((one) => [
        pairLabel(one),
        signed(one.mean),
        one.resampled ? signedRange(one.resampled) : '–',
        one.resampled ? bareP(one.resampled.p) : '–',
        one.correctedP === null ? one.role : bareP(one.correctedP),
        one.overFolds ? `${signedRange(one.overFolds)}, p ${pValue(one.overFolds.p)}` : '–',
      ]),
      strong: [analysis.comparisons.indexOf(primary)],
      note: 'Interval and p: corrected resampled t over folds (Nadeau & Bengio 2003). The last column takes folds for independent and is too narrow: it is what most papers print.',
    },
    {
      kind: 'table',
      title: 'AUC of every arm',
      columns: [left('Arm'), right('Mean'), right('Deviation over folds'), right('Runs')],
      rows: analysis.arms.map(({ arm, mean, deviation, runs }) => [
        armLabel(arm),
        fixed(mean),
        analysis.folds > 1 ? fixed(deviation) : '–',
        String(runs.length),
      ]),
      sortable: true,
    },
    ...(folds.length > 1
      ? [
          {
            kind: 'table' as const,
            title: 'Differences by fold',
            columns: [left('Comparison'), ...folds.map((fold) => right(`Fold ${fold}`))],
            rows: analysis.comparisons.map((one) => [
              pairLabel(one),
              ...folds.map((fold) => {
                const own = one.foldDifferences.find((each) => each.fold === fold);
                return own ? signed(own.difference) : '–';
              }),
            ]),
          },
        ]
      : []),
    ...notes.map((text): Block => ({ kind: 'prose', lead: 'Note.', text })),
  ];
  return {
    eyebrow: 'Graft verdict on a table of AUCs',
    title: plan.name,
    subtitle: [plural(analysis.arms.length, 'arm'), plural(analysis.folds, 'fold')].join(' · '),
    summary: {
      title: 'Verdict',
      tone: tones[verdict.kind] ?? 'open',
      short: verdict.short,
      sentence: verdict.sentence,
      paragraph: verdict.paragraph,
      note: registrationText(registration, 'analysis'),
      figures: [
        {
          label: 'Difference in AUC',
          value: signed(primary.mean),
          note: `${armLabel(primary.arm)} against ${armLabel(primary.baseline)}`,
        },
        ...(primary.resampled
          ? [
              {
                label: `${level} interval`,
                value: signedRange(primary.resampled),
                broad: true,
                note: 'other folds',
              },
              { label: 'p', value: bareP(primary.resampled.p), note: 'of the comparison that was named' },
            ]
          : []),
      ],
    },
    sections: [
      { id: 'result', title: 'Result', blocks: result },
      {
        id: 'limits',
        title: 'Limits',
        blocks: [
          {
            kind: 'list',
            items: [
              ...verdict.limits.map(({ short, detail }) => ({ lead: `${capital(short)}.`, text: detail })),
              {
                lead: 'AUCs instead of scores.',
                text: 'How much the choice of test images does is not in an AUC. It comes in through the folds, of which there are few; a table with a row an image says more, with narrower intervals.',
              },
              {
                lead: 'What a table cannot tell.',
                text: `Whether test images were kept out of training${plan.synthetic ? ', of the generator' : ''} and of every choice, and whether arms were trained equally long.`,
              },
              { lead: 'Not a medical device.', text: 'Nothing here may be used to diagnose or treat.' },
            ],
          },
        ],
      },
      {
        id: 'appendix',
        title: 'Appendix',
        blocks: [
          {
            kind: 'code',
            title: 'What was agreed on, as resolved (verdict.yaml)',
            text: stringify(plan).trimEnd(),
          },
        ],
      },
    ],
    footer: `Made by Graft ${version} from summary.json, which holds every number of this page.`,
  };
}
