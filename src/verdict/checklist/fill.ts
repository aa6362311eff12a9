/** A guideline with the answers that a result gives, and what is left for the author. */
import { list } from '../../report/index.js';
import { type Answer, type FactId, type Facts, factNames } from './answers.js';
import type { Guideline, GuidelineItem } from './guideline.js';

/** filled: nothing is left; part: something stands there, and something is left; author: nothing stands there. */
export type ItemStatus = 'filled' | 'part' | 'author';

export interface FilledItem extends GuidelineItem {
  status: ItemStatus;
  answers: Answer[];
  /** What is left for the author; '' where nothing is. */
  left: string;
}

export interface Checklist {
  guideline: Omit<Guideline, 'items'>;
  items: FilledItem[];
  counts: Record<ItemStatus, number>;
}

export function fillGuideline({ items, ...guideline }: Guideline, facts: Facts): Checklist {
  const filled = items.map((item) => fillItem(item, facts));
  const count = (status: ItemStatus): number => filled.filter((item) => item.status === status).length;
  return {
    guideline,
    items: filled,
    counts: { filled: count('filled'), part: count('part'), author: count('author') },
  };
}

function fillItem(item: GuidelineItem, facts: Facts): FilledItem {
  const known = (id: FactId): boolean => facts[id] !== undefined;
  const answers = item.facts.flatMap((id) => facts[id] ?? []);
  const unknown = item.facts.filter((id) => !known(id)).map((id) => factNames[id]);
  if (answers.length === 0) return { ...item, status: 'author', answers, left: '' };
  const left = [
    ...(item.adds === undefined ? [] : [item.adds]),
    ...(unknown.length > 0 ? [`not recorded: ${list(unknown)}`] : []),
  ].join('; ');
  return { ...item, status: left === '' ? 'filled' : 'part', answers, left };
}

/** '22 of 44 items filled, 9 filled in part, 13 for the author' */
export function countText({ items, counts }: Checklist): string {
  const part = counts.part > 0 ? `, ${counts.part} filled in part` : '';
  return `${counts.filled} of ${items.length} items filled${part}, ${counts.author} for the author`;
}
