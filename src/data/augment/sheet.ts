/** A contact sheet of an augmentation: one row a transform, each draw beside the last, and all of it together at the end. */

import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import type { PlanarImages } from '../../image/index.js';
import { augment } from './augment.js';
import {
  AUGMENTATIONS,
  type AugmentationName,
  type AugmentationSettings,
  RAND_AUGMENT,
  type RandAugmentSettings,
} from './parameters.js';
import { type Pipeline, sometimes } from './pipeline.js';
import { SIIM } from './pipelines.js';
import { randAugment, randAugmentOperations } from './rand-augment.js';

export interface SheetRow {
  title: string;
  augmentation: AugmentationSettings | Pipeline;
}

/** Each part of the original's list that is on, alone and always. */
function partsOf(settings: AugmentationSettings): SheetRow[] {
  const off = AUGMENTATIONS.none;
  const flips = (['transpose', 'verticalFlip', 'horizontalFlip', 'flip'] as const)
    .filter((key) => settings[key] > 0)
    .map((key): SheetRow => ({ title: key, augmentation: { ...off, [key]: 1 } }));
  const others = (
    ['contrast', 'cutout', 'shiftScaleRotate', 'brightnessContrast', 'hueSaturationValue'] as const
  )
    .filter((key) => settings[key].probability > 0)
    .map(
      (key): SheetRow => ({
        title: key,
        augmentation: { ...off, [key]: { ...settings[key], probability: 1 } },
      }),
    );
  return [...flips, ...others];
}

/** Each transform of a list of steps, alone and always. */
const transformsOf = (pipeline: Pipeline): SheetRow[] =>
  pipeline.flatMap(({ oneOf }) =>
    oneOf.map((one): SheetRow => ({ title: one.name, augmentation: [sometimes(1, one)] })),
  );

/** The rows of an augmentation's sheet: its parts, then the whole with its own probabilities. */
export function sheetRows(
  name: Exclude<AugmentationName, 'none'>,
  settings: RandAugmentSettings = RAND_AUGMENT,
): SheetRow[] {
  if (name === 'siim') return [...transformsOf(SIIM), { title: 'all together', augmentation: SIIM }];
  if (name === 'randaugment') {
    const each = [{ probability: 1, oneOf: randAugmentOperations(settings.magnitude) }];
    const title = `${settings.operations} of them`;
    return [...transformsOf(each), { title, augmentation: randAugment(settings) }];
  }
  return [...partsOf(AUGMENTATIONS[name]), { title: 'all together', augmentation: AUGMENTATIONS[name] }];
}

/**
 * Draws the sheet: of each row the image as it is, then its draws. The k-th draw of every row has the same seed.
 * @param image bytes `[1, 3, side, side]`
 * @returns rows × (1 + draws) images, row by row
 */
export function drawSheet(
  image: Tensor,
  rows: readonly SheetRow[],
  { draws, seed }: { draws: number; seed: number },
): PlanarImages {
  const [, , height, width] = image.shape as [number, number, number, number];
  const size = 3 * height * width;
  const data = new Uint8Array(rows.length * (1 + draws) * size);
  const original = image.toArray() as Uint8Array;
  const first = new Random(seed);
  rows.forEach(({ augmentation }, row) => {
    const start = row * (1 + draws) * size;
    data.set(original, start);
    tidy(() => {
      const unit = aten.div.Scalar(image.to({ dtype: 'float32' }), 255);
      const copies = aten.index_select(
        unit,
        0,
        tensor(new Array<number>(draws).fill(0), [draws], { dtype: 'int64' }),
      );
      const streams = Array.from({ length: draws }, (_, k) => first.fork(k));
      const changed = augment(copies, augmentation, streams);
      const bytes = aten.round(aten.mul.Scalar(changed, 255)).to({ dtype: 'uint8', device: 'cpu' });
      data.set(bytes.toArray() as Uint8Array, start + size);
    });
  });
  return { data, n: rows.length * (1 + draws), height, width };
}
