/** An easy set for tests of classifiers: disks on skin, in memory, learned in tens of steps. */

import { tensor } from 'graft-torch';
import { Random, sha256 } from 'graft-torch/base';
import type { Dataset, DatasetRow } from '../data/dataset/dataset.js';
import type { PixelCache } from '../data/pixels/cache.js';
import { trainingFraming } from '../image/framing.js';

export const SIDE = 32;

/** Pink "skin" with a brown disk; positives are redder and larger, with some overlap. */
export function drawDisk(random: Random, positive: boolean): Uint8Array {
  const image = new Uint8Array(3 * SIDE * SIDE);
  const radius = random.uniform(5, 9) + (positive ? 3 : 0);
  const [cx, cy] = [random.uniform(12, 20), random.uniform(12, 20)];
  const red = random.uniform(70, 120) + (positive ? 60 : 0);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const inside = (x - cx) ** 2 + (y - cy) ** 2 < radius ** 2;
      const colour = inside ? [red, 60, 50] : [220, 180, 170];
      colour.forEach((value, c) => {
        image[(c * SIDE + y) * SIDE + x] = value + random.uniform(-12, 12);
      });
    }
  }
  return image;
}

/** A dataset that lives in memory: 35 % of the rows are positive, as many in each split. */
export function makeDisks(count: number, seed = 1): { dataset: Dataset; cache: PixelCache } {
  const random = new Random(seed);
  const pixels = new Uint8Array(count * 3 * SIDE * SIDE);
  const rows = Array.from({ length: count }, (_, i): DatasetRow => {
    const positive = i % 20 < 7;
    pixels.set(drawDisk(random, positive), i * 3 * SIDE * SIDE);
    return {
      id: `image-${i}`,
      file: `images/${i}.png`,
      label: positive ? 'malignant' : 'benign',
      group: `patient-${i >> 1}`,
      split: i < 0.6 * count ? 'train' : i < 0.8 * count ? 'val' : 'test',
      sha256: sha256(`disk ${seed} ${i}`),
      width: SIDE,
      height: SIDE,
      extra: {},
    };
  });
  const dataset = {
    dir: 'in-memory',
    name: 'disks',
    classes: ['benign', 'malignant'],
    positive: 'malignant',
    provenance: {},
    rows,
  };
  return {
    dataset: { ...dataset, hash: `seed-${seed}` } as unknown as Dataset,
    cache: {
      images: tensor(pixels, [count, 3, SIDE, SIDE]),
      rows,
      sizePx: SIDE,
      framing: trainingFraming,
      channels: 3,
      key: 'test',
      conditions: 'disks',
    },
  };
}
