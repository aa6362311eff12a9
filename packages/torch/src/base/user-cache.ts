/** Where caches lie that belong to a user, not to a dataset. Each folder there may be removed at any time. */
export { userCacheDir } from '#setup/cache';
