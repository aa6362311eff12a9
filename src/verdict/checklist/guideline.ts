/**
 * A reporting guideline as a list of questions. What each item asks stands here in our own words, as short as can be: the
 * numbers and the sections are the publication's, its wording is not, and whoever hands a checklist in fills the
 * publication's own form. An item names the facts (./facts.ts) that answer it; one that names none is for the author.
 */
import type { FactId } from './answers.js';

export const guidelineIds = ['claim', 'tripod-ai', 'stard-ai', 'metrics'] as const;
export type GuidelineId = (typeof guidelineIds)[number];

export interface GuidelineItem {
  /** As in the publication: '12a'. */
  number: string;
  section: string;
  /** Our paraphrase. */
  asks: string;
  /** What answers it, in the order in which it is told. */
  facts: readonly FactId[];
  /** What the author has to add to these, which no result can know. */
  adds?: string;
}

export interface Guideline {
  id: GuidelineId;
  name: string;
  /** What it is for, and for whom. */
  about: string;
  citation: string;
  doi: string;
  items: readonly GuidelineItem[];
}

/** `[number, what it asks]`, and with facts `[number, what it asks, facts, what the author adds]`. */
export type ItemRow = readonly [
  number: string,
  asks: string,
  facts?: readonly FactId[] | undefined,
  adds?: string | undefined,
];

/** The items of a section. */
export const section = (name: string, rows: readonly ItemRow[]): GuidelineItem[] =>
  rows.map(([number, asks, facts = [], adds]) => ({
    number,
    section: name,
    asks,
    facts,
    ...(adds === undefined ? {} : { adds }),
  }));
