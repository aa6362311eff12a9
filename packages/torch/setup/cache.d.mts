type Environment = Readonly<Record<string, string | undefined>>;

/** `$GRAFT_CACHE/NAME`, else `graft/NAME` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function userCacheDir(name: string, env?: Environment): string;

/** The folder of the addons: `$GRAFT_ADDON_CACHE`, else `addon` among the user's caches. */
export function addonCacheDir(env?: Environment): string;
