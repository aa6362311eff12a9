import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { writeJson } from 'graft-torch/base';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { GanTrainTestResult } from '../classify/gan-train-test.js';
import { type Dataset, imagePath } from '../data/dataset/dataset.js';
import { LINEAGE_FILE } from '../data/lineage/lineage.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { metricRecordSchema } from '../metrics/sets/record.js';
import { addGlobalOptions } from './common.js';
import { registerClassifier } from './metrics-classifier.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-metrics-classifier-'));
const [data, out] = [join(dir, 'phantoms'), join(dir, 'out')];
let dataset: Dataset;

/** The dataset's own training images of a class as synthetic ones. */
function writeSynthetic(name: string, count: number, trainingGroups: string[] = []): string {
  const folder = join(dir, name);
  mkdirSync(folder);
  const rows = dataset.rows
    .filter((row) => row.split === 'train' && row.label === 'malignant')
    .slice(0, count);
  for (const row of rows) copyFileSync(imagePath(dataset, row), join(folder, `${row.id}.png`));
  writeJson(join(folder, LINEAGE_FILE), {
    graft: '0',
    run: 'copies',
    checkpoint: { file: 'checkpoint', step: 1, sha256: '0' },
    weights: 'raw',
    seed: 0,
    count: rows.length,
    imageSize: 32,
    class: 'malignant',
    dataset: { name: 'phantoms', hash: dataset.hash },
    trainingGroups,
  });
  return folder;
}

async function run(...args: string[]): Promise<string> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  const program = new Command();
  addGlobalOptions(program);
  registerClassifier(program);
  const sets = ['imageSize=32', 'batchSize=8', 'steps=2', 'warmupSteps=1', 'augmentation=none'];
  await program.parseAsync(
    [
      ...['classifier', '--data', data, '--device', 'cpu', '--threads', '2', '--quiet', ...args],
      ...sets.flatMap((set) => ['--set', set]),
    ],
    { from: 'user' },
  );
  return printed;
}

let malignant: string;
beforeAll(async () => {
  ({ dataset } = await createPhantomDataset(data, { count: 60, sizePx: 32, prevalence: 0.4, seed: 1 }));
  malignant = writeSynthetic('malignant', 100);
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('prints records as JSON; the same command again takes the finished runs and prints a table', async () => {
  const args = ['--synthetic', malignant, '--out', out, '--seeds', '1', '--seed', '7'];
  const result = JSON.parse(await run(...args, '--json')) as GanTrainTestResult & { folder: string };
  expect(result).toMatchObject({ folder: out, scope: 'positive-class', seeds: [7] });
  expect(result.runs.map(({ folder }) => folder)).toEqual([
    join(out, 'gan-base', 'seed-7'),
    join(out, 'gan-train', 'seed-7'),
  ]);
  const records = result.records.map((record) => metricRecordSchema.parse(record));
  expect(records.map(({ metric }) => metric)).toEqual(['gan-train', 'gan-test']);

  const text = await run(...args);
  const { synthetic, real } = result.ganTrain;
  const first = text.split('\n').find((line) => line.startsWith('GAN-train, test AUC'))!;
  expect(first).toContain(`${synthetic.value.toFixed(3)} [`);
  expect(first).toContain(`${real.value.toFixed(3)} [`);
  expect(text).toContain('GAN-test, called positive');
  expect(text).toContain('synthetic positives beside the real negatives');
  expect(text).toContain('1 seed;');
});

it('refuses a leak, too few images and unknown keys in one line, before anything is trained', async () => {
  const leaked = dataset.rows.find((row) => row.split === 'val')!.group;
  const leak = run('--synthetic', writeSynthetic('leak', 3, [leaked]), '--out', join(dir, 'none'));
  await expect(leak).rejects.toThrow(`validation or test split (${leaked})`);
  const few = run('--synthetic', writeSynthetic('few', 3), '--out', join(dir, 'none'));
  await expect(few).rejects.toThrow(/^there are 3 synthetic images of 'malignant', but .* --count 3$/);
  const unknown = run('--synthetic', malignant, '--set', 'step=3');
  await expect(unknown).rejects.toThrow(/did you mean "steps"/);
  const twice = ['--set', 'sampler=balanced', '--set', 'classWeights=inverse'];
  const begun = join(dir, 'begun');
  await expect(run('--synthetic', malignant, ...twice, '--out', begun)).rejects.toThrow(/keep one of them/);
  expect(existsSync(begun)).toBe(false); // else the corrected command would be refused
});

it('--dry-run prints the classifiers’ configuration', async () => {
  const text = await run('--synthetic', malignant, '--dry-run');
  expect(text).toContain('real: all');
  expect(text).toContain('steps: 2');
});
