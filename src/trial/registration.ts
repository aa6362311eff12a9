/**
 * The plan of a trial, as it is registered: everything that decides its answer, nothing of where its files lie or how fast
 * it is computed. Files and folders stand in it by what they hold.
 */
import { existsSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { ConfigError, sha256, sha256File } from 'graft-torch/base';
import { commandLine, graftVersion } from '../base/index.js';
import { type Dataset, openDataset } from '../data/dataset/index.js';
import { bestCheckpointPath, listCheckpoints, runConditions, runFiles } from '../run/index.js';
import {
  estimandText,
  type Plan,
  planDifferences,
  type RegistrationFile,
  readRegistration,
  requirePast,
  someOf,
} from '../verdict/index.js';
import type { TrialArm } from './arms.js';
import { comparisonPairs, rolesOf } from './comparisons.js';
import { armsOf, seedsOf, type TrialConfig, usedGans } from './config.js';
import { classifierConfig, ganConfig } from './plan.js';
import type { TrialSummary } from './summary.js';
import type { Trial } from './trial.js';
import { variantRows } from './variants.js';

/** Everything that is to be fixed before a trial begins. Reads what the configuration names, to hash it. */
export async function trialPlan(config: TrialConfig, dataset: Dataset): Promise<Plan> {
  // What is left of the configuration when its parts are taken out goes in as it is: no key can be forgotten here.
  const {
    name: _name,
    data: _data,
    device: _device,
    threads: _threads,
    external,
    gans: _gans,
    classifier: _classifier,
    synthetic: { amount: _amount, choice: _choice, ...synthetic },
    arms: _arms,
    sweep: _sweep,
    seeds: _seeds,
    sequential: _sequential,
    equivalenceMargin: _margin,
    ...rest
  } = config;
  const splits: Record<string, string> = {};
  for (let fold = 1; fold <= config.folds; fold++)
    splits[`fold ${fold}`] = splitHash(dataset, config.folds, fold);
  return {
    ...rest,
    ...analysisPlan(config),
    estimand: estimandOf(config, dataset),
    dataset: { hash: dataset.hash, positive: dataset.positive },
    splits,
    external: Object.fromEntries(
      Object.entries(external).map(([name, dir]) => [name, openDataset(dir).hash]),
    ),
    synthetic,
    classifier: await trained(classifierConfig(config), ['weights'], ['seed', 'synthetic']),
    gans: await generators(config, dataset),
  };
}

/** In the words of the verdict, by how many generators the primary arm will have. */
function estimandOf(config: TrialConfig, { groupedBy }: Dataset): string {
  const arms = armsOf(config);
  const pairs = comparisonPairs(arms);
  const primary = pairs[rolesOf(pairs).indexOf('primary')];
  const gan = primary?.arm.synthetic && config.gans[primary.arm.synthetic.gan];
  const several =
    gan?.run === null && (config.folds > 1 || (gan.each === 'seed' && seedsOf(config).length > 1));
  const scope = !gan ? 'no-generator' : several ? 'recipe' : 'one-generator';
  return estimandText({ scope, folds: config.folds, group: groupedBy });
}

/** What decides how the scores are read: all that a finished trial can still be told otherwise about. */
export function analysisPlan(config: TrialConfig): Plan {
  return {
    ...comparedPlan(armsOf(config)),
    margin: config.equivalenceMargin,
    marginReason: config.marginReason,
    level: config.level,
    power: config.power,
    seeds: seedsOf(config),
    looks: config.sequential?.looks ?? null,
    halfWidth: config.sequential?.halfWidth ?? null,
  };
}

/** The same as a finished trial's summary says it; seeds apart, of which a trial with looks may have fewer. */
export const summaryPlan = (summary: TrialSummary): Plan => ({
  ...comparedPlan(summary.arms),
  margin: summary.equivalenceMargin,
  level: summary.level,
  power: summary.power,
  looks: summary.sequential?.looks ?? null,
});

function comparedPlan(arms: readonly TrialArm[]): Plan {
  const pairs = comparisonPairs(arms);
  const roles = rolesOf(pairs);
  const title = (i: number): string => `${pairs[i]!.arm.name} − ${pairs[i]!.baseline.name}`;
  const primary = roles.indexOf('primary');
  return {
    arms: Object.fromEntries(arms.map(({ name, ...arm }) => [name, arm])),
    comparisons: Object.fromEntries(
      pairs.map(({ question }, i) => [title(i), { question, role: roles[i]! }]),
    ),
    primary: primary < 0 ? null : title(primary),
  };
}

function splitHash(dataset: Dataset, folds: number, fold: number): string {
  const rows = variantRows(dataset, folds, { fold, realFraction: 1 });
  return sha256(
    rows
      .map(({ id, split, label }) => JSON.stringify([id, split, label]))
      .sort()
      .join('\n'),
  );
}

/** The GANs whose images are used: a finished run by what it holds, one that is trained here by its whole recipe. */
async function generators(config: TrialConfig, { positive }: Dataset): Promise<Plan> {
  const used = usedGans(config);
  const plans: Record<string, unknown> = {};
  for (const [name, { run, each }] of Object.entries(config.gans)) {
    if (!used.has(name)) continue;
    plans[name] =
      run !== null
        ? { run: await contentOf(run) }
        : {
            each,
            recipe: await trained(ganConfig(config, name, { data: '', positive }), ['initFrom', 'backbone']),
          };
  }
  return plans;
}

/** A network's settings without what decides no result, its files by what they hold. */
async function trained(
  settings: object,
  files: readonly string[],
  leftOut: readonly string[] = [],
): Promise<Plan> {
  const plan: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    if (key === 'data' || runConditions.includes(key) || leftOut.includes(key)) continue;
    plan[key] = files.includes(key) && typeof value === 'string' ? await contentOf(value) : value;
  }
  return plan;
}

/**
 * SHA-256 of a file, or of a run's summary and networks; a name (`random`) is itself. What stands before a backbone's file
 * stays: `inception:` and the hash of its weights.
 */
async function contentOf(path: string): Promise<string> {
  const [form] = /^[\w.-]{2,}:(?=[/\\]|[a-z]:[/\\])/i.exec(path) ?? [];
  if (form !== undefined) return form + (await contentOf(path.slice(form.length)));
  if (!isAbsolute(path)) return path;
  if (!existsSync(path)) return 'missing';
  if (statSync(path).isFile()) return await sha256File(path);
  const last = listCheckpoints(path).at(-1);
  const parts = [join(path, runFiles.summary), bestCheckpointPath(path), ...(last ? [last.path] : [])];
  const hashes = await Promise.all(parts.filter((part) => existsSync(part)).map((part) => sha256File(part)));
  return sha256(hashes.join('\n'));
}

/** @throws ConfigError where the margin has no reason: a number that nobody can argue for is not worth registering */
export function requireMarginReason(config: TrialConfig): void {
  if (config.marginReason?.trim()) return;
  throw new ConfigError(
    `marginReason: say why a difference in AUC below ${config.equivalenceMargin} would not matter: --margin-reason "…", or the key marginReason of the trial file`,
  );
}

/**
 * What `graft trial register` wrote.
 * @throws DataError where it is none, ConfigError where it was not made before a trial
 */
export function priorRegistration(path: string): RegistrationFile {
  const file = readRegistration(path);
  requirePast(file.registration);
  if (file.registration.by === 'register') return file;
  throw new ConfigError(
    `${path}: was written by a trial that began, not before it; make one with: ${commandLine`graft trial register FILE`}`,
  );
}

/** Before there is a trial folder. @throws ConfigError naming what differs from the plan that was registered in a file */
export async function requirePlan(
  { config, dataset }: Trial,
  { registration }: RegistrationFile,
  path: string,
): Promise<void> {
  const ignoreNew = registration.version !== graftVersion();
  const differences = planDifferences(registration.plan, await trialPlan(config, dataset), { ignoreNew });
  if (differences.length > 0)
    throw new ConfigError(
      `${path}: registered another plan than this: ${someOf(differences)}. Run what was registered, or say why not: --deviation "…", which the report then tells`,
    );
}
