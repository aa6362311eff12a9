/** `graft metrics artefacts`: what gives synthetic images away apart from what they show. */
import type { Command } from 'commander';
import { dispose } from 'graft-torch';
import { artefactRecords, measureArtefacts } from '../metrics/artefacts/index.js';
import {
  ARTEFACT_WORDS,
  composeArtefactReport,
  figure,
  nameOf,
  range,
  readingOf,
} from '../metrics/report/index.js';
import type { MetricRecord } from '../metrics/sets/index.js';
import { toTensor } from '../metrics/sets/index.js';
import { examples, globalOptions, output, startEngine } from './common.js';
import { cautionLines, writeMetricReport } from './metrics-output.js';
import { addSetOptions, loadClasses, type SetFlags } from './metrics-sets.js';
import { plainTable, trimmed } from './table.js';

interface ArtefactFlags extends Omit<SetFlags, 'synthetic'> {
  synthetic: string[];
  report?: string;
}

export function registerArtefacts(metrics: Command): void {
  const artefacts = addSetOptions(
    metrics
      .command('artefacts')
      .description(
        'power spectrum, checkerboards, colours, and the share of images with hair, ruler or dark corners',
      ),
    { many: true },
  )
    .option('--report <file.html>', 'write a page with spectra and histograms')
    .action(async (flags: ArtefactFlags, command: Command) => artefactsCommand(flags, command));
  examples(artefacts, [
    [
      'a GAN’s samples against the images it learned from',
      'graft metrics artefacts --real isic2017 --synthetic synthetic --report artefacts.html',
    ],
    ['by class', 'graft metrics artefacts --real isic2017 --synthetic melanomas --synthetic nevi'],
  ]);
}

async function artefactsCommand(flags: ArtefactFlags, command: Command): Promise<void> {
  await startEngine(command);
  const { classes, all } = await loadClasses(flags, command);
  const { seed } = globalOptions(command);
  const labelsOf = (which: 'real' | 'synthetic'): string[] | undefined =>
    classes.length > 1
      ? classes.flatMap((one) => new Array<string>(one[which].n).fill(one.label ?? ''))
      : undefined;
  const images = { real: toTensor(all.real), synthetic: toTensor(all.synthetic) };
  const report = (() => {
    try {
      return measureArtefacts(
        { images: images.real, labels: labelsOf('real'), groups: all.real.groups },
        { images: images.synthetic, labels: labelsOf('synthetic') },
        { seed },
      );
    } finally {
      dispose(Object.values(images));
    }
  })();
  const { interval, floor } = report.protocol;
  const protocol = { ...all.protocol, reference: all.reference, interval, floor };
  const label = classes.length > 1 ? null : all.label;
  const records = [
    ...artefactRecords(report, label, protocol),
    ...Object.entries(report.byClass).flatMap(([own, scores]) => artefactRecords(scores, own, protocol)),
  ];
  if (flags.report !== undefined) {
    await writeMetricReport(command, { path: flags.report, cautions: all.cautions }, (words) =>
      composeArtefactReport({ report, records, ...words(all) }),
    );
  }
  output(command, {
    json: {
      real: flags.real,
      synthetic: flags.synthetic,
      cautions: all.cautions,
      seed: seed ?? 0,
      records,
      ...report,
    },
    text: () => [...cautionLines(all), describe(records)].join('\n'),
  });
}

function describe(records: readonly MetricRecord[]): string {
  const classes = new Set(records.map((record) => record.class)).size > 1;
  const table = plainTable(
    ['metric', ...(classes ? ['class'] : []), 'synthetic', 'real', 'which'],
    classes ? 2 : 1,
  );
  for (const record of records) {
    table.push([
      nameOf(record),
      ...(classes ? [record.class ?? 'all'] : []),
      `${figure(record.value)}${range(record.interval)}`,
      record.floor ? `${figure(record.floor.value)}${range(record.floor.interval)}` : 'too few images',
      readingOf(record, ARTEFACT_WORDS),
    ]);
  }
  const { n } = records[0]!;
  return [
    trimmed(table),
    '',
    `${n.real} real, ${n.synthetic} synthetic images [95 % interval]. Distances: synthetic to real, beside halves of the real images; shares: of each set.`,
  ].join('\n');
}
