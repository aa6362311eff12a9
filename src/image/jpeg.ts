/**
 * JPEG quality, read off the quantisation tables of a file's header; no pixel is decoded.
 *
 * The Independent JPEG Group's library, and nearly everything since, scales the luminance table of ITU-T T.81,
 * Annex K, by a quality 1…100: `clamp(⌊(base · s + 50) / 100⌋)` with `s = 5000 / quality` below 50 and
 * `200 − 2 · quality` from there on. Other tables (cameras, Photoshop) get the quality whose table is nearest, by
 * the mean absolute logarithm of the entries' ratios.
 */

/** ITU-T T.81, Table K.1, row by row. */
const luminance = [
  [16, 11, 10, 16, 24, 40, 51, 61],
  [12, 12, 14, 19, 26, 58, 60, 55],
  [14, 13, 16, 24, 40, 57, 69, 56],
  [14, 17, 22, 29, 51, 87, 80, 62],
  [18, 22, 37, 56, 68, 109, 103, 77],
  [24, 35, 55, 64, 81, 104, 113, 92],
  [49, 64, 78, 87, 103, 121, 120, 101],
  [72, 92, 95, 98, 112, 100, 103, 99],
];

/** The same in the order of the file: along the antidiagonals, first to the right, then down to the left, … */
const base = Array.from({ length: 15 }, (_, diagonal) => {
  const rows = Array.from({ length: 8 }, (_, i) => i).filter((i) => diagonal - i >= 0 && diagonal - i < 8);
  if (diagonal % 2 === 0) rows.reverse();
  return rows.map((row) => luminance[row]![diagonal - row]!);
}).flat();

/** Logarithms of the scaled tables of qualities 1…100, entries cut off at `limit`. */
const logTables = (limit: number): Float64Array[] =>
  Array.from({ length: 100 }, (_, i) => {
    const quality = i + 1;
    const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
    return Float64Array.from(base, (entry) =>
      Math.log(Math.min(limit, Math.max(1, Math.floor((entry * scale + 50) / 100)))),
    );
  });
const baseline = logTables(255);
const wide = logTables(32767);

function nearestQuality(table: readonly number[]): number {
  const logs = table.map((entry) => Math.log(Math.max(1, entry)));
  const candidates = table.some((entry) => entry > 255) ? wide : baseline;
  const distances = candidates.map((candidate) =>
    candidate.reduce((sum, entry, i) => sum + Math.abs(logs[i]! - entry), 0),
  );
  return 1 + distances.indexOf(Math.min(...distances));
}

/**
 * The quality that the Independent JPEG Group's scale gives a file's first component (luma).
 * @param bytes a whole file or its beginning, up to the first scan
 * @returns 1…100; null if this is no JPEG, or its header ends before the table
 */
export function jpegQuality(bytes: Uint8Array): number | null {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const tables: (number[] | undefined)[] = [];
  let lumaTable = 0;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1]!;
    if (marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += marker === 0xff ? 1 : 2; // a fill byte, or a marker without a segment
      continue;
    }
    if (marker === 0xda || marker === 0xd9) break; // the first scan; the end
    const segment = bytes.subarray(at + 4, at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!));
    if (marker === 0xdb) readTables(segment, tables);
    // Frame headers: C0…CF but for DHT, JPG and DAC. Components begin at byte 6; the table is a component's third.
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      lumaTable = segment[8] ?? 0;
    }
    at += 4 + segment.length;
  }
  const table = tables[lumaTable];
  return table ? nearestQuality(table) : null;
}

/** One DQT segment: any number of tables, each a byte (16-bit flag, number) and 64 entries in zigzag order. */
function readTables(segment: Uint8Array, tables: (number[] | undefined)[]): void {
  for (let at = 0; at < segment.length; ) {
    const wide = segment[at]! >> 4 !== 0;
    const number = segment[at]! & 15;
    const end = at + 1 + (wide ? 128 : 64);
    if (end > segment.length) return;
    const entries = segment.subarray(at + 1, end);
    tables[number] = Array.from({ length: 64 }, (_, i) =>
      wide ? (entries[2 * i]! << 8) | entries[2 * i + 1]! : entries[i]!,
    );
    at = end;
  }
}
