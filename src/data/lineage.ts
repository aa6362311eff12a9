/**
 * Lineage: where synthetic images come from. A trial refuses images whose generator saw any group of its
 * validation or test split, so the groups travel with the images.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../errors.js';
import { readJson } from '../files.js';

export const lineageSchema = z.strictObject({
  graft: z.string(),
  /** Folder name of the run. */
  run: z.string(),
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
  count: z.int(),
  imageSize: z.int(),
  /** Label that the images bear. */
  class: z.string(),
  dataset: z.strictObject({ name: z.string(), hash: z.string() }),
  /** Every group (patient, lesion or image) that the generator was trained on. */
  trainingGroups: z.array(z.string()),
  /** Weights it was started from whose training images nobody knows; null: none. */
  unknownTraining: z.string().nullable().default(null),
});

export type Lineage = z.infer<typeof lineageSchema>;

export const LINEAGE_FILE = 'lineage.json';

/** @throws DataError when the folder has no lineage, or it is not one. */
export function readLineage(dir: string): Lineage {
  const path = join(dir, LINEAGE_FILE);
  const parsed = lineageSchema.safeParse(readJson(path));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new DataError(
      `${path}: ${issue.path.join('.') || 'lineage'}: ${issue.message}; make the images anew with \`graft gan sample\``,
    );
  }
  return parsed.data;
}

/**
 * Refuses synthetic images that leak: their generator was trained on a group that is evaluated on, or may have been.
 *
 * @param evaluationGroups groups of the validation and test split
 * @throws DataError naming the groups
 */
export function requireNoLeak(lineage: Lineage, evaluationGroups: ReadonlySet<string>, source: string): void {
  if (lineage.unknownTraining !== null) {
    throw new DataError(
      `${source}: its GAN was started from ${lineage.unknownTraining}, whose training images are not known, so they may be in the validation or test split; train a GAN on this dataset's training split`,
    );
  }
  const leaked = lineage.trainingGroups.filter((group) => evaluationGroups.has(group));
  if (leaked.length === 0) return;
  const shown = leaked.slice(0, 5).join(', ') + (leaked.length > 5 ? ', …' : '');
  throw new DataError(
    `${source}: its GAN was trained on ${leaked.length} groups of the validation or test split (${shown}); train a GAN on this dataset's training split`,
  );
}
