/** Classifiers of grey images: one channel from the dataset to the scores; weights of three are folded. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Generator, rand, randn, setThreads, type Tensor, tidy } from 'graft-torch';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Dataset, imagePath, openDataset } from '../data/dataset/dataset.js';
import { importDataset } from '../data/import/import.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { openPixelCache } from '../data/pixels/cache.js';
import { decodeImage } from '../image/decode.js';
import { tiffFile } from '../image/tiff.test-data.js';
import { openBackbone } from '../metrics/backbone/index.js';
import { EfficientNet, normaliseInput, packNetworkInput } from '../models/index.js';
import { applyNetworkWeights, fitStem } from '../models/weights.js';
import { type ClassifierRecipe, classifierRecipeSchema } from './config.js';
import { exportClassifier } from './export.js';
import { predictFiles } from './predict.js';
import { openClassifier, readClassifierConfig, showingOfRun } from './result.js';
import { readScores } from './scores.js';
import { trainClassifier } from './train.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-grey-classifier-'));
const recipe = (changes: Partial<ClassifierRecipe> = {}): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({
    imageSize: 32,
    batchSize: 8,
    steps: 4,
    warmupSteps: 1,
    evaluateEvery: 4,
    augmentation: 'standard',
    device: 'cpu',
    seed: 1,
  }),
  ...changes,
});

async function train(
  dataset: Dataset,
  name: string,
  changes: Partial<ClassifierRecipe> = {},
): Promise<string> {
  const runDir = join(folder, name);
  const config = recipe(changes);
  const cache = await openPixelCache(dataset, config.imageSize, { channels: config.channels ?? undefined });
  await trainClassifier({ config, runDir, dataset, cache });
  cache.images.dispose();
  return runDir;
}

let dataset: Dataset;
let run: string;
beforeAll(async () => {
  setThreads(1);
  // Phantoms as 12 bits in 16-bit files: the range has to come with the run, too.
  const phantoms = await createPhantomDataset(join(folder, 'phantoms'), {
    count: 60,
    sizePx: 32,
    prevalence: 0.5,
    grey: true,
  });
  for (const row of phantoms.dataset.rows) {
    const { data, width, height } = await decodeImage(imagePath(phantoms.dataset, row));
    const values = Uint16Array.from({ length: width * height }, (_, i) => data[3 * i]! * 16);
    mkdirSync(join(folder, 'files', row.label), { recursive: true });
    writeFileSync(join(folder, 'files', row.label, `${row.id}.tif`), tiffFile([{ width, height, values }]));
  }
  await importDataset(join(folder, 'files'), join(folder, 'grey'), {
    labelFromFolders: true,
    positive: 'malignant',
    duplicates: { near: 'group' },
  });
  dataset = openDataset(join(folder, 'grey'));
  run = await train(dataset, 'run');
});

describe('a run on grey images', () => {
  it('takes one channel, and says so', async () => {
    expect(dataset.channels).toBe(1);
    expect(readClassifierConfig(run).channels).toBe(1);
    const { network } = await openClassifier(run, 'cpu');
    expect((network as EfficientNet).convStem.weight.shape[1]).toBe(1);
    network.dispose();
  });

  it('scores original files as it scored them in the dataset: by the range that was recorded', async () => {
    const showing = showingOfRun(run);
    expect(showing.ranges).toMatchObject([{ format: 'unsigned', from: 0, to: 4095 }]);
    const { network, config } = await openClassifier(run, 'cpu');
    const scores = new Map(readScores(join(run, 'scores-test.csv')).map(({ id, score }) => [id, score]));
    const rows = dataset.rows.filter(({ split }) => split === 'test');
    const dir = join(folder, 'files');
    const files = rows.map(({ id, extra }) => ({ path: join(dir, extra.source_file!), name: id }));
    const how = {
      sizePx: config.imageSize,
      framing: { fit: 'cover', kernel: 'lanczos3', exact: false },
      channels: 1,
      showing,
    } as const;
    for await (const { predictions, unreadable } of predictFiles(network, files, {
      classes: 0,
      ...how,
      device: 'cpu',
      batchSize: 64,
    })) {
      expect(unreadable).toEqual([]);
      for (const [i, { score }] of predictions.entries())
        expect(score).toBeCloseTo(scores.get(rows[i]!.id)!, 5);
    }
    network.dispose();
  });

  it('is a backbone, for grey images and for coloured ones', async () => {
    const backbone = await openBackbone(run, { device: 'cpu' });
    tidy(() => {
      const grey = rand([2, 1, 32, 32], { generator: Generator.seeded(0) })
        .mul(255)
        .to({ dtype: 'uint8' });
      const [one, three] = [grey, grey.expand([-1, 3, -1, -1]).contiguous()].map((images) =>
        backbone.features(images),
      );
      expect(one!.sub(three!).abs().amax().item()).toBeLessThan(1e-4);
    });
    backbone.dispose();
  });

  it('is exported with one channel', async () => {
    const { check } = await exportClassifier(run, join(folder, 'classifier.onnx'), 'onnx');
    expect(check?.checked).toBe(true);
  });

  it('may be asked for three', async () => {
    const config = readClassifierConfig(
      await train(dataset, 'three', { channels: 3, steps: 2, evaluateEvery: 2 }),
    );
    expect(config.channels).toBe(3);
  });
});

describe('weights of three channels in a network of one', () => {
  it('see grey as three equal channels, by the sum of the first convolution in float64', () => {
    tidy(() => {
      const weight = randn([5, 3, 3, 3], { generator: Generator.seeded(4), dtype: 'float64' });
      const { tensors, folded } = fitStem({ 'stem.weight': weight }, 'stem.weight', 1);
      expect(folded).toBe(true);
      const [found, given] = [tensors['stem.weight']!.toArray(), weight.toArray()] as [
        Float64Array,
        Float64Array,
      ];
      for (let o = 0; o < 5; o++)
        for (let k = 0; k < 9; k++)
          expect(found[o * 9 + k]).toBeCloseTo(
            given[o * 27 + k]! + given[o * 27 + 9 + k]! + given[o * 27 + 18 + k]!,
            14,
          );
      const back = fitStem(tensors, 'stem.weight', 3).tensors['stem.weight']!;
      expect(back.sum([1], true).sub(tensors['stem.weight']!).abs().amax().item()).toBeLessThan(1e-14);
    });
  });

  it('give the same features as the network of colours', () => {
    tidy(() => {
      const [colour, grey] = [3, 1].map((inChannels) =>
        new EfficientNet('b0', { numClasses: 1, inChannels }).eval(),
      ) as [EfficientNet, EfficientNet];
      const taken = applyNetworkWeights(grey, {
        path: 'efficientnet-b0.pth',
        tensors: colour.stateDict(),
      });
      expect(taken).toMatchObject({ folded: true, headReplaced: false });
      const images = rand([2, 1, 32, 32], { generator: Generator.seeded(6) });
      const features = (network: EfficientNet, input: Tensor): Tensor => network.embed(input);
      const input = normaliseInput(images, 'half');
      const wide = normaliseInput(images.expand([-1, 3, -1, -1]).contiguous(), 'half');
      expect(features(grey, input).sub(features(colour, wide)).abs().amax().item()).toBeLessThan(1e-4);
      colour.dispose();
      grey.dispose();
    });
  });

  it('one channel is normalised by the mean of the colours’ means, the same to the bit in one pass', () => {
    tidy(() => {
      const bytes = rand([3, 1, 31, 29], { generator: Generator.seeded(7) })
        .mul(255)
        .to({ dtype: 'uint8' });
      const unit = bytes.to({ dtype: 'float32' }).div(255);
      const expected = normaliseInput(unit);
      for (const packed of [packNetworkInput(bytes), packNetworkInput(unit)])
        expect(packed.sub(expected).abs().amax().item()).toBe(0);
      const [first] = unit.toFloat32Array();
      expect(expected.contiguous().toFloat32Array()[0]).toBeCloseTo((first! - 0.449) / 0.226, 5);
    });
  });
});
