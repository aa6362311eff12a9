/** Where caches lie that belong to a user, not to a dataset. Each folder there may be removed at any time. */
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `$GRAFT_CACHE/NAME`, else `graft/NAME` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function userCacheDir(
  name: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  if (env.GRAFT_CACHE) return join(env.GRAFT_CACHE, name);
  // A relative one is to be ignored, says the XDG Base Directory Specification.
  const base = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : homeCache();
  return join(base, 'graft', name);
}

/** Containers run under user ids that have no home. */
function homeCache(): string {
  try {
    return join(homedir(), '.cache');
  } catch {
    return join(tmpdir(), `cache-${process.getuid?.() ?? 0}`);
  }
}
