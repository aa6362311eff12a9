/** What `graft metrics …` compares: the real images and the synthetic ones, read alike. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { datasetFile } from '../data/dataset/index.js';
import { showingOf } from '../data/import/index.js';
import type { Fit } from '../image/index.js';
import { decoderId, jpegSquareId, loadFolder } from '../image/index.js';
import type {
  Chosen,
  Compared,
  FramingChoice,
  ImageSet,
  Protocol,
  SetCaution,
} from '../metrics/sets/index.js';
import {
  chooseCompared,
  concatenate,
  framingSentence,
  hashPixels,
  setCautions,
} from '../metrics/sets/index.js';
import { withProgress } from '../run/index.js';
import { collect, globalOptions, integer, notice } from './common.js';

export interface SetFlags {
  real: string;
  synthetic: string;
  class?: string;
  size?: number;
  fit?: Fit;
}

/** The options that name the two sets and how their frames become squares. */
export const addSetOptions = (command: Command, { many = false } = {}): Command =>
  command
    .requiredOption('--real <dir>', 'dataset (its training images of the class) or any folder of real images')
    .addOption(syntheticOption(many))
    .option('--class <label>', 'class of a dataset to compare with (default: the one in lineage.json)')
    .option(
      '--size <pixels>',
      'resize both to this square (default: the synthetic images’ own size)',
      integer({ min: 11, max: 1024 }),
    )
    .addOption(
      new Option(
        '--fit <how>',
        'how a frame becomes square: its centre cut out, squashed, padded (default: as the generator saw it, by lineage.json)',
      ).choices(['cover', 'fill', 'contain']),
    );

function syntheticOption(many: boolean): Option {
  const option = new Option(
    '--synthetic <dir>',
    `folder of synthetic images${many ? '; repeatable, a folder a class' : ''}`,
  ).makeOptionMandatory();
  // Without a default, or it would not be missed: the first call has none before it.
  return many ? option.argParser((dir, before?: string[]) => collect(dir, before ?? [])) : option;
}

/** The two sets, read alike, and what decided their pixels. */
export interface LoadedSets {
  real: ImageSet;
  synthetic: ImageSet;
  /** Real images of the class that no generator was to see; null where none are known. */
  heldOut: Chosen | null;
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

/**
 * Reads both sets, with progress, and says how their frames became squares.
 * @throws as `chooseCompared`
 */
export async function loadSets(flags: SetFlags, command: Command): Promise<LoadedSets> {
  const compared = await chooseCompared(flags);
  await tell(compared, command);
  return readSets(compared, compared.framings[0]!, command);
}

/** Says what the user should know before figures come. */
export async function tell({ warnings, framings }: Compared, command: Command): Promise<void> {
  for (const warning of warnings) notice(command, `graft: warning: ${warning}`);
  for (const framing of framings) notice(command, framingSentence(framing));
}

/** Reads both sets in one framing. */
export async function readSets(
  { real, synthetic, heldOut, label, sizePx }: Compared,
  framing: FramingChoice,
  command: Command,
): Promise<LoadedSets> {
  const how = { ...framing.framing, sizePx };
  const realSet = await readImages(real, { which: 'real', ...how }, command);
  const syntheticSet = await readImages(synthetic, { which: 'synthetic', ...how }, command);
  const cautions = setCautions({ real: realSet, synthetic: syntheticSet });
  return {
    real: realSet,
    reference: hashPixels(realSet),
    synthetic: syntheticSet,
    cautions,
    heldOut,
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

/**
 * Reads a folder of synthetic images a class, each with its real images, and all of them as one set.
 * @throws as `loadSets`; ConfigError where two folders show one class, none, or images of another size or framing
 */
export async function loadClasses(
  flags: Omit<SetFlags, 'synthetic'> & { synthetic: readonly string[] },
  command: Command,
): Promise<{ classes: LoadedSets[]; all: LoadedSets }> {
  const classes: LoadedSets[] = [];
  for (const synthetic of flags.synthetic) classes.push(await loadSets({ ...flags, synthetic }, command));
  return { classes, all: classes.length > 1 ? await pool(classes) : classes[0]! };
}

/**
 * Several classes as one set, which stands beside them.
 * @throws ConfigError where two folders show one class, none, or images of another size or framing
 */
async function pool(loaded: readonly LoadedSets[]): Promise<LoadedSets> {
  const [first, ...rest] = loaded as [LoadedSets, ...LoadedSets[]];
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
    heldOut: null,
    cautions: loaded.flatMap(({ cautions, label }) =>
      cautions.map(({ kind, words }) => ({ kind, words: `${label}: ${words}` })),
    ),
    label: loaded.map(({ label }) => label).join(', '),
    reference: hashPixels(real),
    folders: {
      real: first.folders.real,
      synthetic: [first, ...rest].map(({ folders }) => folders.synthetic).join(' + '),
    },
  };
}

/** Reads chosen images as squares, with progress. @throws DataError naming the file that cannot be decoded */
export async function readImages(
  { dir, files, groups }: Chosen,
  { which, ...how }: { which: string; sizePx: number } & FramingChoice['framing'],
  command: Command,
): Promise<ImageSet> {
  const { quiet } = globalOptions(command);
  // A dataset has settled already which values are black and white.
  const showing = existsSync(join(dir, datasetFile)) ? undefined : await showingOf(files);
  const label = `reading ${which} images`;
  const images = await withProgress({ label, total: files.length, unit: 'images', quiet }, (progress) =>
    loadFolder(dir, { ...how, showing, files, onProgress: (done) => progress.update(done) }),
  );
  return { ...images, ...(groups && { groups }) };
}
