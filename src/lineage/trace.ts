/**
 * What any artefact was fitted to: one question, asked of a run, a file of weights, a folder of synthetic images or a
 * backbone, and answered through any number of steps. A classifier that started from the weights of another, which had
 * learned from a GAN's images, whose checkpoint a third had chosen, has four steps, and their images are those it knows.
 *
 * A run writes its steps down when it begins (`record.ts`), for what it was made from may be gone later; older runs are
 * asked by their configuration. What nobody knows is a step, too, with the reason.
 */
import { closeSync, existsSync, openSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { readFrame } from 'graft-torch';
import { GraftError } from 'graft-torch/base';
import { z } from 'zod';
import {
  type Fit,
  fitOfGroups,
  fitSchema,
  fitsOfLineage,
  LINEAGE_FILE,
  NOTHING_SEEN,
  readLineage,
  rootsOf,
  seenOf,
  steppedInto,
  unknownFit,
  withGroups,
} from '../data/lineage/index.js';
import { parseBackboneSpec } from '../metrics/backbone/index.js';
import { HUB_PREFIX, publishedWeights, weightsFilePath } from '../models/index.js';
import { type RunRecord, readRun, runFiles } from '../run/index.js';
import { readLearned } from './learned.js';
import { called, FITTED_KEY, readRecord, THIS_RUN } from './record.js';

/** What something was fitted to. */
export interface Trace {
  /** Names of every group; null where one step is not known, or withholds them. */
  trainingGroups: ReadonlySet<string> | null;
  /** The first step that nobody knows, and why; null: all are known. */
  unknown: string | null;
  /** The artefact itself first, then what it was made from. */
  steps: Fit[];
}

/**
 * @param reference a run folder; a file in it, or exported from it; another file of weights, or `hf:…`; a folder of
 * synthetic images; a backbone as `metrics/backbone/spec.ts` has it, of which weights behind a network's name are asked as any
 * file of weights is. `random` features are fitted to nothing but what
 * they are used on
 */
export function traceTraining(reference: string): Trace {
  const steps = stepsOf(reference);
  const names = steps.flatMap(({ train, val }) => [train.groups, val.groups]);
  const unknown = steps.find((step) => step.unknown !== null);
  const isKnown = unknown === undefined && !names.includes(null);
  return {
    trainingGroups: isKnown ? new Set(names.flatMap((groups) => groups ?? [])) : null,
    unknown: unknown ? `${unknown.artefact}: ${unknown.unknown}` : null,
    steps,
  };
}

/** @param within runs that are being asked: what goes into itself, by whatever was put in its place, ends there */
function stepsOf(reference: string, within: readonly string[] = []): Fit[] {
  if (reference === 'random') return [];
  if (reference.startsWith(HUB_PREFIX)) return fileSteps(weightsFilePath(reference), reference, within);
  if (existsSync(reference)) {
    // Through links: what a file is, is said where it lies.
    const path = realpathSync(reference);
    return statSync(path).isDirectory()
      ? folderSteps(path, reference, within)
      : fileSteps(path, reference, within);
  }
  if (/\.(pth|safetensors|bin)$/i.test(reference) && !/^[\w.-]+:/.test(reference))
    return [gone(`weights file ${basename(reference)}`)];
  const spec = parseBackboneSpec(reference);
  if (spec.kind === 'random') return [];
  if (spec.kind === 'network' && spec.path.startsWith(HUB_PREFIX))
    return fileSteps(weightsFilePath(spec.path), spec.path, within);
  return spec.kind === 'run' || !existsSync(spec.path)
    ? [gone(`${spec.kind === 'run' ? 'run' : 'weights file'} ${basename(spec.path)}`)]
    : fileSteps(realpathSync(spec.path), spec.path, within);
}

const gone = (artefact: string): Fit => unknownFit(artefact, 'other', 'it is not there');

function folderSteps(dir: string, reference: string, within: readonly string[]): Fit[] {
  const name = basename(resolve(dir));
  if (existsSync(join(dir, runFiles.config))) return runSteps(dir, within);
  if (existsSync(join(dir, LINEAGE_FILE))) return fitsOfLineage(readLineage(dir));
  return [
    unknownFit(`folder ${name}`, 'other', `${reference} holds neither a run nor images with their lineage`),
  ];
}

/** The weights that a run keeps, its checkpoints, a file that says where it is from, any other. */
function fileSteps(path: string, reference: string, within: readonly string[]): Fit[] {
  const folder = dirname(path);
  if (basename(path) === runFiles.weights && existsSync(join(folder, runFiles.config)))
    return runSteps(folder, within);
  const above = dirname(folder);
  if (basename(folder) === runFiles.checkpoints && existsSync(join(above, runFiles.config)))
    return runSteps(above, within);
  const artefact = `weights file ${reference.startsWith(HUB_PREFIX) ? reference : basename(reference)}`;
  const told = fittedOfFile(path);
  return told === null ? [publishedFit(reference, path, artefact)] : called(told, artefact);
}

/** Weights that are known by their name or their bytes: natural images hold nothing of ours, anything else may. */
function publishedFit(reference: string, path: string, artefact: string): Fit {
  const known = publishedWeights(reference.startsWith(HUB_PREFIX) ? reference : path);
  if (known === null)
    return unknownFit(artefact, 'other', 'a file from elsewhere, which does not say what it was trained on');
  const { data, mayKnowDermoscopy } = known;
  if (mayKnowDermoscopy)
    return unknownFit(artefact, 'other', `pretraining data unknown: ${data}, which may hold dermoscopy`);
  return {
    ...{ artefact, kind: 'other', via: [], train: NOTHING_SEEN, val: NOTHING_SEEN, unknown: null },
    dataset: { name: data, hash: data, roots: [data] },
  };
}

const fitsSchema = z.array(fitSchema).min(1);

function fittedOfFile(path: string): Fit[] | null {
  if (!/\.safetensors$/i.test(path) || !existsSync(path)) return null;
  try {
    const file = openSync(path, 'r');
    try {
      const text = readFrame(file, path).metadata[FITTED_KEY];
      return text === undefined ? null : (fitsSchema.safeParse(JSON.parse(text)).data ?? null);
    } finally {
      closeSync(file);
    }
  } catch {
    return null; // whoever loads its weights says what is wrong with it
  }
}

/** How messages call a run. */
export const runTitle = (kind: string, dir: string): string =>
  `${kind === 'gan' ? 'GAN' : kind} run ${basename(resolve(dir))}`;

function runSteps(dir: string, above: readonly string[]): Fit[] {
  const run = readRun(dir);
  const artefact = runTitle(run.kind, dir);
  if (above.includes(dir)) return [unknownFit(artefact, 'other', 'it is said to be made from itself')];
  const within = [...above, dir];
  const record = readRecord(run);
  if (record) {
    const steps = called(record, artefact);
    return run.kind === 'gan' ? withGroups(steps, groupsOf(run)) : steps;
  }
  if (run.kind === 'classifier')
    return [oldClassifier(run, artefact), ...partsOf(run.kind, run.config, { artefact, within })];
  if (run.kind === 'gan') return oldGan(run, artefact, within);
  return [unknownFit(artefact, 'other', 'a trial is no network')];
}

const groupsOf = ({ summary }: RunRecord): string[] =>
  (summary?.trainingGroups as string[] | undefined) ?? [];

function oldClassifier({ dir, summary, config }: RunRecord, artefact: string): Fit {
  const learned = readLearned(dir);
  if (!learned)
    return unknownFit(
      artefact,
      'classifier',
      `it did not write down what it learned from, and ${config.data} is gone, or another dataset now`,
    );
  const { dataset, rows } = learned;
  const said = summary?.dataset as { name: string; hash: string } | undefined;
  return {
    artefact,
    kind: 'classifier',
    via: [],
    dataset: dataset
      ? { name: dataset.name, hash: dataset.hash, roots: rootsOf(dataset) }
      : said
        ? { name: said.name, hash: said.hash, roots: [said.hash] }
        : { name: String(config.data), hash: '', roots: [] },
    train: seenOf(rows.filter(({ split }) => split === 'train')),
    val: seenOf(rows.filter(({ split }) => split === 'val')),
    unknown: null,
  };
}

function oldGan(run: RunRecord, artefact: string, within: readonly string[]): Fit[] {
  const { summary, config } = run;
  if (!summary) return [unknownFit(artefact, 'generator', 'it has not finished')];
  const dataset = summary.dataset as { name: string; hash: string };
  const own = fitOfGroups(artefact, dataset, groupsOf(run));
  const ancestor = summary.ancestor as { name: string; trainingGroups: string[] | null } | null | undefined;
  // The groups of an ancestor are among its own; only one that is not known is a step for itself.
  const unknown = ancestor && ancestor.trainingGroups === null ? [unknownAncestor(ancestor.name)] : [];
  const { initFrom: _, ...rest } = config;
  return [
    own,
    ...steppedInto(unknown, `start weights of ${artefact}`),
    ...partsOf('gan', rest, { artefact, within }),
  ];
}

const unknownAncestor = (name: string): Fit =>
  unknownFit(
    `weights file ${name}`,
    'generator',
    'a file from elsewhere, which does not say what it was trained on',
  );

/**
 * What goes into a run besides its own images: start weights, synthetic images, the backbone that chooses the checkpoint.
 * A backbone that only measures decides nothing, and is none.
 */
export function partsOf(
  kind: 'classifier' | 'gan',
  config: Record<string, unknown>,
  { artefact = THIS_RUN, within = [] }: { artefact?: string; within?: readonly string[] } = {},
): Fit[] {
  if (kind === 'classifier') {
    const { weights, synthetic, own } = config as {
      weights?: string | null;
      synthetic?: string[];
      own?: string[];
    };
    return [
      ...(own?.includes('network') ? steppedInto(ownSteps(config, within), `network of ${artefact}`) : []),
      ...(weights ? steppedInto(stepsOf(weights, within), `start weights of ${artefact}`) : []),
      ...(synthetic ?? []).flatMap((dir) => steppedInto(imageSteps(dir), `synthetic images of ${artefact}`)),
    ];
  }
  const { initFrom, bestBy, backbone } = config as Record<string, string | null | undefined>;
  return [
    ...(initFrom ? steppedInto(generatorSteps(initFrom, within), `start weights of ${artefact}`) : []),
    ...(bestBy && backbone
      ? steppedInto(stepsOf(backbone, within), `choice of the checkpoint of ${artefact}`)
      : []),
  ];
}

/** Of a network of one's own: what its module says, or nobody knows. */
export function ownSteps(
  { module, moduleFitted }: { module?: string; moduleFitted?: string[] },
  within: readonly string[] = [],
): Fit[] {
  if (moduleFitted) return moduleFitted.flatMap((reference) => stepsOf(reference, within));
  const artefact = module === undefined ? 'a network from a program' : `module ${basename(module)}`;
  return [unknownFit(artefact, 'other', 'it does not say what its network was fitted to (`fitted`)')];
}

/** Of a generator's weights: where those are not known, its images are not either. */
export const generatorSteps = (source: string, within: readonly string[] = []): Fit[] =>
  stepsOf(source, within).map((fit, i) =>
    i === 0 && fit.kind === 'other' ? { ...fit, kind: 'generator' } : fit,
  );

function imageSteps(dir: string): Fit[] {
  try {
    return fitsOfLineage(readLineage(dir));
  } catch (error) {
    if (!(error instanceof GraftError)) throw error;
    return [
      unknownFit(`synthetic images ${basename(dir)}`, 'other', 'their folder is gone, or has no lineage'),
    ];
  }
}
