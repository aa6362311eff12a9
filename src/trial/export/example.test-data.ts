/** A trial on the disk for tests of the exports: three run folders with logs that were made up. Nothing was trained. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRun, type Run } from '../../run/run-folder.js';
import { exampleSummary } from '../example.test-data.js';

export interface WrittenTrial {
  dir: string;
  /** The run that has not finished: appends another event to its log. */
  goOn: () => void;
  close: () => void;
}

const POINTS = 3;

/** @param picture PNG, put among the GAN's samples and taken for its grids */
export function writeExampleTrial(dir: string, picture: Uint8Array): WrittenTrial {
  const summary = exampleSummary({ testImages: 60, seeds: 1 });
  const [first, second] = summary.runs as [(typeof summary.runs)[0], (typeof summary.runs)[0]];
  first.folder = 'runs/real/seed-1';
  second.folder = 'runs/real+standard/seed-1';
  summary.gans[0]!.realGrid = 'real.png';
  summary.gans[0]!.syntheticGrid = join(dir, 'synthetic.png');

  const trial = createRun(dir, { kind: 'trial', config: { name: 'example', seeds: [1], gans: {} } });
  for (const name of ['real.png', 'synthetic.png']) writeFileSync(join(dir, name), picture);

  const gan = createRun(join(dir, 'gan'), {
    kind: 'gan',
    config: { architecture: 'sngan', batchSize: 16, learningRate: { generator: 2e-4 }, classes: null },
  });
  for (let i = 1; i <= POINTS; i++)
    gan.event(
      'losses',
      50 * i,
      { discriminatorLoss: 1 / i, generatorLoss: i === 2 ? Number.NaN : i },
      { seconds: i },
    );
  writeFileSync(gan.samplePath(150), picture);
  gan.event('samples', 150, { file: 'samples/step-000150.png' });
  gan.event('finding', 150, { kind: 'collapse', severity: 'warning' });
  gan.finish({ steps: 150, final: { generatorLoss: 3 }, class: 'malignant' });

  classifier(join(dir, first.folder)).finish({
    testAuc: first.test.auc,
    test: { brier: 0.125 },
    classes: [1, 2],
  });
  const open = classifier(join(dir, second.folder));
  // Its own log stays empty, as in trials that are run.
  trial.finish({ ...summary });
  return {
    dir,
    goOn: () => open.event('validation', 120, { valAuc: 0.75, best: true }),
    close: () => open.close(),
  };
}

function classifier(dir: string): Run {
  mkdirSync(dir, { recursive: true });
  const run = createRun(dir, { kind: 'classifier', config: { architecture: 'efficientnet-b0', seed: 1 } });
  for (let i = 1; i <= POINTS; i++)
    run.event('losses', 40 * i, { loss: 1 / i }, { imagesPerSecond: 100 + i });
  return run;
}
