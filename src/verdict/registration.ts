/**
 * A plan that is fixed before its answer is known: what is compared with what, on which images, and which difference would
 * matter. It is written as `registration.json`, whose SHA-256 can be deposited anywhere that keeps a date: whoever has the
 * deposited hash can tell later that the plan is the one of then. What is done otherwise afterwards is a deviation, with
 * the reason; deviations stand beside the verdict. A plan is any JSON: a trial's, or that of a table of anyone's scores.
 */

import { existsSync } from 'node:fs';
import {
  ConfigError,
  DataError,
  parseJson,
  readBytes,
  readText,
  sha256,
  writeFileAtomic,
} from 'graft-torch/base';
import { z } from 'zod';
import { checkedBy } from '../base/index.js';
import { day, plural } from '../report/index.js';

export const REGISTRATION_FILE = 'registration.json';
export const DEVIATIONS_FILE = 'deviations.json';

/** JSON-safe; maps rather than lists of maps, so that a difference has a name. */
export type Plan = Readonly<Record<string, unknown>>;

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

const registrationSchema = z.strictObject({
  format: z.literal('graft-registration-1'),
  /** Written before anything was begun, or by the run itself at its start, which shows later edits and no more. */
  by: z.enum(['register', 'run']),
  registeredAt: z.iso.datetime(),
  /** Version of Graft. */
  version: z.string(),
  name: z.string().min(1),
  planHash: hash,
  plan: z.record(z.string(), z.unknown()),
});
export type Registration = z.infer<typeof registrationSchema>;

/** What was done otherwise than planned. */
const deviationSchema = z.strictObject({
  time: z.iso.datetime(),
  why: z.string().min(1),
  /** Hashes of the plan before and after: the same where something else than the plan was changed. */
  was: hash,
  now: hash,
  /** One a line, for people. */
  differences: z.array(z.string()),
});
export type Deviation = z.infer<typeof deviationSchema>;

/** A deviation as it is kept: with all that a later comparison is made against. */
const keptDeviationSchema = z.strictObject({
  ...deviationSchema.shape,
  /** From then on. */
  plan: z.record(z.string(), z.unknown()),
  /** Parts whose results are another now, with their hash, or null where they are to be made again. */
  results: z.record(z.string(), hash.nullable()),
});
export type KeptDeviation = z.infer<typeof keptDeviationSchema>;

/** What a result says of its plan. */
export const registrationRecordSchema = z.strictObject({
  planHash: hash,
  /** Of registration.json: what is deposited. */
  fileHash: hash.nullable(),
  registeredAt: z.iso.datetime().nullable(),
  /** Of scores that somebody hands over: when the first of their files was last written. */
  scoresWrittenAt: z.iso.datetime().optional(),
  by: z.enum(['register', 'run']),
  /** Why a smaller difference than the margin would not matter. */
  marginReason: z.string().nullable().default(null),
  deviations: z.array(deviationSchema),
});
export type RegistrationRecord = z.infer<typeof registrationRecordSchema>;

/** A registration as it lies on the disk. */
export interface RegistrationFile {
  registration: Registration;
  /** The file's bytes. */
  text: string;
  fileHash: string;
}

/** JSON with its keys in order and no white space: equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((inner) => canonicalJson(inner ?? null)).join(',')}]`;
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new Error(`a plan cannot hold ${value}: JSON has no such number`);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
}

/** SHA-256 of a plan alone: the same plan has the same hash whenever it is registered. */
export const hashOfPlan = (plan: Plan): string => sha256(canonicalJson(plan));

export function makeRegistration(options: {
  by: Registration['by'];
  name: string;
  version: string;
  plan: Plan;
  time?: Date;
}): RegistrationFile {
  const { by, name, version, time = new Date() } = options;
  const plan = JSON.parse(canonicalJson(options.plan)) as Record<string, unknown>;
  const registration: Registration = {
    format: 'graft-registration-1',
    by,
    registeredAt: time.toISOString(),
    version,
    name,
    planHash: hashOfPlan(plan),
    plan,
  };
  const text = `${JSON.stringify(registration, null, 2)}\n`;
  return { registration, text, fileHash: sha256(text) };
}

export function writeRegistration(path: string, { text }: RegistrationFile): void {
  writeFileAtomic(path, text);
}

/** @throws DataError where it is no registration, or its plan is not the one that its hash was made of */
export function readRegistration(path: string): RegistrationFile {
  const text = readBytes(path).toString('utf8');
  const registration = checkedBy(registrationSchema, parseJson(text, path, { uniqueKeys: true }), {
    where: `${path}: is no registration`,
  });
  const { planHash, plan } = registration;
  if (hashOfPlan(plan) !== planHash)
    throw new DataError(
      `${path}: was edited after it was registered: its plan has the SHA-256 ${hashOfPlan(plan).slice(0, 12)}, it says ${planHash.slice(0, 12)}; take the file that was deposited`,
    );
  return { registration, text, fileHash: sha256(readBytes(path)) };
}

/** A registration as it stands now in its file. */
export interface KeptRegistration extends RegistrationFile {
  /** The same plan had been registered before: the file was left as it was. */
  isOld: boolean;
}

/**
 * Writes a registration, unless the same plan is registered there already.
 * @param force replaces the registration of another plan, but no file of another kind
 * @throws ConfigError where another plan is registered there, DataError where the file is none
 */
export function keepRegistration(path: string, made: RegistrationFile, force = false): KeptRegistration {
  if (existsSync(path)) {
    const before = readRegistration(path);
    const { planHash, by, name, registeredAt } = before.registration;
    if (planHash === made.registration.planHash && by === 'register') return { ...before, isOld: true };
    if (!force)
      throw new ConfigError(
        `${path}: holds the registration of another plan (${name}, ${registeredAt.slice(0, 10)}); give another --out, or replace it with --force`,
      );
  }
  writeRegistration(path, made);
  return { ...made, isOld: false };
}

/** Two machines' clocks differ by less. */
const CLOCKS_MS = 5 * 60_000;

/** @throws DataError for a registration whose date is yet to come */
export function requirePast({ registeredAt }: Registration, now = new Date()): void {
  if (Date.parse(registeredAt) > now.getTime() + CLOCKS_MS)
    throw new DataError(
      `the registration is dated ${registeredAt}, which is yet to come; was its date edited?`,
    );
}

/** @throws DataError where the file holds something else */
export function readDeviations(path: string): KeptDeviation[] {
  return checkedBy(z.array(keptDeviationSchema), parseJson(readText(path), path), {
    where: path,
    remedy: '; it was edited: put back what was written',
  });
}

/** Without what only the next comparison needs. */
export const toldDeviation = ({ plan: _, results: __, ...told }: KeptDeviation): Deviation => told;

/**
 * Keys in which two plans differ, each as 'margin: was 0.02, is 0.05', in the order of the first.
 * @param options.ignoreNew keys that the first lacks altogether do not count: a later version of Graft brings them
 */
export function planDifferences(was: Plan, now: Plan, options: { ignoreNew?: boolean } = {}): string[] {
  return [...differingKeys(was, now, options)].map(
    ([key, [before, after]]) => `${key}: was ${shown(before)}, is ${shown(after)}`,
  );
}

/** The same as a map of dotted keys to both values. */
export function differingKeys(
  was: Plan,
  now: Plan,
  { ignoreNew = false }: { ignoreNew?: boolean } = {},
): Map<string, [was: string | undefined, now: string | undefined]> {
  const [before, after] = [flatten(was), flatten(now)];
  const differing = new Map<string, [string | undefined, string | undefined]>();
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(key) === after.get(key) || (ignoreNew && !before.has(key))) continue;
    differing.set(key, [before.get(key), after.get(key)]);
  }
  return differing;
}

/** Dotted key → value as JSON; a list is one value. */
function flatten(value: Plan, above = ''): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const isMap = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
    if (isMap && Object.keys(inner).length > 0) {
      for (const entry of flatten(inner as Plan, `${above}${key}.`)) flat.set(...entry);
    } else flat.set(`${above}${key}`, canonicalJson(inner));
  }
  return flat;
}

const shown = (json: string | undefined): string =>
  json === undefined ? 'missing' : json.length > 80 ? `${json.slice(0, 77)}…` : json;

/** At most three of them, and how many more. */
export const someOf = (problems: readonly string[]): string =>
  problems.length > 4
    ? `${problems.slice(0, 3).join('; ')}; and ${problems.length - 3} more`
    : problems.join('; ');

/** What a plan is the plan of: runs that are made, or scores that are there. */
export type PlanSubject = 'trial' | 'analysis';

/** Whether the scores may have been there when the plan was written down. */
const isLate = ({ registeredAt, scoresWrittenAt }: RegistrationRecord, subject: PlanSubject): boolean =>
  subject === 'analysis' &&
  registeredAt !== null &&
  scoresWrittenAt !== undefined &&
  Date.parse(registeredAt) >= Date.parse(scoresWrittenAt);

/** Of an analysis only the files of the scores can tell, and only as far as their dates go. */
function when(record: RegistrationRecord, subject: PlanSubject): string {
  if (isLate(record, subject)) return ', dated after the scores were written';
  return subject === 'trial' || record.scoresWrittenAt !== undefined ? `, before the ${subject} began` : '';
}

/** What a report says of the plan, right under its verdict: a sentence or two that claim no more than is known. */
export function registrationText(record: RegistrationRecord | null, subject: PlanSubject = 'trial'): string {
  if (record === null)
    return `Not registered: no plan was written down before this ${subject} began, so that nothing shows that its margin, its comparisons and its seeds are those of the beginning.`;
  const { by, registeredAt, fileHash, planHash, deviations } = record;
  const on = registeredAt === null ? '' : ` on ${day(registeredAt)}`;
  const sum = `SHA-256 ${fileHash ?? planHash}`;
  const head =
    by === 'register'
      ? `Registered${on}${when(record, subject)}: ${sum}`
      : `Not registered before it was run: the plan was written down when the ${subject} began${on}: ${sum}`;
  if (deviations.length === 0) return `${head}; no deviations.`;
  const told = deviations.map(({ time, why, differences }) => {
    const what = differences.length > 0 ? someOf(differences) : 'nothing that Graft compares';
    return `${time.slice(0, 10)}: ${what}: “${why}”`;
  });
  return `${head}. ${plural(deviations.length, 'deviation')} from the plan (${told.join('; ')}).`;
}

/** When what the plan fixes was fixed, as part of a sentence: 'set beforehand'. */
export function whenFixed(record: RegistrationRecord | null, subject: PlanSubject = 'trial'): string {
  // Nobody can tell when the options of an analysis were chosen.
  if (record === null) return subject === 'trial' ? 'set in the trial file' : 'taken';
  if (record.deviations.length > 0) return 'set (see the deviations from the plan)';
  if (isLate(record, subject)) return 'registered after the scores were written';
  return record.by === 'register' ? 'set beforehand' : `set when the ${subject} began`;
}
