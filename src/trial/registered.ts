/**
 * A trial holds to its plan, or says where it does not. Its log (`events.jsonl`) keeps what it was registered as, every
 * deviation, and a hash of every part's result; `registration.json` and `deviations.json` are the same for people and for
 * depositing. What was edited or removed since is found by comparing the folder with the log.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError, readBytes, sha256, writeJson } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import { plural } from '../report/index.js';
import { annotateRun, type Run, resolveConfig, runFiles } from '../run/index.js';
import {
  canonicalJson,
  DEVIATIONS_FILE,
  differingKeys,
  hashOfPlan,
  type KeptDeviation,
  makeRegistration,
  type Plan,
  planDifferences,
  REGISTRATION_FILE,
  type RegistrationFile,
  type RegistrationRecord,
  readDeviations,
  readRegistration,
  someOf,
  toldDeviation,
  writeRegistration,
} from '../verdict/index.js';
import { trialConfigSchema } from './config.js';
import { jobStates, readSchedule } from './jobs.js';
import { analysisPlan, summaryPlan, trialPlan } from './registration.js';
import { resultHash, summaryHash } from './results.js';
import type { TrialSummary } from './summary.js';
import type { Trial, TrialFolder } from './trial.js';
import { comparing, PLAN_EVENTS, planNow, plansOf, readLog, type TrialLog } from './trial-log.js';

/** What is not as the log says, and which hashes would have to be taken for true to go on. */
interface Findings {
  problems: string[];
  results: Record<string, string | null>;
}

/** What a summary says of the plan. @returns null where the trial is not registered */
export function registrationRecord(dir: string): RegistrationRecord | null {
  const log = readLog(dir);
  if (!log) return null;
  const { by, planHash, fileHash, registeredAt } = log.registered;
  return {
    planHash,
    fileHash,
    registeredAt,
    by,
    marginReason: reasonOf(log),
    deviations: log.deviations.map(toldDeviation),
  };
}

/** A reason is one for the margin that it was given with: edited alone, the margin has none. */
function reasonOf(log: TrialLog): string | null {
  const { margin, marginReason } = planNow(log);
  const given = plansOf(log).find((plan) => plan.marginReason === marginReason);
  return typeof marginReason === 'string' && given?.margin === margin ? marginReason : null;
}

/**
 * Registers a trial that begins (its folder may hold a `registration.json` already, made by `graft trial register`), or
 * compares one that goes on with what it was registered as.
 * @param deviation why it goes on though something differs
 * @throws ConfigError naming what differs, where no reason is given
 */
export async function settleRegistration(run: Run, trial: Trial, deviation?: string): Promise<void> {
  const { dir } = run;
  const { config, dataset } = trial;
  const plan = await trialPlan(config, dataset);
  if (!readLog(dir)) {
    if (hasBegun(dir)) {
      if (deviation !== undefined) throw notRegistered(dir);
      return;
    }
    const path = join(dir, REGISTRATION_FILE);
    const made = existsSync(path)
      ? readRegistration(path)
      : makeRegistration({ by: 'run', name: config.name, version: graftVersion(), plan });
    if (!existsSync(path)) writeRegistration(path, made);
    recordRegistration(run, made);
  }
  const log = readLog(dir)!;
  adoptDeviations(run, log);
  const files = fileFindings(dir, log);
  const done = resultFindings({ ...trial, dir }, log);
  const problems = [
    ...files.problems,
    ...planDifferences(planNow(log), plan, comparing(log)),
    ...done.problems,
  ];
  const results = { ...files.results, ...done.results };
  if (deviation !== undefined)
    return recordDeviation(run, log, {
      why: deviation,
      plan,
      problems,
      results: { ...done.dropped, ...results },
    });
  refuse(dir, problems);
}

function hasBegun(dir: string): boolean {
  return readSchedule(dir) !== undefined || ['runs', 'gans'].some((name) => existsSync(join(dir, name)));
}

const notRegistered = (dir: string): ConfigError =>
  new ConfigError(`--deviation: ${dir} has no registered plan that it could deviate from; leave it out`);

/** @throws ConfigError where there is anything */
function refuse(dir: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new ConfigError(
    `${dir}: is not as it was registered: ${someOf(problems)}. Put ${problems.length === 1 ? 'it' : 'them'} back, or say why: --deviation "…", which the report then tells`,
  );
}

function recordRegistration(run: Run, { registration, fileHash }: RegistrationFile): void {
  const { by, planHash, plan, registeredAt, version } = registration;
  run.event(
    PLAN_EVENTS.registered,
    0,
    { by, planHash, plan: canonicalJson(plan) },
    { fileHash, registeredAt, version },
  );
  run.sync();
}

function recordDeviation(
  run: Run,
  log: TrialLog,
  {
    why,
    plan,
    problems,
    results,
  }: { why: string; plan: Plan; problems: string[]; results: Findings['results'] },
): void {
  const deviation: KeptDeviation = {
    time: new Date().toISOString(),
    why: why.trim(),
    was: hashOfPlan(planNow(log)),
    now: hashOfPlan(plan),
    differences: problems,
    plan: JSON.parse(canonicalJson(plan)),
    results,
  };
  // The file first: what it has more than the log is taken into the log when the trial is opened next.
  writeJson(join(run.dir, DEVIATIONS_FILE), [...log.deviations, deviation]);
  recordInLog(run, deviation);
}

function recordInLog(run: Run, { time, plan, ...fields }: KeptDeviation): void {
  run.event(PLAN_EVENTS.deviation, 0, { ...fields, plan: canonicalJson(plan) }, { time });
  run.log(`deviation: ${fields.why}`);
  run.sync();
}

/** After a crash between the two. */
function adoptDeviations(run: Run, log: TrialLog): void {
  const kept = keptDeviations(run.dir);
  if (!kept || !isBeginning(log.deviations, kept)) return;
  for (const deviation of kept.slice(log.deviations.length)) {
    recordInLog(run, deviation);
    log.deviations.push(deviation);
    for (const [id, hash] of Object.entries(deviation.results)) log.results.set(id, hash);
  }
}

const isBeginning = (some: readonly KeptDeviation[], all: readonly KeptDeviation[]): boolean =>
  some.every((one, i) => canonicalJson(one) === canonicalJson(all[i]));

/** @returns undefined where there is no such file, or it is damaged */
function keptDeviations(dir: string): KeptDeviation[] | undefined {
  const path = join(dir, DEVIATIONS_FILE);
  try {
    return existsSync(path) ? readDeviations(path) : undefined;
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

/** registration.json and deviations.json against the log. */
function fileFindings(dir: string, { registered, deviations, results }: TrialLog): Findings {
  const found: Findings = { problems: [], results: {} };
  const path = join(dir, REGISTRATION_FILE);
  const now = existsSync(path) ? sha256(readBytes(path)) : null;
  const known = results.has(REGISTRATION_FILE) ? results.get(REGISTRATION_FILE) : registered.fileHash;
  if (now !== known && now !== registered.fileHash) {
    found.problems.push(
      `${REGISTRATION_FILE} ${now === null ? 'is gone' : 'was edited'} (it had the SHA-256 ${registered.fileHash})`,
    );
    found.results[REGISTRATION_FILE] = now;
  }
  if (deviations.length > 0 && !isBeginning(deviations, keptDeviations(dir) ?? []))
    found.problems.push(
      `${DEVIATIONS_FILE} ${existsSync(join(dir, DEVIATIONS_FILE)) ? 'was edited' : 'is gone'} (the log has ${deviations.length} of them)`,
    );
  return found;
}

/** What was done and is not there any more, or is another. @returns with it, results that the plan has no place for */
function resultFindings(
  { dir, config, ...trial }: TrialFolder,
  { results }: TrialLog,
): Findings & { dropped: Findings['results'] } {
  const found: Findings = { problems: [], results: {} };
  const jobs = trial.jobs();
  const states = jobStates(dir, jobs, config);
  const dropped: Findings['results'] = {};
  const jobOf = new Map(jobs.map((job) => [job.id, job]));
  for (const [id, hash] of results) {
    if (hash === null || !id.includes('/')) continue;
    const job = jobOf.get(id);
    if (!job) dropped[id] = null;
    else if (states.get(id) !== 'done') found.problems.push(`${id} was done, and its result is gone`);
    else if (resultHash(dir, job, config) !== hash)
      found.problems.push(`${id} has another result than when it was done`);
    else continue;
    found.results[id] = null;
  }
  const summary = results.get(runFiles.summary);
  if (summary !== undefined && summary !== null && !existsSync(join(dir, runFiles.summary))) {
    found.problems.push(`${runFiles.summary}: the trial had finished, and its result is gone`);
    found.results[runFiles.summary] = null;
  }
  return { ...found, dropped };
}

/**
 * The summary of a finished trial with what its folder says of its plan now.
 * @param deviation why the report is to be made though something differs
 * @throws ConfigError naming what differs, where no reason is given; DataError where the log is gone
 */
export function registeredSummary(dir: string, summary: TrialSummary, deviation?: string): TrialSummary {
  const log = readLog(dir);
  if (!log) {
    if (summary.registration !== null)
      throw new DataError(
        `${dir}/${runFiles.events}: is gone or was cut: it holds the plan that the trial was registered with; put it back`,
      );
    if (deviation !== undefined) throw notRegistered(dir);
    return summary;
  }
  requireKnown(dir, summary, log);
  const parts = [fileFindings(dir, log), summaryFindings(summary, log), configFindings(dir, log)];
  const problems = parts.flatMap((part) => part.problems);
  if (deviation === undefined) refuse(dir, problems);
  else {
    const run = annotateRun(dir);
    try {
      const results = Object.assign({}, ...parts.map((part) => part.results));
      const plan = { ...planNow(log), ...toldPlan(summary) };
      recordDeviation(run, log, { why: deviation, plan, problems, results });
    } finally {
      run.close();
    }
  }
  return { ...summary, registration: registrationRecord(dir) };
}

/** The summary holds what the log held when the trial finished. @throws DataError where the log has less */
function requireKnown(
  dir: string,
  { registration }: TrialSummary,
  { registered, deviations }: TrialLog,
): void {
  if (registration === null) return;
  const isKnown =
    registration.fileHash === registered.fileHash &&
    registration.deviations.every(
      (one, i) => canonicalJson(one) === canonicalJson(deviations[i] && toldDeviation(deviations[i])),
    );
  if (!isKnown)
    throw new DataError(
      `${dir}/${runFiles.events}: was edited: the trial finished with ${plural(registration.deviations.length, 'deviation')} from the plan of SHA-256 ${registration.fileHash}; put it back`,
    );
}

/** What a summary says of the plan, seeds and data included. */
function toldPlan(summary: TrialSummary): Plan {
  const { dataset, external, folds, runs } = summary;
  return {
    ...summaryPlan(summary),
    dataset: { hash: dataset.hash, positive: dataset.positive },
    external: Object.fromEntries(external.map(({ name, hash }) => [name, hash])),
    folds: folds.length,
    seeds: [...new Set(runs.map(({ seed }) => seed))],
  };
}

/** A summary against the plan and against the scores that the log knows of. */
function summaryFindings(summary: TrialSummary, log: TrialLog): Findings {
  const found: Findings = { problems: [], results: {} };
  const told = toldPlan(summary);
  const now = planNow(log);
  const { looks, reached } = summary.sequential ?? { looks: [], reached: 0 };
  const planned = Object.fromEntries(Object.keys(told).map((key) => [key, now[key]]));
  if (Array.isArray(now.seeds)) planned.seeds = now.seeds.slice(0, looks[reached - 1] ?? now.seeds.length);
  found.problems.push(
    ...planDifferences(planned, told, comparing(log)).map(
      (difference) => `${runFiles.summary}: ${difference}`,
    ),
  );
  const hashes = new Map(summary.runs.map((run) => [run.folder, summaryHash(summary, run)]));
  const recorded = [...log.results].filter(([id, hash]) => hash !== null && id.startsWith('runs/'));
  for (const [id, hash] of recorded) {
    const is = hashes.get(id);
    if (is === hash) continue;
    found.problems.push(
      `${runFiles.summary}: ${id} ${is === undefined ? 'is gone' : 'has other scores than when it was done'}`,
    );
    found.results[id] = is ?? null;
  }
  for (const [id, hash] of hashes)
    if (!log.results.get(id)) {
      found.problems.push(`${runFiles.summary}: ${id || 'a run'} was not done in this trial`);
      found.results[id] = hash;
    }
  return found;
}

/** The trial's config.yaml may be that of any plan which held: an edit that came with none would be taken for one. */
function configFindings(dir: string, log: TrialLog): Findings {
  // Another version of Graft may read it otherwise; nothing depends on it any more.
  if (log.registered.version !== graftVersion()) return { problems: [], results: {} };
  const config = resolveConfig(trialConfigSchema, { file: join(dir, runFiles.config) });
  const is = analysisPlan(config);
  const hash = hashOfPlan(is);
  if (log.results.get(runFiles.config) === hash) return { problems: [], results: {} };
  const plans = plansOf(log).map((plan) =>
    Object.fromEntries(Object.keys(is).map((key) => [key, plan[key]])),
  );
  const differing = plans.map((plan) => differingKeys(plan, is));
  const nowhere = planDifferences(plans.at(-1)!, is).filter((difference) =>
    differing.every((keys) => [...keys.keys()].some((key) => difference.startsWith(`${key}: `))),
  );
  return {
    problems: nowhere.map((difference) => `${runFiles.config}: ${difference}`),
    results: nowhere.length > 0 ? { [runFiles.config]: hash } : {},
  };
}
