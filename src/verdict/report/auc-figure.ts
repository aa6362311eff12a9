/** AUC of every arm, on the test images and on external sets: runs, mean, interval. */
import { type FigureBlock, fixed, forestPanel, type Panel, plural, range } from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { ArmAnalysis } from '../arms.js';
import { coveredText } from './covered.js';
import { type ArmStyle, styleOf } from './palette.js';

/** @param bayesAuc that of the best possible classifier on the trial's own images, where it is known */
export function aucFigure(
  analysis: TrialAnalysis,
  styles: readonly ArmStyle[],
  bayesAuc: number | null,
): FigureBlock {
  const percent = Math.round(analysis.level * 100);
  const { external, folds, test } = analysis;
  const several = external.length > 0;
  const panel = (arms: readonly ArmAnalysis[], best: number | null, title: string): Panel => {
    const lowest = Math.min(...arms.flatMap(({ auc, aucs }) => [auc.low, ...aucs]));
    const drawn = forestPanel(
      arms.map(({ arm, auc, aucs, runs }) => ({
        ...styleOf(styles, arm),
        ...{ value: auc.value, low: auc.low, high: auc.high },
        text: `${fixed(auc.value)}  (${range(auc)})`,
        told: `AUC ${fixed(auc.value)}  (${range(auc)})`,
        singles: aucs.map((value, i) => ({ value, told: `${runName(runs[i]!, folds)}: ${fixed(value)}` })),
      })),
      {
        title: `AUC of every arm with interval: ${title}`,
        axis: { label: 'test AUC' },
        levels: [
          ...(lowest < 0.56 ? [{ at: 0.5, label: 'chance' }] : []),
          ...(best === null ? [] : [{ at: best, label: 'best possible' }]),
        ],
        explore: true,
      },
    );
    return { ...drawn, ...(several ? { title } : {}) };
  };
  return {
    kind: 'figure',
    name: 'auc',
    title: 'Test AUC of every arm',
    shows:
      `The large mark is the mean over ${folds > 1 ? 'folds and seeds' : 'seeds'}, the line its ${percent} % interval (${coveredText(analysis)}), the small open dots the single ${folds > 1 ? 'runs' : 'seeds'}.` +
      (bayesAuc === null
        ? ''
        : ' “Best possible” is the AUC of a classifier that knew how the phantoms were made.'),
    doesNotShow:
      'Overlapping lines do not mean “no difference”: all arms share the same test images, which the paired differences use and these intervals cannot.',
    legend: [],
    panels: [
      panel(analysis.arms, bayesAuc, `The trial’s own ${plural(test.images, 'test image')}`),
      ...external.map(({ name, arms, test: images }) =>
        panel(arms, null, `External set ${name} (${plural(images.images, 'image')})`),
      ),
    ],
  };
}

/** A run among those of an arm. */
export const runName = ({ fold, seed }: { fold: number; seed: number }, folds: number): string =>
  folds > 1 ? `fold ${fold}, seed ${seed}` : `seed ${seed}`;
