/** File systems of a few kilobytes, to fill for real: tmpfs, which needs the rights to mount. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface SmallDisk {
  dir: string;
  /** Takes all the room that is left, but for so many bytes (whole pages of 4096). */
  fill(leaveBytes?: number): void;
  /** Gives back what `fill` took. */
  clear(): void;
  /** Changes mount options: `size=8m`, `ro`, `rw`. */
  remount(options: string): void;
  unmount(): void;
}

/** Why a test that needs one was skipped. */
export const noSmallDisk = 'a tmpfs cannot be mounted here (that takes root); the full disk was not tested';

/** Mounts a file system of `sizeKb` on a new folder; null where that is not allowed. */
export function mountSmallDisk(dir: string, sizeKb: number): SmallDisk | null {
  mkdirSync(dir, { recursive: true });
  const mount = (options: string): boolean =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir]).status === 0;
  if (process.platform !== 'linux' || !mount(`size=${sizeKb}k`)) return null;
  const filler = join(dir, 'filler');
  return {
    dir,
    fill(leaveBytes = 0) {
      const spare = join(dir, 'spare');
      if (leaveBytes > 0) writeAll(spare, leaveBytes);
      writeAll(filler, Number.POSITIVE_INFINITY);
      rmSync(spare, { force: true });
    },
    clear: () => rmSync(filler, { force: true }),
    remount(options) {
      if (!mount(`remount,${options}`)) throw new Error(`cannot remount ${dir} with ${options}`);
    },
    unmount() {
      spawnSync('umount', ['-l', dir]); // lazily: a test that failed may have left a file open
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Writes pages until there are enough, or no room is left. */
function writeAll(path: string, bytes: number): void {
  const page = Buffer.alloc(4096);
  const file = openSync(path, 'w');
  try {
    for (let done = 0; done < bytes; done += page.length) writeSync(file, page);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}
