/** `graft-torch/setup`: makes the engine ready on this machine, or says what is missing. Needs no engine. */

export { addonCacheDir } from './cache.mjs';
export { findEngine, isClone, setUpCommand } from './record.mjs';

/** libtorch, as it was found. */
export interface Libtorch {
  source: 'LIBTORCH' | 'python' | 'system';
  version: string;
  includeDirs: string[];
  libDir: string;
  cuda: boolean;
  cxx11Abi: boolean | null;
  /** Changes whenever another libtorch takes its place. */
  identity: string;
}

/** What a set-up notes of the engine that it has made. */
export interface Engine {
  /** The file to load, from the cache's folder. */
  addon: string;
  key: string;
  host: string;
  /** $LIBTORCH of the set-up. */
  env: string | null;
  libtorch: Libtorch;
  libjpeg: { version: string; includeDirs: string[]; library: string } | null;
  compiler: { path: string; version: string; identity: string };
}

export interface ReadyEngine {
  engine: Engine;
  /** The addon's file. */
  path: string;
  /** Sources that had to be compiled for it; none where it was there. */
  compiled: string[];
}

export interface SetUpOptions {
  /** Default `process.env`: LIBTORCH, GRAFT_CACHE, GRAFT_ADDON_CACHE, CXX, CXXFLAGS, LDFLAGS. */
  env?: NodeJS.ProcessEnv;
  /** Looks for libtorch again instead of keeping the one that an earlier set-up took. */
  fresh?: boolean;
  /** Called for everything that takes time; must call `work` and return what it returns. Default: two lines on stderr. */
  step?<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Something is there, but could be better. Default: a line on stderr. */
  warn?(message: string): void;
}

/** A set-up that cannot go on; the message says what to do. */
export class SetupError extends Error {}

/**
 * Finds libtorch, libjpeg-turbo and a C++ compiler (on Debian and its relatives installs what is missing, where it may),
 * compiles the addon into the user's cache and notes which one to load. Does nothing where that was done.
 * @throws SetupError with the one command to run, where something is missing
 */
export function setUpEngine(options?: SetUpOptions): Promise<ReadyEngine>;
