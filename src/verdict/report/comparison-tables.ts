/** The paired differences in numbers: what the figure draws, and the same by other tests. */

import type { TableBlock } from '../../report/index.js';
import { fixed, levelText, signed, signedRange } from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { Comparison } from '../comparison.js';
import { bareP } from './columns.js';
import { andGenerators } from './covered.js';
import { pairLabel } from './differences-figure.js';

const right = (title: string) => ({ title, align: 'right' as const });

/** Rounded up, so that the trial never looks sharper than it is. */
export const detectableText = ({ detectable }: Comparison): string =>
  detectable.difference >= 1 ? 'nothing' : `±${fixed(Math.ceil(detectable.difference * 1000 - 1e-9) / 1000)}`;

export function differencesTable(analysis: TrialAnalysis): TableBlock {
  const { comparisons, primary, look } = analysis;
  const level = comparisons[0]?.level ?? analysis.level;
  return {
    kind: 'table',
    title: 'Paired differences in test AUC',
    columns: [
      { title: 'Comparison', align: 'left' },
      right('Difference'),
      right(`${levelText(level)} interval`),
      right('p'),
      right('p, corrected'),
      right('Detectable'),
    ],
    rows: comparisons.map((comparison) => [
      pairLabel(comparison),
      signed(comparison.difference.value),
      signedRange(comparison.difference),
      bareP(comparison.p),
      comparison.correctedP === null ? comparison.role : bareP(comparison.correctedP),
      detectableText(comparison),
    ]),
    strong: primary === null ? [] : [primary],
    sortable: true,
    note:
      `Detectable: smallest true difference found with ${Math.round((comparisons[0]?.detectable.power ?? 0.8) * 100)} % power. ` +
      'Primary: the comparison of the verdict, fixed by the design, needs no correction; p-values of the secondary ones are corrected among themselves (Holm). ' +
      (comparisons.some(({ role }) => role === 'required')
        ? 'Required: “helps” needs this interval above zero as well, which asks for no correction. '
        : '') +
      (comparisons.some(({ role }) => role === 'control')
        ? 'Control: what standard augmentation itself brings, for scale.'
        : '') +
      (look ? ' Intervals and p-values allow for the looks before this one.' : ''),
  };
}

/** Other tests of the same differences; null with one seed, which leaves nothing to test by. */
export function checksTable(analysis: TrialAnalysis): TableBlock | null {
  const { comparisons, primary, equivalenceMargin: margin, level, folds } = analysis;
  if (!comparisons.some(({ seedsOnly, bootstrap }) => seedsOnly !== null || bootstrap !== null)) return null;
  const resampled = comparisons.some((comparison) => comparison.resampled !== null);
  const dash = '–';
  return {
    kind: 'table',
    title: 'The same differences by other tests',
    columns: [
      { title: 'Comparison', align: 'left' },
      right('Bootstrap interval'),
      right('t over seeds, p'),
      right('Wilcoxon, p'),
      ...(folds > 1 ? [right('These folds alone')] : []),
      ...(resampled ? [right('Other collections')] : []),
      right(`Outside ±${margin}, p`),
    ],
    rows: comparisons.map((comparison) => [
      pairLabel(comparison),
      comparison.bootstrap ? signedRange(comparison.bootstrap) : dash,
      comparison.seedsOnly ? bareP(comparison.seedsOnly.p) : dash,
      comparison.seedsOnly ? bareP(comparison.seedsOnly.wilcoxonP) : dash,
      ...(folds > 1 ? [signedRange(comparison.forThese)] : []),
      ...(resampled ? [comparison.resampled ? signedRange(comparison.resampled) : dash] : []),
      bareP(comparison.equivalence.p),
    ]),
    strong: primary === null ? [] : [primary],
    sortable: true,
    note:
      `Checks on which nothing rests. Bootstrap: ${levelText(level)} percentile interval over groups and seeds, too narrow for few seeds. t over seeds and Wilcoxon take the test images as given, which most papers do, and find too much. ` +
      (folds > 1
        ? `These folds alone: with their training sets${andGenerators(analysis)} taken as given. `
        : '') +
      (resampled
        ? 'Other collections: the corrected resampled t over folds (Nadeau & Bengio 2003), with their shared training images allowed for. '
        : '') +
      `Outside ±${margin}: two one-sided tests; a small p means that the difference is smaller than that.`,
  };
}
