/** `graft data audit`: leaks between splits, and what predicts the label without a look at the lesion. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ConfigError, DataError } from 'graft-torch/base';
import type { AuditResult } from '../data/audit/index.js';
import { auditDataset, auditManifest, auditTables } from '../data/audit/index.js';
import { manifestFile, openDataset } from '../data/dataset/index.js';
import { readTable, writeTable } from '../data/table/index.js';
import { InterruptedError, Progress, withInterrupt } from '../run/index.js';
import { collect, examples, globalOptions, notice, output } from './common.js';
import { auditText } from './data-audit-text.js';

interface AuditFlags {
  split: string[];
  table: string[];
  mapping?: string;
  splitColumn?: string;
  idColumn?: string;
  labelColumn?: string;
  groupColumn?: string;
  patientColumn?: string;
  positive?: string;
  knownDuplicates?: string;
  recompute?: boolean;
  pixels: boolean;
  strict?: boolean;
  csv?: string;
}

export function registerAudit(data: Command): void {
  const command = data
    .command('audit')
    .description(
      'find leaks between splits, and confounds: what predicts the label without a look at the lesion',
    )
    .argument('[dataset]', 'dataset folder; without one, tables are audited')
    .option('--split <name=tables>', 'tables of a split, with commas between; repeatable', collect, [])
    .option('--table <file>', 'table with the rows of all splits; repeatable for parts of it', collect, [])
    .option('--split-column <name>', 'column with the split; of a dataset: another split to audit')
    .option('--mapping <name>', 'how to read the tables (default: recognised; plain: as they are)')
    .option('--positive <label>', 'label at stake in tables (default: malignant, melanoma and the like)')
    .option('--id-column <name>', 'column of tables with the images’ names')
    .option('--label-column <name>', 'column of tables with the label')
    .option('--group-column <name>', 'column of tables with the lesion')
    .option('--patient-column <name>', 'column of tables with the patient')
    .option('--known-duplicates <csv>', 'pairs of ids in tables that show one picture')
    .option('--recompute', 'search the dataset’s images for near-duplicates anew')
    .option('--no-pixels', 'leave out what is measured in the pixels: hair, brightness, vignette …')
    .option('--csv <file>', 'also write the confounds, a row a level')
    .option('--strict', 'exit code 1 when there is a leak')
    .action(async (dir: string | undefined, flags: AuditFlags, self: Command) =>
      auditCommand(dir, flags, self),
    );
  examples(command, [
    ['a dataset: its splits, metadata, files and pixels', 'graft data audit datasets/isic2017'],
    [
      'the split of somebody else’s tables, without images',
      'graft data audit --split train=aidl21-train.csv --split test=aidl21-test.csv --mapping aidl21',
    ],
    [
      'a table with a column that names the split',
      'graft data audit --table metadata.csv --split-column split',
    ],
    [
      'in a pipeline: fail where test patients were trained on',
      'graft data audit datasets/own --strict --quiet',
    ],
  ]);
}

async function auditCommand(dir: string | undefined, flags: AuditFlags, command: Command): Promise<void> {
  const isTable = flags.split.length > 0 || flags.table.length > 0;
  if ((dir === undefined) !== isTable)
    throw new ConfigError(
      'give either a dataset folder, or tables: --split train=a.csv --split test=b.csv, or --table t.csv',
    );
  if (flags.split.length > 0 && flags.table.length > 0)
    throw new ConfigError(
      '--split and --table: give one of them; with --table, --split-column names the split',
    );
  const result =
    dir === undefined ? await auditGivenTables(flags, command) : await auditFolder(dir, flags, command);
  if (flags.csv !== undefined) await writeConfounds(flags.csv, result);
  output(command, { json: result, text: () => auditText(result) });
  if (flags.strict && result.leaks.length > 0)
    throw new DataError(
      `${result.leaks.map(({ kind, groups, splits }) => `${groups} × ${kind} in ${splits.join(' and ')}`).join(', ')}: the splits are not independent (--strict); deal them anew by group with graft data import`,
    );
}

async function auditGivenTables(flags: AuditFlags, command: Command): Promise<AuditResult> {
  if (flags.recompute) throw new ConfigError('--recompute needs images: give a dataset folder');
  const named = flags.split.map((text) => {
    const [, split, paths] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (split === undefined)
      throw new ConfigError(`--split ${text}: expected a name and a table, as in test=test.csv`);
    return { split: split.trim(), paths: paths!.split(',') };
  });
  const twice = named.find(({ split }, i) => named.findIndex((other) => other.split === split) !== i);
  if (twice)
    throw new ConfigError(`--split ${twice.split}=…: given twice; put commas between tables of one split`);
  let pairs: [string, string][] = [];
  if (flags.knownDuplicates !== undefined) {
    const { columns, rows } = readTable(flags.knownDuplicates);
    const [a, b] = columns;
    if (a === undefined || b === undefined)
      throw new ConfigError(
        `--known-duplicates ${flags.knownDuplicates}: expected two columns with the ids of each pair`,
      );
    pairs = rows.map(({ cells }) => [cells[a]!, cells[b]!]);
  }
  return auditTables(named.length > 0 ? named : [{ paths: flags.table }], {
    mapping: flags.mapping,
    positive: flags.positive,
    columns: {
      id: flags.idColumn,
      label: flags.labelColumn,
      lesion: flags.groupColumn,
      patient: flags.patientColumn,
      split: flags.splitColumn,
    },
    pairs,
    seed: globalOptions(command).seed,
  });
}

async function auditFolder(dir: string, flags: AuditFlags, command: Command): Promise<AuditResult> {
  const { quiet, seed } = globalOptions(command);
  const tablesOnly = [
    ['--mapping', flags.mapping],
    ['--positive', flags.positive],
    ['--id-column', flags.idColumn],
    ['--label-column', flags.labelColumn],
    ['--group-column', flags.groupColumn],
    ['--patient-column', flags.patientColumn],
    ['--known-duplicates', flags.knownDuplicates],
  ].find(([, value]) => value !== undefined);
  if (tablesOnly) throw new ConfigError(`${tablesOnly[0]} is for tables; a dataset has it settled`);
  let dataset: ReturnType<typeof openDataset>;
  try {
    dataset = openDataset(dir);
  } catch (error) {
    const asTable =
      !flags.recompute && flags.splitColumn === undefined && existsSync(join(dir, manifestFile));
    if (!(error instanceof DataError) || !asTable) throw error;
    notice(command, `the dataset cannot be opened, its manifest is audited as a table: ${error.message}`);
    return auditManifest(dir, { seed });
  }
  const stopped = new AbortController();
  let bar: InstanceType<typeof Progress> | undefined;
  try {
    return await withInterrupt(
      async (interrupt) =>
        auditDataset(dataset, {
          seed,
          pixels: flags.pixels,
          recompute: flags.recompute,
          splitColumn: flags.splitColumn,
          signal: stopped.signal,
          onProgress: (done, total) => {
            if (interrupt.requested && !stopped.signal.aborted)
              stopped.abort(new InterruptedError('stopped; nothing was written'));
            bar ??= new Progress({ label: 'measuring', total, unit: 'images', quiet });
            bar.update(done);
            if (done === total) bar.stop();
          },
        }),
      'stopping',
    );
  } finally {
    bar?.stop();
  }
}

/** The confounds as a table, a row a level. */
async function writeConfounds(path: string, { confounds }: AuditResult): Promise<void> {
  const columns = ['feature', 'kind', 'source', 'images', 'missing', 'auc', 'low', 'high', 'flagged'];
  writeTable(
    path,
    [...columns, 'level', 'level_images', 'level_positive_share'],
    confounds.flatMap(({ interval, levels, flagged, ...confound }) => {
      const row = { ...confound, ...interval, flagged: String(flagged) };
      return levels.length === 0
        ? [row]
        : levels.map(({ level, images, positiveShare }) => ({
            ...row,
            level,
            level_images: images,
            level_positive_share: positiveShare,
          }));
    }),
  );
}
