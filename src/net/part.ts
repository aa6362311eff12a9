/**
 * A file as it comes, over all tries: hashed while it is written, taken up where a connection broke, and believed only
 * when size and SHA-256 are those that were announced.
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { HttpError } from './error.js';
import type { HttpResponse } from './http.js';

export interface PartFile {
  /** Bytes that are there. */
  readonly bytes: number;
  /** SHA-256 of the whole, as the server announced it with what is here; null where it did not. */
  readonly announced: string | null;
  /**
   * Reads an answer to its end.
   * @throws HttpError, a passing one: without a status when the connection broke, with the answer's when the size or the
   * hash is another than the announced one. What came is kept unless it cannot be a beginning of the right file.
   */
  receive(response: HttpResponse, expected?: Expected): Promise<void>;
  /** Forgets what came. */
  startAnew(): Promise<void>;
  /** Writes out what the system holds back. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What is known of a file before it comes. */
export interface Expected {
  /** Default: as the answer's header says. */
  sizeBytes?: number | null;
  /** 64 hex digits. */
  sha256?: string | null;
  /** Place in the file of the answer's first byte; default 0, at which the file starts anew. */
  from?: number;
  /** Told after each piece; the total is null where nobody says it. */
  onProgress?: (doneBytes: number, totalBytes: number | null) => void;
}

/** @param path a temporary name: who made it gives it its own */
export async function openPart(path: string): Promise<PartFile> {
  const file = await open(path, 'w');
  let bytes = 0;
  let hash = createHash('sha256');
  let announced: string | null = null;
  const startAnew = async (): Promise<void> => {
    await file.truncate(0);
    bytes = 0;
    hash = createHash('sha256');
  };
  return {
    get bytes() {
      return bytes;
    },
    get announced() {
      return announced;
    },
    receive: async (response, { sizeBytes, sha256 = null, from = 0, onProgress } = {}) => {
      if (from !== bytes) await startAnew();
      announced = sha256;
      const refusal = (message: string): HttpError =>
        new HttpError(`${response.url.host} ${message}`, { status: response.status, passing: true });
      const coming = announcedBytes(response);
      const total = sizeBytes ?? (coming === null ? null : from + coming);
      for await (const chunk of response.body) {
        await append(file, hash, { chunk, at: bytes });
        bytes += chunk.length;
        onProgress?.(bytes, total);
      }
      if (total !== null && bytes !== total) {
        const error = refusal(`sent ${bytes} bytes instead of ${total}`);
        // Too much is no beginning of the right file.
        if (bytes > total) await startAnew();
        throw error;
      }
      const found = hash.copy().digest('hex');
      if (sha256 === null || found === sha256) return;
      await startAnew();
      throw refusal(`sent other bytes than were announced: SHA-256 ${found} instead of ${sha256}`);
    },
    startAnew,
    sync: () => file.datasync(),
    close: () => file.close(),
  };
}

/** Bytes that an answer says to hold; null where it does not, or says it of packed ones. */
export function announcedBytes({ headers }: HttpResponse): number | null {
  const length = headers['content-length'];
  return length === undefined || headers['content-encoding'] !== undefined ? null : Number(length);
}

async function append(
  file: FileHandle,
  hash: Hash,
  { chunk, at }: { chunk: Uint8Array; at: number },
): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, written, chunk.length - written, at + written);
    written += bytesWritten;
  }
  hash.update(chunk);
}
