/** When GAN-train and GAN-test look well, or ill, for other reasons than the synthetic images. */
import { fewLines } from './few.js';
import type { GanTestResult } from './gan-records.js';
import type { Comparison, Estimate } from './gan-scores.js';

const range = ({ value, interval }: Estimate): string =>
  `${value.toFixed(3)}${interval ? ` [${interval.map((end) => end.toFixed(3)).join(', ')}]` : ''}`;

const isAboveChance = ({ interval }: Estimate): boolean => interval !== null && interval[0] > 0.5;

/**
 * @param test images of each class on which GAN-train is scored
 * @returns a sentence each
 */
export function ganCautions(
  ganTrain: Comparison,
  ganTest: readonly GanTestResult[],
  test: { positive: string; positives: number; others: number },
): string[] {
  const beyond = ganTest.some(({ difference: { interval } }) => interval !== null && interval[0] > 0);
  return [
    ...(isAboveChance(ganTrain.real)
      ? isAboveChance(ganTrain.synthetic)
        ? []
        : [
            `GAN-train is not shown to be better than chance (AUC ${range(ganTrain.synthetic)}): nothing of the class was learned from the synthetic images.`,
          ]
      : [
          `The classifiers of the real images are not shown to be better than chance (AUC ${range(ganTrain.real)}): beside them neither GAN-train nor GAN-test can be read. Train longer, or on more images.`,
        ]),
    ...(beyond
      ? [
          'GAN-test beyond the score of real images is no praise: copies, and images more typical than real ones, get that (graft metrics privacy, graft metrics distribution).',
        ]
      : []),
    ...fewLines([
      { name: test.positive, groups: test.positives },
      { name: `not ${test.positive}`, groups: test.others },
    ]),
  ];
}
