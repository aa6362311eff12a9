/**
 * Which images of a dataset a run knows already, by what it has learned from, and what becomes of them. A dataset that was
 * imported anew deals its images into other splits, so "test" there says nothing about this run: only the images
 * themselves do.
 */
import { existsSync } from 'node:fs';
import { DataError } from 'graft-torch/base';
import {
  type Dataset,
  type DatasetRow,
  frameCautions,
  framingOf,
  openDataset,
  photographSize,
  reopenDataset,
} from '../data/dataset/index.js';
import { compareFit, heldOf } from '../data/lineage/index.js';
import { type SharedPicture, sharedPictures } from '../data/prepare/index.js';
import { type Learned, type LearnedRow, readLearned, traceTraining } from '../lineage/index.js';
import { readRun, trainedOn } from '../run/index.js';
import type { ClassifierConfig } from './config.js';
import { framingOfRun, readClassifierConfig } from './result.js';
import { isOf, type ScoredSplit } from './scores.js';

/** Which images a run is to be scored on. */
export interface KnownOptions {
  split: ScoredSplit;
  /** Another dataset than the run's. */
  data?: string;
  /** What becomes of images that the run learned from. */
  known: 'refuse' | 'leave-out' | 'keep';
}

export interface KnownHooks {
  /** Images decoded and compared with those that the run learned from, of how many. */
  onProgress?: (done: number, total: number) => void;
  /** What makes figures too good, before anything is scored. */
  warn?: (message: string) => void;
}

/** What stands beside the figures. */
export interface Familiarity {
  /** Null where all that is scored is of the run's own dataset, or nobody knows what it learned from. */
  known: Known | null;
  /** The dataset is the one that the run learned from. */
  own: boolean;
  /** A line each, for the screen and the page. */
  notes: string[];
}

/**
 * Looks whether the images under test may be scored, before any of them is.
 * @throws DataError for other classes; with `refuse`, the default, for images that the run learned from
 */
export async function checkFamiliarity(
  dir: string,
  options: KnownOptions,
  hooks: KnownHooks = {},
): Promise<Familiarity> {
  const config = readClassifierConfig(dir);
  const dataset =
    options.data === undefined && !existsSync(config.data)
      ? reopenDataset(config.data, trainedOn(dir)) // says that it is gone, and what to do
      : openDataset(options.data ?? config.data);
  const summary = readRun(dir).summary as { dataset?: { hash: string; positive: string } } | undefined;
  const learned = readLearned(dir);
  const positive = summary?.dataset?.positive ?? learned?.dataset?.positive;
  refuseOtherClasses(dir, dataset, { ...config, positive });
  const own = summary?.dataset?.hash ?? learned?.dataset?.hash;
  const images = dataset.rows.filter((row) => isOf(options.split, row));
  const frames = frameCautions(images.map(photographSize), {
    sizePx: config.imageSize,
    fit: framingOf(dataset, framingOfRun(dir)).fit,
  });
  const inherited = inheritedImages(dir, { dataset, images });
  if (own === dataset.hash) {
    // Of its own images those of the test split alone are to be new to it.
    if (options.split !== 'test' || inherited.size === 0)
      return { known: null, own: true, notes: [...ownNotes(options.split), ...frames] };
    const known: Known = { pictures: inherited, groups: [], ids: [], compared: true };
    judge(dir, { dataset, images, known }, options);
    const notes = notesOf(known, { images: images.length, left: options.known === 'leave-out' });
    for (const note of notes) hooks.warn?.(note);
    return { known, own: true, notes: [...notes, ...frames] };
  }
  if (!learned)
    return {
      known: null,
      own: false,
      notes: [
        `What ${dir} learned from is not known any more (${config.data} is gone, or another dataset now): whether it knows these images cannot be said.`,
      ],
    };
  const known = await findKnown(learned, { dataset, images }, hooks);
  for (const [id, image] of inherited) if (!known.pictures.has(id)) known.pictures.set(id, image);
  judge(dir, { dataset, images, known }, options);
  const familiar = notesOf(known, { images: images.length, left: options.known === 'leave-out' });
  for (const note of familiar) hooks.warn?.(note);
  return { known, own: false, notes: [...familiar, ...frames] };
}

/** Images that were seen by what the run was made from: start weights, synthetic images, and what those were made from. */
function inheritedImages(
  dir: string,
  { dataset, images }: { dataset: Dataset; images: readonly DatasetRow[] },
): Known['pictures'] {
  const rows = images.map((row) => ({ ...row, split: 'test' as const }));
  const held = { ...heldOf(dataset), rows };
  const [, ...parts] = traceTraining(dir).steps;
  const groups = new Set(parts.flatMap((fit) => compareFit(fit, held).leaked));
  return new Map(
    images
      .filter(({ group }) => groups.has(group))
      .map((row) => [row.id, { twin: { ...row, split: 'train' }, kind: 'exact', correlation: 1 }]),
  );
}

const ownNotes = (split: ScoredSplit): string[] =>
  split === 'train'
    ? [
        'These are the images that it learned from: the figures say how well it knows them, not how good it is.',
      ]
    : split === 'val'
      ? ['Checkpoint, threshold and temperature were chosen on these images: the figures are too good.']
      : split === 'all'
        ? ['Training and validation images are among these: the figures are too good.']
        : [];

/** @throws DataError naming both sides */
function refuseOtherClasses(
  dir: string,
  dataset: Dataset,
  { target, classes, positive }: ClassifierConfig & { positive: string | undefined },
): void {
  if (positive !== undefined && dataset.positive !== positive) {
    throw new DataError(
      `${dataset.dir}: its positive class is '${dataset.positive}', that of ${dir} '${positive}'; import it with --positive ${positive}`,
    );
  }
  const strange = target === 'classes' ? dataset.classes.filter((name) => !classes.includes(name)) : [];
  if (strange.length > 0) {
    throw new DataError(
      `${dataset.dir}: has images of ${strange.join(', ')}, and ${dir} tells apart ${classes.join(', ')}; import it with --rename ${strange[0]}=…, or --classes ${classes.join(',')}`,
    );
  }
}

/** @throws DataError where images are known and nobody said what is to become of them, or none is left */
function judge(
  dir: string,
  { dataset, images, known }: { dataset: Dataset; images: readonly DatasetRow[]; known: Known },
  options: KnownOptions,
): void {
  const { pictures } = known;
  if (pictures.size === 0 || options.known === 'keep') return;
  const few = [...pictures].slice(0, 3).map(([id, { twin }]) => (id === twin.id ? id : `${id} = ${twin.id}`));
  const found = `${dataset.dir}: ${dir} learned from ${pictures.size} of these ${images.length} images (${knownWords(known)}: ${few.join(', ')}${pictures.size > few.length ? ', …' : ''})`;
  if (options.known === 'refuse')
    throw new DataError(
      `${found}; --known leave-out scores the others, --known keep all of them and says both figures`,
    );
  const left = images.filter(({ id }) => !pictures.has(id));
  if (new Set(left.map(({ label }) => label)).size < 2)
    throw new DataError(`${found}; without them no two classes are left to score`);
}

function notesOf(
  { pictures, groups, ids, compared }: Known,
  { images, left }: { images: number; left: boolean },
): string[] {
  return [
    ...(pictures.size > 0
      ? [
          left
            ? `${pictures.size} of ${images} images were left out: the run learned from them.`
            : `The run learned from ${pictures.size} of these ${images} images: the figures are too good. They stand beside those without these images.`,
        ]
      : []),
    ...(groups.length > 0
      ? [
          `${groups.length} of the images are of patients or lesions that the run learned from, if the same names mean the same ones (${groups.slice(0, 3).join(', ')}${groups.length > 3 ? ', …' : ''}).`,
        ]
      : []),
    ...(ids.length > 0
      ? [
          `${ids.length} of the images bear ids of images that the run learned from, but show other pictures (${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ', …' : ''}).`,
        ]
      : []),
    ...(compared
      ? []
      : [
          'Only files, ids and groups were compared: the pictures that the run learned from are not there any more.',
        ]),
  ];
}

/** Images that a run knows. */
export interface Known {
  /** Images that show a picture it learned from, by id. */
  pictures: Map<string, Pick<SharedPicture, 'kind' | 'correlation'> & { twin: LearnedRow }>;
  /** Ids of others whose patient or lesion it learned from, going by the groups' names. */
  groups: string[];
  /** Ids of others that bear the id of an image it learned from, but show another picture. */
  ids: string[];
  /** Pictures were compared, too; else files, ids and groups alone. */
  compared: boolean;
}

/**
 * @param images of `dataset` that are to be scored
 * @param options.onProgress images decoded and compared, of how many
 */
async function findKnown(
  learned: Learned,
  { dataset, images }: { dataset: Dataset; images: readonly DatasetRow[] },
  options: Parameters<typeof sharedPictures>[2] = {},
): Promise<Known> {
  const pictures: Known['pictures'] = new Map();
  const bySha = new Map(learned.rows.map((row) => [row.sha256, row]));
  for (const { id, sha256 } of images) {
    const twin = bySha.get(sha256);
    if (twin) pictures.set(id, { twin, kind: 'exact', correlation: 1 });
  }
  const rest = images.filter(({ id }) => !pictures.has(id));
  if (learned.dataset && rest.length > 0) {
    const there = {
      dir: learned.dataset.dir,
      rows: learned.dataset.rows.filter((row) => bySha.has(row.sha256)),
    };
    for (const { image, twin, kind, correlation } of await sharedPictures(
      { dir: dataset.dir, rows: rest },
      there,
      options,
    ))
      pictures.set(image.id, { twin: bySha.get(twin.sha256)!, kind, correlation });
  }
  const seen = { groups: new Set<string>(), ids: new Set<string>() };
  for (const { group, id } of learned.rows) {
    seen.groups.add(group);
    seen.ids.add(id);
  }
  const others = rest.filter(({ id }) => !pictures.has(id));
  const idsWhere = (isOne: (row: DatasetRow) => boolean): string[] =>
    others.filter(isOne).map(({ id }) => id);
  return {
    pictures,
    // Where each image is its own group the group's name is the image's.
    groups: dataset.groupedBy === 'image' ? [] : idsWhere(({ group }) => seen.groups.has(group)),
    ids: idsWhere(({ id }) => seen.ids.has(id)),
    compared: learned.dataset !== null,
  };
}

/** '286 for training, 57 for validation' */
function knownWords({ pictures }: Pick<Known, 'pictures'>): string {
  const count = (split: LearnedRow['split']): number =>
    [...pictures.values()].filter(({ twin }) => twin.split === split).length;
  return [
    ...(count('train') > 0 ? [`${count('train')} for training`] : []),
    ...(count('val') > 0 ? [`${count('val')} for validation`] : []),
  ].join(', ');
}
