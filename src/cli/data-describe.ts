/** `graft data describe`: what a dataset holds. */
import type { Command } from 'commander';
import type { DatasetSummary } from '../data/describe.js';
import { examples, output } from './common.js';
import { percent, plainTable, trimmed, whole } from './table.js';

export function registerDescribe(data: Command): void {
  const command = data
    .command('describe')
    .description('count what a dataset holds: splits, classes, groups, duplicates, sizes, missing metadata')
    .argument('<dataset>', 'dataset folder')
    .action(async (dir: string, _flags, self: Command) => {
      const { openDataset } = await import('../data/dataset.js');
      const { describeDataset } = await import('../data/describe.js');
      const summary = describeDataset(openDataset(dir));
      output(self, { json: summary, text: () => describeText(summary) });
    });
  examples(command, [['what was imported', 'graft data describe isic2017']]);
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
