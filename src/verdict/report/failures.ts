/** The images that an arm gets most confidently wrong, and those on which the arms differ most. */

import type { Block, GalleryBlock, Section, TableBlock, Tile } from '../../report/index.js';
import { fixed, left, plural, right, whole } from '../../report/index.js';
import { type Failure, type Failures, failuresOf } from '../failures.js';
import type { TrialScores } from '../scores.js';
import { armLabel } from './palette.js';
import { quoted } from './paper.js';

/** JPEGs by an image's id; without one a row of the table is all there is. */
export type FailurePictures = ReadonlyMap<string, Uint8Array>;

interface Kind {
  title: string;
  short: string;
  list: (failures: Failures) => readonly Failure[];
  /** Images of both classes stand there. */
  mixed: boolean;
}

function kindsOf({ arm, baseline }: Failures, positive: string): Kind[] {
  return [
    {
      title: `‘${positive}’ that ${quoted(arm)} misses, the surest first`,
      short: 'missed',
      list: ({ missed }) => missed,
      mixed: false,
    },
    {
      title: `False alarms of ${quoted(arm)}, the surest first`,
      short: 'false alarm',
      list: ({ falseAlarms }) => falseAlarms,
      mixed: false,
    },
    {
      title: `Ranked better by ${quoted(arm)} than by ${quoted(baseline)}`,
      short: 'better',
      list: ({ better }) => better,
      mixed: true,
    },
    {
      title: `Ranked worse by ${quoted(arm)} than by ${quoted(baseline)}`,
      short: 'worse',
      list: ({ worse }) => worse,
      mixed: true,
    },
  ];
}

/** No block without a primary comparison. */
export function failuresSection(scores: TrialScores, pictures: FailurePictures = new Map()): Section {
  const failures = failuresOf(scores);
  const blocks: Block[] = [];
  if (failures) {
    const kinds = kindsOf(failures, scores.names.positive);
    const gallery = galleryOf(failures, kinds, { scores, pictures });
    if (gallery) blocks.push(gallery);
    blocks.push(tableOf(failures, kinds, scores));
  }
  return { id: 'failures', title: 'Failures', blocks };
}

const labelOf = ({ label }: Failure, positive: string): string => (label === 1 ? positive : 'other');

const wrongText = ({ wrong, runs }: Failure): string => (wrong === null ? '–' : `${wrong} of ${runs}`);

function galleryOf(
  failures: Failures,
  kinds: readonly Kind[],
  { scores, pictures }: { scores: TrialScores; pictures: FailurePictures },
): GalleryBlock | null {
  const tile = (one: Failure, mixed: boolean): Tile[] => {
    const jpeg = pictures.get(one.id);
    if (!jpeg) return [];
    const label = labelOf(one, scores.names.positive);
    const caption = `${mixed ? `${label} ` : ''}${fixed(one.scores.baseline, 2)} → ${fixed(one.scores.arm, 2)}`;
    return [
      {
        images: [{ jpeg, alt: `${one.id}, ${label}; score ${caption}` }],
        caption,
        facts: [
          { name: 'id', value: one.id },
          { name: 'label', value: label },
          { name: armLabel(failures.baseline), value: fixed(one.scores.baseline) },
          { name: armLabel(failures.arm), value: fixed(one.scores.arm) },
          { name: 'called wrong in', value: wrongText(one) },
          { name: 'group', value: one.group },
        ],
      },
    ];
  };
  const rows = kinds
    .map(({ title, list, mixed }) => ({ title, tiles: list(failures).flatMap((one) => tile(one, mixed)) }))
    .filter(({ tiles }) => tiles.length > 0);
  if (rows.length === 0) return null;
  return {
    kind: 'gallery',
    name: 'failures',
    title: 'Where it fails, and where the arms differ',
    shows: `Below each picture its score by ${quoted(failures.baseline)} → by ${quoted(failures.arm)}, the mean over runs. Look for wrong labels, for hair, rulers, ink and dark corners, and for a kind of lesion that recurs.`,
    doesNotShow:
      'How frequent such images are: these are the worst, not a sample. That arms differ on single images they would do with other seeds, too. The pictures are those of the dataset: whoever gets this page gets them.',
    rows,
  };
}

function tableOf(failures: Failures, kinds: readonly Kind[], { names, folds }: TrialScores): TableBlock {
  const several = folds.length > 1;
  const grouped = names.group !== 'image';
  return {
    kind: 'table',
    title: 'The most confident errors, and the images on which the arms differ most',
    columns: [
      left('What'),
      left('Image'),
      ...(grouped ? [left(names.group)] : []),
      left('Label'),
      ...(several ? [right('Fold')] : []),
      right(armLabel(failures.baseline)),
      right(armLabel(failures.arm)),
      right('Place'),
      right('Called wrong in'),
    ],
    rows: kinds.flatMap(({ short, list }) =>
      list(failures).map((one) => [
        short,
        one.id,
        ...(grouped ? [one.group] : []),
        labelOf(one, names.positive),
        ...(several ? [whole(one.fold)] : []),
        fixed(one.scores.baseline),
        fixed(one.scores.arm),
        `${percentile(one.places.baseline)} → ${percentile(one.places.arm)}`,
        wrongText(one),
      ]),
    ),
    sortable: true,
    note: `Scores are means over runs. Place: among the test images${several ? ' of the fold' : ''}, 100 the likeliest positive, by which images are chosen, since scores of different arms need not be alike. Missed and false alarm: called wrong by more than half of the runs of ${quoted(failures.arm)}${failures.missed[0]?.wrong === null ? ', which needs a threshold that is not known, so that the furthest of all stand here' : ''}; better and worse: moved furthest to their own side, or to the wrong one. These are the worst, not a sample.`,
  };
}

const percentile = (place: number): string => fixed(100 * place, 0);

/** What a checklist says of it. */
export function failuresText(failures: Failures, positive: string): string {
  const named = (list: readonly Failure[]): string =>
    list
      .slice(0, 3)
      .map(({ id }) => id)
      .join(', ');
  const parts = [
    failures.missed.length > 0 ? `‘${positive}’ most confidently missed: ${named(failures.missed)}` : '',
    failures.falseAlarms.length > 0 ? `surest false alarms: ${named(failures.falseAlarms)}` : '',
  ].filter((text) => text !== '');
  return `The worst errors of ${quoted(failures.arm)} and the images on which the arms differ most are listed by name${parts.length > 0 ? `, such as ${parts.join('; ')}` : ''}. ${plural(failures.better.length + failures.worse.length, 'image')} on which the arms differ most stand beside them.`;
}
