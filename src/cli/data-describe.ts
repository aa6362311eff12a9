/** `graft data describe`: what a dataset holds, on the terminal or as a page with figures. */

import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import type { AuditResult } from '../data/audit/index.js';
import { auditDataset } from '../data/audit/index.js';
import type { Dataset, DatasetSummary } from '../data/dataset/index.js';
import { describeDataset, openDataset, rangeText } from '../data/dataset/index.js';
import { writeEdaReport } from '../data/eda/index.js';
import { InterruptedError, Progress, withInterrupt } from '../run/index.js';
import { examples, globalOptions, notice, output } from './common.js';
import { percent, plainTable, trimmed, whole } from './table.js';

export function registerDescribe(data: Command): void {
  const command = data
    .command('describe')
    .description('count what a dataset holds: splits, classes, groups, duplicates, sizes, missing metadata')
    .argument('<dataset>', 'dataset folder')
    .option('--report <file.html>', 'write a page with figures: one file, which needs nothing else')
    .option('--figures <dir>', 'folder for the figures as SVG and PNG (default: <file>-figures)')
    .option('--no-audit', 'leave the search for leaks and confounds out of the report')
    .action(async (dir: string, flags: DescribeFlags, self: Command) => describeCommand(dir, flags, self));
  examples(command, [
    ['what was imported', 'graft data describe isic2017'],
    [
      'a page to look at, with its figures in isic2017-figures/',
      'graft data describe isic2017 --report isic2017.html',
    ],
  ]);
}

interface DescribeFlags {
  report?: string;
  figures?: string;
  audit: boolean;
}

async function describeCommand(dir: string, flags: DescribeFlags, command: Command): Promise<void> {
  if (flags.report === undefined) {
    const idle = flags.figures !== undefined ? '--figures' : flags.audit ? undefined : '--no-audit';
    if (idle) throw new ConfigError(`${idle} belongs to a report: name one with --report eda.html`);
  } else {
    if (statSync(flags.report, { throwIfNoEntry: false })?.isDirectory())
      throw new ConfigError(`--report ${flags.report} is a folder: name a file in it, such as eda.html`);
  }
  const dataset = openDataset(dir);
  const summary = describeDataset(dataset);
  const made =
    flags.report === undefined ? null : await makeReport(dataset, { ...flags, path: flags.report }, command);
  output(command, {
    json: made === null ? summary : { ...summary, ...made },
    text: () => describeText(summary),
  });
  if (made) notice(command, `wrote ${made.report.html}`);
}

/** Audits and writes the page, with a bar for each part; Ctrl-C leaves no page behind. */
async function makeReport(
  dataset: Dataset,
  { path, ...flags }: DescribeFlags & { path: string },
  command: Command,
): Promise<{ report: { html: string; figures: string[] }; audit: AuditResult | null }> {
  const { quiet, seed } = globalOptions(command);
  const labels = { audit: 'auditing', pictures: 'taking pictures', figures: 'drawing figures' };
  const units = { audit: 'images', pictures: 'images', figures: 'figures' };
  const bars = new Map<string, InstanceType<typeof Progress>>();
  const stopped = new AbortController();
  const { signal } = stopped;
  try {
    return await withInterrupt(async (interrupt) => {
      const onProgress = (part: keyof typeof labels, done: number, total: number): void => {
        if (interrupt.requested && !signal.aborted)
          stopped.abort(new InterruptedError('stopped; no report was written'));
        const bar = bars.get(part) ?? new Progress({ label: labels[part], total, unit: units[part], quiet });
        bars.set(part, bar);
        bar.update(done);
        if (done === total) bar.stop();
      };
      let audit: AuditResult | null = null;
      if (flags.audit) {
        audit = await auditDataset(dataset, {
          seed,
          signal,
          onProgress: (done, total) => onProgress('audit', done, total),
        });
      }
      const report = await writeEdaReport(dataset, path, {
        audit: audit ?? undefined,
        figuresDir: flags.figures,
        seed,
        version: graftVersion(),
        onProgress,
        signal,
      });
      return { report, audit };
    }, 'stopping; no report is written');
  } finally {
    for (const bar of bars.values()) bar.stop();
  }
}

export function describeText(summary: DatasetSummary): string {
  const { classes, positive, negative, groupedBy, duplicates, sizes, metadata } = summary;
  const cell = (images: number, groups: number): string =>
    groups === images ? whole(images) : `${whole(images)} (${whole(groups)})`;
  const splits = plainTable(['split', ...classes, 'images', `${positive}`]);
  for (const split of ['train', 'val', 'test'] as const) {
    const own = classes.map(
      (label) => summary.counts.find((one) => one.split === split && one.label === label)!,
    );
    const images = own.reduce((sum, one) => sum + one.images, 0);
    const positives = own.find((one) => one.label === positive)!.images;
    splits.push([
      split,
      ...own.map((one) => cell(one.images, one.groups)),
      whole(images),
      images === 0 ? '–' : percent(positives / images),
    ]);
  }
  const ofAll = classes.map((label) =>
    whole(summary.counts.filter((one) => one.label === label).reduce((sum, one) => sum + one.images, 0)),
  );
  splits.push(['all', ...ofAll, whole(summary.images), percent(summary.prevalence)]);

  const [common] = sizes;
  const sizeText =
    sizes.length === 1
      ? `all ${common!.width} × ${common!.height} px`
      : `${sizes.length} sizes, most often ${common!.width} × ${common!.height} px (${whole(common!.images)}); ` +
        `shorter sides ${Math.min(...sizes.map((one) => Math.min(one.width, one.height)))} to ` +
        `${Math.max(...sizes.map((one) => Math.min(one.width, one.height)))} px`;
  const lines = [
    `${summary.name}: ${whole(summary.images)} images in ${whole(summary.groups)} groups${summary.licence ? `, ${summary.licence}` : ', licence not stated (--licence)'}`,
    `target: ${positive} against ${negative} (labels from ${summary.label})`,
    '',
    trimmed(splits),
    summary.counts.some((one) => one.groups !== one.images)
      ? 'In brackets: groups, where they are fewer.'
      : '',
    '',
    `groups: by ${groupedBy}${groupedBy === 'image' ? ' (no patient or lesion known)' : ' where known, else by image'}, the largest of ${whole(summary.largestGroup)}; no group is in two splits`,
    `duplicates joined: ${whole(duplicates.exact)} exact, ${whole(duplicates.near)} near`,
    `sizes: ${sizeText}`,
    ...(summary.channels === 1 ? ['channels: 1, all images are grey'] : []),
    ...summary.intensity.map((range) => `intensity: ${rangeText(range)}`),
    ...(summary.bayesAuc === null ? [] : [`best possible AUC: ${summary.bayesAuc.toFixed(4)}`]),
    `hash: ${summary.hash.slice(0, 16)}`,
  ];
  if (metadata.length > 0) {
    const table = plainTable(['metadata', 'missing', 'values']);
    for (const { column, missing, distinct } of metadata)
      table.push([
        column,
        missing === 0 ? '–' : `${whole(missing)} (${percent(missing / summary.images)})`,
        whole(distinct),
      ]);
    lines.push('', trimmed(table));
  }
  return lines.filter((line, i) => line !== '' || lines[i - 1] !== '').join('\n');
}
