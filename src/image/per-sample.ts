/** What happens to some samples of a batch, or with a number of each. */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';

/** One number a sample, `[N, 1, 1, 1]` beside the images. */
export const perSample = (values: readonly number[], images: Tensor): Tensor =>
  tensor(values, [values.length, 1, 1, 1], { dtype: images.dtype, device: images.device });

/**
 * Changes some samples; the others are copied to the bit, and a batch of which none is changed is given back itself.
 * @param images `[N, …]`; gradients flow through
 * @param rows the samples that change, ascending
 * @param change `[rows.length, …]` → the same shape
 */
export function onRows(images: Tensor, rows: readonly number[], change: (chosen: Tensor) => Tensor): Tensor {
  if (rows.length === 0) return images;
  if (rows.length === images.shape[0]) return change(images);
  return tidy(() => {
    const index = tensor(rows, [rows.length], { dtype: 'int64', device: images.device });
    return aten.index_copy(images, 0, index, change(aten.index_select(images, 0, index)));
  });
}

/** The samples for which something holds, as `onRows` takes them. */
export const rowsWhere = <T>(samples: readonly T[], holds: (sample: T) => boolean): number[] =>
  samples.flatMap((sample, row) => (holds(sample) ? [row] : []));
