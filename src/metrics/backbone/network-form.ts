/** `NETWORK:FILE`: a network of `models/networks.ts` with weights from a file or the hub (`hf:…`). */
import { ConfigError } from 'graft-torch/base';
import { HUB_PREFIX, NETWORKS } from '../../models/index.js';

export interface NetworkForm {
  /** `efficientnet-lite0`. */
  readonly network: string;
  /** A path, or `hf:<owner>/<repository>/<file>`. */
  readonly path: string;
}

/**
 * @returns null where what stands before the colon is no network
 * @throws ConfigError for a network without a file: says where weights of it are
 */
export function parseNetworkForm(spec: string): NetworkForm | null {
  const at = spec.indexOf(':');
  const network = at < 0 ? spec : spec.slice(0, at);
  const entry = NETWORKS.get(network);
  if (!entry) return null;
  const path = at < 0 ? '' : spec.slice(at + 1);
  if (path !== '') return { network, path };
  const hub = entry.published.find(({ where }) => where.startsWith(HUB_PREFIX));
  const example = hub ? `, such as ${network}:${hub.where}` : '';
  throw new ConfigError(`backbone '${spec}' names no weights: write ${network}:FILE${example}`);
}
