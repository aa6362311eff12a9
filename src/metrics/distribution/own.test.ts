import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, type Tensor, tensor } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TRUST_VARIABLE } from '../../base/index.js';
import { openBackbone, openExtractor } from '../backbone/index.js';
import type { ImageSet } from '../sets/index.js';
import { loadMetrics, measureOwn, type OwnMetric } from './own.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-own-metric-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** Forty images of 8 px whose brightness varies around a level. */
function images(level: number, seed: number): ImageSet {
  const random = new Random(seed);
  const data = new Uint8Array(40 * 3 * 64);
  for (let i = 0; i < 40; i++) data.fill(level + random.uniform(-20, 20), i * 192, (i + 1) * 192);
  return { data, n: 40, height: 8, width: 8, groups: Array.from({ length: 40 }, (_, i) => `p${i >> 1}`) };
}

const brightness: OwnMetric = {
  metric: 'brightness',
  name: 'Difference in brightness',
  better: 'lower',
  range: [0, 1],
  compute: (real: Tensor, synthetic: Tensor) => Math.abs(real.mean().item() - synthetic.mean().item()),
};

// Whoever writes a module here trusts it.
beforeEach(() => void vi.stubEnv(TRUST_VARIABLE, '1'));
afterEach(() => void vi.unstubAllEnvs());

test('a metric of one’s own has value, interval and floor, over whole groups; nothing leaks', () => {
  const live = liveTensors();
  const sets = { real: images(100, 1), synthetic: images(140, 2) };
  const [record] = measureOwn([brightness], sets, { class: 'nevus', protocol: { reference: 'r' } });
  expect(liveTensors()).toBe(live);
  const mean = ({ data }: ImageSet): number => data.reduce((sum, v) => sum + v, 0) / data.length / 255;
  expect(record!.value).toBeCloseTo(mean(sets.synthetic) - mean(sets.real), 5);
  expect(record).toMatchObject({ metric: 'brightness', class: 'nevus', n: { real: 40, synthetic: 40 } });
  expect(record!.protocol).toMatchObject({
    reference: 'r',
    realImages: 40,
    interval: '95 %, 50 half-samples of whole groups',
  });
  const [low, high] = record!.interval!;
  expect(low).toBeGreaterThan(record!.floor!.interval![1]);
  expect(high).toBeGreaterThan(record!.value);
  // Alike: the value is near nothing, and the interval stops at what the figure can be.
  const [alike] = measureOwn([brightness], { real: images(100, 1), synthetic: images(100, 3) });
  expect(alike!.interval![0]).toBe(0);
});

test('a figure that is no number is refused, with the sets that gave it', () => {
  const broken = { ...brightness, compute: () => Number.NaN };
  const sets = { real: images(100, 1), synthetic: images(140, 2) };
  expect(() => measureOwn([broken], sets)).toThrow(/metric 'brightness': gives NaN for 40 real and 40/);
});

test('a module’s metrics bear its hash; what is none is refused', async () => {
  const text = "export default { metrics: [{ metric: 'm', name: 'M', better: 'lower', compute: () => 0 }] };";
  const { metrics, module } = await loadMetrics(write('metric.mjs', text));
  expect(metrics[0]).toMatchObject({ metric: 'm', settings: `module ${module.hash.slice(0, 16)}` });
  await expect(loadMetrics(write('none.mjs', 'export default {};'))).rejects.toThrow(/no list `metrics`/);
  for (const [name, list] of [
    ['known', "[{ ...m, metric: 'frechet' }]"],
    ['twice', '[m, m]'],
  ] as const) {
    const one = `const m = { metric: 'm', name: 'M', better: 'lower', compute: () => 0 }; export default { metrics: ${list} };`;
    await expect(loadMetrics(write(`${name}.mjs`, one))).rejects.toThrow(/is the id of another metric/);
  }
  const half = write('half.mjs', "export default { metrics: [{ metric: 'm', name: 'M', better: 'up' }] };");
  await expect(loadMetrics(half)).rejects.toThrow(/metrics\[0\] needs `metric`, `name`, `better`/);
});

test('a module’s backbone gives features of images at its side; its hash is the file’s', async () => {
  const text =
    "export default { backbone: { name: 'means', input: { sizePx: 16 }, features: (x) => x.mean([2, 3]) } };";
  const path = write('backbone.mjs', text);
  const backbone = await openExtractor(`module:${path}`);
  expect(backbone).toMatchObject({ name: 'means', sizePx: 16 });
  const pixels = tensor(images(100, 1).data, [40, 3, 8, 8]);
  const features = await backbone.extract(pixels);
  expect(features.shape).toEqual([40, 3]);
  features.dispose();
  pixels.dispose();
  await backbone.dispose();
  write('backbone.mjs', `${text} // changed`);
  expect((await openExtractor(`module:${path}`)).hash).not.toBe(backbone.hash);
  expect(() => openBackbone(`module:${path}`)).toThrow(/a module cannot be asked in the middle/);
  await expect(openExtractor(`module:${write('no.mjs', 'export default {};')}`)).rejects.toThrow(
    /no `backbone` with a name/,
  );
});
