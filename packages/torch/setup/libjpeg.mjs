/**
 * Finds libjpeg-turbo, which decodes JPEGs at a fraction of their size. Without it libvips decodes them whole.
 *
 * No dependency but Node: this runs before anything is installed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { multiarchDirs } from './libtorch.mjs';

const defaultPrefixes =
  process.platform === 'darwin'
    ? ['/opt/homebrew/opt/jpeg-turbo', '/usr/local/opt/jpeg-turbo', '/opt/homebrew', '/usr/local']
    : ['/usr', '/usr/local'];

/**
 * @typedef {object} Libjpeg
 * @property {string} version libjpeg-turbo's, such as `2.1.5`
 * @property {string[]} includeDirs to be searched for headers
 * @property {string} library the file to link with
 */

/**
 * The first libjpeg-turbo whose headers and library are there, or null: others of libjpeg's name are not taken.
 * Starts no process.
 * @param {string[]} prefixes where to look, in this order
 * @returns {Libjpeg | null}
 */
export function findLibjpeg(prefixes = defaultPrefixes) {
  const name = process.platform === 'darwin' ? 'libjpeg.dylib' : 'libjpeg.so';
  for (const prefix of prefixes) {
    const include = join(prefix, 'include');
    if (!existsSync(join(include, 'jpeglib.h'))) continue;
    const includeDirs = [include, ...multiarchDirs(include)];
    const version = includeDirs.map(readVersion).find(Boolean);
    const library = [...multiarchDirs(join(prefix, 'lib')), join(prefix, 'lib64'), join(prefix, 'lib')]
      .map((dir) => join(dir, name))
      .find(existsSync);
    if (version && library) return { version, includeDirs, library };
  }
  return null;
}

/** jconfig.h lies beside jpeglib.h, or in Debian's folder of the architecture. */
function readVersion(dir) {
  const path = join(dir, 'jconfig.h');
  return existsSync(path)
    ? /define\s+LIBJPEG_TURBO_VERSION\s+(\S+)/.exec(readFileSync(path, 'utf8'))?.[1]
    : undefined;
}
