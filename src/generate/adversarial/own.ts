/**
 * Bring your own: networks, an objective, a regulariser and an augmentation from outside stand in for those that the
 * configuration would make. From a program they are options of `trainGan`; from the command line a module has them:
 *
 *     // my-gan.mjs; graft generator train --module my-gan.mjs …
 *     export default { networks: { generator: (config) => new MyGenerator(config) }, objective, regulariser };
 *
 * A module is a program, so its content is part of what a run is: the configuration keeps its path and SHA-256 (of that
 * one file), images keep them in their lineage, and a run goes on with the same module alone.
 */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { noGrad, tidy, zeros } from 'graft-torch';
import { ConfigError, sha256File } from 'graft-torch/base';
import { DiscriminatorNetwork, GeneratorNetwork } from '../../models/index.js';
import { type LoadedModule, loadModule } from '../../run/index.js';
import { channelsOf } from '../config.js';
import type { Augment } from './augment/augment.js';
import type { GanConfig } from './config.js';
import type { Objective, Regulariser } from './objectives/objective.js';

/** Makers, since a moving average of the weights needs the generator twice; sampling makes it once more. */
export interface GanNetworks {
  /** z `[N, latent]` → images `[N, channels, imageSize, imageSize]` in [−1, 1]. */
  generator?: (config: GanConfig) => GeneratorNetwork;
  /** Images → logits `[N]`. */
  discriminator?: (config: GanConfig) => DiscriminatorNetwork;
}

/** What is not given is made as the configuration says. */
export interface GanParts {
  networks?: GanNetworks;
  objective?: Objective;
  /** null: none. */
  regulariser?: Regulariser | null;
  /** Of real and generated images, before the discriminator sees them; null: none. */
  augment?: Augment | null;
}

const PARTS = ['networks', 'objective', 'regulariser', 'augment'] as const;

/** Names of the parts that are not the configuration's, as a run's first event and summary keep them; [] for none. */
export const namesOf = ({ networks, objective, regulariser, augment }: GanParts): string[] => [
  ...(networks?.generator ? ['generator'] : []),
  ...(networks?.discriminator ? ['discriminator'] : []),
  ...(objective ? [`objective ${objective.name}`] : []),
  ...(regulariser === undefined ? [] : [`regulariser ${regulariser?.name ?? 'none'}`]),
  ...(augment === undefined ? [] : [augment ? 'augmentation' : 'augmentation none']),
];

/** The configuration of a new run, with the module's hash. @throws ConfigError where there is no such file */
export async function settleModule(config: GanConfig): Promise<GanConfig> {
  const { module, moduleSha256: _, ...rest } = config;
  if (module === undefined) return rest;
  if (!existsSync(module)) throw new ConfigError(`${module}: there is no such module`);
  return { ...rest, module, moduleSha256: await sha256File(module) };
}

/**
 * Loads the module that a configuration names; no parts where it names none.
 *
 * @param options.changed take one that is not what the run was begun with
 * @throws ConfigError where it is not trusted, has changed, does not run, or exports something else
 */
export async function openModule(config: GanConfig, options: { changed?: boolean } = {}): Promise<GanParts> {
  const { module: path, moduleSha256 } = config;
  if (path === undefined) return {};
  const loaded = await loadModule(path, {
    sha256: options.changed ? undefined : moduleSha256,
    remedy: 'put it back, or say --changed-module to go on with this one',
  });
  return partsIn(path, loaded.exports);
}

/** @throws ConfigError naming what is none of the parts */
function partsIn(path: string, exported: LoadedModule['exports']): GanParts {
  const refuse = (what: string): never => {
    throw new ConfigError(`${path}: ${what}`);
  };
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null;
  const expectation = `its default export is to be { ${PARTS.join('?, ')}? }`;
  const unknown = Object.keys(exported).find((key) => !(PARTS as readonly string[]).includes(key));
  if (unknown !== undefined) refuse(`exports ${unknown}; ${expectation}`);
  if (Object.keys(exported).length === 0) refuse(`exports nothing; ${expectation}`);
  const { networks, objective, regulariser, augment } = exported;
  const requireFunctions = (name: string, value: unknown, keys: readonly string[]): void => {
    const missing = keys.find((key) => !isObject(value) || typeof value[key] !== 'function');
    if (missing !== undefined) refuse(`${name}.${missing} is no function`);
  };
  if (networks !== undefined) {
    if (!isObject(networks)) refuse('networks is to be { generator?, discriminator? }, each a function');
    requireFunctions('networks', networks, Object.keys(networks as object));
    const other = Object.keys(networks as object).find((key) => !/^(generator|discriminator)$/.test(key));
    if (other !== undefined) refuse(`networks.${other} is none; there are generator and discriminator`);
  }
  if (objective !== undefined) {
    requireFunctions('objective', objective, ['discriminatorLoss', 'generatorLoss']);
    const { name, logits } = objective as Record<string, unknown>;
    if (typeof name !== 'string') refuse('objective.name is no text');
    if (logits !== 'log-odds' && logits !== 'score')
      refuse("objective.logits is to be 'log-odds' or 'score'");
  }
  if (regulariser !== undefined && regulariser !== null) {
    requireFunctions('regulariser', regulariser, ['penalty']);
    const { name, every } = regulariser as Record<string, unknown>;
    if (typeof name !== 'string') refuse('regulariser.name is no text');
    if (!Number.isInteger(every) || (every as number) < 1)
      refuse('regulariser.every is no number of steps from 1');
  }
  if (augment !== undefined && augment !== null && typeof augment !== 'function')
    refuse('augment is no function of images and a random generator');
  return exported as GanParts;
}

/** Name and hash of a module, for the lineage of images; undefined where there is none. */
export const moduleOrigin = ({ module, moduleSha256 }: GanConfig) =>
  module === undefined ? undefined : { file: basename(module), sha256: moduleSha256 ?? '' };

/** @throws ConfigError where what a maker made is no generator of this configuration's images */
export function requireGenerator(network: unknown, config: GanConfig): GeneratorNetwork {
  if (!(network instanceof GeneratorNetwork)) return refuseNetwork('generator', 'GeneratorNetwork');
  const { imageSize, conditioning } = config;
  if (conditioning !== 'none' && network.classCount === 0)
    throw new ConfigError(`networks.generator: its classCount is 0, and conditioning is ${conditioning}`);
  const wanted = [2, channelsOf(config), imageSize, imageSize];
  const shape = tidy(() =>
    noGrad(() => {
      const labels = network.classCount > 0 ? zeros([2], { dtype: 'int64' }) : null;
      return network.eval().forward(zeros([2, network.latent]), labels).shape;
    }),
  );
  network.train();
  requireShape('networks.generator', shape, wanted);
  return network;
}

/** @throws ConfigError where what a maker made does not judge this configuration's images */
export function requireDiscriminator(network: unknown, config: GanConfig): DiscriminatorNetwork {
  if (!(network instanceof DiscriminatorNetwork))
    return refuseNetwork('discriminator', 'DiscriminatorNetwork');
  const { imageSize, freezeDiscriminator } = config;
  if (freezeDiscriminator > network.stages.length)
    throw new ConfigError(
      `freezeDiscriminator: ${freezeDiscriminator}, and networks.discriminator has ${network.stages.length} stages`,
    );
  const shape = tidy(() =>
    noGrad(() => {
      const labels = network.classCount > 0 ? zeros([2], { dtype: 'int64' }) : null;
      const images = zeros([2, channelsOf(config), imageSize, imageSize]);
      return network.eval().judge(images, labels).logits.shape;
    }),
  );
  network.train();
  requireShape('networks.discriminator', shape, [2]);
  return network;
}

function refuseNetwork(which: string, kind: string): never {
  throw new ConfigError(
    `networks.${which}: made no ${kind} of graft-gan/models; if it extends one, two copies of graft-gan are at work: install it once`,
  );
}

function requireShape(name: string, shape: readonly number[], wanted: readonly number[]): void {
  if (shape.length !== wanted.length || shape.some((size, i) => size !== wanted[i]))
    throw new ConfigError(
      `${name}: gives [${shape.join(', ')}] for a batch of 2, expected [${wanted.join(', ')}]`,
    );
}
