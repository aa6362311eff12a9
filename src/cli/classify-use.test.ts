/** What is done with a classifier once it is trained: prediction, export, the model card. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, loadPth, loadSafetensors, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import { checkOnnx } from 'graft-torch/export';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { runScript } from '../../packages/torch/src/torch/script.js';
import type { ClassifierExport } from '../classify/export.js';
import type { ClassifierSummary } from '../classify/result.js';
import { readScores } from '../classify/scores.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { decodeImage, toPlanar } from '../image/decode.js';
import { inspectNetworkWeights } from '../models/index.js';
import { register } from './classify.js';
import { inProcess } from './in-process.test-data.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-classify-use-'));
const data = join(dir, 'phantoms');
const run = join(dir, 'run');
const pictures = join(dir, 'pictures');
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const classify = inProcess('classify', register);

beforeAll(async () => {
  await createPhantomDataset(data, { count: 60, sizePx: 32, seed: 3, prevalence: 0.4 });
  const sets = ['imageSize=32', 'steps=2', 'warmupSteps=0', 'evaluateEvery=2', 'batchSize=8'];
  // So that scores hang on the pixels after two steps, and conventions are not those one gets without asking.
  sets.push('batchNormMomentum=0.9', 'inputStatistics=half', 'padding=symmetric', 'batchNormEps=1e-4');
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

  test('single files and several folders, each picture once; what is passed over is named', async () => {
    const mixed = join(dir, 'mixed');
    mkdirSync(join(mixed, 'notes'), { recursive: true });
    const [first, second] = readdirSync(pictures).filter((name) => name.endsWith('.png'));
    cpSync(join(pictures, first!), join(mixed, first!));
    writeFileSync(join(mixed, 'notes', 'words.txt'), 'words');
    writeFileSync(join(mixed, 'labels.csv'), 'id,label');
    const one = join(pictures, second!);
    const json = JSON.parse(await classify('predict', run, mixed, one, one, '--json')) as Predicted & {
      passedOver: { file: string; why: string }[];
    };
    expect(json.predictions!.map(({ file }) => file)).toEqual([join(mixed, first!), one]);
    expect(json.passedOver).toEqual([
      { file: join(mixed, 'labels.csv'), why: 'no picture' },
      { file: join(mixed, 'notes', 'words.txt'), why: 'no picture' },
    ]);
    const [alone] = rowsOf(await classify('predict', run, one));
    expect(alone!.file).toBe(one);
    expect(alone!.score).toBeCloseTo(json.predictions![1]!.score, 6);
    await expect(classify('predict', run, join(pictures, '*.png'))).rejects.toThrow(
      /\*\.png: no such file or folder; the shell opens patterns: leave the quotes out/,
    );
    await expect(classify('predict', run, join(mixed, 'notes'))).rejects.toThrow(
      /no images in this folder; passed over 1 file \(no picture\): words\.txt/,
    );
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
  /** A picture as the file's users make it, and its score by `predict`. */
  async function pictureAndScore(): Promise<{ images: Tensor; score: number }> {
    const [{ file, score }] = rowsOf(await classify('predict', run, pictures)) as [
      { file: string; score: number },
    ];
    const { data } = await decodeImage(join(pictures, file), { sizePx: 32, fit: 'cover' });
    const pixels = Float32Array.from(toPlanar(data), (value) => value / 255);
    return { images: tensor(pixels, [1, 3, 32, 32]), score };
  }

  test('TorchScript: pixels in [0, 1] in, the logit out', async () => {
    const path = join(dir, 'classifier.pt');
    const live = liveTensors();
    const text = await classify('export', run, '--out', path);
    expect(liveTensors()).toBe(live);
    expect(text).toMatch(
      /classifier\.pt: torchscript of .*run; in libtorch the logits differ by \d\.\de-\d+/,
    );
    const { images, score } = await pictureAndScore();
    const logit = tidy(() => noGrad(() => runScript(path, [images])[0]!.item()));
    images.dispose();
    expect(1 / (1 + Math.exp(-logit))).toBeCloseTo(score, 5);
  }, 30_000);

  test('ONNX: the same in ONNX Runtime, any number of images; the file says what goes in and out', async () => {
    const path = join(dir, 'classifier.onnx');
    const result = JSON.parse(await classify('export', run, '--out', path, '--json')) as ClassifierExport;
    expect(result).toMatchObject({ path, format: 'onnx', dynamicBatch: true, check: { checked: true } });
    expect((result.check as { maxDifference: number }).maxDifference).toBeLessThan(1e-4);
    const bytes = readFileSync(path).toString('latin1');
    const about = /\{"run".*?"config":\{.*?\}\}/s.exec(bytes)![0];
    const { output, input } = JSON.parse(about);
    expect(input.shape).toEqual(['N', 3, 32, 32]);
    expect(output.positive).toBe('malignant');
    const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')) as ClassifierSummary;
    expect(output.threshold).toBe(summary.test.threshold);

    const { images, score } = await pictureAndScore();
    // The check is of the file against this function: it must be the network as `predict` sees it.
    const toLogit = (given: Tensor): Tensor =>
      given
        .mean([1, 2, 3])
        .mul(0)
        .add(Math.log(score / (1 - score)))
        .unsqueeze(1);
    await checkOnnx(path, toLogit, { images });
    images.dispose();
  }, 30_000);

  test('weights alone: another run can start from them, with their conventions', async () => {
    const [safe, pth] = [join(dir, 'classifier.safetensors'), join(dir, 'classifier.weights')];
    await classify('export', run, '--out', safe);
    await classify('export', run, '--out', pth, '--format', 'pth');
    expect(inspectNetworkWeights(safe, 'efficientnet-b0').conventions).toEqual({
      padding: 'symmetric',
      batchNormEps: 1e-4,
      inputStatistics: 'half',
    });
    tidy(() => {
      const own = loadSafetensors(join(run, 'weights.safetensors')).tensors;
      for (const given of [loadSafetensors(safe).tensors, loadPth(pth).tensors]) {
        expect(Object.keys(given).sort()).toEqual(Object.keys(own).sort());
        for (const [name, value] of Object.entries(own)) {
          expect(value.sub(given[name]!).abs().amax().item(), name).toBe(0);
        }
      }
    });
  });

  test('an ending that names no format', async () => {
    await expect(classify('export', run, '--out', join(dir, 'classifier.h5'))).rejects.toThrow(
      /its ending names no format/,
    );
  });
});

describe('graft classify card', () => {
  test('says what the run, its dataset and its scores say, and calls the rest unknown', async () => {
    const path = join(dir, 'MODEL_CARD.md');
    expect(await classify('card', run, '--out', path)).toBe(`Model card: ${path}\n`);
    const card = readFileSync(path, 'utf8');
    expect([...card.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual([
      'Model details',
      'Intended use',
      'Factors',
      'Metrics',
      'Evaluation data',
      'Training data',
      'Quantitative analyses',
      'Ethical considerations',
      'Caveats and recommendations',
    ]);
    expect(card).toContain('**Not a medical device.**');
    const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')) as ClassifierSummary;
    const { low, high } = summary.testAucInterval!;
    expect(card).toContain(
      `| AUC | ${summary.testAuc.toFixed(3)} | ${low.toFixed(3)} to ${high.toFixed(3)} |`,
    );
    expect(card).toContain(`| Sensitivity | ${summary.test.sensitivity.toFixed(3)} |`);
    expect(card).toContain(summary.dataset.hash);
    expect(card).toContain('no patient is shown');
    expect(card).toMatch(/\n\| Site \| images \|/i);
    expect(card).toContain('Consent of the persons shown: unknown');
    expect(card).not.toMatch(/undefined|NaN|\[object/);
  });

  test('a dataset that is gone leaves its licence and its subgroups unknown', async () => {
    const copy = join(dir, 'copy');
    cpSync(run, copy, { recursive: true });
    const config = join(copy, 'config.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace(/^data: .*$/m, 'data: gone'));
    await classify('card', copy);
    const card = readFileSync(join(copy, 'MODEL_CARD.md'), 'utf8');
    expect(card).toContain('licence and provenance are unknown');
    expect(card).toContain('Licence of the data: unknown');
    expect(card).toContain('Subgroups: none');
    expect(card).toMatch(/\| AUC \| 0\.\d{3} \|/);
  });
});
