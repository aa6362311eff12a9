/** The list of networks says what is true of each. */
import { readFileSync } from 'node:fs';
import { liveTensors, withSeed } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { NETWORK_FIGURES } from './network-figures.js';
import { NETWORKS, networkEntry, networkNames } from './networks.js';

const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/models/network-figures.json', import.meta.url), 'utf8'),
) as { networks: Record<string, { parameters: number; features: number; macs: number; sidePx: number }> };

describe('networks', () => {
  it.each(networkNames)('%s has the parameters and the keys that the list says', (name) => {
    const before = liveTensors();
    const entry = networkEntry(name);
    const figures = NETWORK_FIGURES[name]!;
    // PyTorch's own count; what timm has no network for is held against ours alone.
    if (golden.networks[name] && !name.startsWith('panderm')) expect(figures).toEqual(golden.networks[name]);
    const sidePx = entry.sideStep * Math.ceil(64 / entry.sideStep);
    const network = withSeed(0, () => entry.make({ sidePx: figures.sidePx || sidePx, numClasses: 2 }));
    const head = network.classifier.parameters().reduce((sum, { numel }) => sum + numel, 0);
    expect(network.parameterCount - head).toBe(figures.parameters);
    expect(network.features).toBe(figures.features);
    expect(network.name).toBe(name);
    expect(network.title).toBe(entry.title);
    const keys = Object.keys(network.stateDict());
    expect(keys).toContain(`${entry.classifierKey}.weight`);
    expect(keys).toContain(network.stemKey);
    expect(network.blockStages).toHaveLength(network.blocks.length);
    for (const prefix of [`${entry.classifierKey}.`])
      expect(network.headPrefixes.some((one) => prefix.startsWith(one))).toBe(true);
    expect(entry.sidesPx[0]! % entry.sideStep).toBe(0);
    expect(entry.published.length).toBeGreaterThan(0);
    network.dispose();
    expect(liveTensors()).toBe(before);
  });

  it('refuses a name that is none', () => {
    expect(() => networkEntry('resnet-51')).toThrow(ConfigError);
    expect(() => networkEntry('resnet-51')).toThrow(/choose one of efficientnet-b0, /);
    expect(NETWORKS.size).toBe(new Set(networkNames).size);
  });
});
