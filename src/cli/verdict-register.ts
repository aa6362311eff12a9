/** `graft verdict register`: what will be asked of the scores, written down before anybody has seen them. */
import type { Command } from 'commander';
import { commandLine } from '../command-line.js';
import { examples, output } from './common.js';
import { addTableOptions, ownFlags, planOf, type TableFlags } from './verdict.js';

interface RegisterFlags extends TableFlags {
  out?: string;
  force?: boolean;
}

const file = 'registration.json';

export function registerVerdictRegister(verdict: Command): void {
  const register = verdict
    .command('register')
    .description('write down what will be asked, before the scores are seen, with a hash to be deposited')
    .option('--out <file>', 'where it is written', file)
    .option('--force', 'replace a registration of another plan');
  addTableOptions(register).action(async (_: object, command: Command) =>
    registerCommand(ownFlags(command), command),
  );
  examples(register, [
    ['what verdict.yaml says', 'graft verdict register --plan verdict.yaml'],
    ['then, held to it', `graft verdict scores.csv --registration ${file}`],
  ]);
}

async function registerCommand(flags: RegisterFlags, command: Command): Promise<void> {
  const { graftVersion } = await import('../run/package.js');
  const { makeRegistration, writeRegistration } = await import('../verdict/registration.js');
  const { askedOf, requireWhole } = await import('../verdict/table/registered.js');
  const { earlier } = await import('./trial-register.js');
  const plan = await planOf(flags);
  requireWhole(plan);
  const out = flags.out ?? file;
  const made = makeRegistration({
    by: 'register',
    name: plan.name,
    version: graftVersion(),
    plan: askedOf(plan),
  });
  const before = await earlier({ out, force: flags.force ?? false }, made);
  const kept = before ?? made;
  if (!before) writeRegistration(out, made);
  const { registeredAt, planHash } = kept.registration;
  output(command, {
    json: {
      file: out,
      sha256: kept.fileHash,
      planHash,
      registeredAt,
      unchanged: before !== null,
      plan: kept.registration.plan,
    },
    text: [
      `${out}: ${before ? `this plan was registered already, on ${registeredAt.slice(0, 10)}; left as it is` : 'registered'}`,
      `  SHA-256 of the file  ${kept.fileHash}`,
      `  SHA-256 of the plan  ${planHash}`,
      '',
      'Deposit the file, or its SHA-256, now, where somebody else keeps the date: OSF, Zenodo, a journal, an e-mail to a',
      'colleague. On your own disk it proves nothing. Keep the file, byte by byte. Then:',
      `  ${commandLine`graft verdict scores.csv --registration ${out}`}`,
    ].join('\n'),
  });
}
