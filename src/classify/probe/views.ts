/**
 * What a frozen network is shown of an image: itself, turned, or augmented. A linear probe is fitted to views as fine-tuning
 * is to augmented images; but each view's features are made once and kept, so there is a pool of them to draw from.
 */
import type { Tensor } from 'graft-torch';
import { ConfigError, Random } from 'graft-torch/base';
import { graftVersion } from '../../base/index.js';
import {
  AUGMENTATIONS,
  SIIM,
  symmetry,
  TEST_TIME_VIEWS,
  type TestTimeAugmentation,
} from '../../data/augment/index.js';
import { type Augmenting, augmentationOf } from '../batch.js';
import type { ClassifierRecipe } from '../config.js';
import type { OwnAugmentation } from '../own.js';

/** One way to look at an image, or the mean of several. */
export type View = SingleView | MeanView;

/** Features are the mean of those of its parts: kept as such, so that they are read once. */
export interface MeanView {
  name: string;
  parts: readonly SingleView[];
}

export interface SingleView {
  /** Everything that it hangs on, for the feature store. */
  name: string;
  /** Stored pixels `[N, C, H, W]` → the same, turned. */
  turn(pixels: Tensor): Tensor;
  /** Of an augmentation: with a stream of its own for each image, which its SHA-256 decides. */
  augmenting(images: readonly string[]): Augmenting | null;
}

const turned = (view: number): SingleView => ({
  name: `symmetry ${view}`,
  turn: (pixels) => symmetry(pixels, view),
  augmenting: () => null,
});

/** Their mean; of one, itself. */
export const meanOf = (parts: readonly SingleView[]): View =>
  parts.length === 1 ? parts[0]! : { name: `mean of ${parts.map(({ name }) => name).join('; ')}`, parts };

/** Views whose logits are averaged when images are scored. */
export const testViews = (tta: TestTimeAugmentation): SingleView[] =>
  Array.from({ length: TEST_TIME_VIEWS[tta] }, (_, view) => turned(view));

/** Symmetries of the square. */
const SYMMETRIES = 8;

/**
 * Views of training images that there are to draw from: the image itself without augmentation, its eight symmetries with
 * `flips`, else `probe.pool` augmented ones.
 * @param own an augmentation of one's own, which a module's hash names
 * @throws ConfigError for one that a program handed in: nothing would say when its features are out of date
 */
export function trainingViews(recipe: ClassifierRecipe, own: OwnAugmentation | undefined): SingleView[] {
  if (own !== undefined && recipe.moduleHash === undefined)
    throw new ConfigError(
      'a probe keeps features by what they are made of, which it cannot know of an augmentation that a program hands in: put it into a module (key module)',
    );
  if (own === undefined && recipe.augmentation === 'none') return [turned(0)];
  if (own === undefined && recipe.augmentation === 'flips')
    return Array.from({ length: SYMMETRIES }, (_, i) => turned(i));
  const augmentation = own ?? augmentationOf(recipe);
  // What a draw does is the program's: another version may draw otherwise.
  const name = `${own ? `module ${recipe.moduleHash}` : `${recipe.augmentation} ${settingsWords(recipe)}`}, Graft ${graftVersion()}`;
  return Array.from({ length: recipe.probe.pool }, (_, draw) => ({
    name: `${name}, draw ${draw}`,
    turn: (pixels) => pixels,
    augmenting: (images) => {
      const random = new Random(draw).fork('probe');
      return { augmentation, randoms: images.map((image) => random.fork(image)) };
    },
  }));
}

/** The settings behind an augmentation's name: where they change, so do features. */
function settingsWords({ augmentation, randAugment }: ClassifierRecipe): string {
  if (augmentation === 'randaugment') return JSON.stringify(randAugment);
  if (augmentation === 'siim') return `${SIIM.length} steps`;
  return JSON.stringify(AUGMENTATIONS[augmentation]);
}
