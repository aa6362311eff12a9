/** A place on the disk that one process at a time may work in. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataError } from '../errors.js';

/** Whether a process is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Writes the own process id to a file; what a killed process left there is taken over.
 * @param path file that stands for the place
 * @returns gives the place back
 * @throws DataError when another process that still runs has it
 */
export function claim(path: string): () => void {
  mkdirSync(dirname(path), { recursive: true });
  const give = (): void => rmSync(path, { force: true });
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return give;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  // A container's processes begin at the same numbers each time: the own one is a former process's.
  const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
  if (pid > 0 && pid !== process.pid && isRunning(pid))
    throw new DataError(
      `process ${pid} is at work on the same folder; wait for it, or stop it (if it is another program: remove ${path})`,
    );
  writeFileSync(path, String(process.pid));
  return give;
}
