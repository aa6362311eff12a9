import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, manualSeed, setThreads } from 'graft-torch';
import { sha256 } from 'graft-torch/base';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../data/dataset/dataset.js';
import { createPhantomDataset } from '../../data/phantom/dataset.js';
import { encodedBytes } from '../../report/picture.js';
import { saveCheckpoint, withPrefix } from '../../run/checkpoint.js';
import { createRun } from '../../run/run-folder.js';
import { ganConfigSchema } from '../adversarial/config.js';
import { makeGenerator } from '../adversarial/networks.js';
import { exampleEvents } from './example.test-data.js';
import { gatherGanReport, writeGanReport } from './index.js';

const root = mkdtempSync(join(tmpdir(), 'graft-gather-'));
const data = join(root, 'phantoms');
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A run folder as the loop leaves it, of a conditional generator with fresh weights. */
async function makeRun(name: string, finished: boolean): Promise<string> {
  const dir = join(root, name);
  const config = ganConfigSchema.parse({
    data,
    class: ['benign', 'malignant'],
    architecture: 'resnet',
    conditioning: 'projection',
    latentSize: 6,
    generatorWidth: 2,
    steps: 2600,
    batchSize: 8,
    flips: true,
  });
  const run = createRun(dir, { kind: 'gan', config });
  for (const { type, step, wall, ...fields } of exampleEvents()) run.event(type, step, fields, wall);
  for (const step of [0, 200, 400])
    await sharp({ create: { width: 40, height: 40, channels: 3, background: { r: step / 2, g: 90, b: 90 } } })
      .png()
      .toFile(run.samplePath(step));
  manualSeed(0);
  const generator = makeGenerator(config);
  saveCheckpoint(run, 2600, { tensors: withPrefix('ema', generator.stateDict()), meta: {} });
  generator.dispose();
  if (finished) {
    const { name, hash } = openDataset(data);
    run.finish({
      steps: 2600,
      trainingImages: 42,
      trainingGroups: ['a', 'b'],
      dataset: { name, hash },
      ancestor: null,
      seconds: 75,
      device: 'cpu',
    });
  }
  run.close();
  return dir;
}

let [finished, unfinished] = ['', ''];
beforeAll(async () => {
  setThreads(1);
  await createPhantomDataset(data, { count: 60, sizePx: 64, prevalence: 0.4, seed: 1 });
  finished = await makeRun('finished', true);
  unfinished = await makeRun('unfinished', false);
});

const options = { device: 'cpu', threads: 1, madeAt: new Date(0) } as const;

describe('gathering', () => {
  test('a finished run has every picture, and leaves no tensor behind', async () => {
    const before = liveTensors();
    const steps: number[] = [];
    const input = await gatherGanReport(finished, { ...options, onProgress: (done) => steps.push(done) });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(liveTensors()).toBe(before);
    expect(steps).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);

    const { pictures, summary, lineage } = input;
    const training = openDataset(data).rows.filter(({ split }) => split === 'train');
    expect(summary).toMatchObject({
      architecture: 'resnet',
      classes: ['benign', 'malignant'],
      trainingImages: training.length,
      finished: true,
      seconds: 75,
      dataset: { kind: 'phantom' },
    });
    expect(pictures.timeline.map(({ step }) => step)).toEqual([0, 200, 400]);
    expect(pictures.animation).toMatchObject({ frames: 3, width: 40, height: 64 });
    expect(pictures.real).toMatchObject({
      width: pictures.generated!.width,
      height: pictures.generated!.height,
    });
    expect(pictures.nearest!.nearest).toHaveLength(8);
    expect(pictures.nearest!.real.median).toBeGreaterThan(0);
    // Two rows of eight enlarged images, and the classes' names on their left.
    expect(pictures.classes!.height).toBe(2 * (2 * 64 + 2) + 2);
    expect(pictures.interpolation).toMatchObject({ width: 8 * 130 + 2, height: 4 * 130 + 2 });
    expect(lineage!.find(({ name }) => name === 'Checkpoint')!.value).toBe(
      'step-002600.safetensors, step 2600',
    );
    expect(input.config.find(({ key }) => key === 'flips')).toMatchObject({ value: 'true', preset: 'false' });
    expect(input.config.find(({ key }) => key === 'data')!.preset).toBeNull();
  });

  test('the same seed gives the same pictures, another one others', async () => {
    const hashes = async (seed: number) => {
      const { pictures } = await gatherGanReport(finished, { ...options, seed });
      const { real, generated, interpolation, classes, nearest, animation } = pictures;
      return Object.entries({ real, generated, interpolation, classes, nearest, animation }).map(
        ([key, picture]) => `${key} ${sha256(encodedBytes(picture!).bytes)}`,
      );
    };
    const [a, b, c] = [await hashes(0), await hashes(0), await hashes(1)];
    expect(b).toEqual(a);
    // The animation is the run's own.
    expect(c.filter((hash) => a.includes(hash))).toEqual([a.at(-1)]);
  });

  test('an unfinished run has what needs no generator', async () => {
    const steps: number[] = [];
    const onProgress = (done: number): number => steps.push(done);
    const { pictures, summary, lineage } = await gatherGanReport(unfinished, { ...options, onProgress });
    expect(steps.at(-1)).toBe(7); // else a progress bar would stay open
    expect([summary.finished, summary.steps, summary.plannedSteps, lineage]).toEqual([
      false,
      2600,
      2600,
      null,
    ]);
    expect(pictures.timeline).toHaveLength(3);
    expect(pictures.real).not.toBeNull();
    expect([pictures.generated, pictures.nearest, pictures.classes]).toEqual([null, null, null]);
  });

  test('without its dataset, or with another one in its place, there are no real images, and a warning', async () => {
    const moved = join(root, 'moved');
    cpSync(finished, moved, { recursive: true });
    const path = join(moved, 'summary.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"hash": "\w+"/, '"hash": "other"'));
    const warnings: string[] = [];
    const { pictures } = await gatherGanReport(moved, {
      ...options,
      warn: (message) => warnings.push(message),
    });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^the report shows no real images: .*: is not the dataset that .* was begun on .*, was other\)/,
      ),
    ]);
    expect([pictures.real, pictures.nearest]).toEqual([null, null]);
    expect(pictures.generated).not.toBeNull();
  });

  test('what is no GAN run is refused', async () => {
    const other = createRun(join(root, 'other'), { kind: 'classifier', config: {} });
    other.close();
    await expect(gatherGanReport(other.dir)).rejects.toThrow(/is a classifier run, expected a gan run/);
    await expect(gatherGanReport(data)).rejects.toThrow(/not a run folder/);
    const odd = createRun(join(root, 'odd'), { kind: 'gan', config: { data, class: 'x', steps: -1 } });
    odd.close();
    await expect(gatherGanReport(odd.dir)).rejects.toThrow(/odd\/config\.yaml: steps: /);
  });
});

test('the report is written whole, beside the run', async () => {
  const { html, markdown, figures } = await writeGanReport(finished, options);
  expect([html, markdown]).toEqual([
    join(finished, 'report', 'report.html'),
    join(finished, 'report', 'report.md'),
  ]);
  for (const path of figures) expect(existsSync(path), path).toBe(true);
  const page = readFileSync(html, 'utf8');
  for (const name of [
    'real-generated',
    'classes',
    'interpolation',
    'nearest',
    'losses',
    'training',
    'timeline',
  ])
    expect(page).toContain(`<figure id="figure-${name}">`);
  expect(page).toContain('data:image/webp;base64,');
  expect(page).toContain('1 January 1970');
});
