/** A verdict's plan as it is registered: what is asked, and not how the table is read. */
import { ConfigError } from '../../errors.js';
import {
  hashOfPlan,
  type Plan,
  planDifferences,
  type RegistrationFile,
  type RegistrationRecord,
} from '../registration.js';
import type { VerdictPlan } from './plan.js';

const asked = [
  'baseline',
  'arm',
  'balanceControls',
  'synthetic',
  'margin',
  'marginReason',
  'testToTrain',
  'level',
  'power',
  'looks',
  'positive',
] as const satisfies readonly (keyof VerdictPlan)[];

export const askedOf = (plan: VerdictPlan): Plan =>
  Object.fromEntries(asked.flatMap((key) => (plan[key] === undefined ? [] : [[key, plan[key]]])));

/** @throws ConfigError where a plan leaves open what could still be chosen by the scores */
export function requireWhole({ baseline, arm, marginReason }: VerdictPlan): void {
  const lacking = [
    baseline === undefined ? '--baseline' : '',
    arm === undefined ? '--arm' : '',
    marginReason === undefined ? '--margin-reason' : '',
  ].filter((flag) => flag !== '');
  if (lacking.length > 0)
    throw new ConfigError(
      `a plan to be registered says it all: ${lacking.join(', ')} ${lacking.length > 1 ? 'are' : 'is'} missing`,
    );
}

/**
 * What an analysis says of its registration.
 * @param why of a deviation, where the plan is another one now
 * @throws ConfigError where it is another one, and nobody says why
 */
export function heldTo(
  plan: VerdictPlan,
  { registration, fileHash }: RegistrationFile,
  why: string | undefined,
): RegistrationRecord {
  const now = askedOf(plan);
  const differences = planDifferences(registration.plan, now);
  if (differences.length > 0 && why === undefined)
    throw new ConfigError(
      `not what was registered (${differences.join('; ')}); leave these options out, or say why with --deviation "…"`,
    );
  const { planHash, registeredAt, by } = registration;
  return {
    planHash,
    fileHash,
    registeredAt,
    by,
    marginReason: plan.marginReason ?? null,
    deviations:
      why === undefined
        ? []
        : [{ time: new Date().toISOString(), why, was: planHash, now: hashOfPlan(now), differences }],
  };
}
