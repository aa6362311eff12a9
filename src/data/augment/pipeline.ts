/**
 * An augmentation as a list of steps, as albumentations composes them: each step happens to a sample with its
 * probability, and is one of its transforms, equally likely.
 *
 * A transform is two halves: `draw` chooses the parameters of one sample, plain numbers from its own random stream;
 * `apply` changes a batch of samples, each by its own parameters, in tensor code. So what happens to a sample does not
 * depend on the batch it is in, and each half is tested by itself.
 */
import type { Random } from '../../random.js';
import { aten, type Tensor, tensor, tidy } from '../../torch/index.js';

export interface Transform {
  /** In albumentations' or RandAugment's words, as contact sheets show it. */
  readonly name: string;
  draw(random: Random): unknown;
  /**
   * @param images float `[N, 3, H, W]` in [0, 1]; not changed
   * @param parameters what `draw` gave, one a sample
   * @returns the same shape: memory of its own or the images themselves, never a view of them
   */
  apply(images: Tensor, parameters: readonly unknown[]): Tensor;
}

export interface Step {
  readonly probability: number;
  readonly oneOf: readonly Transform[];
}

export type Pipeline = readonly Step[];

/** A transform whose two halves agree on what its parameters are. */
export function transform<P>(
  name: string,
  draw: (random: Random) => P,
  apply: (images: Tensor, parameters: readonly P[]) => Tensor,
): Transform {
  return { name, draw, apply: (images, parameters) => apply(images, parameters as readonly P[]) };
}

/** A step of one transform. */
export const sometimes = (probability: number, only: Transform): Step => ({ probability, oneOf: [only] });

/** What a step does to a batch: each of its transforms with the samples it fell on. */
interface Share {
  transform: Transform;
  rows: number[];
  parameters: unknown[];
}

/**
 * Who gets what. The stream of a sample is forked by the step's place, so that a changed step leaves what the others
 * drew as it was; the streams themselves are not advanced.
 */
function dealOut(step: Step, place: number, randoms: readonly Random[]): Share[] {
  const shares = step.oneOf.map((one): Share => ({ transform: one, rows: [], parameters: [] }));
  randoms.forEach((random, row) => {
    const own = random.fork(place);
    if (!own.chance(step.probability)) return;
    const share = shares[own.int(shares.length)]!;
    share.rows.push(row);
    share.parameters.push(share.transform.draw(own));
  });
  return shares.filter(({ rows }) => rows.length > 0);
}

/**
 * Takes a batch through all steps.
 * @param images float `[N, 3, H, W]` in [0, 1]; not changed
 * @param randoms one stream a sample
 * @returns the same shape; the images themselves where nothing was done
 */
export function runPipeline(images: Tensor, pipeline: Pipeline, randoms: readonly Random[]): Tensor {
  let current = images;
  for (const [place, step] of pipeline.entries()) {
    for (const { transform, rows, parameters } of dealOut(step, place, randoms)) {
      const before = current;
      current = tidy(() => {
        if (rows.length === randoms.length) return transform.apply(before, parameters);
        const index = tensor(rows, [rows.length], { dtype: 'int64', device: images.device });
        const changed = transform.apply(aten.index_select(before, 0, index), parameters);
        // The caller's images are copied once; from then on the copy is written to.
        if (before === images) return aten.index_copy(before, 0, index, changed);
        aten.index_copy_(before, 0, index, changed);
        return before;
      });
      if (current !== before && before !== images) before.dispose();
    }
  }
  return current;
}
