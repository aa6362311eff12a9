/** The classifiers there are, by name. A family adds its entries here and a file beside this one. */
import { ConfigError } from 'graft-torch/base';
import { CONVNEXTS } from './convnext-entries.js';
import { EFFICIENTNETS } from './efficientnet-entries.js';
import type { NetworkEntry } from './network-entry.js';
import { RESNETS } from './resnet-entries.js';
import { VITS } from './vit-entries.js';

const ENTRIES: readonly NetworkEntry[] = [...EFFICIENTNETS, ...RESNETS, ...CONVNEXTS, ...VITS];

/** By name, in the order in which they are shown. */
export const NETWORKS: ReadonlyMap<string, NetworkEntry> = new Map(
  ENTRIES.map((entry) => [entry.name, entry]),
);

/** Names in the order in which they are shown. */
export const networkNames: readonly string[] = [...NETWORKS.keys()];

/** @throws ConfigError for a name that is none: lists those there are */
export function networkEntry(name: string): NetworkEntry {
  const entry = NETWORKS.get(name);
  if (entry) return entry;
  throw new ConfigError(`there is no network '${name}'; choose one of ${networkNames.join(', ')}`);
}
