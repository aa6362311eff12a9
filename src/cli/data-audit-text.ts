/** An audit as it is read on the terminal: leaks, confounds with the strongest first, what was not looked at. */
import type { AuditResult, Confound, Leak } from '../data/audit/index.js';
import { percent, plainTable, trimmed, whole } from './table.js';

export function auditText(result: AuditResult): string {
  const { name, images, positive, splits, splitImages, leaks, confounds, notes } = result;
  const counts = splits.map((split) => `${split} ${whole(splitImages[split]!)}`).join(', ');
  const sentences = notes.slice(0, leaks.length); // those on leaks come first, in their order
  const lines = [
    `${name}: ${whole(images)} images (${counts})`,
    '',
    ...(leaks.length === 0 ? noLeaks(splits) : ['Leaks', leakTable(leaks), '', ...sentences]),
    ...(leaks.length === 0
      ? []
      : ['A score on such images measures in part what the model remembers, and comes out too high.']),
    '',
  ];
  if (confounds.length > 0) {
    lines.push(
      `Confounds: what predicts ${positive} without a look at the lesion (AUC, 0.5 is chance)`,
      confoundTable(confounds),
      '',
      verdict(confounds, positive),
      ...confounds.filter(({ flagged, levels }) => flagged && levels.length > 0).map(extremes),
      '',
    );
  }
  lines.push(...notes.slice(leaks.length));
  return lines.join('\n').trimEnd();
}

function noLeaks(splits: readonly string[]): string[] {
  return splits.length < 2
    ? ['Leaks: there is one split only.']
    : [
        'Leaks: none. No id, file, near-duplicate, lesion, patient or group that is known lies in two splits.',
      ];
}

function leakTable(leaks: readonly Leak[]): string {
  const table = plainTable(['between', 'shared', 'how many', 'images', 'for instance'], 2);
  table.options.colAligns[4] = 'left';
  for (const { splits, kind, groups, images, examples } of leaks) {
    const [{ key, ids }] = examples as [Leak['examples'][number]];
    const some = ids.slice(0, 2).join(', ');
    table.push([
      splits.join(' / '),
      kind,
      whole(groups),
      images.map(whole).join(' / '),
      ['id', 'file', 'near-duplicate'].includes(kind) ? some : `${key}: ${some}`,
    ]);
  }
  return trimmed(table);
}

const barWidth = 20;

/** Half-open to the right of chance: an AUC of 0.5 has no bar, one of 1 a full one. */
const bar = (auc: number): string => '█'.repeat(Math.round(barWidth * Math.max(0, 2 * auc - 1)));

function confoundTable(confounds: readonly Confound[]): string {
  const table = plainTable(['', 'feature', 'AUC', '95 % interval', 'known for', ''], 2);
  table.options.colAligns[5] = 'left';
  for (const { feature, auc, interval, images, missing, flagged, levels } of confounds)
    table.push([
      flagged ? '!' : '',
      feature,
      auc.toFixed(3),
      `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}`,
      levels.length === 0 ? '' : percent(images / (images + missing)),
      bar(auc),
    ]);
  return trimmed(table);
}

function verdict(confounds: readonly Confound[], positive: string): string {
  const [worst] = confounds.filter(({ flagged }) => flagged);
  if (!worst) return `None of them tells ${positive} (from an AUC of 0.6, with an interval above 0.5).`;
  const single = confounds.filter(({ levels }) => levels.length > 0);
  const flagged = single.filter((one) => one.flagged).length;
  return (
    `! ${flagged} of ${single.length} features tell ${positive} (from an AUC of 0.6, with an interval above 0.5). A ` +
    `classifier\nthat scores no better than ${worst.auc.toFixed(2)} (${worst.feature}) has not shown that it sees more.`
  );
}

/** '! age: 5 to 30 has 4.1 % (n = 210), 75 to 85 has 41.0 % (n = 190)'. */
function extremes({ feature, levels }: Confound): string {
  const sorted = levels
    .filter(({ images }) => images >= 10)
    .sort((a, b) => a.positiveShare - b.positiveShare);
  const [low, high] = [sorted[0], sorted.at(-1)];
  if (!low || !high || low === high) return `! ${feature}`;
  const text = ({ level, images, positiveShare }: typeof low): string =>
    `${percent(positiveShare)} in ${level} (n = ${whole(images)})`;
  return `! ${feature}: from ${text(low)} to ${text(high)}`;
}
