/** Networks, objectives and regularisers from outside: through `trainGan`, and out of a module. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, randn, setThreads, type Tensor, tidy } from 'graft-torch';
import { Conv2d, F, Linear } from 'graft-torch/nn';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { TRUST_VARIABLE } from '../../base/index.js';
import { DiscriminatorNetwork, GeneratorNetwork, type Judgement } from '../../models/index.js';
import { createRun, openRun, readEvents, readRun } from '../../run/run-folder.js';
import { openGenerator } from '../open-generator.js';
import { generateImages } from '../sample.js';
import type { GanConfig } from './config.js';
import { r1r2 } from './objectives/gradient-penalty.js';
import type { Objective } from './objectives/objective.js';
import { type GanParts, openModule, settleModule } from './own.js';
import { createTinyDataset, tinyConfig } from './tiny.test-data.js';
import { trainGan } from './train.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-own-'));
const data = join(folder, 'phantoms');
const configOf = (settings: object = {}): GanConfig =>
  tinyConfig(data, { steps: 4, monitorEvery: 2, monitorSamples: 16, backbone: null, ...settings });

beforeAll(async () => {
  setThreads(1);
  await createTinyDataset(data);
});

class Painter extends GeneratorNetwork {
  readonly latent = 5;
  private readonly layer = this.child('layer', new Linear(5, 3 * 16 * 16));
  override forward(z: Tensor): Tensor {
    return F.tanh(F.interpolate(this.layer.forward(z).reshape([-1, 3, 16, 16]), 64));
  }
}

class Critic extends DiscriminatorNetwork {
  private readonly conv = this.child('conv', new Conv2d(3, 4, 4, { stride: 4 }));
  private readonly head = this.child('head', new Linear(4 * 16 * 16, 1));
  override judge(images: Tensor): Judgement {
    const x = F.leakyRelu(this.conv.forward(images), 0.2).flatten(1);
    return { logits: this.head.forward(x).flatten(), classLogits: null };
  }
}

/** RpGAN: Jolicoeur-Martineau, 2019; with R1 and R2 it is R3GAN: Huang et al., 2024. */
const relativistic: Objective = {
  name: 'relativistic',
  logits: 'score',
  discriminatorLoss: (real, fake) => F.softplus(fake.logits.sub(real.logits)).mean(),
  generatorLoss: (fake, real) => F.softplus(real.logits.sub(fake.logits)).mean(),
};
const own = (): GanParts => ({
  networks: { generator: () => new Painter(), discriminator: () => new Critic() },
  objective: relativistic,
  regulariser: r1r2(1),
});

afterEach(() => void vi.unstubAllEnvs());

describe('trainGan', () => {
  test('trains networks, objective and regulariser from outside; a run resumes and opens with the same alone', async () => {
    const before = liveTensors();
    const dir = join(folder, 'own');
    const run = createRun(dir, { kind: 'gan', config: configOf() });
    let polls = 0;
    const interrupt = { requested: false, poll: async () => ++polls >= 2 };
    await expect(trainGan(run, configOf(), { ...own(), interrupt })).rejects.toThrow(/stopped after step 2/);
    run.close();
    const started = readEvents(join(dir, 'events.jsonl')).find(({ type }) => type === 'started');
    expect(started?.own).toEqual([
      'generator',
      'discriminator',
      'objective relativistic',
      'regulariser r1+r2',
    ]);
    const resumed = openRun(dir, { kind: 'gan' });
    const other = { ...own(), regulariser: null };
    await expect(trainGan(resumed, configOf(), other)).rejects.toThrow(
      /regulariser r1\+r2.*regulariser none/,
    );
    const { own: names, generatorParameters } = await trainGan(resumed, configOf(), own());
    expect(names).toEqual(started?.own);
    expect(generatorParameters).toBe(6 * 3 * 16 * 16);
    resumed.close();
    await expect(openGenerator(dir, { device: 'cpu' })).rejects.toThrow(/a generator of the program's own/);
    const { networks } = own();
    const generator = await openGenerator(dir, { device: 'cpu', networks });
    const images = generateImages(generator, 3, { seed: 0 });
    expect(images.shape).toEqual([3, 3, 64, 64]);
    images.dispose();
    generator.network.dispose();
    expect(liveTensors()).toBe(before);
  });

  test('an objective that compares both sides sees real images in the generator’s turn, others do not', async () => {
    const seen: number[][] = [];
    const looks: Objective = {
      ...relativistic,
      generatorLoss: (fake, real) => {
        seen.push(real.logits.shape);
        expect(real.logits.requiresGrad).toBe(false);
        return relativistic.generatorLoss(fake, real);
      },
    };
    const run = createRun(join(folder, 'looks'), { kind: 'gan', config: configOf() });
    await trainGan(run, configOf(), { objective: looks });
    run.close();
    expect(seen).toEqual([[4], [4], [4], [4]]);
  });

  test.each<[string, GanParts, RegExp]>([
    [
      'images of another size',
      { networks: { generator: () => new Small() } },
      /networks\.generator: gives \[2, 3, 16, 16\].*expected \[2, 3, 64, 64\]/,
    ],
    ['no network', { networks: { discriminator: () => ({}) as Critic } }, /made no DiscriminatorNetwork/],
  ])('refuses %s', async (name, parts, message) => {
    const run = createRun(join(folder, name), { kind: 'gan', config: configOf() });
    await expect(trainGan(run, configOf(), parts)).rejects.toThrow(message);
    run.close();
  });
});

class Small extends GeneratorNetwork {
  readonly latent = 5;
  override forward(z: Tensor): Tensor {
    return randn([z.shape[0]!, 3, 16, 16]);
  }
}

test('R1 and R2 of a linear discriminator: its squared weight, on both sides', () => {
  tidy(() => {
    const weight = randn([12]);
    class Plain extends DiscriminatorNetwork {
      override judge(images: Tensor): Judgement {
        return { logits: images.flatten(1).matmul(weight), classLogits: null };
      }
    }
    const [real, fake] = [randn([2, 3, 2, 2]), randn([2, 3, 2, 2])];
    const penalty = r1r2(3).penalty(new Plain(), { real, fake, labels: null });
    expect(penalty.item()).toBeCloseTo(2 * 1.5 * weight.square().sum().item(), 4);
  });
});

describe('a module', () => {
  const written = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  test('its hash is part of the configuration; another content is refused unless one says so', async () => {
    const module = written('good.mjs', 'export default { regulariser: null };\n');
    const config = await settleModule(configOf({ module }));
    expect(config.moduleSha256).toMatch(/^[0-9a-f]{64}$/);
    await expect(openModule(config)).rejects.toThrow(/--trust-code/);
    vi.stubEnv(TRUST_VARIABLE, module);
    expect(await openModule(config)).toEqual({ regulariser: null });
    writeFileSync(module, 'export default { regulariser: null }; // changed\n');
    await expect(openModule(config)).rejects.toThrow(/--changed-module/);
    await openModule(config, { changed: true });
  });

  test.each<[string, string, RegExp]>([
    ['nothing', '', /no object as its default export/],
    ['others', 'export default { loss: 1 };', /exports loss; its default export/],
    [
      'a network that is none',
      'export default { networks: { generator: 1 } };',
      /networks\.generator is no function/,
    ],
    ['half an objective', "export default { objective: { name: 'x' } };", /objective\.discriminatorLoss/],
    ['an error', "throw new Error('at the top');", /an error\.mjs: .*at the top/],
  ])('that exports %s is refused', async (name, text, message) => {
    const module = written(`${name}.mjs`, text);
    vi.stubEnv(TRUST_VARIABLE, '1');
    await expect(openModule(configOf({ module }))).rejects.toThrow(message);
  });

  test('that is not there is refused', async () => {
    await expect(settleModule(configOf({ module: 'nowhere.mjs' }))).rejects.toThrow(
      /there is no such module/,
    );
  });
});

test('a run without anything of one’s own says nothing of it', async () => {
  const dir = join(folder, 'plain');
  const run = createRun(dir, { kind: 'gan', config: configOf() });
  await trainGan(run, configOf());
  run.close();
  expect(readRun(dir).summary).not.toHaveProperty('own');
  expect(readRun(dir).config).not.toHaveProperty('module');
});
