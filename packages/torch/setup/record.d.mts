import type { Engine } from './engine.mjs';

/** The engine to load, or why there is none; `problem` is one line that names the remedy. */
export function findEngine(
  env?: NodeJS.ProcessEnv,
):
  | { engine: Engine; path: string; problem?: undefined }
  | { problem: string; engine?: undefined; path?: undefined };

/** The command that makes or repairs the engine: `npm run setup` in a clone, `npx graft setup` where it is installed. */
export function setUpCommand(): string;

/** Whether this is a clone of the project, not an installed package. */
export function isClone(): boolean;
