/** Cutout (DeVries & Taylor, arXiv:1708.04552): black squares, here with albumentations' several small holes. */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';

export interface Holes {
  /** Share of the image's side. */
  side: number;
  /** One that would begin beyond the upper or left border begins at it instead. */
  slides?: boolean;
}

/**
 * Blackens squares. A hole near the border is cut off by it.
 * @param images `[N, C, H, W]`.
 * @param centres for each sample the holes' centres as shares of the side (y, x).
 * @param options.side of a hole as a share of the image's side.
 * @param options.slides a hole that would begin beyond the upper or left border begins at it instead, in full size:
 * albumentations' Cutout.
 */
export function cutHoles(
  images: Tensor,
  centres: readonly (readonly (readonly [number, number])[])[],
  holes: Holes,
): Tensor {
  const { side } = holes;
  const most = Math.max(0, ...centres.map((own) => own.length));
  if (most === 0 || side === 0) return images;
  const [n, , height, width] = images.shape as [number, number, number, number];
  // Which rows and which columns each hole covers; their outer product covers its pixels.
  const rows = new Float32Array(n * most * height);
  const columns = new Float32Array(n * most * width);
  const mark = (covered: Float32Array, hole: number, [start, end]: readonly [number, number]): void => {
    const from = (covered.length / (n * most)) * hole;
    covered.fill(1, from + start, from + end);
  };
  centres.forEach((own, sample) => {
    own.forEach(([y, x], k) => {
      mark(rows, sample * most + k, holeSpan(y, height, holes));
      mark(columns, sample * most + k, holeSpan(x, width, holes));
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

/**
 * The pixels of an axis that a hole covers, from the first to before the second.
 * @param centre share of the axis
 */
export function holeSpan(centre: number, length: number, { side, slides = false }: Holes): [number, number] {
  const size = Math.max(1, Math.round(side * length));
  const wanted = Math.floor(centre * length) - (size >> 1);
  const start = slides ? Math.max(0, wanted) : wanted;
  const from = Math.min(length, Math.max(0, start));
  return [from, Math.max(from, Math.min(length, start + size))];
}
