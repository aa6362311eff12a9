/** What the intervals of a report take for a sample, in words. */
import { list } from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import { scopeOf } from '../kind.js';

/** ' and generators' where there are any. */
export const andGenerators = (analysis: Pick<TrialAnalysis, 'comparisons'>): string =>
  hasGenerators(analysis) ? ' and generators' : '';

/** Whether any arm has synthetic images. */
export const hasGenerators = ({ comparisons }: Pick<TrialAnalysis, 'comparisons'>): boolean =>
  comparisons.some(({ generators }) => generators > 0);

/** 'other generators, other training sets, other seeds and other test images', as far as the primary comparison has several. */
export function coveredText({ comparisons, primary, folds, arms }: TrialAnalysis): string {
  const pair = primary === null ? comparisons[0] : comparisons[primary];
  const runs = pair ? pair.runs.length : Math.max(0, ...arms.map((arm) => arm.runs.length));
  const parts = [
    pair && scopeOf(pair) === 'recipe' ? 'other generators' : '',
    folds > 1 ? 'other training sets' : '',
    runs > 1 ? 'other seeds' : '',
    'other test images',
  ];
  return list(parts.filter((part) => part !== ''));
}
