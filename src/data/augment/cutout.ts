/** Cutout (DeVries & Taylor, arXiv:1708.04552): black squares, here with albumentations' several small holes. */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';

/**
 * Blackens squares. A hole near the border is cut off by it.
 * @param images `[N, C, H, W]`.
 * @param centres for each sample the holes' centres as shares of the side (y, x).
 * @param side of a hole as a share of the image's side.
 * @param options.slides a hole that would begin beyond the upper or left border begins at it instead, in full size:
 * albumentations' Cutout.
 */
export function cutHoles(
  images: Tensor,
  centres: readonly (readonly (readonly [number, number])[])[],
  side: number,
  { slides = false }: { slides?: boolean } = {},
): Tensor {
  const most = Math.max(0, ...centres.map((holes) => holes.length));
  if (most === 0 || side === 0) return images;
  const [n, , height, width] = images.shape as [number, number, number, number];
  // Which rows and which columns each hole covers; their outer product covers its pixels.
  const rows = new Float32Array(n * most * height);
  const columns = new Float32Array(n * most * width);
  centres.forEach((holes, sample) => {
    holes.forEach(([y, x], hole) => {
      markCovered(rows, (sample * most + hole) * height, height, [y, side, slides]);
      markCovered(columns, (sample * most + hole) * width, width, [x, side, slides]);
    });
  });
  return tidy(() => {
    const { device } = images;
    const covered = aten.bmm(
      aten.transpose.int(tensor(rows, [n, most, height], { device }), 1, 2),
      tensor(columns, [n, most, width], { device }),
    ); // [N, H, W]
    const kept = aten.eq.Scalar(aten.unsqueeze(covered, 1), 0).to({ dtype: images.dtype }); // [N, 1, H, W]
    return aten.mul.Tensor(images, kept);
  });
}

function markCovered(
  target: Float32Array,
  offset: number,
  length: number,
  [centre, side, slides]: readonly [number, number, boolean],
): void {
  const [start, end] = holeSpan(centre, length, side, slides);
  target.fill(1, offset + start, offset + end);
}

/**
 * The pixels of an axis that a hole covers, from the first to before the second.
 * @param centre, side shares of the axis; the others as in `cutHoles`
 */
export function holeSpan(centre: number, length: number, side: number, slides: boolean): [number, number] {
  const size = Math.max(1, Math.round(side * length));
  const wanted = Math.floor(centre * length) - (size >> 1);
  const start = slides ? Math.max(0, wanted) : wanted;
  const from = Math.min(length, Math.max(0, start));
  return [from, Math.max(from, Math.min(length, start + size))];
}
