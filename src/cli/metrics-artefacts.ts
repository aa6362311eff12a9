/** `graft metrics artefacts`: what gives synthetic images away apart from what they show. */
import type { Command } from 'commander';
import { dispose } from 'graft-torch';
import { artefactRecords, measureArtefacts } from '../metrics/artefacts/index.js';
import { ARTEFACT_WORDS, composeArtefactReport, nameOf, readingOf } from '../metrics/report/index.js';
import { type MetricRecord, toTensor } from '../metrics/sets/index.js';
import { examples, globalOptions, startEngine } from './common.js';
import { answer, cell, printedRecords } from './metrics-output.js';
import { addSetOptions, type ClassFlags, loadClasses } from './metrics-sets.js';

export function registerArtefacts(metrics: Command): void {
  const artefacts = addSetOptions(
    metrics
      .command('artefacts')
      .description(
        'power spectrum, checkerboards, colours, and the share of images with hair, ruler or dark corners',
      ),
    { page: 'spectra and histograms', many: true },
  ).action(async (flags: ClassFlags, command: Command) => artefactsCommand(flags, command));
  examples(artefacts, [
    [
      'a GAN’s samples against the images it learned from',
      'graft metrics artefacts --real isic2017 --synthetic synthetic --report artefacts.html',
    ],
    ['by class', 'graft metrics artefacts --real isic2017 --synthetic melanomas --synthetic nevi'],
  ]);
}

async function artefactsCommand(flags: ClassFlags, command: Command): Promise<void> {
  await startEngine(command);
  const { classes, all } = await loadClasses(flags, command);
  const { seed } = globalOptions(command);
  const setOf = (which: 'real' | 'synthetic') => ({
    images: toTensor(all[which]),
    groups: all[which].groups,
    ...(classes.length > 1 && {
      labels: classes.flatMap((one) => new Array<string>(one[which].n).fill(one.label ?? '')),
    }),
  });
  const [real, synthetic] = [setOf('real'), setOf('synthetic')];
  const report = (() => {
    try {
      return measureArtefacts(real, synthetic, { seed });
    } finally {
      dispose([real.images, synthetic.images]);
    }
  })();
  const { interval, floor } = report.protocol;
  const protocol = { ...all.protocol, reference: all.reference, interval, floor };
  const records = [
    ...artefactRecords(report, classes.length > 1 ? null : all.label, protocol),
    ...Object.entries(report.byClass).flatMap(([own, scores]) => artefactRecords(scores, own, protocol)),
  ];
  await answer(command, flags, {
    sets: all,
    page: (words) => composeArtefactReport({ report, records, ...words }),
    json: {
      ...{ real: flags.real, synthetic: flags.synthetic, cautions: all.cautions, seed: seed ?? 0, records },
      ...report,
    },
    text: () => describe(records),
  });
}

function describe(records: readonly MetricRecord[]): string {
  const { n } = records[0]!;
  return [
    printedRecords(records, [
      ['metric', nameOf],
      ['synthetic', cell],
      ['real', ({ floor }) => cell(floor)],
      ['which', (record) => readingOf(record, ARTEFACT_WORDS)],
    ]),
    '',
    `${n.real} real, ${n.synthetic} synthetic images [95 % interval]. Distances: synthetic to real, beside halves of the real images; shares: of each set.`,
  ].join('\n');
}
