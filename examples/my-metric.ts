/**
 * A metric of one's own: are synthetic images as sharp as real ones? It gets an interval and a floor like any other.
 *     node dist/examples/my-metric.js
 *     graft metrics distribution --real isic2017 --synthetic synthetic --module dist/examples/my-metric.js
 */
import { pathToFileURL } from 'node:url';
import { type ImageSet, measureOwn, type OwnMetric } from 'graft-gan/metrics';
import { Generator, rand, type Tensor } from 'graft-torch';
import { F } from 'graft-torch/nn';

/** Mean step between neighbours in a row of `[N, 3, H, W]`. */
function sharpness(images: Tensor): number {
  const width = images.shape[3]! - 1;
  const steps = images.narrow(3, 1, width).sub(images.narrow(3, 0, width));
  return steps.abs().mean().item();
}

const metric: OwnMetric = {
  metric: 'sharpness',
  name: 'Difference in sharpness',
  better: 'lower',
  range: [0, 1],
  compute: (real, synthetic) => Math.abs(sharpness(real) - sharpness(synthetic)),
};
export default { metrics: [metric] };

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const [record] = measureOwn([metric], { real: blotches(0, 16), synthetic: blotches(1, 8) });
  console.log(JSON.stringify(record, null, 2));
}

/** Forty images of coloured blotches, finer where the grid is. */
function blotches(seed: number, grid: number): ImageSet {
  const coarse = rand([40, 3, grid, grid], { generator: Generator.seeded(seed) });
  const bytes = F.interpolate(coarse, 64, { mode: 'bilinear' }).mul(255).to({ dtype: 'uint8' });
  return { data: bytes.toArray() as Uint8Array, n: 40, height: 64, width: 64 };
}
