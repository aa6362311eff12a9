/** What a run is to be made from, looked at before it begins: nothing of it may have seen the images that it is judged on. */
import type { Dataset } from '../data/dataset/index.js';
import { heldOf, requireUnseen, type UnknownTraining } from '../data/lineage/index.js';
import { ownSteps, traceTraining } from '../lineage/index.js';
import type { ClassifierRecipe } from './config.js';
import { openModule } from './own.js';

/**
 * @returns what cannot be told: who knows what a file from elsewhere was trained on
 * @throws DataError naming weights, or a network of one's own, that learned from the validation or test split; ConfigError
 *   where the module cannot be had
 */
export async function requireUnseenParts(
  recipe: ClassifierRecipe,
  dataset: Dataset,
): Promise<UnknownTraining[]> {
  const held = heldOf(dataset);
  const { keys } = await openModule(recipe);
  return [
    ...(recipe.weights === null
      ? []
      : requireUnseen(traceTraining(recipe.weights).steps, held, {
          role: 'weights',
          remedy: 'start from weights that never saw them, or from scratch',
        })),
    ...(keys.own?.includes('network')
      ? requireUnseen(ownSteps(keys), held, { role: 'module', remedy: 'take a network that never saw them' })
      : []),
  ];
}
