/** Large matrices are passed over in blocks of rows, so that memory stays bounded whatever the number of images. */

/** Bytes that a block's temporary matrices may take. */
const BLOCK_BYTES = 64 * 1024 * 1024;
/**
 * The same for element-wise work: blocks that stay in the processor's cache, and that the allocator keeps instead of
 * asking the system for pages each time. Of 64 MiB they cost ten times as much.
 */
export const CACHE_BYTES = 4 * 1024 * 1024;

/** [start, rows] of consecutive blocks whose temporary matrices keep to the budget. */
export function blocks(
  count: number,
  bytesPerRow: number,
  budget = BLOCK_BYTES,
): [start: number, rows: number][] {
  const most = Math.max(1, Math.floor(budget / bytesPerRow));
  const starts = Array.from({ length: Math.ceil(count / most) }, (_, i) => i * most);
  return starts.map((start) => [start, Math.min(most, count - start)]);
}
