/** `graft verdict …`: the trial's statistics on anyone's scores, from PyTorch, MONAI or timm. Needs no engine. */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { requireOwn } from '../base/index.js';
import { resolveConfig } from '../run/index.js';
import type {
  AucTable,
  RegistrationFile,
  RegistrationRecord,
  ScoreTable,
  VerdictPlan,
} from '../verdict/index.js';
import { readRegistration, readScoreTable, registrationText, verdictPlanSchema } from '../verdict/index.js';
import { judgeTable, writeTableReport } from '../verdict/report/index.js';
import { heldTo, toldBefore } from '../verdict/table/index.js';
import { collect, examples, globalOptions, notice, number, output } from './common.js';
import { printPdf } from './trial-report.js';
import { printAucVerdict } from './verdict-aucs.js';
import { initCommand, template } from './verdict-init.js';
import { registerVerdictPlan } from './verdict-plan.js';
import { registerVerdictRegister } from './verdict-register.js';
import { verdictText } from './verdict-text.js';

/** What decides how a table is read and what is asked of it; also keys of verdict.yaml. */
export interface TableFlags {
  plan?: string;
  name?: string;
  baseline?: string;
  arm?: string;
  balanceControl: string[];
  /** False with --no-generator. */
  generator: boolean;
  margin?: number;
  marginReason?: string;
  testToTrain?: number;
  level?: number;
  power?: number;
  looks?: string;
  positive?: string;
  column: string[];
  wide?: string | true;
  files?: string;
  subgroup: string[];
}

interface VerdictFlags extends TableFlags {
  registration?: string;
  deviation?: string;
  out?: string;
  pdf?: boolean;
}

export function register(program: Command): void {
  const verdict = program
    .command('verdict')
    .description(
      'Does one way to train beat another? The trial’s statistics on a table of scores from any framework:\n' +
        'columns arm, fold, seed, image, group, label, score. Needs no libtorch.',
    )
    .argument('[scores...]', 'CSV, TSV, JSON lines or Parquet; several are parts of one, or a file a run')
    .option('--out <dir>', 'write report.html, report.md, figures/ and summary.json there')
    .option('--registration <file>', 'hold the analysis to what graft verdict register wrote')
    .option('--deviation <why>', 'why something else is asked than was registered')
    .option('--pdf', 'print the report as report.pdf too, through Chromium');
  addTableOptions(verdict).action(async (paths: string[], flags: VerdictFlags, command: Command) =>
    verdictCommand(paths, flags, command),
  );
  examples(verdict, [
    ['a template, verdict.yaml and the Python that fills it', 'graft verdict init'],
    ['two arms, called real and real+synthetic', 'graft verdict scores.csv --out report'],
    [
      'three arms; "helps" must hold against oversampling too',
      'graft verdict scores.csv --baseline real --arm real+synthetic --balance-control oversampling',
    ],
    [
      'other names of columns, classes by name',
      'graft verdict preds.csv --column score=prob --column group=pid --positive malignant',
    ],
    ['a column a run', "graft verdict wide.csv --wide '{arm}_f{fold}_s{seed}'"],
    ['a file a run', "graft verdict runs/*.csv --files '{arm}_f{fold}_s{seed}'"],
    [
      'any two recipes, without synthetic images',
      'graft verdict scores.csv --no-generator --baseline plain --arm mixup',
    ],
    ['as it was agreed on', 'graft verdict scores.csv --plan verdict.yaml'],
  ]);
  const init = verdict
    .command('init')
    .description('a template of the table, verdict.yaml, and a Python snippet that writes the table')
    .option('--out <dir>', 'folder for them', 'verdict')
    .action(async (_: object, command: Command) => initCommand(ownFlags(command), command));
  examples(init, [
    ['then fill it from Python', 'graft verdict init --out verdict && cat verdict/snippet.py'],
  ]);
  registerVerdictPlan(verdict);
  registerVerdictRegister(verdict);
}

/**
 * The options of a command below `graft verdict`: whatever both have, `graft verdict` itself has taken from the line.
 */
export function ownFlags<Flags>(command: Command): Flags {
  const above = command.parent!;
  const given = Object.entries(above.opts()).filter(([name]) => above.getOptionValueSource(name) === 'cli');
  return { ...command.opts(), ...Object.fromEntries(given) } as Flags;
}

export function addTableOptions(command: Command): Command {
  return command
    .optionsGroup('What is asked:')
    .option('--plan <verdict.yaml>', 'a file with these options, written before the scores were seen')
    .option('--baseline <arm>', 'the arm that the others are held against')
    .option('--arm <arm>', 'the arm that the verdict is about')
    .option(
      '--balance-control <arm>',
      're-balances the real images; "helps" must hold against it too; repeatable',
      collect,
      [],
    )
    .option('--no-generator', 'the arms are any two recipes: nothing is said of synthetic images')
    .option('--margin <auc>', 'difference too small to matter (default: 0.02)', number({ min: 0 }))
    .option('--margin-reason <text>', 'why that margin')
    .option(
      '--test-to-train <ratio>',
      'of a table of AUCs: test over training images (default: the table’s, else 1 / (folds − 1))',
      number({ min: 0 }),
    )
    .option('--level <share>', 'of intervals (default: 0.95)', number({ min: 0.5, max: 1 }))
    .option(
      '--power <share>',
      'that detectable differences are stated for (default: 0.8)',
      number({ min: 0.5, max: 1 }),
    )
    .option('--looks <3,5,8>', 'numbers of seeds at which the scores are looked at')
    .option('--name <text>', 'stands above the report')
    .optionsGroup('How the table is read:')
    .option('--positive <label>', 'label of the positive class')
    .option(
      '--column <role=name>',
      'a column whose name is not the usual one: score=prob; repeatable',
      collect,
      [],
    )
    .option('--wide [pattern]', "a column a run: '{arm}_f{fold}_s{seed}'")
    .option('--files <pattern>', 'a file a run: pattern of the files’ names')
    .option('--subgroup <column>', 'keep this column for results by its values; repeatable', collect, [])
    .optionsGroup('Options:');
}

/**
 * The plan of a command line: verdict.yaml, else what was registered, and what the options say over it.
 * @throws ConfigError as `resolveConfig`
 */
export async function planOf(
  flags: TableFlags,
  registered: Readonly<Record<string, unknown>> = {},
  design: readonly { flag: string; key: string; value: unknown }[] = [],
): Promise<VerdictPlan> {
  const columns = flags.column.map((text) => {
    const [, role, name] = /^([a-z]+)=(.+)$/.exec(text) ?? [];
    if (role === undefined || name === undefined)
      throw new ConfigError(`--column ${text}: expected role=name, such as score=prob`);
    return { flag: `--column ${text}`, key: `columns.${role}`, value: name };
  });
  const many = (list: readonly string[]): readonly string[] | undefined =>
    list.length > 0 ? list : undefined;
  const looks = flags.looks?.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  return resolveConfig(verdictPlanSchema, {
    file: flags.plan,
    flags: [
      ...(flags.plan === undefined
        ? Object.entries(registered).map(([key, value]) => ({ flag: '--registration', key, value }))
        : []),
      { flag: '--name', key: 'name', value: flags.name },
      { flag: '--baseline', key: 'baseline', value: flags.baseline },
      { flag: '--arm', key: 'arm', value: flags.arm },
      { flag: '--balance-control', key: 'balanceControls', value: many(flags.balanceControl) },
      { flag: '--no-generator', key: 'synthetic', value: flags.generator ? undefined : false },
      { flag: '--margin', key: 'margin', value: flags.margin },
      { flag: '--margin-reason', key: 'marginReason', value: flags.marginReason },
      { flag: '--test-to-train', key: 'testToTrain', value: flags.testToTrain },
      { flag: '--level', key: 'level', value: flags.level },
      { flag: '--power', key: 'power', value: flags.power },
      { flag: '--looks', key: 'looks', value: looks },
      { flag: '--positive', key: 'positive', value: flags.positive },
      { flag: '--wide', key: 'wide', value: flags.wide },
      { flag: '--files', key: 'files', value: flags.files },
      { flag: '--subgroup', key: 'subgroups', value: many(flags.subgroup) },
      ...columns,
      ...design,
    ],
  });
}

/** The plan, and the registration that it is to be held to. */
async function heldPlan(flags: VerdictFlags): Promise<{ plan: VerdictPlan; file: RegistrationFile | null }> {
  if (flags.registration === undefined) {
    if (flags.deviation !== undefined)
      throw new ConfigError('--deviation: from which plan? Name it with --registration');
    return { plan: await planOf(flags), file: null };
  }
  if (flags.deviation?.trim() === '')
    throw new ConfigError('--deviation: say why, in a few words that a reader can argue with');
  const file = readRegistration(flags.registration);
  return { plan: await planOf(flags, file.registration.plan), file };
}

/** What is to be said of the registration, now that the table is read. */
async function registrationOf(
  table: ScoreTable | AucTable,
  command: Command,
  {
    plan,
    file,
    flags,
    paths,
  }: { plan: VerdictPlan; file: RegistrationFile | null; flags: VerdictFlags; paths: readonly string[] },
): Promise<RegistrationRecord | null> {
  if (!file) return null;
  const summary = flags.out === undefined ? null : join(flags.out, 'summary.json');
  const earlier = summary === null ? [] : toldBefore(summary, file);
  const record = heldTo(plan, file, {
    shape: table.shape,
    written: paths.map((path) => statSync(path).mtime),
    why: flags.deviation,
    earlier,
  });
  if (earlier.length > 0)
    notice(
      command,
      `${summary} told of ${earlier.length === 1 ? 'a deviation' : `${earlier.length} deviations`} from this plan; ${earlier.length === 1 ? 'it stays' : 'they stay'} in the report.`,
    );
  return record;
}

async function verdictCommand(paths: string[], flags: VerdictFlags, command: Command): Promise<void> {
  if (paths.length === 0) throw new ConfigError('no table of scores; write one with: graft verdict init');
  const { plan, file } = await heldPlan(flags);
  const table = await readScoreTable(paths, plan);
  for (const note of table.notes) notice(command, note);
  for (const path of paths)
    if (statSync(path).size === template.length && readFileSync(path, 'utf8') === template)
      notice(
        command,
        `${path} is the template, as graft verdict init wrote it: its scores are made up. Put your own in.`,
      );
  if (flags.out !== undefined) {
    requireOwn(flags.out, {
      marks: ['report.html', 'report.md', 'summary.json'],
      own: /^(figures|report\.(html|md|pdf)|summary\.json)$/,
    });
  }
  const registration = await registrationOf(table, command, { plan, file, flags, paths });
  if (table.kind === 'aucs') {
    return printAucVerdict(table, command, { out: flags.out, paths, registration });
  }
  const { seed } = globalOptions(command);
  const redo = seed === undefined ? {} : { seed };
  const { analysis, verdict } = judgeTable(table, redo);
  const written =
    flags.out === undefined
      ? null
      : await writeTableReport(table, flags.out, { plan, paths, analysis, verdict, registration, redo });
  const pdf = written && flags.pdf ? await printPdf(written.html) : null;
  const text = await verdictText(analysis, verdict, registrationText(registration, 'analysis'));
  output(command, {
    json: {
      scores: paths,
      report: written?.html ?? null,
      pdf,
      notes: table.notes,
      registration,
      verdict,
      analysis,
    },
    text: () =>
      [
        text,
        ...(written ? ['', `Report: ${pdf === null ? written.html : `${written.html}, ${pdf}`}`] : []),
      ].join('\n'),
  });
}
