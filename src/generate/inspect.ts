/** What a run, or a file of weights, holds: networks layer by layer, parameters, where it comes from. */

import type { Tensor } from 'graft-torch';
import type { Module } from 'graft-torch/nn';
import { type GanConfig, ganRecipeSchema } from './adversarial/config.js';
import { classesOf } from './config.js';
import type { TrainedGenerator } from './trained-generator.js';

export interface LayerRow {
  /** State-dict path. */
  path: string;
  kind: string;
  /** Shapes of its own parameters, by key. */
  shapes: Record<string, number[]>;
  parameters: number;
}

export interface NetworkDescription {
  layers: LayerRow[];
  parameters: number;
}

/** Layers that have weights of their own, in the order of the state dict. */
function describe(network: Module): NetworkDescription {
  const modules = network.namedModules();
  const ownerOf = (key: string): string =>
    modules.reduce(
      (best, [path]) => (key.startsWith(`${path}.`) && path.length > best.length ? path : best),
      '',
    );
  const kinds = new Map(modules.map(([path, module]) => [path, module.constructor.name]));
  const layers = new Map<string, LayerRow>();
  for (const [key, value] of Object.entries<Tensor>(network.namedParameters())) {
    const path = ownerOf(key);
    const row = layers.get(path) ?? { path, kind: kinds.get(path)!, shapes: {}, parameters: 0 };
    row.shapes[key.slice(path.length + (path ? 1 : 0))] = value.shape;
    row.parameters += value.numel;
    layers.set(path, row);
  }
  return { layers: [...layers.values()], parameters: network.parameterCount };
}

export interface GanInspection {
  origin: TrainedGenerator['origin'];
  classes: string[];
  generator: NetworkDescription;
  /** null for a file, which holds a generator alone, or where it was not opened. */
  discriminator: NetworkDescription | null;
  /** Keys of the configuration that are not at their defaults. */
  settings: Record<string, unknown>;
}

/** @param generator opened with its discriminator, where it has one */
export function inspectGenerator(generator: TrainedGenerator): GanInspection {
  const { config, origin, network, discriminator } = generator;
  return {
    origin,
    classes: classesOf(config),
    generator: describe(network),
    discriminator: discriminator && describe(discriminator),
    settings: changed(config),
  };
}

function changed(config: GanConfig): Record<string, unknown> {
  const defaults: Record<string, unknown> = ganRecipeSchema.parse({});
  return Object.fromEntries(
    Object.entries(config).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[key])),
  );
}
