/** Real and generated images side by side, each as a grid with its title. */
import { besidePng, gridPng, type PlanarImages } from '../../image/index.js';

export interface RealFakeOptions {
  /** Default 'Real' and 'Generated'. */
  titles?: readonly [real: string, generated: string];
  /** Of each grid; default about as many as rows. */
  columns?: number;
  scale?: number;
}

/**
 * @param real and generated: as many of each as shall be compared, of one size
 * @returns the PNG's bytes
 */
export async function realFakePng(
  real: PlanarImages,
  generated: PlanarImages,
  options: RealFakeOptions = {},
): Promise<Buffer> {
  const { titles = ['Real', 'Generated'], columns, scale } = options;
  return besidePng([
    await gridPng(real, { title: titles[0], columns, scale }),
    await gridPng(generated, { title: titles[1], columns, scale }),
  ]);
}
