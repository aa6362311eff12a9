/** A verdict on the terminal. */

import Table from 'cli-table3';
import type { TrialAnalysis, Verdict } from '../verdict/index.js';
import { verdictLines } from '../verdict/index.js';

/**
 * Arms with their AUC, the verdict, the other comparisons.
 * @param held what the plan was held to, if that is known
 */
export async function verdictText(analysis: TrialAnalysis, verdict: Verdict, held?: string): Promise<string> {
  const table = new Table({
    head: ['arm', 'test AUC', `${Math.round(100 * analysis.level)} % interval`, 'runs'],
    style: { head: [], border: [] },
  });
  for (const { arm, auc, runs } of analysis.arms)
    table.push([
      arm,
      auc.value.toFixed(3),
      `${auc.low.toFixed(3)} – ${auc.high.toFixed(3)}`,
      String(runs.length),
    ]);
  return [
    table.toString(),
    '',
    ...verdictLines(verdict),
    ...(held === undefined ? [] : [held]),
    ...(verdict.others.length > 0 ? ['', ...verdict.others] : []),
  ].join('\n');
}
