/** `graft verdict …`: the trial's statistics on anyone's scores, from PyTorch, MONAI or timm. Needs no engine. */
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { requireOwn } from '../base/index.js';
import {
  judge,
  type RegistrationFile,
  readRegistration,
  readScoreTable,
  type VerdictPlan,
} from '../verdict/index.js';
import { writeTableReport } from '../verdict/report/index.js';
import { heldToFile, isTemplate } from '../verdict/table/index.js';
import { examples, globalOptions, notice, output } from './common.js';
import { printPdf, reportFolder } from './trial-report.js';
import { printAucVerdict } from './verdict-aucs.js';
import { initCommand } from './verdict-init.js';
import { addTableOptions, ownFlags, planOf, type TableFlags } from './verdict-options.js';
import { registerVerdictPlan } from './verdict-plan.js';
import { registerVerdictRegister } from './verdict-register.js';
import { verdictText } from './verdict-text.js';

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

/** The plan, and the registration that it is to be held to. */
function heldPlan(flags: VerdictFlags): { plan: VerdictPlan; file: RegistrationFile | null } {
  if (flags.registration === undefined) {
    if (flags.deviation !== undefined)
      throw new ConfigError('--deviation: from which plan? Name it with --registration');
    return { plan: planOf(flags), file: null };
  }
  if (flags.deviation?.trim() === '')
    throw new ConfigError('--deviation: say why, in a few words that a reader can argue with');
  const file = readRegistration(flags.registration);
  return { plan: planOf(flags, file.registration.plan), file };
}

async function verdictCommand(paths: string[], flags: VerdictFlags, command: Command): Promise<void> {
  if (paths.length === 0) throw new ConfigError('no table of scores; write one with: graft verdict init');
  const { plan, file } = heldPlan(flags);
  const { out } = flags;
  const table = await readScoreTable(paths, plan);
  for (const note of table.notes) notice(command, note);
  for (const path of paths)
    if (isTemplate(path))
      notice(
        command,
        `${path} is the template, as graft verdict init wrote it: its scores are made up. Put your own in.`,
      );
  if (out !== undefined) requireOwn(out, reportFolder);
  const held = file && heldToFile(plan, file, { shape: table.shape, paths, why: flags.deviation, out });
  if (held && held.earlier > 0)
    notice(
      command,
      `${held.summary} told of ${held.earlier === 1 ? 'a deviation' : `${held.earlier} deviations`} from this plan; ${held.earlier === 1 ? 'it stays' : 'they stay'} in the report.`,
    );
  const registration = held?.record ?? null;
  if (table.kind === 'aucs') return printAucVerdict(table, command, { out, paths, registration });
  const { seed } = globalOptions(command);
  const judged = judge(table, { registration, ...(seed !== undefined && { seed }) });
  const { analysis, verdict } = judged;
  const written = out === undefined ? null : await writeTableReport(table, judged, { dir: out, plan, paths });
  const pdf = written && flags.pdf ? await printPdf(written.html) : null;
  const text = verdictText(judged, 'analysis');
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
