/** A calibration as a Markdown table, and its scenarios as a list. */
import type { Calibration, CalibrationRow, Share } from './calibration.js';
import type { Scenario, ScenarioDesign } from './simulation/index.js';

/** '5 × 3, each fold'; '1 × looks at 3, 5, each seed' */
export function designText({ folds, seeds, looks, each }: ScenarioDesign): string {
  const runs = looks ? `looks at ${looks.join(', ')}` : String(seeds);
  return `${folds} × ${runs}, ${each === 'trial' ? 'one generator' : `a generator a ${each}`}`;
}

/** '.040 (.020–.077)' */
const cell = ({ share, low, high }: Share): string => `${digits(share)} (${digits(low)}–${digits(high)})`;
const digits = (value: number): string => value.toFixed(3).replace(/^0/, '');

const columns: readonly { title: string; right?: boolean; of: (row: CalibrationRow) => string }[] = [
  { title: 'scenario', of: ({ scenario, beyond }) => `${scenario}${beyond ? ' †' : ''}` },
  { title: 'folds × seeds', of: ({ design }) => designText(design) },
  { title: 'generators', right: true, of: ({ generators }) => String(generators) },
  { title: 'false claims of the recipe', right: true, of: ({ falseClaims }) => cell(falseClaims) },
  { title: 'claims of less', right: true, of: ({ narrowClaims }) => digits(narrowClaims.share) },
  {
    title: 'interval holds recipe / these',
    right: true,
    of: ({ coverage }) => `${digits(coverage.recipe.share)} / ${digits(coverage.these.share)}`,
  },
  { title: 'mean ±', right: true, of: ({ halfWidth }) => digits(halfWidth) },
  { title: 'effect found', right: true, of: ({ power }) => cell(power) },
  { title: 'margin', right: true, of: ({ margin }) => digits(margin) },
  { title: 'false equivalence', right: true, of: ({ falseEquivalence }) => cell(falseEquivalence) },
  {
    title: 'external misses',
    right: true,
    of: ({ externalMisses }) => (externalMisses ? cell(externalMisses) : ''),
  },
  {
    title: 'mean seeds',
    right: true,
    of: ({ design, seeds }) => (design.looks ? `${seeds.without.toFixed(1)} / ${seeds.with.toFixed(1)}` : ''),
  },
];

/** Columns that no row fills are left out. */
export function calibrationTable({ rows }: Calibration): string {
  const used = columns.filter(({ of }) => rows.some((row) => of(row) !== ''));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(used.map(({ title }) => title)),
    line(used.map(({ right }) => (right ? '---:' : ':---'))),
    ...rows.map((row) => line(used.map(({ of }) => of(row)))),
  ].join('\n');
}

export function scenarioList(scenarios: readonly Scenario[]): string {
  const widest = Math.max(...scenarios.map(({ name }) => name.length));
  return scenarios
    .map(
      ({ name, about, designs, beyond }) =>
        `${name.padEnd(widest)}  ${about}${beyond ? ' [beyond what the verdict claims]' : ''}\n` +
        `${' '.repeat(widest)}  ${designs.map(designText).join('; ')}`,
    )
    .join('\n');
}
