import { readFileSync } from 'node:fs';
import { liveTensors } from 'graft-torch';
import type { Module } from 'graft-torch/nn';
import { describe, expect, it } from 'vitest';
import { AcganDiscriminator, AcganGenerator } from './acgan.js';
import { DCGAN_SIZES, DcganDiscriminator, DcganGenerator } from './dcgan.js';
import { RESNET_SIZES, ResnetDiscriminator, ResnetGenerator } from './resnet-gan.js';

/** Counted by PyTorch, of networks written without ours in view. */
const GOLDEN = new URL('../../test/goldens/torch/parameter_counts.json', import.meta.url);
const { counts } = JSON.parse(readFileSync(GOLDEN, 'utf8')) as { counts: Record<string, number> };

/** At the originals' widths; residual networks a quarter as wide, to be made quickly. */
const NETWORKS: [key: string, make: () => Module][] = [
  ...DCGAN_SIZES.flatMap((size): [string, () => Module][] => [
    [`dcgan.G.${size}`, () => new DcganGenerator({ size })],
    [`dcgan.D.${size}`, () => new DcganDiscriminator({ size })],
  ]),
  ...RESNET_SIZES.flatMap((size): [string, () => Module][] => {
    const sagan = { size, features: 16, classCount: 2, attention: 32 };
    return [
      [`resnet.G.${size}`, () => new ResnetGenerator({ size, features: 16 })],
      [`resnet.D.${size}`, () => new ResnetDiscriminator({ size, features: 16 })],
      [`sagan.G.${size}`, () => new ResnetGenerator({ ...sagan, spectralNorm: true })],
      [`sagan.D.${size}`, () => new ResnetDiscriminator(sagan)],
    ];
  }),
  ...[64, 128].flatMap((size): [string, () => Module][] => [
    [`acgan.G.${size}`, () => new AcganGenerator({ size, classCount: 2 })],
    [`acgan.D.${size}`, () => new AcganDiscriminator({ size, classCount: 2 })],
  ]),
  ['sngan.D.64', () => new DcganDiscriminator({ size: 64, spectralNorm: true })],
  ['acgan.G.oneHot.64', () => new AcganGenerator({ size: 64, classCount: 2, labelInput: 'one-hot' })],
];

describe('parameter counts', () => {
  it('are all compared', () =>
    expect(NETWORKS.map(([key]) => key).sort()).toEqual(Object.keys(counts).sort()));

  it.each(NETWORKS)('%s: as PyTorch counts', (key, make) => {
    const live = liveTensors();
    const network = make();
    const count = network.parameterCount;
    network.dispose();
    expect(count).toBe(counts[key]);
    expect(liveTensors()).toBe(live);
  });
});
