/**
 * A verdict's plan as it is registered: what is asked, how the table is read, and how it will be built. What the table is
 * like is taken from the table itself when the plan is held against it, not from what is said of it then.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, readText } from 'graft-torch/base';
import {
  type Deviation,
  hashOfPlan,
  type Plan,
  planDifferences,
  type RegistrationFile,
  type RegistrationRecord,
  registrationRecordSchema,
  requirePast,
} from '../registration.js';
import type { VerdictPlan } from './plan.js';
import { shapeAs, type TableShape } from './shape.js';

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

/** Which columns and files are read: another column of scores is another answer. */
const reading = ['columns', 'wide', 'files', 'subgroups'] as const satisfies readonly (keyof VerdictPlan)[];

const keysOf = (plan: VerdictPlan, keys: readonly (keyof VerdictPlan)[]): Plan =>
  Object.fromEntries(
    keys.flatMap((key) => {
      const value = plan[key];
      const isEmptyMap = key === 'columns' && Object.keys(plan.columns).length === 0;
      return value === undefined || isEmptyMap ? [] : [[key, value]];
    }),
  );

/** What `graft verdict register` writes. */
export function askedOf(plan: VerdictPlan): Plan {
  const { design } = plan;
  const { folds, seeds, groups, generators = false, external = [], kind = 'scores' } = design;
  return {
    ...keysOf(plan, [...asked, ...reading]),
    design: { folds, seeds, groups: groups ?? false, generators, external, kind },
  };
}

/** @throws ConfigError where a plan leaves open what could still be chosen by the scores, or contradicts itself */
export function requireWhole(plan: VerdictPlan): void {
  const { baseline, arm, marginReason, synthetic, balanceControls, design } = plan;
  const isScores = design.kind !== 'aucs';
  const lacking = [
    baseline === undefined ? '--baseline' : '',
    arm === undefined ? '--arm' : '',
    marginReason === undefined ? '--margin-reason' : '',
    design.folds === undefined ? '--folds' : '',
    design.seeds === undefined ? '--seeds' : '',
    isScores && design.groups === undefined ? '--groups' : '',
    isScores && synthetic && design.generators === undefined ? '--generators' : '',
  ].filter((flag) => flag !== '');
  if (lacking.length > 0)
    throw new ConfigError(
      `a plan to be registered says it all: ${lacking.join(', ')} ${lacking.length > 1 ? 'are' : 'is'} missing`,
    );
  if (arm === baseline) throw new ConfigError(`'${arm}' is both --arm and --baseline`);
  const twice = balanceControls.find((control) => control === arm || control === baseline);
  if (twice !== undefined)
    throw new ConfigError(
      `--balance-control names '${twice}', which is the ${twice === arm ? 'arm of the verdict' : 'baseline'} already`,
    );
  if (!isScores && (design.groups || design.generators || (design.external?.length ?? 0) > 0))
    throw new ConfigError(
      'a table of AUCs (--kind aucs) has no groups, generators or external sets; leave these out',
    );
}

/**
 * What an analysis says of its registration.
 * @param found.shape of the table that was read
 * @param found.written when the score files were last written
 * @param found.why of a deviation, where the plan is another one now
 * @param found.earlier deviations of the same plan that were told before
 * @throws ConfigError where it is another one, and nobody says why; DataError for a date to come
 */
export function heldTo(
  plan: VerdictPlan,
  { registration, fileHash }: RegistrationFile,
  found: {
    shape: TableShape;
    written: readonly Date[];
    why?: string | undefined;
    earlier?: readonly Deviation[];
    now?: Date;
  },
): RegistrationRecord {
  const { shape, written, why, earlier = [], now: time = new Date() } = found;
  const { planHash, registeredAt, by } = registration;
  requirePast(registration, time);
  const planned = registration.plan.design as Plan | undefined;
  const now: Plan = planned
    ? { ...keysOf(plan, [...asked, ...reading]), design: shapeAs(planned, shape) }
    : keysOf(plan, asked); // registered by a version that asked for no design
  const differences = planDifferences(registration.plan, now);
  if (differences.length > 0 && why === undefined)
    throw new ConfigError(
      `not what was registered (${differences.join('; ')}); analyse what was registered, or say why not with --deviation "…"`,
    );
  const first = written.length > 0 ? new Date(Math.min(...written.map((date) => date.getTime()))) : null;
  const known = (one: Deviation): boolean =>
    earlier.some((before) => before.why === one.why && before.now === one.now);
  const own =
    why === undefined
      ? []
      : [{ time: time.toISOString(), why, was: planHash, now: hashOfPlan(now), differences }];
  return {
    planHash,
    fileHash,
    registeredAt,
    by,
    marginReason: plan.marginReason ?? null,
    ...(first && { scoresWrittenAt: first.toISOString() }),
    deviations: [...earlier, ...own.filter((one) => !known(one))],
  };
}

/**
 * A table that was read, held to a registration, with what an earlier report in the same folder told.
 * @param found.paths of the table
 * @param found.out folder of the report
 * @returns `earlier`: how many deviations that report told of
 * @throws as `heldTo`
 */
export function heldToFile(
  plan: VerdictPlan,
  file: RegistrationFile,
  found: { shape: TableShape; paths: readonly string[]; why: string | undefined; out: string | undefined },
): { record: RegistrationRecord; summary: string | null; earlier: number } {
  const { shape, paths, why, out } = found;
  const summary = out === undefined ? null : join(out, 'summary.json');
  const earlier = summary === null ? [] : toldBefore(summary, file);
  const written = paths.map((path) => statSync(path).mtime);
  return { record: heldTo(plan, file, { shape, written, why, earlier }), summary, earlier: earlier.length };
}

/** Deviations from this plan that a summary tells of: what was told once is not taken back by writing over it. */
export function toldBefore(summary: string, { registration }: RegistrationFile): Deviation[] {
  if (!existsSync(summary)) return [];
  let content: unknown;
  try {
    content = JSON.parse(readText(summary));
  } catch {
    return []; // no summary of ours
  }
  const parsed = registrationRecordSchema.safeParse(
    (content as { registration?: unknown } | null)?.registration,
  );
  return parsed.success && parsed.data.planHash === registration.planHash ? parsed.data.deviations : [];
}
