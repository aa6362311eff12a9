/**
 * Of every query the candidates with the lowest bounds (`distance-bounds.ts`), found tile by tile of the matrix of all
 * pairs. Of a set against itself the matrix is its own mirror image: a tile above the diagonal serves its rows and its
 * columns, and half of the products are saved.
 */
import { aten, cat, full, type Tensor, tidy, zeros } from 'graft-torch';
import { lowerBounds, partOf, type Side, tiles } from './distance-bounds.js';

export interface LowestBounds {
  /** Ascending in each row, float32 [N, kept]. */
  bounds: Tensor;
  /** Their candidates, int64 [N, kept]. */
  indices: Tensor;
}

/**
 * @param queries [N, D]
 * @param candidates [M, D]; the same object as `queries` for a set against itself
 * @param options.kept how many, at most the candidates that a query has
 * @param options.excludeSelf row i of both is one image, which is no candidate of its own
 */
export function lowestBounds(
  queries: Side,
  candidates: Side,
  { kept, excludeSelf }: { kept: number; excludeSelf: boolean },
): LowestBounds {
  const [count, others] = [queries, candidates].map(({ squares }) => squares.shape[0]!) as [number, number];
  const { device } = queries.squares;
  const found = {
    bounds: full([count, kept], Number.POSITIVE_INFINITY, { device }),
    indices: zeros([count, kept], { dtype: 'int64', device }),
  };
  const mirrored = queries === candidates;
  for (const [row, rows] of tiles(count)) {
    for (const [column, columns] of tiles(others)) {
      if (mirrored && column < row) continue;
      tidy(() => {
        const tile = lowerBounds(partOf(queries, row, rows), partOf(candidates, column, columns));
        if (excludeSelf && row === column) aten.diagonal(tile).fill_(Number.POSITIVE_INFINITY);
        merge(found, row, { tile, from: column });
        if (mirrored && column > row) merge(found, column, { tile: tile.t(), from: row });
      });
    }
  }
  return found;
}

/** Takes a tile's bounds into those found so far. `start` is its first query, `from` its first candidate. */
function merge(found: LowestBounds, start: number, { tile, from }: { tile: Tensor; from: number }): void {
  const [rows, columns] = tile.shape as [number, number];
  const kept = found.bounds.shape[1]!;
  const [bounds, indices] = [found.bounds, found.indices].map((it) => it.narrow(0, start, rows)) as [
    Tensor,
    Tensor,
  ];
  const [values, positions] = aten.topk(tile, Math.min(kept, columns), 1, false);
  const [lowest, order] = aten.topk(cat([bounds, values], 1), kept, 1, false);
  indices.copy_(aten.gather(cat([indices, positions.add_(from)], 1), 1, order));
  bounds.copy_(lowest);
}
