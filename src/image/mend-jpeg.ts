/**
 * JPEG files that break the standard where no decoder needs it kept, as some cameras write them: every browser shows them,
 * to the pixel as if they were sound. The strict decoder refuses them with all that it complains of, so they are put
 * right first. Nothing is touched that says what the picture is; a picture that was cut off stays so.
 */

export interface MendedJpeg {
  bytes: Uint8Array;
  /** What was wrong, for people. */
  faults: string[];
}

const soi = 0xd8;
const eoi = 0xd9;
const sos = 0xda;
const app0 = 0xe0;
const app14 = 0xee;

/** Markers without a segment: restarts, and a private one of arithmetic coders. */
const isBare = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);

/** Frames whose scans hold whole components: a scan's spectral selection is fixed then, and decoders pass over it. */
const isSequential = (marker: number): boolean => marker === 0xc0 || marker === 0xc1;
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/**
 * Puts right: scan parameters of sequential files (Ss, Se, Ah, Al other than 0, 63, 0, 0; ITU-T T.81, B.2.3), bytes
 * between segments that belong to none, JFIF of another version than 1, an unknown transform in Adobe's segment.
 * @param options.close also appends the end of image where it is missing. Only of use where the decoder then finds all
 * data there; done for files of one scan alone, as others may have been cut off between two
 * @returns undefined where there is nothing to put right, or no order in the file
 */
export function mendJpeg(bytes: Uint8Array, options: { close?: boolean } = {}): MendedJpeg | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== soi) return undefined;
  const parts: Uint8Array[] = [bytes.subarray(0, 2)];
  const faults: string[] = [];
  let frame: { sequential: boolean; components: number } | undefined;
  let adobe: Uint8Array | undefined;
  let scans = 0;
  let whole = true;
  let at = 2;
  while (at < bytes.length) {
    const start = nextMarker(bytes, at);
    if (start === undefined) break;
    // Fill bytes are allowed before a marker.
    if (bytes.subarray(at, start).some((byte) => byte !== 0xff))
      faults.push(`${start - at} bytes between segments`);
    const marker = bytes[start + 1]!;
    if (marker === eoi) {
      parts.push(bytes.subarray(start));
      return finish();
    }
    if (isBare(marker)) {
      parts.push(bytes.subarray(start, start + 2));
      at = start + 2;
      continue;
    }
    const length = ((bytes[start + 2] ?? 0) << 8) | (bytes[start + 3] ?? 0);
    const end = start + 2 + length;
    if (length < 2 || end > bytes.length) return undefined;
    let segment = bytes.subarray(start, end);
    if (isFrame(marker)) frame = { sequential: isSequential(marker), components: segment[9] ?? 0 };
    else if (marker === app0) segment = mendJfif(segment, faults);
    else if (marker === app14) segment = adobe = Uint8Array.from(segment);
    else if (marker === sos) {
      scans++;
      whole &&= segment[4] === frame?.components;
      if (frame?.sequential) segment = mendScan(segment, faults);
    }
    parts.push(segment);
    at = end;
    if (marker !== sos) continue;
    const next = endOfScan(bytes, at);
    parts.push(bytes.subarray(at, next));
    at = next;
  }
  if (options.close && scans === 1 && whole && frame?.sequential) {
    faults.push('no end of image');
    parts.push(Uint8Array.of(0xff, eoi));
  }
  return finish();

  function finish(): MendedJpeg | undefined {
    if (adobe && frame) mendAdobe(adobe, frame.components, faults);
    return faults.length > 0 ? { bytes: Buffer.concat(parts), faults } : undefined;
  }
}

/** Where the next marker begins, behind fill bytes and what belongs to no segment. */
function nextMarker(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next === undefined) return undefined;
    if (next !== 0 && next !== 0xff) return at;
  }
  return undefined;
}

/** Where entropy-coded data end: at the next marker that is no restart. */
function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next === undefined) break;
    if (next !== 0 && next !== 0xff && !isBare(next)) return at;
  }
  return bytes.length;
}

function mendScan(segment: Uint8Array, faults: string[]): Uint8Array {
  const at = segment.length - 3;
  if (segment.length < 8 || (segment[at] === 0 && segment[at + 1] === 63 && segment[at + 2] === 0))
    return segment;
  faults.push('scan parameters that no sequential file may have');
  const mended = Uint8Array.from(segment); // a Buffer's own slice would be the caller's bytes
  mended.set([0, 63, 0], at);
  return mended;
}

const begins = (segment: Uint8Array, text: string): boolean =>
  Buffer.from(segment.subarray(4, 4 + text.length)).toString('latin1') === text;

function mendJfif(segment: Uint8Array, faults: string[]): Uint8Array {
  if (!begins(segment, 'JFIF\0') || segment.length < 18 || segment[9] === 1) return segment;
  faults.push(`JFIF version ${segment[9]}`);
  const mended = Uint8Array.from(segment); // a Buffer's own slice would be the caller's bytes
  mended[9] = 1;
  return mended;
}

/** What decoders take an unknown transform for: YCbCr of three components, YCCK of four. */
function mendAdobe(segment: Uint8Array, components: number, faults: string[]): void {
  const transform = segment[15];
  if (!begins(segment, 'Adobe') || transform === undefined) return;
  const usual = components === 3 ? 1 : components === 4 ? 2 : transform;
  if (transform === 0 || transform === usual) return;
  faults.push(`Adobe colour transform ${transform}`);
  segment[15] = usual;
}
