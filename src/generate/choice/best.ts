/**
 * The images that the discriminator holds most real. A trained discriminator tells the generator's failures from its
 * successes better than the generator avoids them: Azadi et al., "Discriminator Rejection Sampling", ICLR 2019. What it
 * prefers is also less varied.
 */
import { aten, type Tensor, tidy } from 'graft-torch';

/**
 * @param logits `[N]`
 * @returns the `count` of highest logits, the highest first; of equal ones the lower index
 */
export const mostReal = (logits: Tensor, count: number): Int32Array =>
  tidy(() => {
    const [, order] = aten.sort.stable(logits, { stable: true, dim: 0, descending: true });
    return order.narrow(0, 0, count).to({ dtype: 'int32' }).toArray() as Int32Array;
  });
