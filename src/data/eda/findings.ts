/** What is worth a second look, in one line each: only what was counted, with its number. */
import { capital, list, percent, plural, whole } from '../../report/index.js';
import type { AuditResult, LeakKind } from '../audit/result.js';
import type { Dataset } from '../dataset/dataset.js';
import type { DatasetSummary } from '../dataset/describe.js';
import type { ImportReport } from '../dataset/report.js';
import { columnTitle } from './columns.js';
import type { Gap } from './missing.js';

export interface Finding {
  lead: string;
  text: string;
}

/** An AUC of 0.80 on 50 positive and 200 negative images has a 95 % interval of ± 0.08 (Hanley and McNeil 1982). */
const fewPositives = 50;
/** Classes whose shares of missing values differ by more. */
const unevenGap = 0.1;

const nouns: Record<LeakKind, [one: string, many: string]> = {
  id: ['id', 'ids'],
  file: ['identical file', 'identical files'],
  'near-duplicate': ['near-duplicate', 'near-duplicates'],
  lesion: ['lesion', 'lesions'],
  patient: ['patient', 'patients'],
  group: ['group', 'groups'],
};

export function findingsOf(
  dataset: Dataset,
  known: {
    summary: DatasetSummary;
    gaps: readonly Gap[];
    report: ImportReport | null;
    audit: AuditResult | null;
  },
): Finding[] {
  const { summary, gaps, report, audit } = known;
  const { positive } = dataset;
  const several = dataset.classes.length > 1;
  const findings: Finding[] = [];

  const leaks = audit?.leaks ?? [];
  if (leaks.length > 0)
    findings.push({
      lead: 'Splits are not independent.',
      text: `${capital(leaks.map(({ kind, splits, groups }) => `${splits.join(' and ')} share ${plural(groups, ...nouns[kind])}`).join('; '))}: scores will be too good.`,
    });
  const flagged = (audit?.confounds ?? []).filter((one) => one.flagged).sort((a, b) => b.auc - a.auc);
  if (flagged.length > 0)
    findings.push({
      lead: 'Not only the lesion tells the class.',
      text: `AUC without a look at the lesion: ${list(flagged.slice(0, 4).map(({ feature, auc }) => `${auc.toFixed(2)} from ${columnTitle(feature)}`))}${flagged.length > 4 ? ` and ${flagged.length - 4} more` : ''}.`,
    });
  const conflicts = report?.counts['label-conflict'] ?? 0;
  if (conflicts > 0)
    findings.push({
      lead: 'Labels disagree.',
      text: `${plural(conflicts, 'near-duplicate')} ${conflicts === 1 ? 'has' : 'have'} another label than the image it repeats.`,
    });
  const uneven = gaps.filter(
    ({ column, bySeries }) =>
      column.kind !== 'identifier' && Math.max(...bySeries) - Math.min(...bySeries) > unevenGap,
  );
  if (uneven.length > 0 && several)
    findings.push({
      lead: 'What is missing differs between classes.',
      text: `Of ${list(uneven.slice(0, 4).map(({ column, bySeries }) => `${columnTitle(column.name)} (${percent(Math.min(...bySeries))} to ${percent(Math.max(...bySeries))} missing)`))}: the gap alone tells something of the class.`,
    });
  for (const [split, title] of [
    ['val', 'validation'],
    ['test', 'test'],
  ] as const) {
    const n = summary.counts.find((row) => row.split === split && row.label === positive)?.images ?? 0;
    const images = summary.counts
      .filter((row) => row.split === split)
      .reduce((sum, row) => sum + row.images, 0);
    if (several && images > 0 && n < fewPositives)
      findings.push({
        lead: `Few ${positive} images in ${title}.`,
        text: `${n === 0 ? 'None' : `Only ${whole(n)}`}, so that scores on it will be rough.`,
      });
  }
  if (several && summary.prevalence < 0.1)
    findings.push({
      lead: `${positive} is rare.`,
      text: `${percent(summary.prevalence)} of the images: accuracy says nothing here, and precision depends on this share.`,
    });
  if (dataset.groupedBy === 'image' && dataset.kind !== 'phantom')
    findings.push({
      lead: 'No patient or lesion is known.',
      text: 'Several photographs of one patient may lie in different splits unless they nearly agree in pixels.',
    });
  return findings;
}
