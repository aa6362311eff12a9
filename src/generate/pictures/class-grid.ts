/** What a conditional generator makes of its classes: a row a class, and in each column the same latent. */

import { cat, type Generator, noGrad, randn, tensor, tidy } from 'graft-torch';
import { gridPng } from '../../image/index.js';
import { enlargement, type Generate, planar } from './generate.js';

export interface ClassGridOptions {
  /** Names of the classes, in the order of their indices. */
  classes: readonly string[];
  /** Length of z. */
  latent: number;
  /** Draws the latents; a CPU generator of its own. */
  random: Generator;
  /** Images a class; default 8. */
  columns?: number;
  scale?: number;
}

/**
 * Columns share their latent, so that what differs within one is what the generator holds to be the class.
 * @returns the PNG's bytes
 */
export async function classGridPng(generate: Generate, options: ClassGridOptions): Promise<Buffer> {
  const { classes, latent, random, columns = 8 } = options;
  const images = tidy(() =>
    noGrad(() => {
      const z = randn([columns, latent], { generator: random });
      const labels = classes.flatMap((_, label) => new Array<number>(columns).fill(label));
      const repeated = cat(classes.map(() => z));
      return planar(generate(repeated, tensor(labels, [labels.length], { dtype: 'int64' })));
    }),
  );
  return gridPng(images, {
    columns,
    rowLabels: classes,
    scale: options.scale ?? enlargement(images.width),
  });
}
