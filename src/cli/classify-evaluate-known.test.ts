/** `graft classify evaluate` on other datasets: what the run learned from is noticed. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dataset, openDataset } from '../data/dataset/dataset.js';
import { importDataset } from '../data/import/import.js';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import { register } from './classify.js';
import { inProcessAloud } from './in-process.test-data.js';

const classify = inProcessAloud('classify', register);
const dir = mkdtempSync(join(tmpdir(), 'graft-evaluate-known-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const images = join(dir, 'images');
const run = join(dir, 'run');
/** The same pictures, dealt once more. */
let a: Dataset;
let b: Dataset;

const importAs = async (name: string, seed: number, from = images, more: object = {}): Promise<Dataset> =>
  (
    await importDataset(from, join(dir, name), {
      metadata: join(from, 'labels.csv'),
      labelColumn: 'label',
      positive: 'mel',
      fractions: { train: 0.5, val: 0.2, test: 0.3 },
      seed,
      ...more,
    })
  ).dataset;

async function writePictures(to: string, count: number, seed: number): Promise<void> {
  mkdirSync(to, { recursive: true });
  const random = new Random(seed);
  const rows = ['image,label,patient_id'];
  for (let i = 0; i < count; i++) {
    const label = i % 3 === 0 ? 'mel' : 'nev';
    const phantom = samplePhantom(random, { prevalence: label === 'mel' ? 1 : 0 });
    await sharp(renderPhantom(phantom, 48), { raw: { width: 48, height: 48, channels: 3 } })
      .png()
      .toFile(join(to, `i${seed}-${i}.png`));
    rows.push(`i${seed}-${i},${label},p${i >> 1}`);
  }
  writeFileSync(join(to, 'labels.csv'), `${rows.join('\n')}\n`);
}

beforeAll(async () => {
  await writePictures(images, 72, 1);
  a = await importAs('a', 0);
  b = await importAs('b', 5);
  const sets = ['imageSize=32', 'steps=2', 'warmupSteps=0', 'evaluateEvery=2', 'batchSize=8'];
  sets.push('batchNormMomentum=0.9');
  const { error } = await classify(
    ...['train', '--data', a.dir, '--out', run, '--quiet', ...sets.flatMap((set) => ['--set', set])],
  );
  if (error) throw error;
}, 90_000);

interface Printed {
  images: number;
  notes: string[];
  known: {
    images: { id: string; twin: string; split: string; kind: string }[];
    groups: string[];
    ids: string[];
    comparedPictures: boolean;
  } | null;
  withoutKnown?: { images: number };
  predictions: { id: string }[];
}

const evaluate = (...args: string[]) => classify('evaluate', run, '--replicates', '100', ...args);
async function printed(...args: string[]): Promise<Printed> {
  const { stdout, error } = await evaluate('--json', '--quiet', ...args);
  if (error) throw error;
  return JSON.parse(stdout) as Printed;
}

/** Ids of b's test split that the run learned from, and what for. */
const shared = (): Map<string, string> => {
  const splitOf = new Map(a.rows.map(({ id, split }) => [id, split]));
  const test = b.rows.filter(({ split }) => split === 'test').map(({ id }) => id);
  return new Map(test.flatMap((id) => (splitOf.get(id) === 'test' ? [] : [[id, splitOf.get(id)!]])));
};

describe('a dataset that shares images with the one that was learned', () => {
  test('is refused, with how many, what for and the ways on', async () => {
    expect(shared().size).toBeGreaterThan(3);
    const { error, stdout } = await evaluate('--data', b.dir);
    expect(stdout).toBe('');
    const training = [...shared().values()].filter((split) => split === 'train').length;
    expect(error!.message).toMatch(
      new RegExp(
        `/b: .*run learned from ${shared().size} of these \\d+ images \\(${training} for training.*i1-\\d.*--known leave-out .*--known keep`,
      ),
    );
    expect(error!.message).not.toContain('\n');
  });

  test('is scored without them, or with them and both figures', async () => {
    const test = b.rows.filter(({ split }) => split === 'test');
    const left = await printed('--data', b.dir, '--known', 'leave-out');
    expect(left.predictions.map(({ id }) => id).sort()).toEqual(
      test
        .map(({ id }) => id)
        .filter((id) => !shared().has(id))
        .sort(),
    );
    expect(new Map(left.known!.images.map(({ id, split }) => [id, split]))).toEqual(shared());
    const page = join(dir, 'kept.html');
    const kept = await printed('--data', b.dir, '--known', 'keep', '--report', page);
    expect(kept.images).toBe(test.length);
    expect(kept.withoutKnown!.images).toBe(left.images);
    expect(kept.notes[0]).toContain(`learned from ${shared().size} of these ${test.length} images`);
    expect(readFileSync(page, 'utf8')).toContain(`learned from ${shared().size} of these images`);
    expect(readFileSync(page, 'utf8')).toContain(
      `Without those that it knows, over ${left.images} images: AUC`,
    );
    const { stdout, stderr } = await evaluate('--data', b.dir, '--known', 'keep');
    expect(stdout).toContain('Without the images that it knows:');
    expect(stderr).toContain('graft: warning: The run learned from');
  });

  test('also where the pictures were written anew, under other names', async () => {
    const again = join(dir, 'again');
    mkdirSync(again);
    const lines = readFileSync(join(images, 'labels.csv'), 'utf8').split('\n');
    for (const name of readdirSync(images).filter((file) => file.endsWith('.png')))
      await sharp(join(images, name))
        .resize(64)
        .jpeg({ quality: 80 })
        .toFile(join(again, `x${name.slice(0, -4)}.jpg`));
    writeFileSync(
      join(again, 'labels.csv'),
      lines.map((line, i) => (i === 0 || line === '' ? line : `x${line}`)).join('\n'),
    );
    const c = await importAs('c', 5, again, { patientColumn: 'none' });
    const found = await printed('--data', c.dir, '--split', 'all', '--known', 'keep');
    const learned = a.rows.filter(({ split }) => split !== 'test').length;
    expect(found.images).toBe(a.rows.length);
    expect(found.known!.images.length).toBeGreaterThan(0.95 * learned);
    expect(found.known!.images.every(({ kind, id, twin }) => kind === 'near' && id === `x${twin}`)).toBe(
      true,
    );
  });

  test('of new pictures of the same patients, those are told', async () => {
    await writePictures(join(dir, 'later'), 72, 2);
    const later = await importAs('later-set', 0, join(dir, 'later'));
    const found = await printed('--data', later.dir, '--split', 'all');
    expect(found.known!.images).toEqual([]);
    const patients = new Set(
      a.rows.filter(({ split }) => split !== 'test').map(({ extra }) => extra.patient_id),
    );
    const same = later.rows.filter(({ extra }) => patients.has(extra.patient_id)).map(({ id }) => id);
    expect(found.known!.groups.sort()).toEqual(same.sort());
    expect(found.notes.join(' ')).toContain('of patients or lesions that the run learned from');
  });

  test('is noticed though the run’s own dataset is gone, or dealt anew in its place', async () => {
    const moved = join(dir, 'moved');
    cpSync(a.dir, moved, { recursive: true });
    rmSync(a.dir, { recursive: true });
    const gone = await evaluate('--data', b.dir);
    expect(gone.error!.message).toContain(`learned from ${shared().size} of these`);
    cpSync(b.dir, a.dir, { recursive: true });
    const dealtAnew = await evaluate();
    expect(dealtAnew.error!.message).toContain(`learned from ${shared().size} of these`);
    // Its own, somewhere else, is its own.
    const own = await printed('--data', moved);
    expect([own.known, own.notes]).toEqual([null, []]);
    rmSync(a.dir, { recursive: true });
    expect((await evaluate()).error!.message).toMatch(/is not there; say where it is with --data/);
    cpSync(moved, a.dir, { recursive: true });
    expect(openDataset(a.dir).hash).toBe(a.hash);
    // Nobody knows, where the run is older than the file that says it.
    const older = join(dir, 'older');
    cpSync(run, older, { recursive: true });
    rmSync(join(older, 'learned.csv'));
    expect((await classify('evaluate', older, '--data', b.dir)).error!.message).toContain('learned from');
  });
});

describe('classes and splits', () => {
  test('another positive class is refused', async () => {
    const other = await importAs('other-positive', 0, images, { positive: 'nev' });
    const { error } = await evaluate('--data', other.dir);
    expect(error!.message).toMatch(
      /other-positive: its positive class is 'nev', that of .*run 'mel'; import it with --positive mel/,
    );
  });

  test('all images of the own dataset, and its training split, are scored and called what they are', async () => {
    const all = await printed('--split', 'all');
    expect(all.images).toBe(a.rows.length);
    expect(all.notes).toEqual(['Training and validation images are among these: the figures are too good.']);
    const { stdout } = await evaluate('--split', 'all');
    expect(stdout).toContain(`on all images of ${a.name}: ${a.rows.length} images`);
    const train = await printed('--split', 'train');
    expect(train.images).toBe(a.rows.filter(({ split }) => split === 'train').length);
    expect(train.notes[0]).toContain('the images that it learned from');
    expect((await printed()).notes).toEqual([]);
  });
});
