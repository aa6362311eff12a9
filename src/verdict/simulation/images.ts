/** Test images of a simulated trial: how many of each class, and which of them belong to one patient. */
import type { Random } from 'graft-torch/base';

/** Sizes of groups: every image its own; patients of 1 to 8 images, of one class or of both. */
export type Sizes = 'single' | 'patients' | 'mixed-patients';

export interface Cohort {
  /** In each fold. */
  positives: number;
  negatives: number;
  sizes: Sizes;
  /** Positives come from so many patients in the whole trial, spread evenly over folds; null: by `sizes`. */
  positiveGroups: number | null;
  /** So many images of the class belong to one patient, of the first fold; null: nobody stands out. */
  giant: { label: 0 | 1; images: number } | null;
}

export interface DrawnImages {
  labels: (0 | 1)[];
  /** Of each image, from 0. */
  group: number[];
  groups: number;
}

/** Images of one fold. @param fold from 0 */
export function drawImages(cohort: Cohort, fold: { index: number; of: number }, random: Random): DrawnImages {
  const drawn: DrawnImages = { labels: [], group: [], groups: 0 };
  const patient = (labels: readonly (0 | 1)[]): void => {
    for (const label of labels) {
      drawn.labels.push(label);
      drawn.group.push(drawn.groups);
    }
    drawn.groups++;
  };
  const left = [cohort.negatives, cohort.positives] as [number, number];
  const { giant, positiveGroups, sizes } = cohort;
  if (giant && fold.index === 0) {
    const images = Math.min(giant.images, left[giant.label]);
    patient(new Array(images).fill(giant.label));
    left[giant.label] -= images;
  }
  if (positiveGroups !== null) {
    const here =
      Math.floor(((fold.index + 1) * positiveGroups) / fold.of) -
      Math.floor((fold.index * positiveGroups) / fold.of);
    for (let g = 0; g < here; g++) {
      const images = Math.round(((g + 1) * left[1]) / here) - Math.round((g * left[1]) / here);
      patient(new Array(images).fill(1));
    }
    left[1] = 0;
  }
  if (sizes === 'mixed-patients') {
    // A patient's images are drawn from what is left of both classes.
    const labels = random.shuffle([
      ...new Array<0 | 1>(left[0]).fill(0),
      ...new Array<0 | 1>(left[1]).fill(1),
    ]);
    for (let at = 0; at < labels.length; ) {
      const images = 1 + random.int(8);
      patient(labels.slice(at, at + images));
      at += images;
    }
    return drawn;
  }
  for (const label of [0, 1] as const) {
    for (let rest = left[label]; rest > 0; ) {
      const images = sizes === 'single' ? 1 : Math.min(rest, 1 + random.int(8));
      patient(new Array(images).fill(label));
      rest -= images;
    }
  }
  return drawn;
}
