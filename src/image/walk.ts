/** Every file below a folder, whatever lies there: nothing is opened, and what is no file is named. */
import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, specialKind } from 'graft-torch/base';

export interface Walked {
  /** Relative to the folder, with forward slashes; sorted folder by folder. */
  files: string[];
  /** What bears a name but is no file, with what it is. */
  special: { file: string; what: string }[];
}

/** What systems leave among people's files: previews and forks of other files, which would count as copies. */
const clutter =
  /^(\..*|__MACOSX|Thumbs\.db|ehthumbs\.db|desktop\.ini|@eaDir|#recycle|\$RECYCLE\.BIN|lost\+found)$/i;

/**
 * Walks a folder. Hidden files and {@link clutter} are passed over; links are followed, each folder is entered once.
 * @throws DataError naming the folder that cannot be read
 */
export function walkFiles(dir: string): Walked {
  const walked: Walked = { files: [], special: [] };
  const entered = new Set<string>();
  const visit = (folder: string, prefix: string): void => {
    const real = realpathSync(folder);
    if (entered.has(real)) return;
    entered.add(real);
    const entries = readdirSync(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (clutter.test(entry.name)) continue;
      const path = join(folder, entry.name);
      const file = `${prefix}${entry.name}`;
      if (entry.isFile()) {
        if (entry.name.includes('\ufffd') && !isThere(path))
          walked.special.push({ file, what: 'a file whose name is not UTF-8: rename it' });
        else walked.files.push(file);
        continue;
      }
      const found = entry.isDirectory() ? 'folder' : lookAt(path);
      if (found === 'folder') visit(path, `${file}/`);
      else if (found === 'file') walked.files.push(file);
      else walked.special.push({ file, what: found });
    }
  };
  try {
    visit(dir, '');
  } catch (cause) {
    throw new DataError(`${dir}: cannot be read as a folder (${(cause as Error).message})`, { cause });
  }
  return walked;
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** What a link leads to, or what else has the name. */
function lookAt(path: string): string {
  let stat: Stats | undefined;
  try {
    stat = statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ELOOP') return 'a link that leads in a circle';
    throw cause;
  }
  if (stat === undefined) return 'a link that leads nowhere';
  if (stat.isDirectory()) return 'folder';
  return specialKind(stat) ?? 'file';
}
