/**
 * Where what is made for a user lies: `$GRAFT_CACHE`, else `graft` in `$XDG_CACHE_HOME` or `~/.cache`.
 *
 * No dependency but Node: this runs before anything is installed or compiled.
 */
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * `$GRAFT_CACHE/NAME`, else `graft/NAME` in `$XDG_CACHE_HOME` or `~/.cache`.
 * @param {string} name
 * @param {Readonly<Record<string, string | undefined>>} env
 */
export function userCacheDir(name, env = process.env) {
  if (env.GRAFT_CACHE) return resolve(env.GRAFT_CACHE, name);
  // A relative one is to be ignored, says the XDG Base Directory Specification.
  const base = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : homeCache();
  return join(base, 'graft', name);
}

/**
 * The folder of the addons: `$GRAFT_ADDON_CACHE`, else `addon` among the user's caches. The variable is for images and
 * shared installations, whose users have caches of their own but one engine.
 * @param {Readonly<Record<string, string | undefined>>} env
 */
export function addonCacheDir(env = process.env) {
  return env.GRAFT_ADDON_CACHE ? resolve(env.GRAFT_ADDON_CACHE) : userCacheDir('addon', env);
}

/** Containers run under user ids that have no home. */
function homeCache() {
  try {
    return join(homedir(), '.cache');
  } catch {
    return join(tmpdir(), `cache-${process.getuid?.() ?? 0}`);
  }
}
