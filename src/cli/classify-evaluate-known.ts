/** What `graft classify evaluate` looks for before it scores another dataset: other classes, and images that the run knows. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { DataError } from 'graft-torch/base';
import type { ClassifierConfig, Known, ScoredSplit } from '../classify/index.js';
import { findKnown, framingOfRun, isOf, knownWords } from '../classify/index.js';
import type { Dataset, DatasetRow } from '../data/dataset/index.js';
import {
  frameCautions,
  framingOf,
  openDataset,
  photographSize,
  reopenDataset,
} from '../data/dataset/index.js';
import { compareFit, heldOf } from '../data/lineage/index.js';
import type { Learned } from '../lineage/index.js';
import { readLearned, traceTraining } from '../lineage/index.js';
import { Progress, readRun, trainedOn } from '../run/index.js';
import { globalOptions, notice } from './common.js';

export interface KnownFlags {
  split: ScoredSplit;
  /** Another dataset than the run's. */
  data?: string;
  /** What becomes of images that the run learned from. */
  known: 'refuse' | 'leave-out' | 'keep';
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
  flags: KnownFlags,
  config: ClassifierConfig,
  command: Command,
): Promise<Familiarity> {
  const dataset =
    flags.data === undefined && !existsSync(config.data)
      ? reopenDataset(config.data, trainedOn(dir)) // says that it is gone, and what to do
      : openDataset(flags.data ?? config.data);
  const summary = readRun(dir).summary as { dataset?: { hash: string; positive: string } } | undefined;
  const learned = readLearned(dir);
  await refuseOtherClasses(dir, dataset, config, summary?.dataset?.positive ?? learned?.dataset?.positive);
  const own = summary?.dataset?.hash ?? learned?.dataset?.hash;
  const images = dataset.rows.filter((row) => isOf(flags.split, row));
  const frames = frameCautions(images.map(photographSize), {
    sizePx: config.imageSize,
    fit: framingOf(dataset, framingOfRun(dir)).fit,
  });
  const inherited = await inheritedImages(dir, { dataset, images });
  if (own === dataset.hash) {
    // Of its own images those of the test split alone are to be new to it.
    if (flags.split !== 'test' || inherited.size === 0)
      return { known: null, own: true, notes: [...ownNotes(flags.split), ...frames] };
    const known: Known = { pictures: inherited, groups: [], ids: [], compared: true };
    await judge(dir, { dataset, images, known }, flags);
    const notes = notesOf(known, { images: images.length, left: flags.known === 'leave-out' });
    for (const note of notes) notice(command, `graft: warning: ${note}`);
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
  const known = await lookFor(learned, { dataset, images }, command);
  for (const [id, image] of inherited) if (!known.pictures.has(id)) known.pictures.set(id, image);
  await judge(dir, { dataset, images, known }, flags);
  const familiar = notesOf(known, { images: images.length, left: flags.known === 'leave-out' });
  for (const note of familiar) notice(command, `graft: warning: ${note}`);
  return { known, own: false, notes: [...familiar, ...frames] };
}

/** Images that were seen by what the run was made from: start weights, synthetic images, and what those were made from. */
async function inheritedImages(
  dir: string,
  { dataset, images }: { dataset: Dataset; images: readonly DatasetRow[] },
): Promise<Known['pictures']> {
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
async function refuseOtherClasses(
  dir: string,
  dataset: Dataset,
  { target, classes }: ClassifierConfig,
  positive: string | undefined,
): Promise<void> {
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

async function lookFor(
  learned: Learned,
  tested: { dataset: Dataset; images: readonly DatasetRow[] },
  command: Command,
): Promise<Known> {
  const { quiet } = globalOptions(command);
  let bar: InstanceType<typeof Progress> | null = null;
  try {
    return await findKnown(learned, tested, {
      onProgress: (done, total) => {
        bar ??= new Progress({ label: 'comparing with what it learned from', total, unit: 'images', quiet });
        bar.update(done);
      },
    });
  } finally {
    (bar as InstanceType<typeof Progress> | null)?.stop();
  }
}

/** @throws DataError where images are known and nobody said what is to become of them, or none is left */
async function judge(
  dir: string,
  { dataset, images, known }: { dataset: Dataset; images: readonly DatasetRow[]; known: Known },
  flags: KnownFlags,
): Promise<void> {
  const { pictures } = known;
  if (pictures.size === 0 || flags.known === 'keep') return;
  const few = [...pictures].slice(0, 3).map(([id, { twin }]) => (id === twin.id ? id : `${id} = ${twin.id}`));
  const found = `${dataset.dir}: ${dir} learned from ${pictures.size} of these ${images.length} images (${knownWords(known)}: ${few.join(', ')}${pictures.size > few.length ? ', …' : ''})`;
  if (flags.known === 'refuse')
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
