/**
 * The way of the images through the study, as a diagram: from what was found to what was kept, from there to training,
 * validation and test by class with groups, and the collections from elsewhere beside them.
 */
import {
  type FigureBlock,
  type FlowCard,
  type FlowCards,
  flowPanel,
  plural,
  shortened,
  whole,
} from '../../report/index.js';
import type { TrialSummary } from '../summary.js';
import { countsIn, spanOf } from './span.js';

export function flowFigure(summary: TrialSummary): FigureBlock {
  const cards = cardsOf(summary);
  const label = `Flow of images: ${[cards.found, cards.kept, ...cards.splits].flatMap((card) => (card ? [`${card.title} ${card.lines.join(', ')}`] : [])).join('; ')}`;
  const several = summary.folds.length > 1;
  return {
    kind: 'figure',
    name: 'participants',
    title: 'From the images that were found to those that were scored',
    shows: `Images by class${summary.dataset.group === 'image' ? '' : `, in brackets ${summary.dataset.group}s`}.${several ? ` In each of ${summary.folds.length} folds; where these differ, from the smallest to the largest.` : ''}${cards.out ? ' What was left out counts under its first fault.' : ''}`,
    doesNotShow: `${cards.found ? '' : 'What was left out when the dataset was made: its folder has no record of it. '}Who came into the collection, and who did not: that was decided before anything was found.`,
    legend: [],
    panels: [flowPanel(cards, { title: label })],
  };
}

function cardsOf({ dataset, folds, flow, external }: TrialSummary): FlowCards {
  const { classes, group, positive, name } = dataset;
  const grouped = group !== 'image';
  const line = (label: string, images: string, groups: string): string =>
    `${label}: ${images}${grouped && groups !== images ? ` (${groups})` : ''}`;
  const splits = (['train', 'val', 'test'] as const).map((split): FlowCard => {
    const spans = (key: 'images' | 'groups', label?: string): string =>
      spanOf(countsIn(folds, split, { label, key }));
    return {
      title: `${{ train: 'Training', val: 'Validation', test: 'Test' }[split]}: ${spans('images')}`,
      lines: classes.map((label) => line(label, spans('images', label), spans('groups', label))),
    };
  });
  const sum = (label?: string): number =>
    folds[0]!.counts
      .filter((row) => label === undefined || row.label === label)
      .reduce((total, { images }) => total + images, 0);
  const last = flow?.at(-1);
  const first = flow?.[0];
  const kept: FlowCard = {
    title: `${shortened(name, 30)}: ${plural(sum(), 'image')}`,
    lines: classes.map((label) => `${label}: ${whole(sum(label))}`),
  };
  const reasons = (flow ?? []).slice(1).flatMap(({ text, images }, i) => {
    const gone = flow![i]!.images - images;
    return gone > 0 ? [`${text}: ${whole(gone)}`] : [];
  });
  return {
    found: first
      ? {
          title: `Found: ${plural(first.images, 'image')}`,
          lines: labelsOf(first.byLabel, classes),
        }
      : null,
    out:
      first && last && last.images < first.images
        ? { title: `Left out: ${whole(first.images - last.images)}`, lines: reasons, aside: true }
        : null,
    kept,
    splits,
    external: external.map(
      (set): FlowCard => ({
        title: `External: ${shortened(set.name, 18)}, ${whole(set.labels.length)}`,
        lines: [positive, 'others'].map((label, i) => {
          const own = set.labels.flatMap((value, at) => (value === 1 - i ? [set.groups[at]!] : []));
          return line(label, whole(own.length), whole(new Set(own).size));
        }),
        aside: true,
      }),
    ),
  };
}

/** The classes, and what has no label or another one together. */
function labelsOf(byLabel: Readonly<Record<string, number>>, classes: readonly string[]): string[] {
  const other = Object.entries(byLabel).reduce(
    (sum, [label, count]) => sum + (classes.includes(label) ? 0 : count),
    0,
  );
  return [
    ...classes.map((label) => `${label}: ${whole(byLabel[label] ?? 0)}`),
    ...(other > 0 ? [`no or another label: ${whole(other)}`] : []),
  ];
}
