import { expect, test } from 'vitest';
import { pieces } from './pieces.js';

const draw = (...rows: string[]) =>
  [
    Uint8Array.from(rows.join(''), (c) => (c === '#' ? 255 : 0)),
    { width: rows[0]!.length, height: rows.length },
  ] as const;

test('sides and corners join, the edge of the image does not', () => {
  const [mask, size] = draw(
    '#....#', //
    '.#....',
    '#....#',
    '...###',
  );
  expect(pieces(mask, size)).toEqual([
    { pixels: 3, extentPx: Math.hypot(2, 3) },
    { pixels: 1, extentPx: Math.SQRT2 },
    { pixels: 4, extentPx: Math.hypot(3, 2) },
  ]);
});

test('a ring is one piece, an empty mask has none', () => {
  const [mask, size] = draw('####', '#..#', '####');
  expect(pieces(mask, size)).toEqual([{ pixels: 10, extentPx: 5 }]);
  expect(pieces(new Uint8Array(12), size)).toEqual([]);
});
