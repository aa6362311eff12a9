/** The verdict on a table of AUCs, on the terminal and as a page. */
import type { Command } from 'commander';
import type { AucTable, RegistrationRecord } from '../verdict/index.js';
import { analyseAucs, decideAucs, registrationText } from '../verdict/index.js';
import { output } from './common.js';
import { plainTable, trimmed } from './table.js';

export async function printAucVerdict(
  table: AucTable,
  command: Command,
  {
    out,
    paths,
    registration,
  }: {
    out: string | undefined;
    paths: readonly string[];
    registration: RegistrationRecord | null;
  },
): Promise<void> {
  const analysis = analyseAucs(table);
  const verdict = decideAucs(analysis, table.design);
  const report =
    out === undefined
      ? null
      : (await import('../verdict/report/index.js')).writeAucReport(table, out, {
          analysis,
          verdict,
          registration,
        });
  output(command, {
    json: { scores: paths, report, notes: table.notes, registration, verdict, analysis },
    text: () => {
      const arms = plainTable(['arm', 'mean AUC', 'deviation over folds', 'runs']);
      for (const { arm, mean, deviation, runs } of analysis.arms)
        arms.push([
          arm,
          mean.toFixed(3),
          analysis.folds > 1 ? deviation.toFixed(3) : '–',
          String(runs.length),
        ]);
      return [
        trimmed(arms),
        '',
        verdict.sentence,
        verdict.paragraph,
        registrationText(registration, 'analysis'),
        ...(verdict.others.length > 0 ? ['', ...verdict.others] : []),
        ...(report ? ['', `Report: ${report}`] : []),
      ].join('\n');
    },
  });
}
