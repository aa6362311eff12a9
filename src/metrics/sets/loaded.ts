/** The two sets of a comparison in memory, read alike, with what decided their pixels and what makes figures flattering. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { datasetFile } from '../../data/dataset/index.js';
import { showingOf } from '../../data/import/index.js';
import { decoderId, jpegSquareId, loadFolder } from '../../image/index.js';
import { withProgress } from '../../run/index.js';
import type { Chosen, Compared } from './compared.js';
import { type FramingChoice, framingSentence } from './framing.js';
import { concatenate, hashPixels, type ImageSet } from './image-set.js';
import type { Protocol } from './record.js';
import { type SetCaution, setCautions } from './set-cautions.js';

export interface LoadedSets {
  real: ImageSet;
  synthetic: ImageSet;
  /** The class compared, null where the folders bear no labels. */
  label: string | null;
  /** SHA-256 over the real images' pixels. */
  reference: string;
  framing: FramingChoice;
  /** What makes figures flattering, or mean nothing. */
  cautions: SetCaution[];
  /** Goes into every record. */
  protocol: Protocol & { sizePx: number };
  /** For people: which folders. */
  folders: { real: string; synthetic: string };
}

export interface ReadOptions {
  /** No progress on stderr, the default. */
  quiet?: boolean;
}

/** How chosen images become squares. */
type How = { sizePx: number } & FramingChoice['framing'];

/**
 * Reads both sets in one framing.
 * @throws DataError naming the file that cannot be decoded
 */
export async function readSets(
  { real, synthetic, label, sizePx }: Compared,
  framing: FramingChoice,
  options: ReadOptions = {},
): Promise<LoadedSets> {
  const how: How = { ...framing.framing, sizePx };
  const sets = {
    real: await readImages(real, how, { ...options, which: 'real' }),
    synthetic: await readImages(synthetic, how, { ...options, which: 'synthetic' }),
  };
  return {
    ...sets,
    reference: hashPixels(sets.real),
    cautions: setCautions(sets),
    label,
    framing,
    protocol: {
      ...how,
      framing: framing.from,
      decoder: how.exact ? decoderId : `${decoderId}+${jpegSquareId()}`,
    },
    folders: { real: real.dir, synthetic: synthetic.dir },
  };
}

/** Reads chosen images as squares. @throws DataError naming the file that cannot be decoded */
export async function readImages(
  { dir, files, groups }: Chosen,
  how: How,
  { which, quiet = true }: ReadOptions & { which: string },
): Promise<ImageSet> {
  // A dataset has settled already which values are black and white.
  const showing = existsSync(join(dir, datasetFile)) ? undefined : await showingOf(files);
  const shown = { label: `reading ${which} images`, total: files.length, unit: 'images', quiet };
  const images = await withProgress(shown, (progress) =>
    loadFolder(dir, { ...how, showing, files, onProgress: (done) => progress.update(done) }),
  );
  return { ...images, ...(groups && { groups }) };
}

/**
 * Several classes as one set, which stands beside them.
 * @throws ConfigError where two folders show one class, none, or images of another size or framing
 */
export function poolSets(loaded: readonly LoadedSets[]): LoadedSets {
  const [first] = loaded as [LoadedSets, ...LoadedSets[]];
  if (loaded.length === 1) return first;
  for (const [i, { folders, label, protocol }] of loaded.entries()) {
    if (label === null)
      throw new ConfigError(
        `${folders.real}: is no dataset; compare several folders of synthetic images with a dataset`,
      );
    const twin = loaded.find((other, k) => k < i && other.label === label);
    if (twin)
      throw new ConfigError(
        `${twin.folders.synthetic} and ${folders.synthetic} both show ${label}: give one folder a class`,
      );
    if (protocol.sizePx !== first.protocol.sizePx)
      throw new ConfigError(
        `${folders.synthetic}: ${protocol.sizePx} px, ${first.folders.synthetic} ${first.protocol.sizePx}: say with --size to which all are to be resized`,
      );
    if (protocol.fit !== first.protocol.fit)
      throw new ConfigError(
        `${folders.synthetic}: its generator saw frames as ${protocol.fit}, that of ${first.folders.synthetic} as ${first.protocol.fit}: measure the two apart`,
      );
  }
  const real = concatenate(loaded.map((one) => one.real));
  return {
    ...first,
    real,
    synthetic: concatenate(loaded.map((one) => one.synthetic)),
    cautions: loaded.flatMap(({ cautions, label }) =>
      cautions.map(({ kind, words }) => ({ kind, words: `${label}: ${words}` })),
    ),
    label: loaded.map(({ label }) => label).join(', '),
    reference: hashPixels(real),
    folders: {
      real: first.folders.real,
      synthetic: loaded.map(({ folders }) => folders.synthetic).join(' + '),
    },
  };
}

/** Both sets in words: a title, and what was compared. */
export function describeSets(sets: LoadedSets): { title: string; subtitle: string } {
  const { real, synthetic, folders, label } = sets;
  const name = (dir: string): string => basename(resolve(dir));
  return {
    title: `${name(folders.synthetic)} against ${name(folders.real)}`,
    subtitle: [
      ...(label ? [label] : []),
      `${real.n.toLocaleString('en-GB')} real, ${synthetic.n.toLocaleString('en-GB')} synthetic images`,
      `${real.width} × ${real.height} px`,
      framingSentence(sets.framing).replace(/\.$/, ''),
    ].join(' · '),
  };
}
