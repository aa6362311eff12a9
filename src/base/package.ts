/** Where this package lies and which version it is: recipes are found and run folders stamped by it. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The name in package.json. */
const packageName = 'graft-gan';

/** Folder that holds package.json and recipes/, from the sources and from dist/ alike. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const path = join(dir, 'package.json');
    if (existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).name === packageName) return dir;
    const parent = dirname(dir);
    if (parent === dir)
      throw new Error(`the folder of ${packageName} was not found above ${import.meta.url}`);
    dir = parent;
  }
}

/** Version of the package, for example '0.1.0'. */
export function graftVersion(): string {
  return JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')).version;
}
