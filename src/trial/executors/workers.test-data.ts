/** What an executor is given, with jobs that are nothing but states. */
import { type Interrupt, neverInterrupted } from '../../run/index.js';
import type { JobState } from '../jobs.js';
import type { ExecutorContext } from '../run.js';
import type { TrialFolder } from '../trial.js';

export const contextOf = (
  states: () => JobState[],
  interrupt: Interrupt = neverInterrupted,
): ExecutorContext => ({
  trial: {} as TrialFolder,
  jobs: [],
  states: () => new Map(states().map((state, index) => [String(index), state])),
  interrupt,
  onTurn: () => {},
});
