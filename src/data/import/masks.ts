/**
 * Masks among the images of an import: drawings of where the lesion is, which as training pictures would be poison.
 *
 * A name makes a candidate (`x_mask`, `x_segmentation`, `x_expert`, a folder `masks/` …) where the picture that it belongs to
 * is there as well; content decides: masks have a few flat values, pictures do not. All candidates of one name are judged
 * together, from a sample of them.
 */
import { extname, join, posix } from 'node:path';
import { forEachParallel } from '../../base/index.js';
import { looksLikeMask, maskName } from '../../image/index.js';
import type { DatasetItem } from '../build/item.js';
import { type Problem, problem } from '../dataset/problems.js';
import { withoutExtension } from './files.js';

/** What becomes of masks: left out by name, stored in the dataset, or taken for pictures like the others. */
export type MaskPolicy = 'aside' | 'keep' | 'pictures';

export interface FoundMask {
  file: string;
  /** The image that it belongs to; undefined: it lies among masks, but its image is not there. */
  image: string | undefined;
  /** What its name says it is, for the name of a copy: `_mask`, `_segmentation_1`. */
  ending: string;
}

/** `masks/`, `lesion_masks/`, `SegmentationClass/`, `ISIC-2017_Training_Part1_GroundTruth/`. */
const folder =
  /^((.*[ _-])?(masks?|segmentations?|seg|gt|ground[ _-]?truths?|superpixels?|annotations?|labelmaps?)|segmentation(class|object)|.*(part|task)1.*ground[ _-]?truth)$/i;

interface Candidate extends FoundMask {
  /** Candidates of one rule are judged together. */
  rule: string;
}

/** Looked at for each rule. */
const sampled = 24;

/** So many of them must look like masks. */
const share = 0.8;

/**
 * Tells masks from pictures.
 * @param images relative to `dir`
 * @returns the images without the masks, in order, and the masks
 */
export async function findMasks(
  dir: string,
  images: readonly string[],
): Promise<{ images: string[]; masks: FoundMask[] }> {
  const byRule = new Map<string, Candidate[]>();
  for (const one of candidatesOf(images)) byRule.set(one.rule, [...(byRule.get(one.rule) ?? []), one]);
  const masks = new Map<string, FoundMask>();
  for (const [rule, candidates] of byRule)
    if (/superpixel/i.test(rule) || (await areMasks(dir, candidates)))
      for (const { rule: _, ...mask } of candidates) masks.set(mask.file, mask);
  return { images: images.filter((file) => !masks.has(file)), masks: [...masks.values()] };
}

function* candidatesOf(images: readonly string[]): Generator<Candidate> {
  const parts = images.map((file) => {
    const at = file
      .split('/')
      .slice(0, -1)
      .findIndex((name) => folder.test(name));
    const stem = posix.basename(withoutExtension(file));
    const maskFolder =
      at < 0
        ? undefined
        : file
            .split('/')
            .slice(0, at + 1)
            .join('/');
    return { file, maskFolder, stem, mask: maskName(stem) };
  });
  // Pictures that may have masks: whatever lies in no mask folder, by name in its folder and by name alone.
  const pictures = new Map<string, string>();
  for (const { file, maskFolder, stem } of parts) {
    if (maskFolder !== undefined) continue;
    for (const key of [`${posix.dirname(file)}/${stem.toLowerCase()}`, stem.toLowerCase()])
      if (!pictures.has(key)) pictures.set(key, file);
  }
  const pictureOf = (file: string, stem: string): string | undefined => {
    const found =
      pictures.get(`${posix.dirname(file)}/${stem.toLowerCase()}`) ?? pictures.get(stem.toLowerCase());
    return found === file ? undefined : found;
  };
  for (const { file, maskFolder, stem, mask } of parts) {
    const named = mask?.images.map((image) => pictureOf(file, image)).find((image) => image !== undefined);
    const ending = mask?.ending ?? '_mask';
    if (maskFolder !== undefined)
      yield { rule: `${maskFolder}/`, file, image: named ?? pictureOf(file, stem), ending };
    else if (named !== undefined) yield { rule: mask!.word, file, image: named, ending };
  }
}

/** Whether the candidates of one rule are masks; those that cannot be decoded say nothing. */
async function areMasks(dir: string, candidates: readonly Candidate[]): Promise<boolean> {
  if (candidates.every(({ image }) => image === undefined)) return false; // a class may be called `mask`
  const count = Math.min(sampled, candidates.length);
  const sample = Array.from(
    { length: count },
    (_, k) => candidates[Math.floor((k * candidates.length) / count)]!,
  );
  let [masks, pictures] = [0, 0];
  await forEachParallel(
    count,
    async (k) => {
      const answer = await looksLikeMask(join(dir, sample[k]!.file));
      if (answer === true) masks++;
      else if (answer === false) pictures++;
    },
    {},
  );
  return masks > 0 && masks >= share * (masks + pictures);
}

/** Gives the items their masks, which the dataset then stores. */
export function withMasks(
  dir: string,
  items: readonly DatasetItem[],
  masks: readonly FoundMask[],
): DatasetItem[] {
  const byImage = new Map<string, FoundMask[]>();
  for (const mask of masks)
    if (mask.image !== undefined) byImage.set(mask.image, [...(byImage.get(mask.image) ?? []), mask]);
  return items.map((item) => {
    const own = byImage.get(item.name);
    if (!own) return item;
    return {
      ...item,
      masks: own.map(({ file, ending }) => ({
        path: join(dir, file),
        ending: `${ending}${extname(file).toLowerCase()}`,
      })),
    };
  });
}

/** Every mask that was set aside, by name. */
export function maskProblems(masks: readonly FoundMask[], kept: readonly DatasetItem[]): Problem[] {
  const stored = new Set(kept.filter((item) => item.masks).map(({ name }) => name));
  return masks
    .filter(({ image }) => image === undefined || !stored.has(image))
    .map(({ file, image }) =>
      problem('mask', {
        file,
        detail:
          image === undefined
            ? 'lies among masks; its image is not here'
            : `mask of ${image}; --masks keep stores it with the image, --masks pictures takes it for one`,
      }),
    );
}
