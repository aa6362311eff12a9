/**
 * A folder here and its twin in an object store. What is new in one goes to the other when it is told to; a file
 * is whole or not there, as everywhere in Graft. Whoever reads the store while a folder is being sent finds a state
 * that a killed process could have left: a checkpoint never comes before the events that it is behind of, and what says
 * that a job is done comes last.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isTemporaryFile, writeFileAtomic } from 'graft-torch/base';
import { forEachParallel } from '../../base/index.js';
import type { ObjectStore } from './object-store.js';

/** A file here as it was when it was the same as its twin. */
interface Same {
  etag: string;
  mtimeMs: number;
  sizeBytes: number;
}

/** Requests under way at once. */
const WIDTH = 8;

export class FolderMirror {
  readonly #same = new Map<string, Same>();
  /** When objects were last written, as of the last look, and when that look was: by the store's clock. */
  #modified = new Map<string, number>();
  #lookedMs = 0;

  /** @param last names of files that are sent after all others: they say that what is beside them is whole */
  constructor(
    readonly store: ObjectStore,
    readonly dir: string,
    private readonly last: ReadonlySet<string>,
  ) {}

  /**
   * Brings what is new in the store, and takes away what was brought and is there no longer.
   * @param wants paths, relative to the folder; those that a process writes to here must not be among them
   */
  async pull(prefix: string, wants: (path: string) => boolean = () => true): Promise<void> {
    const before = new Map(this.#same);
    const { objects, nowMs } = await this.store.list(prefix);
    this.#lookedMs = nowMs;
    if (prefix === '') this.#modified.clear();
    for (const [path, { modifiedMs }] of objects) this.#modified.set(path, modifiedMs);
    const wanted = [...objects].filter(([path]) => wants(path));
    const fresh = wanted.filter(
      ([path, { etag }]) => this.#same.get(path)?.etag !== etag || !this.#isHere(path),
    );
    await forEachParallel(
      fresh.length,
      async (i) => {
        const [path, { etag }] = fresh[i]!;
        const content = await this.store.get(path);
        if (!content) return; // gone since it was listed
        writeFileAtomic(this.#pathOf(path), content);
        this.#same.set(path, { etag, ...this.#stat(path)! });
      },
      { width: WIDTH },
    );
    for (const [path, same] of before) {
      // Sent meanwhile: not in a list that is older.
      const isOld = this.#same.get(path) === same;
      if (!path.startsWith(prefix) || !wants(path) || objects.has(path) || !isOld) continue;
      rmSync(this.#pathOf(path), { force: true });
      this.#same.delete(path);
    }
  }

  /** Sends what is new here of a file, or of a folder with all that is in it, and takes away there what is gone here. */
  async push(path: string): Promise<void> {
    const files = this.#filesOf(path);
    const rank = (file: string): number =>
      this.last.has(file.split('/').at(-1)!) ? 2 : file.includes('/checkpoints/') ? 1 : 0;
    for (const turn of [0, 1, 2]) {
      const now = files.filter((file) => rank(file) === turn);
      await forEachParallel(now.length, (i) => this.#send(now[i]!), { width: WIDTH });
    }
    // Of what was there when this began: what made room since is taken away with the next sending, after what it made
    // room for.
    const listed = new Set(files);
    const gone = [...this.#same.keys()].filter(
      (known) => (known === path || known.startsWith(`${path}/`)) && !listed.has(known),
    );
    for (const file of gone) {
      await this.store.remove(file);
      this.#same.delete(file);
    }
  }

  /** Takes everything away there that begins so. */
  async clear(prefix: string): Promise<void> {
    for (const path of (await this.store.list(prefix)).objects.keys()) {
      await this.store.remove(path);
      this.#same.delete(path);
    }
  }

  /** Whether anything of a folder was written within so many milliseconds before the last pull. */
  changedWithin(folder: string, ms: number): boolean {
    for (const [path, modifiedMs] of this.#modified)
      if (path.startsWith(`${folder}/`) && this.#lookedMs - modifiedMs <= ms) return true;
    return false;
  }

  async #send(path: string): Promise<void> {
    const stat = this.#stat(path);
    const same = this.#same.get(path);
    if (!stat || (same && same.mtimeMs === stat.mtimeMs && same.sizeBytes === stat.sizeBytes)) return;
    let content: Buffer;
    try {
      content = readFileSync(this.#pathOf(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // an old checkpoint that made room
      throw error;
    }
    const { etag } = await this.store.put(path, content);
    this.#same.set(path, { etag, ...stat });
  }

  #filesOf(path: string): string[] {
    const full = this.#pathOf(path);
    if (!existsSync(full)) return [];
    if (!statSync(full).isDirectory()) return [path];
    return readdirSync(full, { withFileTypes: true }).flatMap((entry) => {
      const child = `${path}/${entry.name}`;
      if (entry.isDirectory()) return this.#filesOf(child);
      // Locks hold among the processes of one machine; between machines the queue does.
      return entry.isFile() && !/^lock(\.|$)/.test(entry.name) && !isTemporaryFile(entry.name) ? [child] : [];
    });
  }

  #pathOf(path: string): string {
    return join(this.dir, ...path.split('/'));
  }

  #isHere(path: string): boolean {
    return existsSync(this.#pathOf(path));
  }

  #stat(path: string): { mtimeMs: number; sizeBytes: number } | undefined {
    const stat = statSync(this.#pathOf(path), { throwIfNoEntry: false });
    return stat && { mtimeMs: stat.mtimeMs, sizeBytes: stat.size };
  }
}
