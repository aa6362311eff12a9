/**
 * Lineage: where synthetic images come from. A trial refuses images whose generator saw any group of its
 * validation or test split, so the groups travel with the images.
 */
import { join } from 'node:path';
import { DataError, readJson } from 'graft-torch/base';
import { z } from 'zod';
import { type Framing, framingSchema, framingWords, trainingFraming } from '../../image/index.js';
import { type Dataset, framingOf, isSquare } from '../dataset/dataset.js';
import { type Fit, fitSchema, NOTHING_SEEN, unknownFit } from './fitted.js';

/** How images were chosen among those that were drawn: generate/choice/. */
export const choiceLineageSchema = z.strictObject({
  /** In the order they were applied: random, best, diverse, filtered. */
  policies: z.array(z.string()),
  /** Images drawn at once, for each one that was asked for. */
  pool: z.number(),
  /** Images drawn in all. */
  drawn: z.int(),
  /** Of those, images that passed every filter: what was chosen from. */
  passed: z.int(),
  /** Decided nothing but the features; null where none were needed. */
  backbone: z.strictObject({ name: z.string(), hash: z.string() }).nullable(),
  /** Filter by label agreement: a logistic probe of the training split. */
  label: z
    .strictObject({
      /** Least probability of the class, classes being weighed alike. */
      threshold: z.number(),
      /** Real images that the probe was fitted to: of the class, and of all others. */
      images: z.tuple([z.int(), z.int()]),
      /** Share of real images of the class that agree, and of other real images that do not; out of fold. */
      sensitivity: z.number(),
      specificity: z.number(),
      rejected: z.int(),
    })
    .nullable(),
  /** Filter by memorisation distance; an image may be rejected by several filters. */
  distances: z.array(
    z.strictObject({
      space: z.enum(['features', 'pictures']),
      /** Share of the training images that lie so near to one of another group. */
      quantile: z.number(),
      threshold: z.number(),
      /** Training images that were compared with. */
      images: z.int(),
      rejected: z.int(),
    }),
  ),
});

export type ChoiceLineage = z.infer<typeof choiceLineageSchema>;

export const lineageSchema = z.strictObject({
  graft: z.string(),
  /** Folder name of the run. */
  run: z.string(),
  /** The hash is that of what was learned (run/checkpoint-hash.ts); of a weights file, the file's. */
  checkpoint: z.strictObject({ file: z.string(), step: z.int(), sha256: z.string() }),
  /** The moving average of the weights, or the weights themselves. */
  weights: z.enum(['ema', 'raw']),
  /** Forward passes over which batch statistics were computed anew; 0: none. */
  standing: z.int().default(0),
  seed: z.int(),
  /** |z| stayed below this; null: not truncated. */
  truncation: z.number().nullable().default(null),
  /** Share of the images that the discriminator held most real, and that was kept. */
  keptShare: z.number().default(1),
  /** Null: images were kept as they were drawn. */
  choice: choiceLineageSchema.nullable().default(null),
  count: z.int(),
  imageSize: z.int(),
  /**
   * How the generator saw the frames of its training images; null: nobody knows. Runs from before this was written down
   * saw what all did.
   */
  framing: framingSchema.nullable().default(trainingFraming),
  /** The program that networks or losses of the user's own came from; left out where there was none. */
  module: z.strictObject({ file: z.string(), sha256: z.string() }).optional(),
  /** Label that the images bear. */
  class: z.string(),
  dataset: z.strictObject({ name: z.string(), hash: z.string() }),
  /** Every group (patient, lesion or image) that the generator was trained on. */
  trainingGroups: z.array(z.string()),
  /** Weights it was started from whose training images nobody knows; null: none. */
  unknownTraining: z.string().nullable().default(null),
  /** What all that took part was fitted to, step by step; left out by folders from before it was written down. */
  fitted: z.array(fitSchema).optional(),
});

export type Lineage = z.infer<typeof lineageSchema>;

export const LINEAGE_FILE = 'lineage.json';

/** Name and hash of the dataset where a generator came as a file of weights. */
export const UNKNOWN_DATASET = 'unknown';

/** @throws DataError when the folder has no lineage, or it is not one. */
export function readLineage(dir: string): Lineage {
  const path = join(dir, LINEAGE_FILE);
  const parsed = lineageSchema.safeParse(readJson(path));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new DataError(
      `${path}: ${issue.path.join('.') || 'lineage'}: ${issue.message}; make the images anew with \`graft generator sample\``,
    );
  }
  const lineage = parsed.data;
  return lineage.dataset.hash === UNKNOWN_DATASET ? { ...lineage, framing: null } : lineage;
}

/**
 * What the images of a folder go back to, step by step.
 * Folders of older versions name groups alone.
 */
export function fitsOfLineage(
  lineage: Pick<Lineage, 'run' | 'dataset' | 'fitted'> & Partial<Pick<Lineage, 'choice'>> & Training,
): Fit[] {
  if (lineage.fitted) return withGroups(lineage.fitted, lineage.trainingGroups);
  const { run, dataset, trainingGroups, unknownTraining, choice } = lineage;
  const backbone = choice?.backbone;
  return [
    ...(unknownTraining === null
      ? [fitOfGroups(`GAN run ${run}`, dataset, trainingGroups)]
      : [unknownFit(`GAN ${run}`, 'generator', `started from ${unknownTraining}`)]),
    ...(backbone && !backbone.name.startsWith('random')
      ? [
          {
            ...unknownFit(`backbone ${backbone.name}`, 'other', 'the images do not say what it learned from'),
            via: [`choice among images of GAN run ${run}`],
          },
        ]
      : []),
  ];
}

/** What older runs and folders say of a generator: names of groups. */
export interface Training {
  trainingGroups: readonly string[];
  unknownTraining: string | null;
}

/** A generator's step from names of groups alone. */
export const fitOfGroups = (
  artefact: string,
  { name, hash }: { name: string; hash: string },
  groups: readonly string[],
): Fit => ({
  artefact,
  kind: 'generator',
  via: [],
  dataset: { name, hash, roots: [hash] },
  train: { groups: [...groups], files: null, names: null },
  val: NOTHING_SEEN,
  unknown: null,
});

/** Steps, the first of which has also seen the groups that none of them names. */
export function withGroups(fits: readonly Fit[], groups: readonly string[]): Fit[] {
  const named = new Set(fits.flatMap(({ train }) => train.groups ?? []));
  const further = groups.filter((group) => !named.has(group));
  const [first, ...rest] = fits;
  if (!first || further.length === 0) return [...fits];
  const train = { ...first.train, groups: [...(first.train.groups ?? []), ...further] };
  return [{ ...first, train }, ...rest];
}

/** Enlarged by more than this, images are softer than real ones by the enlarging alone. */
const ENLARGED = 1.25;

/**
 * What to know before images of a small generator stand beside real ones at a larger side.
 * @returns a line; null where they are not enlarged, or hardly
 */
export function enlargedWords(
  { imageSize }: Pick<Lineage, 'imageSize'>,
  sizePx: number,
  source: string,
): string | null {
  return sizePx <= ENLARGED * imageSize
    ? null
    : `${source}: synthetic images of ${imageSize} px are enlarged to ${sizePx} px beside real ones that are not: that alone tells them apart, and with them the classes; use imageSize ${imageSize}, or a generator of ${sizePx} px`;
}

/**
 * Refuses synthetic images whose generator saw frames otherwise than the real ones beside them are shown: a classifier
 * would learn to tell the two framings apart, and with them the classes.
 *
 * @param shown how the frames of `dataset` are shown where they are no squares yet
 * @throws DataError with both framings and the remedy
 */
export function requireSameFrames(
  { framing: seen }: Pick<Lineage, 'framing'>,
  { dataset, shown }: { dataset: Dataset; shown?: Framing },
  source: string,
): void {
  const framing = framingOf(dataset, shown);
  // Squares that no framing made are seen alike in all of them.
  const isAnything = isSquare(dataset) && framing === (shown ?? trainingFraming);
  if (seen === null || seen.fit === framing.fit || isAnything) return;
  throw new DataError(
    `${source}: its generator saw ${framingWords(seen)}, but ${dataset.dir} shows ${framingWords(framing)}; train both on one dataset (graft data prepare --size … --fit …)`,
  );
}
