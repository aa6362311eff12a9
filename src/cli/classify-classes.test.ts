/** Commands on a run that tells several classes apart. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors } from 'graft-torch';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ClassEvaluation, Evaluation } from '../classify/evaluation.js';
import type { Explanation } from '../classify/explain/explain.js';
import type { ClassifierSummary } from '../classify/result.js';
import { type ClassScoreRow, classSummary, readClassScores, readScores } from '../classify/scores.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { register } from './classify.js';
import { inProcess } from './in-process.test-data.js';

const CLASSES = ['malignant', 'keratosis', 'benign'];
const dir = mkdtempSync(join(tmpdir(), 'graft-classify-classes-'));
const data = join(dir, 'phantoms');
const run = join(dir, 'run');
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const classify = inProcess('classify', register);

type Evaluated = ClassEvaluation & { scoring: string; predictions: ClassScoreRow[] };
const evaluate = async (...args: string[]): Promise<Evaluated> =>
  JSON.parse(await classify('evaluate', run, '--json', '--replicates', '100', ...args)) as Evaluated;

/** Every second benign phantom is called by another name. */
function threeClasses(): void {
  const manifest = join(data, 'manifest.csv');
  let benign = 0;
  const lines = readFileSync(manifest, 'utf8')
    .split('\n')
    .map((line) =>
      line.includes(',benign,') && benign++ % 2 ? line.replace(',benign,', ',keratosis,') : line,
    );
  writeFileSync(manifest, lines.join('\n'));
  const description = join(data, 'dataset.yaml');
  const yaml = readFileSync(description, 'utf8');
  writeFileSync(description, yaml.replace('classes:\n', 'classes:\n  - keratosis\n'));
}

beforeAll(async () => {
  await createPhantomDataset(data, { count: 90, sizePx: 32, seed: 3, prevalence: 0.4 });
  threeClasses();
  const sets = [
    'target=classes',
    'imageSize=32',
    'steps=2',
    'warmupSteps=0',
    'evaluateEvery=2',
    'batchSize=8',
  ];
  // So that scores hang on the pixels after two steps.
  sets.push('batchNormMomentum=0.9');
  await classify('train', '--data', data, '--out', run, ...sets.flatMap((set) => ['--set', set]));
}, 90_000);

describe('graft classify evaluate', () => {
  test('every class, from what the run holds: no engine, the figures that training wrote down', async () => {
    const live = liveTensors();
    const found = await evaluate();
    expect(liveTensors()).toBe(live);
    const rows = readClassScores(join(run, 'scores-test-classes.csv'), CLASSES);
    expect(found).toMatchObject({ scoring: 'stored', images: rows.length, classes: CLASSES });
    expect(found.predictions).toEqual(rows);
    const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')) as ClassifierSummary;
    const { test: written } = summary.byClass!;
    expect(written).toEqual(classSummary(rows, CLASSES));
    for (const name of ['macroAuc', 'balancedAccuracy', 'accuracy', 'logLoss'] as const)
      expect(found.scores[name].value, name).toBeCloseTo(written[name], 12);
    expect(found.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(rows.length);
  });

  test('scored anew: the same; the temperature stays that of the validation split', async () => {
    const [stored, fresh, train] = [
      await evaluate(),
      await evaluate('--fresh'),
      await evaluate('--split', 'train'),
    ];
    expect(fresh.scoring).toBe('fresh');
    fresh.predictions.forEach(({ probabilities }, i) => {
      probabilities.forEach((p, k) => {
        expect(p).toBeCloseTo(stored.predictions[i]!.probabilities[k]!, 5);
      });
    });
    expect(train.temperature).toEqual(stored.temperature);
    expect(train.images).toBeGreaterThan(stored.images);
  }, 30_000);

  test('words, the page and the CSV', async () => {
    const [report, csv] = [join(dir, 'report.html'), join(dir, 'scores.csv')];
    const text = await classify(
      ...['evaluate', run, '--report', report, '--csv', csv, '--by', 'ruler', '--replicates', '100'],
    );
    expect(text).toMatch(
      /^Only \d groups of '\w+' .*too few to judge.*\nBalanced accuracy 0\.\d{3}.* images of 3 classes; chance is 0\.333\./,
    );
    expect(text).toMatch(/\nkeratosis +\d+ +\d+ +[01]\.\d{3} /);
    expect(text).toMatch(/\nruler +none/);
    expect(text).toContain(`Report: ${report}`);
    expect(readClassScores(csv, CLASSES)).toEqual(
      readClassScores(join(run, 'scores-test-classes.csv'), CLASSES),
    );
    const page = readFileSync(report, 'utf8');
    expect(page).toContain('What is called what');
    expect(page).toContain('data:image/jpeg;base64,');
    expect(page).toContain('ruler: none');
  }, 30_000);

  test('--against-rest: the positive class alone, with its threshold', async () => {
    const found = (await evaluate('--against-rest')) as unknown as Evaluation & { predictions: object[] };
    expect(found.threshold).toBeGreaterThan(0);
    expect(found.predictions).toEqual(readScores(join(run, 'scores-test.csv')));
  });

  test('images of a class that the run does not know are refused', async () => {
    const other = join(dir, 'other');
    await createPhantomDataset(other, { count: 40, sizePx: 32, seed: 5, prevalence: 0.5 });
    const found = await evaluate('--data', other);
    expect(found.byClass.map(({ images }) => images > 0)).toEqual([true, false, true]);
    for (const file of ['manifest.csv', 'dataset.yaml']) {
      const path = join(other, file);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll('benign', 'wart'));
    }
    await expect(classify('evaluate', run, '--data', other)).rejects.toThrow(
      /other: has images of wart, and .*run tells apart malignant, keratosis, benign; import it with --rename wart=/,
    );
  }, 30_000);
});

describe('graft classify predict', () => {
  test('gives the probability of every class, as evaluation does', async () => {
    const known = readClassScores(join(run, 'scores-test-classes.csv'), CLASSES);
    const { id, probabilities } = known[0]!;
    const file = join(data, 'images', readdirSync(join(data, 'images')).find((name) => name.startsWith(id))!);
    const json = JSON.parse(await classify('predict', run, file, '--json')) as {
      classes: string[];
      predictions: { file: string; score: number; called: string; probabilities: Record<string, number> }[];
    };
    const [{ score, called, probabilities: found }] = json.predictions as [(typeof json.predictions)[0]];
    expect(json.classes).toEqual(CLASSES);
    expect(Object.keys(found)).toEqual(CLASSES);
    CLASSES.forEach((name, k) => {
      expect(found[name]).toBeCloseTo(probabilities[k]!, 6);
    });
    expect(score).toBe(found.malignant);
    expect(found[called]).toBe(Math.max(...Object.values(found)));
    const csv = join(dir, 'predicted.csv');
    await classify('predict', run, file, '--csv', csv);
    const [header, row] = readFileSync(csv, 'utf8').trimEnd().split('\n');
    expect(header).toBe('file,score,called,p:malignant,p:keratosis,p:benign');
    expect(row!.split(',').slice(2)).toEqual([called, ...CLASSES.map((name) => String(found[name]))]);
  });
});

describe('graft classify explain', () => {
  const few = ['--count', '2', '--scored', '2', '--steps', '2', '--method', 'grad-cam'];

  test('the class that was called, or the one that is named', async () => {
    const out = join(dir, 'explain');
    const live = liveTensors();
    await classify('explain', run, ...few, '--out', out);
    const explained = JSON.parse(readFileSync(join(out, 'explain.json'), 'utf8')) as Explanation;
    const rows = readClassScores(join(run, 'scores-test-classes.csv'), CLASSES);
    explained.probabilities.forEach((p, i) => {
      const k = CLASSES.indexOf(explained.explained![i]!);
      const known = rows.filter(({ probabilities }) => Math.max(...probabilities) === probabilities[k]);
      expect(known.some(({ probabilities }) => Math.abs(probabilities[k]! - p) < 1e-5)).toBe(true);
    });
    expect((await sharp(join(out, 'sheet.png')).metadata()).width).toBeGreaterThan(2 * 160);

    const named = await classify('explain', run, ...few, '--class', 'keratosis', '--out', join(dir, 'named'));
    expect(named).toContain("what is explained is the class 'keratosis'");
    const { explained: all } = JSON.parse(
      readFileSync(join(dir, 'named', 'explain.json'), 'utf8'),
    ) as Explanation;
    expect(all).toEqual(['keratosis', 'keratosis']);
    expect(liveTensors()).toBe(live);
  }, 60_000);

  test('errors, pictures of a folder; a class that there is not', async () => {
    const out = join(dir, 'errors');
    await classify('explain', run, ...few, '--errors', '--out', out);
    const ids = readdirSync(out).flatMap((name) => /^(phantom-\d+)-grad-cam\.png$/.exec(name)?.[1] ?? []);
    const rows = readClassScores(join(run, 'scores-test-classes.csv'), CLASSES);
    expect(ids).toHaveLength(2);
    for (const id of ids) {
      const { label, probabilities } = rows.find((row) => row.id === id)!;
      expect(CLASSES[probabilities.indexOf(Math.max(...probabilities))]).not.toBe(label);
    }
    await classify(
      ...['explain', run, ...few, '--images', join(data, 'images'), '--class', 'benign'],
      ...['--out', join(dir, 'folder')],
    );
    await expect(classify('explain', run, '--class', 'wart')).rejects.toThrow(
      /class 'wart': this run tells apart malignant, keratosis, benign/,
    );
  }, 60_000);
});
