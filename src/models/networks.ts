/** The classifiers there are, by name. A family adds its entries here and a file beside this one. */
import { existsSync, statSync } from 'node:fs';
import { ConfigError, readBytes, sha256 } from 'graft-torch/base';
import { CONVNEXTS } from './convnext-entries.js';
import { EFFICIENTNETS } from './efficientnet-entries.js';
import { HUB_PREFIX } from './hub.js';
import type { NetworkEntry, PublishedWeights } from './network-entry.js';
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

/**
 * What is known of weights that somebody published: by their name on the hub, or by the file itself.
 * @param reference `hf:…`, or a path
 * @returns null for weights that no entry lists
 */
export function publishedWeights(reference: string): PublishedWeights | null {
  const all = [...NETWORKS.values()].flatMap(({ published }) => published);
  if (reference.startsWith(HUB_PREFIX)) return all.find(({ where }) => where === reference) ?? null;
  if (!existsSync(reference)) return null;
  const sizeBytes = statSync(reference).size;
  const candidates = all.filter(({ file }) => file?.sizeBytes === sizeBytes);
  if (candidates.length === 0) return null;
  const hash = sha256(readBytes(reference));
  return candidates.find(({ file }) => file!.sha256 === hash) ?? null;
}
