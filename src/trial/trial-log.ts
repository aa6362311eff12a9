/** What a trial's log (`events.jsonl`) keeps of its plan: what it was registered as, deviations, a hash of every result. */
import { join } from 'node:path';
import { DataError, parseJson, sha256 } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import { readEvents, runFiles } from '../run/index.js';
import type { KeptDeviation, Plan, Registration } from '../verdict/index.js';

/** What a trial's log says of its plan and of what was done. */
export interface TrialLog {
  registered: {
    by: Registration['by'];
    planHash: string;
    plan: Plan;
    fileHash: string;
    registeredAt: string;
    version: string;
  };
  deviations: KeptDeviation[];
  /** Hash of what each part gave, by its job's id; null where that is known to be gone. Files of the trial by their name. */
  results: Map<string, string | null>;
}

/** Events of a trial that tell of its plan. */
export const PLAN_EVENTS = {
  registered: 'registered',
  deviation: 'deviation',
  job: 'job',
  finished: 'finished',
} as const;

/** @returns null where the trial has no registration: it was begun by an earlier version of Graft */
export function readLog(dir: string): TrialLog | null {
  let registered: TrialLog['registered'] | undefined;
  const deviations: KeptDeviation[] = [];
  const results: TrialLog['results'] = new Map();
  for (const { type, step: _, wall, ...fields } of readEvents(join(dir, runFiles.events))) {
    if (type === PLAN_EVENTS.registered) {
      const plan = planIn(dir, fields.plan, fields.planHash);
      registered = { ...fields, ...wall, plan } as unknown as TrialLog['registered'];
    }
    if (type === PLAN_EVENTS.job) results.set(String(fields.id), String(fields.hash));
    else if (type === PLAN_EVENTS.finished) results.set(runFiles.summary, '');
    else if (type === PLAN_EVENTS.deviation) {
      const plan = planIn(dir, fields.plan, fields.now);
      const deviation = { time: wall.time, ...fields, plan } as unknown as KeptDeviation;
      deviations.push(deviation);
      for (const [id, hash] of Object.entries(deviation.results)) results.set(id, hash);
    }
  }
  return registered ? { registered, deviations, results } : null;
}

/** In the log a plan is text: programs that draw curves of a log's numbers must not take its numbers for such. */
function planIn(dir: string, text: unknown, hash: unknown): Plan {
  const path = join(dir, runFiles.events);
  if (typeof text === 'string' && sha256(text) === hash) return parseJson(text, path) as Plan;
  throw new DataError(
    `${path}: a plan in it was edited: it does not have the hash that stands beside it; put the log back`,
  );
}

/** The plans that held, the last of them now. */
export const plansOf = ({ registered, deviations }: TrialLog): Plan[] => [
  registered.plan,
  ...deviations.map(({ plan }) => plan),
];
export const planNow = (log: TrialLog): Plan => plansOf(log).at(-1)!;

/** Keys that only a later version of Graft has are no difference. */
export const comparing = ({ registered }: TrialLog) => ({ ignoreNew: registered.version !== graftVersion() });
