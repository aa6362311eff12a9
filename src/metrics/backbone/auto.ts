/**
 * `auto`: the pretrained network whose weights are at hand, else `random`. At hand is what `$GRAFT_BACKBONE` names, or what
 * lies in the cache of weights because somebody has fetched it before. Nothing is ever fetched for it.
 *
 * It is settled once, where a command or a run begins, and written down as what it was settled to: a record or a
 * configuration never depends on what happens to lie in a cache later.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { HUB_PREFIX, NETWORKS, weightsFilePath } from '../../models/index.js';
import { parseNetworkForm } from './network-form.js';

type Environment = Readonly<Record<string, string | undefined>>;

export const AUTO = 'auto';
export const BACKBONE_VARIABLE = 'GRAFT_BACKBONE';

/**
 * In this order. Small, under a free licence, of pictures that hold no dermoscopy; what they are worth was measured
 * (docs/metrics.md), and a network that was not measured does not belong here.
 */
const CANDIDATES: readonly string[] = ['efficientnet-lite0'];

export interface AutoBackbone {
  /** A string for `parseBackboneSpec` that is not `auto`. */
  readonly spec: string;
  /** Half a sentence: where it was found. */
  readonly why: string;
}

/**
 * What `auto` is on this machine, now.
 * @throws ConfigError where the variable names something else than `NETWORK:FILE` or `random`, or no file is there: what was
 *   asked for is not replaced by something else
 */
export function autoBackbone(env: Environment = process.env): AutoBackbone {
  const named = env[BACKBONE_VARIABLE]?.trim();
  if (named) return { spec: fromVariable(named, env), why: `$${BACKBONE_VARIABLE} names it` };
  for (const name of CANDIDATES) {
    for (const { where } of NETWORKS.get(name)?.published ?? []) {
      if (where.startsWith(HUB_PREFIX) && existsSync(weightsFilePath(where, env)))
        return { spec: `${name}:${where}`, why: 'its weights are in the cache' };
    }
  }
  return { spec: 'random', why: 'no weights are at hand' };
}

function fromVariable(named: string, env: Environment): string {
  if (named === 'random') return named;
  const form = parseNetworkForm(named);
  if (!form)
    throw new ConfigError(
      `${BACKBONE_VARIABLE}=${named}: expected random, or a network and its weights, such as efficientnet-lite0:weights.pth`,
    );
  const { network, path } = form;
  if (!existsSync(weightsFilePath(path, env)))
    throw new ConfigError(
      `${BACKBONE_VARIABLE}=${named}: the weights are not there; ${path.startsWith(HUB_PREFIX) ? `use them once (--backbone ${named}), which fetches them,` : 'correct the path'} or unset the variable`,
    );
  return path.startsWith(HUB_PREFIX) ? named : `${network}:${resolve(path)}`;
}

/** The same string, and for `auto` what it is here and now. */
export const settleBackbone = (spec: string, env: Environment = process.env): string =>
  spec === AUTO ? autoBackbone(env).spec : spec;
