/** Goldens of test/goldens/metrics/artefacts.py, and small sets of images to test with. */
import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from 'graft-torch';
import { Random } from 'graft-torch/base';
import type { CheckerboardComponent } from './checkerboard.js';

interface Golden {
  height: number;
  width: number;
  /** Base64 of bytes `[N, 3, height, width]`. */
  real: string;
  synthetic: string;
  power: number[];
  rings: Record<'hann' | 'none', number[][]>;
  components: (CheckerboardComponent & { real: number; synthetic: number })[];
  lab: { rgb: number[]; lab: number[] }[];
  wasserstein: number[];
  saturation: number;
  jensenShannon: number;
  newcombe: { first: [number, number]; second: [number, number]; low: number; high: number }[];
}

export const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/metrics/artefacts.json', import.meta.url), 'utf8'),
) as Golden;

export const goldenSize = { height: golden.height, width: golden.width };

/** uint8 `[N, 3, height, width]` */
export function goldenImages(set: 'real' | 'synthetic'): Tensor {
  const bytes = new Uint8Array(Buffer.from(golden[set], 'base64'));
  return tensor(bytes, [bytes.length / (3 * golden.height * golden.width), 3, golden.height, golden.width]);
}

/**
 * Grey pictures of white noise around 128 under a pattern, the same in all channels.
 *
 * @returns uint8 `[n, 3, side, side]`
 */
export function noiseImages(
  n: number,
  side: number,
  options: { seed: number; sd?: number; pattern?: (x: number, y: number) => number },
): Tensor {
  const random = new Random(options.seed);
  const { sd = 6, pattern = () => 0 } = options;
  const area = side * side;
  const data = new Uint8Array(n * 3 * area);
  for (let i = 0; i < n; i++) {
    for (let at = 0; at < area; at++) {
      const value = Math.round(128 + random.normal(0, sd) + pattern(at % side, Math.floor(at / side)));
      for (let c = 0; c < 3; c++) data[(i * 3 + c) * area + at] = value;
    }
  }
  return tensor(data, [n, 3, side, side]);
}
