import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { savePth, type Tensor } from 'graft-torch';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Lineage } from '../data/lineage/lineage.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import type { GanInspection } from '../generate/inspect.js';
import { AcganGenerator, DcganGenerator } from '../models/index.js';
import { addGlobalOptions } from './common.js';
import { register } from './generator.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-gan-cli-'));
const data = join(dir, 'phantoms');
const plain = join(dir, 'plain');
const conditional = join(dir, 'conditional');
const at = (name: string): string => join(dir, name);

async function run(...args: string[]): Promise<string> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  const program = new Command().exitOverride();
  addGlobalOptions(program);
  await register(program, args);
  await program.parseAsync(['generator', ...args, '--quiet', '--device', 'cpu', '--threads', '1'], {
    from: 'user',
  });
  return printed;
}

const small = ['batchSize=4', 'steps=2', 'monitorEvery=0', 'sampleCount=4'].flatMap((set) => ['--set', set]);
const narrow = ['generatorWidth=4', 'discriminatorWidth=4'].flatMap((set) => ['--set', set]);

beforeAll(async () => {
  await createPhantomDataset(data, { count: 80, sizePx: 64, prevalence: 0.4, seed: 1 });
  await run('train', '--data', data, '--class', 'malignant', ...small, ...narrow, '--out', plain);
  await run(
    'train',
    '--recipe',
    'acgan-64',
    '--data',
    data,
    '--class',
    'all',
    ...small,
    '--out',
    conditional,
  );
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('graft generator train', () => {
  it('names the classes to choose from, and knows one in another spelling', async () => {
    await expect(run('train', '--data', data, ...small)).rejects.toThrow(
      "--class: say what is to be learned: benign, malignant, or all of them with 'all'",
    );
    const resolved = await run(
      'train',
      '--data',
      data,
      '--class',
      'MALIGNANT',
      ...small,
      '--dry-run',
      '--json',
    );
    expect(JSON.parse(resolved)).toMatchObject({ class: 'malignant' });
  });
});

describe('graft generator sample', () => {
  const sample = async (source: string, name: string, ...args: string[]): Promise<Lineage> =>
    JSON.parse(await run('sample', source, '--out', at(name), '--json', ...args)) as Lineage;

  it('draws a class of a conditional generator, and says which there are', async () => {
    const lineage = await sample(conditional, 'benign', '--count', '3', '--class', 'benign');
    expect(lineage).toMatchObject({ class: 'benign', count: 3, truncation: null, keptShare: 1 });
    expect(readdirSync(at('benign')).length).toBe(4);
    await expect(sample(conditional, 'no', '--count', '1')).rejects.toThrow(/say which: benign, malignant/);
    await expect(sample(conditional, 'no', '--class', 'nevus')).rejects.toThrow(
      /no nevus: benign, malignant/,
    );
    await expect(sample(plain, 'no', '--class', 'benign')).rejects.toThrow(
      /unconditional; it learned malignant/,
    );
  });

  it('of a class is not the same as of another, with the same noise', async () => {
    await sample(conditional, 'a', '--count', '1', '--class', 'benign');
    await sample(conditional, 'b', '--count', '1', '--class', 'malignant');
    expect(readFileSync(at('a/00001.png')).equals(readFileSync(at('b/00001.png')))).toBe(false);
  });

  it('keeps the better part, truncates, and notes both; an image stays whatever the count', async () => {
    const options = ['--keep', '0.5', '--truncation', '1.5', '--standing', '2'];
    const lineage = await sample(plain, 'kept', '--count', '2', ...options);
    expect(lineage).toMatchObject({ keptShare: 0.5, truncation: 1.5, standing: 2 });
    await sample(plain, 'kept-more', '--count', '70', ...options);
    for (const name of ['00001.png', '00002.png']) {
      expect(readFileSync(at(`kept/${name}`)).equals(readFileSync(at(`kept-more/${name}`)))).toBe(true);
    }
    await sample(plain, 'all', '--count', '2');
    expect(readFileSync(at('kept/00001.png')).equals(readFileSync(at('all/00001.png')))).toBe(false);
  });
});

describe('a damaged last checkpoint', () => {
  it('is told by whatever reads the run, with the remedy; an older one is not taken silently', async () => {
    const damaged = at('damaged');
    cpSync(plain, damaged, { recursive: true });
    const checkpoints = join(damaged, 'checkpoints');
    const [first] = readdirSync(checkpoints).sort();
    const last = join(checkpoints, 'step-000002.safetensors');
    const bytes = readFileSync(last);
    writeFileSync(join(checkpoints, 'step-000001.safetensors'), readFileSync(join(checkpoints, first!)));
    bytes[bytes.length - 9]! ^= 1;
    writeFileSync(last, bytes);
    const told = /step-000002\.safetensors: damaged: .*ask for it with --checkpoint 1$/;
    const out = ['--out', at('of-damaged')];
    await expect(run('sample', damaged, '--count', '1', ...out)).rejects.toThrow(told);
    await expect(run('export', damaged, '--out', at('of-damaged.safetensors'))).rejects.toThrow(told);
    await expect(run('inspect', damaged)).rejects.toThrow(told);
    await expect(run('report', damaged)).rejects.toThrow(told);
    await run('sample', damaged, '--count', '1', '--checkpoint', '1', ...out);
    expect(readdirSync(at('of-damaged'))).toHaveLength(2);
  });
});

describe('graft generator sample --choose', () => {
  const choose = (...args: string[]): Promise<string> =>
    run('sample', plain, '--count', '4', '--out', at('chosen'), '--json', ...args);

  it('chooses from a pool, notes how, and shows on a sheet what it left', async () => {
    const args = ['--choose', 'best', '--pool', '2', '--sheet', at('sheet.png')];
    const lineage = JSON.parse(await choose(...args)) as Lineage;
    expect(lineage).toMatchObject({ count: 4, keptShare: 1 });
    expect(lineage.choice).toEqual({
      policies: ['best'],
      pool: 2,
      drawn: 8,
      passed: 8,
      backbone: null,
      label: null,
      distances: [],
    });
    expect(readdirSync(at('chosen')).length).toBe(5);
    expect(existsSync(at('sheet.png'))).toBe(true);
  });

  it('refuses what does not go together, before anything is drawn', async () => {
    await expect(choose('--pool', '2')).rejects.toThrow(/--pool: is of --choose/);
    await expect(choose('--choose', 'best,filtered')).rejects.toThrow(/before it only filtered may stand/);
    await expect(choose('--choose', 'best', '--sheet', at('chosen/sheet.png'))).rejects.toThrow(
      /every picture is a synthetic image/,
    );
  });
});

describe('graft generator inspect', () => {
  it('prints layers, parameters, and what the weights have seen', async () => {
    const inspection = JSON.parse(await run('inspect', plain, '--json')) as GanInspection;
    expect(inspection.classes).toEqual(['malignant']);
    expect(inspection.generator.layers[0]).toEqual({
      path: 'main.0',
      kind: 'ConvTranspose2d',
      shapes: { weight: [128, 32, 4, 4] },
      parameters: 65536,
    });
    const { layers, parameters } = inspection.discriminator!;
    expect(layers.reduce((sum, layer) => sum + layer.parameters, 0)).toBe(parameters);
    expect(inspection.settings).toMatchObject({ generatorWidth: 4, steps: 2 });
    expect(await run('inspect', plain)).toMatch(/main\.0 +ConvTranspose2d +weight 128×32×4×4 +65,536/);
  });
});

describe('weights of others', () => {
  const parallel = (dict: Record<string, Tensor>): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(dict).map(([key, value]) => [`module.${key}`, value]));

  it('DCGAN’s, saved from DataParallel and without batch counts, are recognised and sampled', async () => {
    const generator = new DcganGenerator({ size: 128, latent: 20, features: 4 });
    const weights = Object.entries(generator.stateDict()).filter(
      ([key]) => !key.endsWith('num_batches_tracked'),
    );
    savePth(at('dcgan.pth'), parallel(Object.fromEntries(weights)));
    generator.dispose();
    const { generator: described } = JSON.parse(
      await run('inspect', at('dcgan.pth'), '--json'),
    ) as GanInspection;
    expect(described.layers[0]?.shapes).toEqual({ weight: [20, 64, 4, 4] });
    const lineage = JSON.parse(
      await run('sample', at('dcgan.pth'), '--count', '2', '--out', at('foreign'), '--json'),
    ) as Lineage;
    expect(lineage).toMatchObject({ imageSize: 128, unknownTraining: 'dcgan.pth' });
  });

  it('AC-GAN’s, whose classes are called by their indices', async () => {
    const generator = new AcganGenerator({ size: 64, latent: 30, classCount: 3 });
    savePth(at('acgan.pth'), generator.stateDict());
    generator.dispose();
    const lineage = await run(
      'sample',
      at('acgan.pth'),
      '--class',
      '2',
      '--count',
      '1',
      '--out',
      at('c2'),
      '--json',
    );
    expect(JSON.parse(lineage)).toMatchObject({ class: '2', imageSize: 64 });
  });

  it('what is no generator is refused by name', async () => {
    const generator = new DcganGenerator({ size: 64, features: 4 });
    const { 'main.3.weight': one } = generator.stateDict();
    savePth(at('other.pth'), { one: one! });
    generator.dispose();
    await expect(run('inspect', at('other.pth'))).rejects.toThrow(/other\.pth: not a generator's weights/);
  });
});

describe('graft generator export', () => {
  it.each([
    ['generator.safetensors', 'safetensors'],
    ['generator.pth', 'pth'],
    ['generator.onnx', 'onnx'],
    ['generator.pt', 'torchscript'],
  ])('%s is %s', async (name, format) => {
    const result = JSON.parse(await run('export', plain, '--out', at(name), '--json'));
    expect(result.format).toBe(format);
    expect(existsSync(at(name))).toBe(true);
    if (format === 'onnx') expect(result.check.maxDifference).toBeLessThan(1e-4);
  });

  it('a conditional generator’s graph takes labels', async () => {
    const result = JSON.parse(await run('export', conditional, '--out', at('conditional.onnx'), '--json'));
    expect(result.check).toMatchObject({ checked: true });
    expect(result.check.maxDifference).toBeLessThan(1e-4);
  });

  it('an exported state dict gives the same images as the run', async () => {
    await run('export', plain, '--out', at('again.pth'));
    await run('sample', plain, '--count', '1', '--out', at('from-run'));
    await run('sample', at('again.pth'), '--count', '1', '--out', at('from-file'));
    expect(readFileSync(at('from-run/00001.png')).equals(readFileSync(at('from-file/00001.png')))).toBe(true);
  });

  it('an ending that names no format is refused', async () => {
    await expect(run('export', plain, '--out', at('generator.bin'))).rejects.toThrow(
      /\.bin: its ending names no/,
    );
  });
});

it('graft generator train refuses what does not go together, before anything is written', async () => {
  const args = ['--data', data, '--recipe', 'acgan-64', '--class', 'benign', '--out', at('refused')];
  await expect(run('train', ...args)).rejects.toThrow(/conditioning auxiliary needs two classes or more/);
  expect(existsSync(at('refused'))).toBe(false);
});
