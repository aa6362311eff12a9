/**
 * Affine maps of the plane, and images seen through them.
 *
 * A map says for each output point where its value comes from. For images its coordinates are those of PyTorch's
 * `grid_sample` with `align_corners`: x right, y down, −1 and 1 the centres of the outermost pixels. Reflection there
 * repeats no pixel (OpenCV's BORDER_REFLECT_101).
 */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';

/** The upper two rows of a homogeneous 3×3 matrix, row by row: x' = a·x + b·y + c, y' = d·x + e·y + f. */
export type Affine = readonly [number, number, number, number, number, number];

export const identity: Affine = [1, 0, 0, 0, 1, 0];
export const translation = (x: number, y: number): Affine => [1, 0, x, 0, 1, y];
export const scaling = (x: number, y = x): Affine => [x, 0, 0, 0, y, 0];
/** Turns by radians, from x towards y: with y down, clockwise to the eye. */
export const rotation = (angle: number): Affine => {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [cos, -sin, 0, sin, cos, 0];
};

/** The matrix product: of the maps, the last is applied first. */
export const compose = (...maps: readonly Affine[]): Affine =>
  maps.reduce(([a, b, c, d, e, f], [g, h, i, j, k, l]): Affine => {
    return [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f];
  });

export interface WarpOptions {
  /** Nearest copies pixels untouched. Default bilinear. */
  interpolation?: 'bilinear' | 'nearest';
  /** What lies beyond the border. Default reflection. */
  padding?: 'zeros' | 'reflection';
  /** Height and width of the output, which −1 and 1 refer to as well; default: the images'. */
  size?: readonly [number, number];
}

// The codes of aten::grid_sampler.
const INTERPOLATION = { bilinear: 0, nearest: 1 } as const;
const PADDING = { zeros: 0, reflection: 2 } as const;

/**
 * Samples each image through its map.
 * @param images float `[N, C, H, W]`; gradients flow to them
 * @param maps one a sample, output → source
 * @returns `[N, C, …size]`
 */
export function warp(images: Tensor, maps: readonly Affine[], options: WarpOptions = {}): Tensor {
  const { interpolation = 'bilinear', padding = 'reflection' } = options;
  return tidy(() => {
    const [n, channels, height, width] = images.shape as [number, number, number, number];
    const size = options.size ?? [height, width];
    const theta = tensor(maps.flat(), [n, 2, 3], { dtype: images.dtype, device: images.device });
    const grid = aten.affine_grid_generator(theta, [n, channels, ...size], true); // [N, …size, 2]
    return aten.grid_sampler(images, grid, INTERPOLATION[interpolation], PADDING[padding], true);
  });
}
