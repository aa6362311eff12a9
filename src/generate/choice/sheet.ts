/** A contact sheet of a choice: what was kept, what was passed over, and what was rejected, with the reason. */
import type { Channels } from '../../image/index.js';
import { writeGridPng } from '../../image/index.js';
import { enlargement } from '../pictures/generate.js';
import { type ChoiceExamples, MOST_EXAMPLES, type RejectedExample } from './examples.js';

interface Tile {
  pixels: Uint8Array;
  caption: string;
}

const plain = (pixels: Uint8Array): Tile => ({ pixels, caption: '' });

/** A row of the sheet for each kind that there is. Rejected copies stand before the training image they come near to. */
function rowsOf({ chosen, passedOver, rejected }: ChoiceExamples): { label: string; tiles: Tile[] }[] {
  const of = (filter: RejectedExample['filter']): RejectedExample[] =>
    rejected.filter((one) => one.filter === filter);
  const pairs = (filter: 'features' | 'pictures'): Tile[] =>
    of(filter)
      .slice(0, MOST_EXAMPLES / 2)
      .flatMap(({ pixels, value, training }) => [
        { pixels, caption: value.toPrecision(2) },
        { pixels: training!, caption: 'training' },
      ]);
  return [
    { label: 'chosen', tiles: chosen.map(plain) },
    { label: 'passed over', tiles: passedOver.map(plain) },
    {
      label: 'another class',
      tiles: of('label').map(({ pixels, value }) => ({ pixels, caption: `P ${value.toFixed(2)}` })),
    },
    { label: 'near in features', tiles: pairs('features') },
    { label: 'near in pictures', tiles: pairs('pictures') },
  ].filter(({ tiles }) => tiles.length > 0);
}

/**
 * Writes the sheet as PNG. It shows training images where copies were rejected.
 *
 * @param shape of the images
 */
export async function writeChoiceSheet(
  path: string,
  examples: ChoiceExamples,
  { sidePx, channels }: { sidePx: number; channels: Channels },
): Promise<void> {
  const rows = rowsOf(examples);
  const imageBytes = channels * sidePx * sidePx;
  const data = new Uint8Array(rows.length * MOST_EXAMPLES * imageBytes).fill(255);
  const captions = new Array<string>(rows.length * MOST_EXAMPLES).fill('');
  rows.forEach(({ tiles }, row) => {
    tiles.forEach(({ pixels, caption }, column) => {
      const at = row * MOST_EXAMPLES + column;
      data.set(pixels, at * imageBytes);
      captions[at] = caption;
    });
  });
  await writeGridPng({ data, n: captions.length, height: sidePx, width: sidePx, channels }, path, {
    columns: MOST_EXAMPLES,
    captions,
    rowLabels: rows.map(({ label }) => label),
    scale: enlargement(sidePx),
  });
}
