/**
 * What is relied on of the archive's answers (API v2); everything else may come and go. A record is checked by
 * itself: one that is odd does not spoil its page.
 */
import { z } from 'zod';

/** Names files, so it must not hold what a path could be made of. */
const isicId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'no usable isic_id');

export const pageSchema = z.looseObject({
  results: z.array(z.unknown()),
  /** On the first page only. */
  count: z.int().nonnegative().nullish(),
  next: z.string().nullish(),
});

const fileSchema = z.looseObject({
  url: z.string().min(1).nullish().catch(null),
  size: z.int().positive().nullish().catch(null),
});

export const imageSchema = z.looseObject({
  isic_id: isicId,
  copyright_license: z.string().nullish().catch(null),
  attribution: z.string().nullish().catch(null),
  files: z
    .looseObject({ full: fileSchema.nullish().catch(null) })
    .nullish()
    .catch(null),
  metadata: z.record(z.string(), z.unknown()).nullish().catch(null),
});

export const collectionSchema = z.looseObject({
  id: z.int(),
  name: z.string(),
  public: z.boolean().nullish(),
  pinned: z.boolean().nullish(),
  doi: z.string().nullish(),
});

export const sizeSchema = z.looseObject({ size: z.number().nonnegative() });

export interface Collection {
  id: number;
  name: string;
  pinned: boolean;
  doi: string;
}

/** What is kept of an image's record. */
export interface ImageRecord {
  id: string;
  /** CC-0, CC-BY, CC-BY-NC; '' where the archive does not say. */
  licence: string;
  attribution: string;
  /** As the archive has it: `{ acquisition: {…}, clinical: {…} }`. */
  metadata: Record<string, unknown>;
  /** Signed, and good for a while only: never what an image is known by. */
  url: string | null;
  sizeBytes: number | null;
}

/** @returns undefined when there is no usable id */
export function toRecord(result: unknown): ImageRecord | undefined {
  const { data } = imageSchema.safeParse(result);
  if (!data) return undefined;
  return {
    id: data.isic_id,
    licence: data.copyright_license ?? '',
    attribution: data.attribution ?? '',
    metadata: data.metadata ?? {},
    url: data.files?.full?.url ?? null,
    sizeBytes: data.files?.full?.size ?? null,
  };
}

/** Whether the archive says that the picture was made by a computer; wherever in the metadata that stands. */
export function isSynthetic(metadata: unknown): boolean {
  if (typeof metadata !== 'object' || metadata === null) return false;
  return Object.entries(metadata).some(([key, value]) =>
    key === 'image_manipulation' && typeof value === 'string'
      ? value.trim().toLowerCase() === 'synthetic'
      : isSynthetic(value),
  );
}
