/**
 * The event log of a run: `events.jsonl`, one JSON object a line, only ever appended to.
 *
 * What depends on the clock stands under `wall` and nowhere else, so the log of a run that was killed and
 * resumed equals that of one never killed, `wall` apart. Two things make this hold: a half-written last line is
 * cut when the log is opened, and a resumed run cuts what lies behind its checkpoint.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DataError, openFile, readBytes, readText, WriteError, whileWriting } from 'graft-torch/base';
import { decodeJson, encodeJson, type Json } from './json.js';

/** One event: what happened (`type`: 'losses', 'samples', …) after how many optimiser steps. */
export interface RunEvent {
  type: string;
  step: number;
  /** Wall-clock fields: `time` (ISO 8601) and what else depends on the machine's speed. */
  wall: { time: string; [key: string]: Json | undefined };
  [key: string]: Json | undefined;
}

const newline = 0x0a;

/** Appends events; opening repairs the end of the file. */
export class EventLog {
  readonly #path: string;
  readonly #fd: number;
  #count: number;
  #open = true;

  constructor(path: string) {
    this.#path = path;
    // 'a' would make every write land at the end, whatever was truncated; but it cannot be read. Hence 'a+'.
    this.#fd = whileWriting(path, () => openSync(path, 'a+'));
    const { size } = fstatSync(this.#fd);
    const text = Buffer.alloc(size);
    let read = 0;
    while (read < size) {
      const got = readSync(this.#fd, text, read, size - read, read);
      if (got === 0) break;
      read += got;
    }
    const complete = text.lastIndexOf(newline) + 1;
    if (complete < size) ftruncateSync(this.#fd, complete);
    this.#count = countLines(text.subarray(0, complete));
  }

  /** Number of complete events. */
  get count(): number {
    return this.#count;
  }

  /**
   * @throws WriteError when the log was removed or moved: an open file takes on being written long after its name is
   * gone, and whatever writes beside it would make the folder anew, without what was in it.
   */
  requireThere(): void {
    const [named, open] = [statSync(this.#path, { throwIfNoEntry: false }), fstatSync(this.#fd)];
    if (named?.ino === open.ino && named.dev === open.dev) return;
    throw new WriteError(
      `${dirname(this.#path)}: not written: the run folder was removed or moved while the run was writing it; put it back and resume the run, or start it anew in another folder`,
    );
  }

  /** @throws WriteError when the disk is full (no part of the event is in the log then) or the log is gone. */
  append(event: RunEvent): void {
    if (!this.#open) throw new Error('the event log is closed');
    this.requireThere();
    const line = Buffer.from(`${encodeJson(event)}\n`);
    // One write for the whole line, so that another reader sees it whole or not at all in practice.
    let written = 0;
    try {
      whileWriting(this.#path, () => {
        while (written < line.length) written += writeSync(this.#fd, line, written);
      });
    } catch (error) {
      if (written > 0) ftruncateSync(this.#fd, fstatSync(this.#fd).size - written);
      throw error;
    }
    this.#count += 1;
  }

  /**
   * Keeps the first `count` events and drops the rest.
   * @throws DataError when there are fewer: the log is then not the one that the checkpoint belongs to.
   */
  truncate(count: number, path: string): void {
    if (count > this.#count) {
      throw new DataError(
        `${path}: has ${this.#count} events, but the checkpoint was written after ${count}: the log was cut or replaced`,
      );
    }
    const text = readBytes(path);
    let end = 0;
    for (let i = 0; i < count; i++) end = text.indexOf(newline, end) + 1;
    ftruncateSync(this.#fd, end);
    this.#count = count;
  }

  /** Makes everything appended so far survive a power cut. @throws WriteError as `append` */
  sync(): void {
    this.requireThere();
    this.#flush();
  }

  #flush(): void {
    whileWriting(this.#path, () => fsyncSync(this.#fd));
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.#flush();
    } finally {
      closeSync(this.#fd);
    }
  }
}

function countLines(text: Uint8Array): number {
  let count = 0;
  for (const byte of text) if (byte === newline) count += 1;
  return count;
}

/**
 * Reads an event log, also while it is being written: an unfinished last line is left out.
 * @throws DataError naming file and line when a complete line is not an event.
 */
export function readEvents(path: string): RunEvent[] {
  if (!existsSync(path)) return [];
  const lines = readText(path).split('\n');
  lines.pop(); // '' after the last newline, or an unfinished line
  return lines.map((line, index) => {
    try {
      const event = decodeJson(line) as RunEvent;
      if (typeof event.type === 'string' && typeof event.step === 'number') return event;
    } catch {}
    throw new DataError(`${path}, line ${index + 1}: not an event (the file was damaged or edited)`);
  });
}

/** Enough for a few hundred events. */
const tailBytes = 64 * 1024;

/** The last events of a log, oldest first: as many as fit into its last 64 KiB. Cheap however long the log is. */
export function readLastEvents(path: string): RunEvent[] {
  if (!existsSync(path)) return [];
  const fd = openFile(path);
  try {
    const { size } = fstatSync(fd);
    const text = Buffer.alloc(Math.min(size, tailBytes));
    readSync(fd, text, 0, text.length, size - text.length);
    const lines = text.toString('utf8').split('\n');
    lines.pop();
    if (text.length < size) lines.shift(); // begins somewhere within a line
    return lines.flatMap((line) => {
      try {
        return [decodeJson(line) as RunEvent];
      } catch {
        return []; // `readEvents` is there to complain
      }
    });
  } finally {
    closeSync(fd);
  }
}

/** An event without its wall-clock fields: what two runs of the same config have in common. */
export function withoutWall(event: RunEvent): Omit<RunEvent, 'wall'> {
  const { wall: _, ...rest } = event;
  return rest;
}
