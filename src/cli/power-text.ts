/** A power plan on the terminal: in words, what it takes for granted, and how its parts trade. */
import type { PowerPlan } from '../verdict/index.js';
import { plainTable, trimmed } from './table.js';

export const powerText = (power: PowerPlan): string =>
  [
    ...power.sentences,
    ...power.basis.map(({ name, value, source }) => `  ${name}: ${value} (${source})`),
    '',
    `how folds${power.each === 'none' ? '' : ', generators'} and seeds trade`,
    trimmed(tradesTable(power)),
  ].join('\n');

function tradesTable({ trades, margin, each: own }: PowerPlan): ReturnType<typeof plainTable> {
  const made = own !== 'none';
  const columns = made ? ['a generator each', 'generators'] : [];
  const table = plainTable(
    ['folds', 'seeds', ...columns, 'finds', `power at ±${margin}`, 'shows “within”'],
    0,
  );
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  for (const { folds, seeds, each, generators, detectable, powerAtMargin, equivalenceChance } of trades) {
    table.push([
      String(folds),
      String(seeds),
      ...(made ? [each, generators === 1 ? '1 (its images only)' : String(generators)] : []),
      detectable === null ? '–' : `±${detectable.toFixed(3)}`,
      percent(powerAtMargin),
      percent(equivalenceChance),
    ]);
  }
  return table;
}
