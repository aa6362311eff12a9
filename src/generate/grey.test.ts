/** GANs of grey images: one channel from the dataset to the samples. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Generator, liveTensors, loadSafetensors, randn, setThreads, type Tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { openDataset } from '../data/dataset/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { createRun } from '../run/run-folder.js';
import { applyAda, colourOf } from './adversarial/augment/ada.js';
import { adaWeights, drawAda } from './adversarial/augment/ada-draws.js';
import type { GanConfig } from './adversarial/config.js';
import { makeDiscriminator, makeGenerator } from './adversarial/networks.js';
import { tinyConfig } from './adversarial/tiny.test-data.js';
import { trainGan } from './adversarial/train.js';
import { fitChannels } from './adversarial/transfer.js';
import { channelsOf } from './config.js';
import { settleChannels, toLabels } from './data.js';
import { exportGenerator } from './export.js';
import { openGenerator } from './open-generator.js';
import { gatherGanReport } from './report/gather.js';
import { generateImages, sampleToFolder } from './sample.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-grey-'));
const data = join(folder, 'grey');
const coloured = join(folder, 'coloured');

async function trained(name: string, config: GanConfig): Promise<string> {
  const dir = join(folder, name);
  const settled = settleChannels(config, openDataset(config.data));
  const run = createRun(dir, { kind: 'gan', config: settled });
  await trainGan(run, settled);
  run.close();
  return dir;
}

const short = {
  steps: 4,
  sampleEvery: 4,
  checkpointEvery: 4,
  monitorEvery: 4,
  monitorSamples: 16,
  emaDecay: 0.9,
};

let run: string;
beforeAll(async () => {
  setThreads(1);
  const options = { count: 60, sizePx: 64, prevalence: 0.5, seed: 3 };
  await createPhantomDataset(data, { ...options, grey: true });
  await createPhantomDataset(coloured, options);
  run = await trained(
    'run',
    tinyConfig(data, { ...short, diffAugment: ['colour', 'translation', 'cutout'] }),
  );
});

describe('a run on grey images', () => {
  it('has networks of one channel, and says so', async () => {
    expect(openDataset(data).channels).toBe(1);
    const generator = await openGenerator(run, { withDiscriminator: true });
    expect(channelsOf(generator.config)).toBe(1);
    const images = generateImages(generator, 3, { seed: 0 });
    expect(images.shape).toEqual([3, 1, 64, 64]);
    images.dispose();
  });

  it('writes samples of one channel: no colours, exactly', async () => {
    const generator = await openGenerator(run);
    const out = join(folder, 'samples');
    await sampleToFolder(generator, { count: 3, seed: 1, out });
    const { channels, space } = await sharp(join(out, '00001.png')).metadata();
    expect({ channels, space }).toEqual({ channels: 1, space: 'b-w' });
    const { data: rgb } = await sharp(join(out, '00001.png'))
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    for (let i = 0; i < rgb.length; i += 3) expect([rgb[i + 1], rgb[i + 2]]).toEqual([rgb[i], rgb[i]]);
  });

  it('chooses by policies, with a sheet', async () => {
    const generator = await openGenerator(run, { withDiscriminator: true });
    const out = join(folder, 'chosen');
    const lineage = await sampleToFolder(generator, {
      count: 4,
      seed: 1,
      out,
      choice: { policies: ['diverse'], pool: 2, backbone: 'random' },
      sheet: join(folder, 'sheet.png'),
    });
    expect(lineage.choice?.policies).toEqual(['diverse']);
    expect((await sharp(join(folder, 'sheet.png')).metadata()).width).toBeGreaterThan(100);
  });

  it('is reported with grey pictures', async () => {
    const { pictures } = await gatherGanReport(run);
    for (const picture of [pictures.real, pictures.generated, pictures.interpolation, pictures.nearest])
      expect(picture).not.toBeNull();
  });

  it('exports weights of one channel, from which a generator opens', async () => {
    const generator = await openGenerator(run);
    const path = join(folder, 'weights.safetensors');
    await exportGenerator(generator, path, 'safetensors');
    const { tensors } = loadSafetensors(path);
    expect(
      Object.values(tensors)
        .filter(({ shape }) => shape.length === 4)
        .at(-1)!.shape[1],
    ).toBe(1);
    for (const tensor of Object.values(tensors)) tensor.dispose();
    const again = await openGenerator(path);
    expect(channelsOf(again.config)).toBe(1);
    expect((await exportGenerator(again, join(folder, 'graph.onnx'), 'onnx')).check?.checked ?? false).toBe(
      true,
    );
  });

  it('starts from a run on colours, and the other way round', async () => {
    const colours = await trained('colours', tinyConfig(coloured, { ...short, monitorEvery: 0 }));
    const grey = await trained(
      'grey-from-colours',
      tinyConfig(data, { ...short, monitorEvery: 0, initFrom: colours }),
    );
    expect(channelsOf((await openGenerator(grey)).config)).toBe(1);
    const back = await trained(
      'colours-from-grey',
      tinyConfig(coloured, { ...short, monitorEvery: 0, initFrom: grey }),
    );
    expect(channelsOf((await openGenerator(back)).config)).toBe(3);
  });
});

test('channels that are asked for go before those of the dataset; a run without the key has three', () => {
  expect(settleChannels(tinyConfig(data, { channels: 3 }), openDataset(data)).channels).toBe(3);
  expect(settleChannels(tinyConfig(coloured, { channels: 1 }), openDataset(coloured)).channels).toBe(1);
  expect(channelsOf(tinyConfig(data, {}))).toBe(3);
  expect(readFileSync(join(run, 'config.yaml'), 'utf8')).toMatch(/^channels: 1$/m);
});

describe('every architecture', () => {
  it.each([
    { architecture: 'dcgan' },
    { architecture: 'sngan' },
    { architecture: 'acgan', conditioning: 'auxiliary', class: ['benign', 'malignant'] },
    {
      architecture: 'resnet',
      generatorSpectralNorm: true,
      attentionSize: 32,
      generatorWidth: 8,
      discriminatorWidth: 8,
    },
  ])('$architecture makes and judges one channel', (settings) => {
    const before = liveTensors();
    tidy(() => {
      const config = tinyConfig(data, { ...settings, channels: 1 } as object);
      const [generator, discriminator] = [makeGenerator(config), makeDiscriminator(config)];
      const labels = generator.classCount > 0 ? toLabels([0, 1], 'cpu') : null;
      const z = randn([2, generator.latent], { generator: Generator.seeded(0) });
      const images = generator.forward(z, labels);
      expect(images.shape).toEqual([2, 1, config.imageSize, config.imageSize]);
      expect(discriminator.judge(images, labels).logits.shape).toEqual([2]);
      generator.dispose();
      discriminator.dispose();
    });
    expect(liveTensors()).toBe(before);
  });
});

it('weights of colours judge grey as three equal channels, and make the mean of the colours', () => {
  tidy(() => {
    const make = (channels: 1 | 3) => {
      const config = tinyConfig(data, { architecture: 'dcgan', discriminatorNorm: 'none', channels });
      return { generator: makeGenerator(config).eval(), discriminator: makeDiscriminator(config).eval() };
    };
    const [colour, grey] = [make(3), make(1)];
    for (const part of ['generator', 'discriminator'] as const) {
      const { fitted, fresh } = fitChannels(grey[part], colour[part].stateDict());
      grey[part].loadStateDict(fitted);
      expect(fresh.size).toBe(0);
    }
    const images = randn([2, 1, 64, 64], { generator: Generator.seeded(1) });
    const judged = colour.discriminator.judge(images.expand([-1, 3, -1, -1]).contiguous()).logits;
    expect(grey.discriminator.judge(images).logits.sub(judged).abs().amax().item()).toBeLessThan(1e-4);
    const z = randn([2, 8], { generator: Generator.seeded(2) });
    const before = (x: Tensor): Tensor => x.add(1).div(x.neg().add(1)).log(); // of tanh, twice over
    const mean = before(colour.generator.forward(z)).mean([1], true);
    expect(before(grey.generator.forward(z)).sub(mean).abs().amax().item()).toBeLessThan(1e-4);
    for (const { generator, discriminator } of [colour, grey]) {
      generator.dispose();
      discriminator.dispose();
    }
  });
});

it('ADA changes grey as it changes three equal channels whose colours are not turned', () => {
  tidy(() => {
    const grey: Tensor = randn([6, 1, 32, 32], { generator: Generator.seeded(1) });
    const draws = Array.from({ length: 6 }, (_, i) => ({
      ...drawAda(1, new Random(i), adaWeights('geometry', 'colour')),
      hue: 0,
      saturation: 1,
    }));
    expect(draws.filter((draw) => colourOf(draw)).length).toBeGreaterThan(2);
    const colour = applyAda(grey.expand([-1, 3, -1, -1]).contiguous(), draws);
    const found = applyAda(grey, draws);
    expect(found.shape).toEqual([6, 1, 32, 32]);
    expect(colour.sub(found).abs().amax().item()).toBeLessThan(1e-5);
  });
});
