/** What looks at drawn images: a backbone, and the filters where the policy has them. */
import { ConfigError } from 'graft-torch/base';
import { type FeatureExtractor, settleBackbone } from '../../metrics/backbone/index.js';
import { type DrawOptions, drawnClasses } from '../draw.js';
import type { TrainedGenerator } from '../trained-generator.js';
import { type Filters, openFilters } from './filters.js';
import type { ChoiceHooks, ChoiceOptions } from './options.js';
import type { Plan } from './policies.js';
import { openChoiceBackbone, openTrainingImages, type TrainingImages } from './training-images.js';

export interface Looker {
  extractor: FeatureExtractor;
  filters: Filters | null;
  training: TrainingImages | null;
  dispose(): Promise<void>;
}

/** Null where the policy looks at no features. */
export async function openLooker(
  generator: TrainedGenerator,
  plan: Plan,
  options: DrawOptions & ChoiceOptions & ChoiceHooks,
): Promise<Looker | null> {
  if (!plan.filtered && plan.chooser !== 'diverse') return null;
  const { data, agreement = 0.5, quantile = 0.01, onPart, warn } = options;
  const backbone = settleBackbone(options.backbone ?? 'random');
  requireWithin('agreement', agreement, { above: 0, below: 1 });
  requireWithin('quantile', quantile, { above: 0, below: 0.5 });
  const wanted = drawnClasses(generator, options.class);
  // A backbone from a file needs no training images to tell images apart.
  const training =
    plan.filtered || backbone === 'random'
      ? await openTrainingImages(generator, { dir: data, wanted }, (done, total) =>
          onPart?.('decoding', done, total),
        )
      : null;
  try {
    const extractor = await openChoiceBackbone(backbone, generator, training);
    const dispose = async (): Promise<void> => {
      training?.cache.images.dispose();
      await extractor.dispose();
    };
    if (!plan.filtered) return { extractor, filters: null, training, dispose };
    try {
      const filters = await openFilters(training!, extractor, {
        agreement,
        quantile,
        onProgress: (done, total) => onPart?.('looking at training images', done, total),
      });
      if (!filters.quality.knows) warn?.(knowsLittle(filters, wanted));
      const unseen = unseenGroups(generator, training!);
      if (unseen > 0)
        warn?.(
          `${unseen} groups that the generator learned from elsewhere are not at hand: copies of them are not looked for`,
        );
      return {
        extractor,
        filters,
        training,
        dispose: async () => {
          filters.dispose();
          await dispose();
        },
      };
    } catch (error) {
      await extractor.dispose();
      throw error;
    }
  } catch (error) {
    training?.cache.images.dispose();
    throw error;
  }
}

function requireWithin(key: string, value: number, { above, below }: { above: number; below: number }): void {
  if (!(value > above && value <= below))
    throw new ConfigError(`${key} ${value}: expected a number above ${above} and up to ${below}`);
}

function knowsLittle({ quality: { sensitivity, specificity } }: Filters, wanted: readonly string[]): string {
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  return `label agreement says little: these features tell ${wanted.join('+')} from the rest hardly better than guessing (of real images ${percent(sensitivity)} and ${percent(specificity)} rightly); use a classifier run as backbone`;
}

/** Groups that the generator learned from, and that are not among these images. */
function unseenGroups({ origin }: TrainedGenerator, { learned, cache }: TrainingImages): number {
  const known = new Set(learned.map((row) => cache.rows[row]!.group));
  return origin.trainingGroups.filter((group) => !known.has(group)).length;
}
