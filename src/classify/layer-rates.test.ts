import { expect, it } from 'vitest';
import { EfficientNet } from '../models/index.js';
import { layerRateFactors } from './layer-rates.js';

it.each([
  ['b0', 7],
  ['v2-s', 6],
])('halves the rate from stage to stage: %s', (variant, stages) => {
  const network = new EfficientNet(variant, { numClasses: 1, head: 'normalised' });
  const factors = layerRateFactors(network, network.parameters(), 0.5);
  const names = Object.keys(network.namedParameters());
  const of = (module: { parameters(): unknown[] }): number[] => {
    const own = new Set(module.parameters());
    return [...new Set(network.parameters().flatMap((p, i) => (own.has(p) ? [factors[i]!] : [])))];
  };
  expect(factors).toHaveLength(names.length);
  for (const head of [network.convHead, network.bn1, network.headBn!, network.classifier])
    expect(of(head)).toEqual([1]);
  expect(of(network.blocks.at(-1)!)).toEqual([0.5]);
  expect(of(network.blocks[0]!)).toEqual([0.5 ** stages]);
  expect(of(network.convStem)).toEqual([0.5 ** (stages + 1)]);
  expect(of(network.bn0)).toEqual([0.5 ** (stages + 1)]);
  const blocks = network.blocks.map((block) => of(block)[0]!);
  expect(new Set(blocks).size).toBe(stages);
  expect(blocks).toEqual([...blocks].sort((a, b) => a - b));
  expect(new Set(layerRateFactors(network, network.parameters(), 1))).toEqual(new Set([1]));
  network.dispose();
});
