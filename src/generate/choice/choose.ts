/**
 * Choosing synthetic images: more are drawn than are wanted, and a policy says which of them are kept (policies.ts).
 * A filter may leave too few; then further pools are drawn, in bounded number. Memory holds the pixels of one pool and of
 * what has passed, and their features; which images are chosen depends on the seed and the policy alone.
 */

import { cat, dispose, keep, type Tensor, tidy } from 'graft-torch';
import { ConfigError, Random } from 'graft-torch/base';
import type { ChoiceLineage } from '../../data/lineage/index.js';
import { rowsOf } from '../../metrics/distribution/index.js';
import { channelsOf } from '../config.js';
import { type DrawOptions, openDraw } from '../draw.js';
import type { TrainedGenerator } from '../trained-generator.js';
import { mostReal } from './best.js';
import { mostDiverse } from './diverse.js';
import type { ChoiceExamples } from './examples.js';
import { openLooker } from './looker.js';
import type { ChoiceHooks, ChoiceOptions } from './options.js';
import { type Plan, planOf } from './policies.js';
import { drawKept, type Kept } from './pool.js';

export interface ChosenImages {
  /** uint8 `[count, C, H, W]` on the CPU; no scope owns it. `best`: the best first, else as they were drawn. */
  images: Tensor;
  lineage: ChoiceLineage;
  /** Some of what was kept, passed over and rejected, for a contact sheet. */
  examples: ChoiceExamples;
}

const DEFAULT_POOL = 4;
/** Pixels of a pool. */
const MOST_POOL_BYTES = 4 * 2 ** 30;

/**
 * @throws ConfigError for a policy or option that does not fit, or what a policy needs and is not there
 * @throws DataError where the dataset is not the generator's, or its training split does not do
 * @throws GraftError where ten pools leave too few, with how many passed each filter
 */
export async function chooseImages(
  generator: TrainedGenerator,
  options: DrawOptions & ChoiceOptions & { count: number },
  hooks: ChoiceHooks = {},
): Promise<ChosenImages> {
  const plan = planOf(options.policies);
  const poolSize = sizeOfPool(generator, options, plan);
  const draw = openDraw(generator, { ...options, judged: plan.chooser === 'best' });
  const looker = await openLooker(generator, plan, { ...options, ...hooks });
  const kept: Kept = { pixels: [], features: [], logits: [] };
  try {
    const how = { generator, plan, looker, poolSize, ...options, onPart: hooks.onPart };
    const tally = await drawKept(draw, kept, how);
    const chosen = chooseAmong(kept, plan, options);
    const all = keep(cat(kept.pixels));
    try {
      const images = keep(rowsOf(all, chosen));
      return {
        images,
        lineage: {
          policies: [...options.policies],
          pool: options.pool ?? DEFAULT_POOL,
          drawn: tally.drawn,
          passed: tally.passed,
          backbone: looker && { name: looker.extractor.name, hash: looker.extractor.hash },
          ...(looker?.filters?.lineage(tally.rejected) ?? { label: null, distances: [] }),
        },
        examples: await tally.examples.finish(images, all, chosen),
      };
    } finally {
      all.dispose();
    }
  } finally {
    dispose(kept);
    await looker?.dispose();
  }
}

/** @throws ConfigError for a pool that is too small, or takes more memory than there should be need for */
function sizeOfPool(
  { config }: TrainedGenerator,
  { pool = DEFAULT_POOL, count }: ChoiceOptions & { count: number },
  plan: Plan,
): number {
  if (!Number.isInteger(count) || count < 1) throw new ConfigError(`count ${count}: expected 1 or more`);
  if (!(pool >= 1)) throw new ConfigError(`pool ${pool}: expected 1 or more images for each that is kept`);
  const size = plan.chooser === 'random' && !plan.filtered ? count : Math.ceil(pool * count);
  const bytes = size * channelsOf(config) * config.imageSize ** 2;
  if (bytes > MOST_POOL_BYTES)
    throw new ConfigError(
      `pool ${pool}: ${size} images of ${config.imageSize} px take ${(bytes / 2 ** 30).toFixed(1)} GiB at once, more than ${MOST_POOL_BYTES / 2 ** 30}; lower the pool, or sample in parts with another seed each`,
    );
  return size;
}

/** Indices among all that passed. */
function chooseAmong(
  kept: Kept,
  { chooser }: Plan,
  { count, seed }: { count: number; seed: number },
): Int32Array {
  return tidy(() => {
    switch (chooser) {
      case 'random':
        return Int32Array.from({ length: count }, (_, i) => i);
      case 'best':
        return mostReal(cat(kept.logits), count);
      case 'diverse':
        return mostDiverse(cat(kept.features), count, new Random(seed).fork('cells'));
    }
  });
}
