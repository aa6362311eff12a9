/** Metrics of one channel: the figures of three equal ones. */

import { Generator, rand, type Tensor, tidy } from 'graft-torch';
import { expect, it } from 'vitest';
import { toRgb } from '../../image/channels.js';
import { measureArtefacts } from '../artefacts/index.js';
import { openBackbone } from '../backbone/index.js';
import { FULL_REFERENCE_METRICS } from '../full-reference/index.js';

const greys = (seed: number, n: number): Tensor =>
  rand([n, 1, 64, 64], { generator: Generator.seeded(seed) })
    .mul(255)
    .to({ dtype: 'uint8' });
const coloured = (images: Tensor): Tensor => toRgb(images).contiguous();
const unit = (images: Tensor): Tensor => images.to({ dtype: 'float32' }).div(255);

it('full-reference metrics', () => {
  tidy(() => {
    const [a, b] = [unit(greys(1, 3)), unit(greys(2, 3))];
    for (const { id, score } of FULL_REFERENCE_METRICS) {
      const difference = score(a, b)
        .sub(score(coloured(a), coloured(b)))
        .abs()
        .amax()
        .item();
      expect(difference, id).toBeLessThan(1e-6);
    }
  });
});

it('features of a backbone', () => {
  tidy(() => {
    const images = greys(3, 4);
    const grey = openBackbone('random', { device: 'cpu', calibrate: images });
    const colour = openBackbone('random', { device: 'cpu', calibrate: coloured(images) });
    const difference = grey.features(images).sub(colour.features(coloured(images)));
    expect(difference.abs().amax().item()).toBeLessThan(1e-6);
    grey.dispose();
    colour.dispose();
  });
});

it('artefacts', () => {
  const [real, synthetic] = tidy(() => [greys(4, 4), greys(5, 4)]);
  const measure = (change: (images: Tensor) => Tensor) =>
    tidy(() =>
      measureArtefacts({ images: change(real!) }, { images: change(synthetic!) }, { replicates: 0 }),
    );
  expect(measure((images) => images)).toEqual(measure(coloured));
  real!.dispose();
  synthetic!.dispose();
});
