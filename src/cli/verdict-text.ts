/** A verdict on the terminal. */
import Table from 'cli-table3';
import { type Judged, type PlanSubject, registrationText, verdictLines } from '../verdict/index.js';

/** Arms with their AUC, the verdict, what the plan was held to, the other comparisons. */
export function verdictText({ analysis, verdict, registration }: Judged, subject: PlanSubject): string {
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
    registrationText(registration, subject),
    ...(verdict.others.length > 0 ? ['', ...verdict.others] : []),
  ].join('\n');
}
