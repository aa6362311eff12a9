/**
 * How many independent groups (patients, lesions) a class of images is worth. Images of one patient are not
 * independent: where all images of a patient agree, sixty images of six patients tell as much as six images, and
 * where one patient gave most of them, they tell less still.
 */
import { DataError } from 'graft-torch/base';
import type { Numbers } from './roc.js';

/**
 * Kish's effective size of each class: n_eff = (Σ n_g)² / Σ n_g², n_g the images of the class in group g. It is the
 * number of groups where all have as many images, and never more than that; the design effect is taken at its largest
 * (images of one group alike), so that what rests on it errs to the side of too few. 0 for a class without images.
 * Source: Kish, Survey Sampling, 1965, section 11.2.
 * @param labels 1 for positives, anything else for negatives
 * @param groups one name an image; without it each image is its own group.
 */
export function effectiveGroups(
  labels: Numbers,
  groups?: readonly string[],
): { positives: number; negatives: number } {
  if (groups && groups.length !== labels.length) {
    throw new DataError(`Got ${groups.length} groups for ${labels.length} labels.`);
  }
  const positives = new Map<string | number, number>();
  const negatives = new Map<string | number, number>();
  for (let i = 0; i < labels.length; i++) {
    const counts = labels[i] === 1 ? positives : negatives;
    const name = groups ? groups[i]! : i;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return { positives: effectiveSize(positives.values()), negatives: effectiveSize(negatives.values()) };
}

/** (Σ w)² / Σ w², 0 where there is no weight. */
export function effectiveSize(weights: Iterable<number>): number {
  let sum = 0;
  let squares = 0;
  for (const weight of weights) {
    sum += weight;
    squares += weight * weight;
  }
  return squares === 0 ? 0 : (sum * sum) / squares;
}
