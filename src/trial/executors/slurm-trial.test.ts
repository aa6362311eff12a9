/** A whole trial through a real Slurm cluster of one node: GAN, images, classifiers, a killed task, the verdict's figures. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setThreads } from 'graft-torch';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileProgram, program } from '../../../test/program.js';
import { createPhantomDataset } from '../../data/phantom/dataset.js';
import { createRun } from '../../run/run-folder.js';
import { trialConfigSchema } from '../config.js';
import { runTrial } from '../run.js';
import type { TrialSummary } from '../summary.js';
import { openTrial } from '../trial.js';
import { elsewhere } from './elsewhere.js';
import { slurmWorkers } from './slurm.js';
import { type SlurmCluster, startSlurm, whyNoSlurm } from './slurm-cluster.test-data.js';
import { until } from './until.test-data.js';
import { keptGoing } from './workers.js';

const missing = whyNoSlurm();
if (missing) console.log(`a trial through Slurm skipped: ${missing}`);

const folder = mkdtempSync(join(tmpdir(), 'graft-slurm-trial-'));
let cluster: SlurmCluster | undefined;
beforeAll(async () => {
  if (missing) return;
  await compileProgram();
  cluster = await startSlurm(mkdtempSync(join(folder, 'cluster-')));
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const scoresOf = ({ runs }: TrialSummary) =>
  runs.map(({ arm, seed, testScores }) => ({ arm, seed, testScores }));

test.skipIf(missing)(
  'a trial is done by Slurm as it is here, a task that was killed included',
  async () => {
    setThreads(1);
    const data = join(folder, 'phantoms');
    await createPhantomDataset(data, { count: 80, sizePx: 64, prevalence: 0.3, seed: 2 });
    const gan = {
      steps: 3,
      batchSize: 4,
      latentSize: 8,
      generatorWidth: 4,
      discriminatorWidth: 4,
      sampleCount: 4,
    };
    const config = trialConfigSchema.parse({
      data,
      arms: ['real', 'real+synthetic'],
      seeds: [0],
      gans: { sngan: { set: gan } },
      classifier: { set: { imageSize: 32, steps: 20, batchSize: 8, evaluateEvery: 2, warmupSteps: 1 } },
      threads: 1,
    });
    const dir = join(folder, 'slurm');
    const run = createRun(dir, { kind: 'trial', config });
    const workers = slurmWorkers({
      trialDir: dir,
      command: [process.execPath, program, 'trial', 'work', dir],
      environment: cluster!.environment,
    });
    const executor = elsewhere({ fleet: keptGoing(workers, { count: 1, pollMs: 300 }), pollMs: 300 });
    const started = runTrial(run, openTrial(dir), { executor }).finally(() => run.close());
    const checkpoints = join(dir, 'runs', 'fold-1', 'real', 'seed-0', 'checkpoints');
    const killed = until(() => existsSync(checkpoints) && readdirSync(checkpoints).length > 0, 120_000).then(
      () =>
        execFileSync('scancel', ['--signal=KILL', '--full', '--user=root'], { env: cluster!.environment }),
    );
    const [summary] = await Promise.all([started, killed]);
    const here = createRun(join(folder, 'here'), { kind: 'trial', config });
    const alone = await runTrial(here, openTrial(here.dir), { parallel: 1 }).finally(() => here.close());
    expect(scoresOf(summary)).toEqual(scoresOf(alone));
  },
  240_000,
);
