/** Pools of drawn images, and what of them passes the filters. */
import { setImmediate } from 'node:timers/promises';
import { dispose, empty, keep, type Tensor, tidy } from 'graft-torch';
import { GraftError } from 'graft-torch/base';
import { rowsOf } from '../../metrics/distribution/index.js';
import { channelsOf, classTitle, type GeneratorConfig } from '../config.js';
import { DRAW_BATCH, type Drawn } from '../draw.js';
import type { TrainedGenerator } from '../trained-generator.js';
import { ExampleCollector } from './examples.js';
import type { Looker } from './looker.js';
import type { ChoiceHooks } from './options.js';
import type { Plan } from './policies.js';

/** After so many pools a filter that leaves too few will hardly leave enough. */
const MOST_POOLS = 10;

/** What has passed the filters, in the order it was drawn; a part a pool. */
export interface Kept extends Record<string, Tensor[]> {
  pixels: Tensor[];
  features: Tensor[];
  logits: Tensor[];
}

export interface Tally {
  drawn: number;
  passed: number;
  /** By filter. An image may be rejected by several. */
  rejected: Map<string, number>;
  examples: ExampleCollector;
}

/** Draws pools until enough images have passed. @throws GraftError when they have not after the last pool */
export async function drawKept(
  draw: (count: number) => Drawn,
  kept: Kept,
  how: {
    generator: TrainedGenerator;
    plan: Plan;
    looker: Looker | null;
    poolSize: number;
    count: number;
    class?: string;
    onPart?: ChoiceHooks['onPart'];
  },
): Promise<Tally> {
  const { generator, looker, poolSize, count, onPart } = how;
  const filters = looker?.filters ?? null;
  const examples = new ExampleCollector(looker?.training ?? null);
  const tally: Tally = { drawn: 0, passed: 0, rejected: new Map(), examples };
  for (let pool = 1; tally.passed < count; pool++) {
    if (pool > MOST_POOLS) throw new GraftError(tooFew(how, tally));
    const name = pool === 1 ? '' : ` (pool ${pool})`;
    const { pixels, logits } = await drawPool(draw, generator.config, {
      size: poolSize,
      onProgress: (done) => onPart?.(`drawing${name}`, done, poolSize),
    });
    try {
      const features =
        looker &&
        (await looker.extractor.extract(pixels, {
          onProgress: (done, total) => onPart?.(`looking at images${name}`, done, total),
        }));
      try {
        const verdicts = filters?.judge(pixels, features!) ?? [];
        const passed = [...Array(poolSize).keys()].filter(
          (i) => !verdicts.some(({ rejected }) => rejected[i]),
        );
        for (const { filter, rejected } of verdicts) {
          const before = tally.rejected.get(filter) ?? 0;
          tally.rejected.set(filter, before + rejected.filter(Boolean).length);
        }
        examples.reject(pixels, verdicts);
        tally.drawn += poolSize;
        tally.passed += passed.length;
        if (passed.length === 0) continue;
        kept.pixels.push(keep(rowsOf(pixels, passed)));
        if (how.plan.chooser === 'best') kept.logits.push(keep(rowsOf(logits, passed)));
        if (how.plan.chooser === 'diverse') kept.features.push(keep(rowsOf(features!, passed)));
      } finally {
        features?.dispose();
      }
    } finally {
      dispose([pixels, logits]);
    }
  }
  return tally;
}

function tooFew(
  { generator, count, class: wanted }: { generator: TrainedGenerator; count: number; class?: string },
  { drawn, passed, rejected }: Tally,
): string {
  const pass = (filter: string): number => drawn - (rejected.get(filter) ?? 0);
  const title = wanted ?? classTitle(generator.config);
  return `${generator.origin.run}: ${passed} of ${drawn} drawn images pass, fewer than the ${count} that are wanted: ${pass('label')} show class ${title}, ${pass('features')} are no copies by their features, ${pass('pictures')} none by their pictures; ask for fewer, choose without filtered, or train the generator further`;
}

/**
 * The next images of the stream. Batches are whole, so that images are the same whatever the size of the pool.
 *
 * @returns no scope owns them
 */
async function drawPool(
  draw: (count: number) => Drawn,
  config: GeneratorConfig,
  { size, onProgress }: { size: number; onProgress: (done: number) => void },
): Promise<{ pixels: Tensor; logits: Tensor }> {
  const { imageSize } = config;
  const pixels = keep(empty([size, channelsOf(config), imageSize, imageSize], { dtype: 'uint8' }));
  const logits = keep(empty([size]));
  for (let from = 0; from < size; from += DRAW_BATCH) {
    const count = Math.min(DRAW_BATCH, size - from);
    tidy(() => {
      const drawn = draw(DRAW_BATCH);
      pixels.narrow(0, from, count).copy_(drawn.pixels.narrow(0, 0, count));
      if (drawn.logits) logits.narrow(0, from, count).copy_(drawn.logits.narrow(0, 0, count));
    });
    onProgress(from + count);
    await setImmediate(); // timers and signals have their turn
  }
  return { pixels, logits };
}
