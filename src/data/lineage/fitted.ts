/**
 * What something was fitted to: weights, a backbone, a generator and so its images. A record (`Fit`) is one step of how it
 * came about: which images one training saw, and by what way that came into it. A trial holds the records of all it is
 * given against the images it evaluates on, and so does everyone else who scores.
 *
 * What counts as seen: training images, whose pixels and labels decide weights, and validation images where they decided
 * what was kept (step, threshold, roll-back). What has learned from an image must not meet it in validation or test; what
 * was only chosen by it must not meet it in test. Chosen by the same validation images is what every run is.
 *
 * How images are known again, for groups bear names and names may mean others in another dataset:
 *   file     the bytes are those of an evaluated image (SHA-256)
 *   name     group and id are those of an evaluated image
 *   group    the group's name is, and the dataset is the same one, made from the same one, or shares images with it
 * Where none of this decides, the record's dataset is unknown to the evaluated one, and that is said.
 */
import { createHash } from 'node:crypto';
import { DataError } from 'graft-torch/base';
import { z } from 'zod';
import type { Dataset, DatasetRow } from '../dataset/dataset.js';

/** Images that were seen. A fingerprint is the first 8 bytes of a SHA-256; so many of them, one behind the other, base64. */
const seenSchema = z.strictObject({
  /** Names of their groups, each once; null: withheld, in a file that is passed on. */
  groups: z.array(z.string()).nullable(),
  /** Fingerprints of the files; null: were not recorded. */
  files: z.string().nullable(),
  /** Fingerprints of group and id; null: withheld, or not recorded. */
  names: z.string().nullable(),
});
export type Seen = z.infer<typeof seenSchema>;

export const fitSchema = z.strictObject({
  /** 'classifier run clf', 'weights file imagenet.pth'. */
  artefact: z.string(),
  /** A generator's images are trained on, and so are refused where nobody knows what it has seen. */
  kind: z.enum(['classifier', 'generator', 'other']),
  /** How it came into what the record stands in, the first step last: 'start weights of classifier run clf'. */
  via: z.array(z.string()),
  /** `roots`: its own hash, and those of the datasets it was made from; null: nobody knows. */
  dataset: z.strictObject({ name: z.string(), hash: z.string(), roots: z.array(z.string()) }).nullable(),
  train: seenSchema,
  val: seenSchema,
  /** Why nobody knows what it has seen; null: it is known. */
  unknown: z.string().nullable(),
});
export type Fit = z.infer<typeof fitSchema>;

export const NOTHING_SEEN: Readonly<Seen> = { groups: [], files: '', names: '' };

const FINGERPRINT_BYTES = 8;
const fingerprint = (text: string): Buffer =>
  createHash('sha256').update(text).digest().subarray(0, FINGERPRINT_BYTES);
const ofFile = (row: Pick<DatasetRow, 'sha256'>): Buffer => fingerprint(row.sha256);
const ofName = (row: Pick<DatasetRow, 'group' | 'id'>): Buffer => fingerprint(`${row.group}\n${row.id}`);

type Seeable = Pick<DatasetRow, 'id' | 'group' | 'sha256'>;

export const seenOf = (rows: readonly Seeable[]): Seen => ({
  groups: [...new Set(rows.map(({ group }) => group))].sort(),
  files: Buffer.concat(rows.map(ofFile)).toString('base64'),
  names: Buffer.concat(rows.map(ofName)).toString('base64'),
});

/** The same without names: what a file may say that is passed on. */
export const withheld = (fit: Fit): Fit => ({
  ...fit,
  train: { ...fit.train, groups: null, names: null },
  val: { ...fit.val, groups: null, names: null },
});

/** A step that nobody knows about. */
export const unknownFit = (artefact: string, kind: Fit['kind'], why: string): Fit => ({
  artefact,
  kind,
  via: [],
  dataset: null,
  train: NOTHING_SEEN,
  val: NOTHING_SEEN,
  unknown: why,
});

/** The steps of a part, as steps of what the part went into. @param how 'start weights of classifier run clf' */
export const steppedInto = (fits: readonly Fit[], how: string): Fit[] =>
  fits.map((fit) => ({ ...fit, via: [how, ...fit.via] }));

/** 'generator run g → synthetic images of classifier run a → start weights of classifier run b' */
export const chainWords = ({ artefact, via }: Pick<Fit, 'artefact' | 'via'>): string =>
  [artefact, ...via.toReversed()].join(' → ');

const PHANTOMS = 'phantoms:';

/**
 * Hashes of a dataset and of those it was made from (folds, sizes, parts): image ids and groups mean the same in all of
 * them. Phantoms of one seed are the same lesions, those of another seed are not, whatever they are called.
 */
export function rootsOf({ hash, kind, provenance }: Pick<Dataset, 'hash' | 'kind' | 'provenance'>): string[] {
  const roots = [hash];
  let at: unknown = provenance;
  while (typeof at === 'object' && at !== null) {
    const { of, source, generator, seed } = at as Record<string, unknown>;
    for (const one of [of, source]) {
      const made = (one as { hash?: unknown } | undefined)?.hash;
      if (typeof made === 'string') roots.push(made);
    }
    if (kind === 'phantom' && generator !== undefined) roots.push(`${PHANTOMS}${seed}`);
    // A variant keeps its source's provenance itself, a prepared dataset beside the source's name.
    const inner = source as { provenance?: unknown } | undefined;
    at = inner && 'provenance' in inner ? inner.provenance : inner;
  }
  return [...new Set(roots)];
}

/** Images that something is scored on, or chosen by. */
export interface Held {
  rows: readonly DatasetRow[];
  roots: readonly string[];
  /** Behind 'groups of the validation or test split': 'of fold 2'; null: there is no doubt whose. */
  of: string | null;
}

export const heldOf = (dataset: Dataset, of: string | null = null): Held => ({
  rows: dataset.rows,
  roots: rootsOf(dataset),
  of,
});

export interface Comparison {
  /** Groups, as the evaluated dataset calls them. */
  leaked: string[];
  /** Why it cannot be told whether there are more; null: it can. */
  unknown: string | null;
}

/** Which of the evaluated groups a step has seen. */
export function compareFit(fit: Fit, { rows, roots }: Held): Comparison {
  const { dataset } = fit;
  if (fit.unknown !== null || dataset === null)
    return { leaked: [], unknown: fit.unknown ?? 'what it was trained on is not known' };
  const isSame = roots.some((root) => dataset.roots.includes(root));
  const isPhantom = (all: readonly string[]): boolean => all.some((root) => root.startsWith(PHANTOMS));
  const isStrange = !isSame && isPhantom(roots) && isPhantom(dataset.roots);
  const [files, names] = [rows.map((row) => key(ofFile(row))), rows.map((row) => key(ofName(row)))];
  const parts = (['train', 'val'] as const).map((split) => {
    const { groups, ...seen } = fit[split];
    const known = { files: keysOf(seen.files), names: isStrange ? new Set() : keysOf(seen.names) };
    const hits = rows.map((_, i) => known.files.has(files[i]!) || known.names.has(names[i]!));
    const isOld = seen.files === null;
    return { split, groups: new Set(groups ?? []), hits, known, isOld, hidden: groups === null };
  });
  const shares = parts.some(({ hits }) => hits.includes(true));
  const own = new Set(rows.map(({ group }) => group));
  const leaked = new Set<string>();
  const namesakes = new Set<string>();
  for (const { split, groups, hits, isOld } of parts) {
    // Records of before images were written down have names alone, which were believed then.
    const trusts = !isStrange && (isSame || shares || isOld);
    rows.forEach((row, i) => {
      if (row.split === 'train' || (split === 'val' && row.split === 'val')) return;
      if (hits[i] || (trusts && groups.has(row.group))) leaked.add(row.group);
      else if (!isStrange && groups.has(row.group)) namesakes.add(row.group);
    });
  }
  const isPlaced = parts.every(({ groups, known, isOld, hidden }) =>
    isSame && !hidden
      ? true
      : isOld
        ? [...groups].every((group) => own.has(group))
        : [...known.files].every((file) => files.includes(file as string)),
  );
  const unknown =
    isPlaced || isStrange
      ? null
      : namesakes.size > 0
        ? `learned from ${dataset.name}, where ${namesakes.size} groups are called like groups that are evaluated (${few([...namesakes])}); whether they are the same cannot be told`
        : `learned from ${dataset.name}: none of what is evaluated is there by its file or name, but pictures were not compared`;
  return { leaked: [...leaked].sort(), unknown };
}

const key = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function keysOf(text: string | null): Set<string> {
  const bytes = Buffer.from(text ?? '', 'base64');
  const keys = new Set<string>();
  for (let at = 0; at < bytes.length; at += FINGERPRINT_BYTES)
    keys.add(key(bytes.subarray(at, at + FINGERPRINT_BYTES)));
  return keys;
}

const few = (names: readonly string[]): string =>
  names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');

/** What cannot be told of something that is used all the same. */
export interface UnknownTraining {
  artefact: string;
  /** What it is used as: 'classifier.set.weights'. */
  role: string;
  why: string;
}

/**
 * Refuses what has seen images that it would be judged by.
 *
 * @param what.role as the user named it: a key of a trial file, a folder
 * @param what.remedy what to do instead
 * @returns steps of which it cannot be told, each once
 * @throws DataError naming the step, the way it came in by, the groups, and who evaluates on them
 */
export function requireUnseen(
  fits: readonly Fit[],
  held: Held,
  { role, remedy }: { role: string; remedy: string },
): UnknownTraining[] {
  for (const fit of fits) {
    const artefact = chainWords(fit);
    if (fit.kind === 'generator' && fit.unknown !== null)
      throw new DataError(
        `${role}: ${artefact}: its training images are not known (${fit.unknown}), so they may be in the validation or test split; ${remedy}`,
      );
    const { leaked } = compareFit(fit, held);
    if (leaked.length > 0)
      throw new DataError(
        `${role}: ${artefact} was trained on ${leaked.length} groups of the validation or test split (${few(leaked)})${held.of === null ? '' : ` ${held.of}`}; ${remedy}`,
      );
  }
  return unknownSteps(fits, held, role);
}

/** Steps of which it cannot be told whether they have seen images that are held. */
export const unknownSteps = (fits: readonly Fit[], held: Held, role: string): UnknownTraining[] =>
  fits.flatMap((fit) => {
    const { unknown: why } = compareFit(fit, held);
    return why === null ? [] : [{ artefact: chainWords(fit), role, why }];
  });

/** One line. */
export const unknownWords = ({ artefact, role, why }: UnknownTraining): string =>
  `${role}: ${artefact}: ${why}; whether it has seen what is evaluated here is not known`;
