/** The lock file holds every platform's packages: `npm ci` refuses one that does not, on every platform. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Entry {
  version?: string;
  resolved?: string;
  /** A package of this workspace; `resolved` is its folder. */
  link?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Entry>;
};

/** Whether a package that stands at `path` finds `name`, in its own node_modules or in one further up. */
function finds(path: string, name: string): boolean {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const found = lock.packages[`${at ? `${at}/` : ''}node_modules/${name}`];
    if (found?.version || found?.link) return true;
    if (at === '') return false;
  }
}

describe('package-lock.json', () => {
  // npm leaves out other platforms' packages where it writes the file from an installed node_modules. The remedy:
  // remove both, then `npm install --package-lock-only`.
  it('names every dependency, also the optional ones of other platforms', () => {
    const missing = Object.entries(lock.packages).flatMap(([path, entry]) =>
      Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
        .filter((name) => !finds(path, name))
        .map((name) => `${path || 'graft-gan'} needs ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('names no registry', () => {
    expect(Object.values(lock.packages).filter((entry) => entry.resolved && !entry.link)).toEqual([]);
  });
});
