/**
 * The list of a fetch as it grows: one line of JSON a page, only ever appended to. A page's records and the address
 * of the page after it stand in one line, so a run killed at any byte knows exactly what it has and where to go on:
 * a last line without its end is cut off and asked for again.
 *
 * Records stay on disk; in memory is what a fetch of 500,000 needs: the ids, and what was changed or left out.
 */
import { createReadStream, existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { DataError } from 'graft-torch/base';
import type { ImageRecord } from './schema.js';

/** Why an image that the archive lists is not fetched. */
export const exclusions = {
  synthetic: 'synthetic images (--include-synthetic)',
  duplicate: 'records that came twice',
  'no-id': 'records without a usable id',
  'no-file': 'images whose file the archive does not give',
  withdrawn: 'images that the archive no longer has',
  failed: 'images that could not be fetched (--skip-failed)',
} as const;
export type Exclusion = keyof typeof exclusions;

export interface JournalPage {
  /** Null: nothing follows. */
  next: string | null;
  records: ImageRecord[];
  excluded: [id: string, why: Exclusion][];
}

/** What a record asked for again says now. */
export type JournalUpdate = Pick<ImageRecord, 'id' | 'url' | 'sizeBytes'>;

export interface Journal {
  /** Where the list goes on; undefined: nothing is listed yet; null: it is complete. */
  readonly next: string | null | undefined;
  readonly ids: ReadonlySet<string>;
  readonly excluded: readonly (readonly [id: string, why: Exclusion])[];
  append(page: JournalPage): Promise<void>;
  update(update: JournalUpdate): Promise<void>;
  /** What is listed so far, in order, with the updates; without what is appended while reading. */
  records(): AsyncGenerator<ImageRecord, void, undefined>;
  close(): Promise<void>;
}

type Line = JournalPage | { update: JournalUpdate };

/**
 * Opens a journal, or begins one.
 * @throws DataError naming the file and the line when a line that is not the last is damaged
 */
export async function openJournal(path: string): Promise<Journal> {
  const ids = new Set<string>();
  const excluded: [string, Exclusion][] = [];
  const updates = new Map<string, JournalUpdate>();
  let next: string | null | undefined;
  let endBytes = 0;

  const take = (line: Line): void => {
    if ('update' in line) {
      updates.set(line.update.id, line.update);
      return;
    }
    next = line.next;
    for (const { id } of line.records) ids.add(id);
    for (const one of line.excluded) excluded.push(one);
  };
  if (existsSync(path))
    for await (const { line, end } of readLines(path)) {
      take(line);
      endBytes = end;
    }
  const handle: FileHandle = await open(path, 'a');
  await handle.truncate(endBytes);

  // Lines come from the lister and from the workers: one is written at a time.
  let queue: Promise<void> = Promise.resolve();
  const write = (line: Line): Promise<void> => {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    const written = queue.then(async () => {
      await handle.appendFile(bytes);
      await handle.datasync();
      endBytes += bytes.length;
      take(line);
    });
    queue = written.catch(() => {});
    return written;
  };
  return {
    get next() {
      return next;
    },
    ids,
    excluded,
    append: write,
    update: (update) => write({ update }),
    records: async function* () {
      if (endBytes === 0) return;
      for await (const { line } of readLines(path, endBytes)) {
        if ('update' in line) continue;
        for (const record of line.records) yield { ...record, ...updates.get(record.id) };
      }
    },
    close: async () => {
      await queue;
      await handle.close();
    },
  };
}

/** Whole lines and the offset behind each; a line without its end is left out. */
async function* readLines(
  path: string,
  endBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<{ line: Line; end: number }> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  let number = 0;
  for await (const chunk of createReadStream(path, { end: endBytes - 1, highWaterMark: 1 << 18 })) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (;;) {
      const at = bytes.indexOf(0x0a, start);
      if (at < 0) break;
      number++;
      yield { line: parseLine(bytes.toString('utf8', start, at), path, number), end: offset + at + 1 };
      start = at + 1;
    }
    rest = bytes.subarray(start);
    offset += start;
  }
}

function parseLine(text: string, path: string, number: number): Line {
  try {
    const line = JSON.parse(text) as Line;
    if ('update' in line || Array.isArray(line.records)) return line;
  } catch {}
  throw new DataError(`${path}, line ${number}: damaged; remove its folder to fetch anew`);
}
