/**
 * Fine-tuning: a GAN that starts from the weights of another run, or from a generator's weights file. What was learned
 * from there is part of what the new one has seen, so its groups go on into the lineage.
 * Source: Wang et al., "Transferring GANs", ECCV 2018; with frozen lower layers of D: Mo et al. (FreezeD), 2020.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { loadWeights, type Tensor, tidy } from 'graft-torch';
import { ConfigError, DataError, sha256File } from 'graft-torch/base';
import type { Module } from 'graft-torch/nn';
import { generatorSteps } from '../../lineage/index.js';
import { GeneratorNetwork } from '../../models/index.js';
import {
  checkpointHash,
  loadCheckpoint,
  readRun,
  requireLastCheckpoint,
  underPrefix,
} from '../../run/index.js';
import { classTitle } from '../config.js';
import { ganConfigSchema } from './config.js';
import { classCountOf } from './networks.js';
import type { Training } from './training.js';

/** Where a run's first weights came from. */
export interface Ancestor {
  /** Run folder's or file's name. */
  name: string;
  /** Of what the run had learned (run/checkpoint-hash.ts); of a weights file, the file's. */
  sha256: string;
  /** Class and dataset it had learned; null where a file does not say. */
  class: string | null;
  dataset: { name: string; hash: string } | null;
  /** Every group it was trained on, its own ancestors' included; null where nobody knows. */
  trainingGroups: string[] | null;
  /** Keys that kept fresh weights, because they belong to other classes. */
  fresh: string[];
}

/** What a finished run says of itself, as far as it matters here. */
interface AncestorSummary {
  steps: number;
  dataset: Ancestor['dataset'];
  trainingGroups: string[];
  ancestor: Ancestor | null;
}

/**
 * Loads what `initFrom` names into the fresh state.
 *
 * @returns null where nothing is named
 * @throws ConfigError when there is no such run or file, DataError when its networks are not of this shape
 */
export async function startFrom(training: Training): Promise<Ancestor | null> {
  const source = training.config.initFrom;
  if (source === null) return null;
  if (!existsSync(source)) throw new ConfigError(`initFrom: ${source} does not exist`);
  return statSync(source).isDirectory() ? startFromRun(source, training) : startFromFile(source, training);
}

async function startFromRun(dir: string, { config, state }: Training): Promise<Ancestor> {
  const run = readRun(dir);
  if (run.kind !== 'gan') throw new ConfigError(`initFrom: ${dir} is a ${run.kind} run, expected a gan run`);
  const theirs = ganConfigSchema.parse(run.config);
  const summary = run.summary as unknown as AncestorSummary | undefined;
  if (!summary) throw new ConfigError(`initFrom: ${dir} has not finished training; finish it first`);
  const { path } = requireLastCheckpoint(dir, { step: summary.steps });
  const fresh = tidy(() => {
    const { tensors } = loadCheckpoint(path);
    const tables = { from: classCountOf(theirs), to: classCountOf(config) };
    const adopted = (network: Module, prefix: string): string[] =>
      adopt(network, {
        tensors: underPrefix(prefix, tensors),
        tables,
        source: `initFrom: ${dir}: ${prefix}`,
      });
    if (state.ema) adopted(state.average, theirs.emaDecay > 0 ? 'ema' : 'generator');
    return [...adopted(state.generator, 'generator'), ...adopted(state.discriminator, 'discriminator')];
  });
  return {
    name: basename(resolve(dir)),
    sha256: checkpointHash(path),
    class: classTitle(theirs),
    dataset: summary.dataset,
    trainingGroups: summary.ancestor?.trainingGroups === null ? null : summary.trainingGroups,
    fresh,
  };
}

/** A generator's weights alone: the discriminator starts fresh. */
async function startFromFile(path: string, { config, state }: Training): Promise<Ancestor> {
  const count = classCountOf(config);
  tidy(() => {
    const own = state.generator.stateDict();
    const { tensors } = loadWeights(path, {
      part: config.initFromPart,
      remedy: 'choose one with --part (key initFromPart)',
      knows: (names) => names.some((name) => name in own),
    });
    const tables = { from: count, to: count };
    for (const network of new Set([state.generator, state.average])) {
      adopt(network, { tensors, tables, source: `initFrom: ${path}` });
    }
  });
  const steps = generatorSteps(path).filter(({ kind }) => kind === 'generator');
  const isKnown = steps.every(({ unknown }) => unknown === null);
  const groups = [...new Set(steps.flatMap(({ train }) => train.groups ?? []))];
  return {
    name: basename(path),
    sha256: await sha256File(path),
    class: null,
    dataset: null,
    // Known of a file that lies in a run, or says where it is from.
    trainingGroups: isKnown ? groups.sort() : null,
    fresh: [],
  };
}

/**
 * Weights of colours for grey, and of grey for colours: of layers that see or make an image, whose tensors differ in one
 * length that is 1 on one side and 3 on the other. Channels that are summed over (a discriminator's first convolution)
 * give the sum of their weights, those that are made (a generator's last layer) the mean; the other way round it is thirds,
 * and copies.
 *
 * @returns the tensors, and keys that stay fresh: what spectral norm remembers of such a weight
 */
export function fitChannels(
  network: Module,
  tensors: Record<string, Tensor>,
): { fitted: Record<string, Tensor>; fresh: Set<string> } {
  const isSummed = !(network instanceof GeneratorNetwork);
  const fitted = { ...tensors };
  const fresh = new Set<string>();
  for (const [key, wanted] of Object.entries(network.stateDict())) {
    const value = tensors[key];
    if (!value || value.shape.length !== wanted.shape.length || /\.weight_[uv]$/.test(key)) continue;
    const dims = wanted.shape.flatMap((length, dim) => (length === value.shape[dim] ? [] : [dim]));
    const [dim = 0] = dims;
    const lengths = `${value.shape[dim]} ${wanted.shape[dim]}`;
    if (dims.length !== 1 || (lengths !== '3 1' && lengths !== '1 3')) continue;
    if (lengths === '3 1') fitted[key] = isSummed ? value.sum([dim], true) : value.mean([dim], true);
    else fitted[key] = value.expand(wanted.shape).div(isSummed ? 3 : 1);
    for (const memory of ['u', 'v'].map((which) => key.replace(/orig$/, which)))
      if (memory !== key && memory in fitted) {
        delete fitted[memory];
        fresh.add(memory);
      }
  }
  return { fitted, fresh };
}

/**
 * Copies weights that fit. Only tables with a row a class may differ, and keep their fresh weights then.
 *
 * @returns the keys that were left fresh
 * @throws DataError naming what else differs
 */
function adopt(
  network: Module,
  given: {
    tensors: Record<string, Tensor>;
    /** Classes there and here. */
    tables: { from: number; to: number };
    /** For the message. */
    source: string;
  },
): string[] {
  const { tables: classes, source } = given;
  const own = network.stateDict();
  const { fitted, fresh } = fitChannels(network, given.tensors);
  const isTable = (value: Tensor | undefined, rows: number): boolean => rows > 0 && value?.shape[0] === rows;
  const other = classes.from !== classes.to;
  const { missing, unexpected, misshaped } = network.loadStateDict(fitted, { strict: false });
  const bad = [
    ...missing
      .filter((key) => !fresh.has(key) && !(other && isTable(own[key], classes.to)))
      .map((key) => `missing ${key}`),
    ...unexpected
      .filter((key) => !(other && isTable(fitted[key], classes.from)))
      .map((key) => `unexpected ${key}`),
    ...misshaped
      .filter((key) => !(other && isTable(own[key], classes.to) && isTable(fitted[key], classes.from)))
      .map((key) => `${key} [${fitted[key]!.shape}] for [${own[key]!.shape}]`),
  ];
  if (bad.length > 0) {
    const shown = bad.slice(0, 5).join(', ') + (bad.length > 5 ? ` and ${bad.length - 5} more` : '');
    throw new DataError(
      `${source}: not the weights of this network: ${shown}; use the same architecture and widths`,
    );
  }
  return [...missing.filter((key) => !fresh.has(key)), ...misshaped];
}
