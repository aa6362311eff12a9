/** A hash of what each part of a trial gave, noted when it is done, so that it is missed when it is gone or another. */
import { join } from 'node:path';
import { DataError, parseJson, readText, sha256 } from 'graft-torch/base';
import { readClassifierResult, readScores, type ScoreRow } from '../classify/index.js';
import { LINEAGE_FILE } from '../data/lineage/index.js';
import type { GanSummary } from '../generate/index.js';
import { type Run, runFiles } from '../run/index.js';
import { canonicalJson } from '../verdict/index.js';
import type { TrialConfig } from './config.js';
import { externalScoresPath, type JobState } from './jobs.js';
import { jobDir, type TrialJob } from './plan.js';
import type { TestImages, TrialSummary } from './summary.js';
import { PLAN_EVENTS, readLog } from './trial-log.js';

/** Results of which the log keeps a hash: others follow from them, or only describe. */
export const isKept = ({ kind }: TrialJob): boolean =>
  kind === 'gan' || kind === 'synthetic' || kind === 'classifier';

/** SHA-256 of what a part that is done gave: of a classifier its scores, as the summary has them. */
export function resultHash(dir: string, job: TrialJob, config: TrialConfig): string {
  const own = jobDir(dir, job.id);
  if (job.kind === 'gan') {
    // Without what the clock decides: a job that two machines did is the same.
    const path = join(own, runFiles.summary);
    const {
      steps,
      trainingGroups,
      dataset,
      ancestor,
      class: label,
      best,
    } = parseJson(readText(path), path) as GanSummary;
    return sha256(canonicalJson({ steps, trainingGroups, dataset, ancestor, label, best }));
  }
  if (job.kind === 'synthetic') return sha256(readText(join(own, LINEAGE_FILE)));
  const { testScores, test } = readClassifierResult(own);
  const external = Object.keys(config.external).map((name) =>
    scored(name, readScores(externalScoresPath(own, name))),
  );
  return scoresHash([scored('', testScores), ...external], test.threshold);
}

interface ScoredImages extends TestImages {
  name: string;
  scores: readonly number[];
}

const scored = (name: string, rows: readonly ScoreRow[]): ScoredImages => ({
  name,
  ids: rows.map(({ id }) => id),
  groups: rows.map(({ group }) => group),
  labels: rows.map(({ label }) => label),
  scores: rows.map(({ score }) => score),
});

const scoresHash = (sets: readonly ScoredImages[], threshold: number): string =>
  sha256(
    JSON.stringify([
      threshold,
      ...sets.map(({ name, ids, groups, labels, scores }) => [name, ids, groups, labels, scores]),
    ]),
  );

/** Writes down what becomes done, so that it is missed when it is gone. */
export class Ledger {
  readonly #known: Map<string, string | null>;

  constructor(
    readonly run: Run,
    readonly config: TrialConfig,
  ) {
    this.#known = readLog(run.dir)?.results ?? new Map();
  }

  /** Cheap where nothing new is done. @param seeds for which the trial is run by now */
  note(jobs: readonly TrialJob[], states: ReadonlyMap<string, JobState>, seeds: number): void {
    for (const job of jobs) {
      if (!isKept(job) || states.get(job.id) !== 'done' || this.#known.get(job.id)) continue;
      const hash = resultHash(this.run.dir, job, this.config);
      this.run.event(PLAN_EVENTS.job, seeds, { id: job.id, hash });
      this.#known.set(job.id, hash);
    }
  }

  /** @throws DataError where a result was changed since it was noted */
  verify(jobs: readonly TrialJob[]): void {
    for (const job of jobs)
      if (isKept(job) && resultHash(this.run.dir, job, this.config) !== this.#known.get(job.id))
        throw new DataError(
          `${job.id}: has another result than when it was done: something changed its folder while the trial ran; resume the trial, which says how to go on`,
        );
  }
}

export function summaryHash(summary: TrialSummary, run: TrialSummary['runs'][number]): string {
  const test = summary.folds.find(({ fold }) => fold === run.fold)?.test ?? {
    ids: [],
    groups: [],
    labels: [],
  };
  const external = summary.external.map((set) => ({ ...set, scores: run.externalScores[set.name] ?? [] }));
  return scoresHash([{ ...test, name: '', scores: run.testScores }, ...external], run.test.threshold);
}
