import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors } from 'graft-torch';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Evaluation } from '../classify/evaluation.js';
import type { Explanation } from '../classify/explain/explain.js';
import { readScores } from '../classify/scores.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { auc } from '../stats/roc.js';
import { register } from './classify.js';
import { inProcess } from './in-process.test-data.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-classify-cli-'));
const data = join(dir, 'phantoms');
const run = join(dir, 'run');
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const classify = inProcess('classify', register);

type Evaluated = Evaluation & {
  scoring: string;
  auc: number;
  tta: string;
  predictions: { id: string; label: number; score: number }[];
};
const evaluate = async (...args: string[]): Promise<Evaluated> =>
  JSON.parse(await classify('evaluate', run, '--json', '--replicates', '100', ...args)) as Evaluated;

beforeAll(async () => {
  await createPhantomDataset(data, { count: 120, sizePx: 32, seed: 3, prevalence: 0.4 });
  const sets = ['imageSize=32', 'steps=2', 'warmupSteps=0', 'evaluateEvery=2', 'batchSize=8'];
  await classify('train', '--data', data, '--out', run, ...sets.flatMap((set) => ['--set', set]));
}, 60_000);

describe('graft classify evaluate', () => {
  test('from what the run holds: no engine, no pixels, the same figures as from its files', async () => {
    const live = liveTensors();
    const found = await evaluate();
    expect(liveTensors()).toBe(live);
    const rows = readScores(join(run, 'scores-test.csv'));
    expect(found).toMatchObject({ scoring: 'stored', tta: 'none', images: rows.length });
    expect(found.auc).toBeCloseTo(
      auc(
        rows.map(({ label }) => label),
        rows.map(({ score }) => score),
      ),
      12,
    );
    expect(found.predictions).toEqual(rows);
    // Phantoms have a site, melanin and hairs.
    expect(found.subgroups.map(({ column }) => column)).toEqual(['site', 'skin_melanin', 'hairs']);
  });

  test('scored anew: the same; threshold and temperature stay those of the validation split', async () => {
    const [stored, fresh, train] = [
      await evaluate(),
      await evaluate('--fresh'),
      await evaluate('--split', 'train'),
    ];
    expect(fresh.scoring).toBe('fresh');
    fresh.predictions.forEach(({ score }, i) => {
      expect(score).toBeCloseTo(stored.predictions[i]!.score, 6);
    });
    expect(train.threshold).toBe(stored.threshold);
    expect(train.temperature).toEqual(stored.temperature);
    expect(train.images).toBeGreaterThan(stored.images);
  });

  test('test-time augmentation: validation is scored the same way', async () => {
    const [plain, flips] = [await evaluate(), await evaluate('--tta', 'flips')];
    expect(flips).toMatchObject({ scoring: 'fresh', tta: 'flips' });
    expect(flips.predictions.map(({ score }) => score)).not.toEqual(
      plain.predictions.map(({ score }) => score),
    );
    expect(flips.temperature.temperature).not.toBe(plain.temperature.temperature);
  });

  test('words, the page, the CSV, subgroups by name and by looking', async () => {
    const [report, csv] = [join(dir, 'report.html'), join(dir, 'scores.csv')];
    const text = await classify(
      ...[
        'evaluate',
        run,
        '--report',
        report,
        '--csv',
        csv,
        '--by',
        'ruler',
        '--measure-hair',
        '--replicates',
        '100',
      ],
    );
    expect(text).toMatch(
      /^Only 7 groups of .malignant..*too few to judge.*\nAUC 0\.\d{3} \[95 % interval 0\.\d{3} to 0\.\d{3}\] on the test split of phantoms/,
    );
    expect(text).toContain('chosen on the validation split');
    expect(text).toMatch(/\nruler +none/);
    expect(readScores(csv)).toEqual(readScores(join(run, 'scores-test.csv')));
    const page = readFileSync(report, 'utf8');
    expect(page).toContain('The most confident errors');
    expect(page).toContain('ruler: none');
    expect(page).toContain('data:image/jpeg;base64,');
  });

  test('a dataset that was made anew has no stored scores; an unknown column is refused', async () => {
    await expect(classify('evaluate', run, '--by', 'scanner')).rejects.toThrow(
      /no metadata column 'scanner'/,
    );
    const summary = join(run, 'summary.json');
    const before = readFileSync(summary, 'utf8');
    try {
      writeFileSync(summary, before.replace(/("hash": ")[0-9a-f]/, '$1-'));
      expect((await evaluate()).scoring).toBe('fresh');
    } finally {
      writeFileSync(summary, before);
    }
  });
});

describe('graft classify explain', () => {
  test('a sheet, an overlay for each image and method, and the figures', async () => {
    const out = join(dir, 'explain');
    const live = liveTensors();
    const text = await classify(
      'explain',
      run,
      '--count',
      '2',
      '--scored',
      '3',
      '--steps',
      '4',
      '--method',
      'grad-cam',
      '--out',
      out,
    );
    expect(liveTensors()).toBe(live);
    expect(text).toMatch(/Grad-CAM +8 × 8 +insertion +0\.\d{3} /);
    const { width } = await sharp(join(out, 'sheet.png')).metadata();
    expect(width).toBeGreaterThan(2 * 160);
    expect(readdirSync(out).filter((name) => name.endsWith('-grad-cam.png'))).toHaveLength(2);
    const { methods, protocol, probabilities } = JSON.parse(
      readFileSync(join(out, 'explain.json'), 'utf8'),
    ) as Explanation;
    expect(methods.map(({ method }) => method)).toEqual(['grad-cam']);
    expect(protocol).toMatchObject({ images: 3, integralSteps: 64, perturbationSteps: 4 });
    const scores = readScores(join(run, 'scores-test.csv')).map(({ score }) => score);
    for (const one of probabilities)
      expect(Math.min(...scores.map((score) => Math.abs(score - one)))).toBeLessThan(1e-5);
  }, 30_000);

  test('pictures of a folder; a method or layer that there is not', async () => {
    const out = join(dir, 'folder');
    const few = [
      '--images',
      join(data, 'images'),
      '--count',
      '1',
      '--scored',
      '1',
      '--steps',
      '2',
      '--out',
      out,
    ];
    await classify('explain', run, ...few, '--method', 'grad-cam++', '--layer', 'head');
    expect(existsSync(join(out, 'phantom-000000-grad-cam__.png'))).toBe(false);
    expect(readdirSync(out).sort()).toEqual(['explain.json', 'phantom-000000-grad-cam++.png', 'sheet.png']);
    await expect(classify('explain', run, '--method', 'lime')).rejects.toThrow(
      /expected grad-cam, grad-cam\+\+/,
    );
    await expect(classify('explain', run, ...few, '--layer', 'neck')).rejects.toThrow(/no layer 'neck'/);
  }, 30_000);
});
