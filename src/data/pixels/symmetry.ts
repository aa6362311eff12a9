/** The symmetries of the square: 0…7; bit 0 mirrors columns, bit 1 mirrors rows, bit 2 then transposes. */

export const symmetries = 8;

/**
 * Where each pixel of the transformed image comes from: `out[i] = image[map[i]]` applies symmetry `k` to a square of
 * `sizePx`.
 */
export function symmetryMap(k: number, sizePx: number): Int32Array {
  const map = new Int32Array(sizePx * sizePx);
  for (let y = 0; y < sizePx; y++)
    for (let x = 0; x < sizePx; x++) {
      const row = k & 4 ? x : y;
      const column = k & 4 ? y : x;
      const fromRow = k & 2 ? sizePx - 1 - row : row;
      const fromColumn = k & 1 ? sizePx - 1 - column : column;
      map[y * sizePx + x] = fromRow * sizePx + fromColumn;
    }
  return map;
}

/** The same for a place or a direction, from the square's centre: where that of the transformed image comes from. */
export function turnBack(k: number, x: number, y: number): [number, number] {
  const [column, row] = k & 4 ? [y, x] : [x, y];
  return [k & 1 ? -column : column, k & 2 ? -row : row];
}

/** The symmetry that does what `first` does, then what `second` does. */
export function compose(first: number, second: number): number {
  return find((x, y) => turnBack(first, ...turnBack(second, x, y)));
}

/** The symmetry that undoes `k`. */
export const inverse = (k: number): number =>
  Array.from({ length: symmetries }, (_, other) => other).find((other) => compose(k, other) === 0)!;

function find(map: (x: number, y: number) => [number, number]): number {
  const [u, v] = map(1, 2);
  for (let k = 0; k < symmetries; k++) {
    const [a, b] = turnBack(k, 1, 2);
    if (a === u && b === v) return k;
  }
  throw new Error('not a symmetry of the square');
}
