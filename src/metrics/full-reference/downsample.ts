/** Smaller images for coarser scales. */
import { aten, type Tensor } from 'graft-torch';

/**
 * Means of blocks of `factor × factor`. A block that sticks out over an odd side is the mean of what is inside.
 *
 * @param images `[N, C, H, W]`
 * @returns `[N, C, ⌈H / factor⌉, ⌈W / factor⌉]`
 */
export const averageBlocks = (images: Tensor, factor: number): Tensor =>
  aten.avg_pool2d(images, [factor, factor], [factor, factor], [0, 0], true);
