/** What is done with a classifier once it is trained: prediction, export. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { readScores } from '../classify/scores.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { liveTensors } from '../torch/index.js';
import { register } from './classify.js';
import { addGlobalOptions } from './common.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-classify-use-'));
const data = join(dir, 'phantoms');
const run = join(dir, 'run');
const pictures = join(dir, 'pictures');
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function classify(...args: string[]): Promise<string> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  const program = new Command();
  addGlobalOptions(program);
  register(program);
  await program
    .parseAsync(['classify', ...args, '--quiet', '--device', 'cpu', '--threads', '1'], { from: 'user' })
    .catch((error: Error) => {
      throw Object.assign(error, { printed });
    });
  return printed;
}

beforeAll(async () => {
  await createPhantomDataset(data, { count: 60, sizePx: 32, seed: 3, prevalence: 0.4 });
  const sets = ['imageSize=32', 'steps=2', 'warmupSteps=0', 'evaluateEvery=2', 'batchSize=8'];
  sets.push('evaluationBatchSize=8');
  await classify('train', '--data', data, '--out', run, ...sets.flatMap((set) => ['--set', set]));
  // Those of the test split, whose scores the run holds.
  mkdirSync(join(pictures, 'deeper'), { recursive: true });
  readScores(join(run, 'scores-test.csv')).forEach(({ id }, i) => {
    const file = readdirSync(join(data, 'images')).find((name) => name.startsWith(id))!;
    cpSync(join(data, 'images', file), join(pictures, i === 0 ? 'deeper' : '.', file));
  });
}, 60_000);

interface Predicted {
  csv?: string;
  images: number;
  tta: string;
  predictions?: { file: string; score: number }[];
  unreadable: { file: string; reason: string }[];
}
/** None of the names has a comma. */
function rowsOf(csv: string): { file: string; score: number }[] {
  const [header, ...lines] = csv.trimEnd().split('\n');
  expect(header).toBe('file,score');
  return lines.map((line) => line.split(',')).map(([file, score]) => ({ file: file!, score: Number(score) }));
}

describe('graft classify predict', () => {
  test('scores files as training scored the images of the test split, in a CSV, on stdout or as JSON', async () => {
    const live = liveTensors();
    const csv = join(dir, 'out', 'scores.csv');
    const text = await classify('predict', run, pictures, '--csv', csv);
    expect(liveTensors()).toBe(live);
    const known = readScores(join(run, 'scores-test.csv'));
    expect(text).toBe(`${known.length} images scored: ${csv}\n`);
    const rows = rowsOf(readFileSync(csv, 'utf8'));
    expect(rows).toHaveLength(known.length);
    for (const { file, score } of rows) {
      const row = known.find(({ id }) => file.includes(id))!;
      expect(score).toBeCloseTo(row.score, 6);
    }
    expect(rows.some(({ file }) => file.startsWith('deeper/'))).toBe(true);
    expect(rowsOf(await classify('predict', run, pictures))).toEqual(rows);
    const json = JSON.parse(await classify('predict', run, pictures, '--json')) as Predicted;
    expect(json).toMatchObject({ images: rows.length, tta: 'none', unreadable: [] });
    expect(json.predictions).toEqual(rows);
    const turned = JSON.parse(
      await classify('predict', run, pictures, '--json', '--tta', 'symmetries'),
    ) as Predicted;
    expect(turned.tta).toBe('symmetries');
    expect(turned.predictions).not.toEqual(rows);
  });

  test('files that cannot be read are named: a failure, unless they may be skipped', async () => {
    const csv = join(dir, 'bad.csv');
    const bad = join(dir, 'with-bad');
    cpSync(pictures, bad, { recursive: true });
    writeFileSync(join(bad, 'words.jpg'), 'words');
    const failed = classify('predict', run, bad, '--csv', csv, '--json');
    await expect(failed).rejects.toThrow(/1 of \d+ files cannot be read and have no score: words\.jpg;/);
    const { printed } = (await failed.catch((error) => error)) as { printed: string };
    expect((JSON.parse(printed) as Predicted).unreadable.map(({ file }) => file)).toEqual(['words.jpg']);
    const good = rowsOf(readFileSync(csv, 'utf8'));
    expect(good).toEqual(rowsOf(await classify('predict', run, pictures)));
    const skipped = await classify('predict', run, bad, '--csv', csv, '--json', '--skip-unreadable');
    expect(JSON.parse(skipped)).toMatchObject({
      csv,
      images: good.length,
      unreadable: [{ file: 'words.jpg' }],
    });

    const none = join(dir, 'none');
    mkdirSync(none);
    await expect(classify('predict', run, none)).rejects.toThrow(/no images in this folder/);
    writeFileSync(join(none, 'words.jpg'), 'words');
    await expect(classify('predict', run, none, '--skip-unreadable')).rejects.toThrow(/1 of 1 files/);
  });

  test('Ctrl-C: the old file stays, and nothing half-written beside it', async () => {
    const out = join(dir, 'stopped');
    mkdirSync(out);
    const csv = join(out, 'scores.csv');
    writeFileSync(csv, 'old');
    const many = join(dir, 'many');
    mkdirSync(many);
    const [file] = readdirSync(join(data, 'images'));
    for (let i = 0; i < 40; i++) cpSync(join(data, 'images', file!), join(many, `${i}.png`));
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const before = process.listenerCount('SIGINT');
    const timer = setInterval(() => {
      if (process.listenerCount('SIGINT') > before) process.kill(process.pid, 'SIGINT');
      else return;
      clearInterval(timer);
    }, 1);
    const live = liveTensors();
    const stopped = classify('predict', run, many, '--csv', csv);
    await expect(stopped).rejects.toThrow(/stopped after \d+ of 40 images; .*scores\.csv is not written/);
    clearInterval(timer);
    expect(liveTensors()).toBe(live);
    expect(readdirSync(out)).toEqual(['scores.csv']);
    expect(readFileSync(csv, 'utf8')).toBe('old');
  });
});

describe('graft classify export', () => {
  const images = join(dir, 'images.pt');

  test('a graph takes pixels in [0, 1] and gives the network\'s logits; the file says so', async () => {
    const live = liveTensors();
    const path = join(dir, 'classifier.onnx');
    const json = JSON.parse(await classify('export', run, '--out', path, '--json'));
    expect(liveTensors()).toBe(live);
    expect(json).toMatchObject({ path, format: 'onnx', dynamicBatch: true, check: { checked: true } });
    expect(json.check.maxDifference).toBeLessThan(1e-4);
  }, 30_000);
});
