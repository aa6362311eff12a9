import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aten, liveTensors, noGrad, ones, randn, savePth, type Tensor, tidy, zeros } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openClassifierBackbone } from '../metrics/backbone/classifier-run.js';
import { keyTranslation } from '../models/efficientnet-keys.js';
import { EfficientNet, loadNetworkWeights, VARIANTS } from '../models/index.js';
import { readRunConfig } from '../run/run-folder.js';
import { statisticsOf, toNetworkInput } from './batch.js';
import { type ClassifierRecipe, checkRecipe, classifierRecipeSchema } from './config.js';
import { makeDisks, SIDE } from './disks.test-data.js';
import { adoptConventions, makeNetwork, settleWeights } from './network.js';
import { openClassifier } from './result.js';
import { trainClassifier } from './train.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-network-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

/** ImageNet-like weights of B0 under torchvision's names. */
const weights = join(folder, 'weights.pth');
beforeAll(() => {
  const network = new EfficientNet('b0', { numClasses: 10 });
  const theirs = keyTranslation(VARIANTS.b0.spec, { from: 'lukemelas', to: 'torchvision' });
  savePth(
    weights,
    Object.fromEntries(Object.entries(network.stateDict()).map(([key, value]) => [theirs(key), value])),
  );
  network.dispose();
});

const recipe = (changes: Partial<ClassifierRecipe> = {}): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({
    imageSize: SIDE,
    batchSize: 16,
    steps: 2,
    warmupSteps: 0,
    evaluateEvery: 1,
    device: 'cpu',
  }),
  ...changes,
});

const SYMMETRIC = { padding: 'symmetric', batchNormEps: 1e-5, inputStatistics: 'imagenet' } as const;
const OWN = { padding: 'same', batchNormEps: 1e-3, inputStatistics: 'imagenet' } as const;

describe('settleWeights', () => {
  it("writes the weights' conventions into the recipe, the authors' from scratch, and what is named wins", async () => {
    expect(await settleWeights(recipe())).toMatchObject(OWN);
    expect(await settleWeights(recipe({ weights }))).toMatchObject(SYMMETRIC);
    expect(await settleWeights(recipe({ weights, padding: 'same', inputStatistics: 'half' }))).toMatchObject({
      padding: 'same',
      batchNormEps: 1e-5,
      inputStatistics: 'half',
    });
    // Settled already: nothing is read.
    const settled = recipe({ ...SYMMETRIC, weights: join(folder, 'none.pth') });
    expect(await settleWeights(settled)).toEqual(settled);
    await expect(settleWeights(recipe({ weights: join(folder, 'none.pth') }))).rejects.toThrow(ConfigError);
  });

  it('leaves a run that goes on as it was', () => {
    expect(adoptConventions(recipe({ weights }), { ...SYMMETRIC })).toMatchObject(SYMMETRIC);
    expect(adoptConventions(recipe({ padding: 'same' }), { ...SYMMETRIC })).toMatchObject({
      padding: 'same',
    });
    expect(adoptConventions(recipe(), {})).toMatchObject(OWN);
  });

  it('brings weights from the hub, or says how to do that by hand', async () => {
    const server = createServer((_, response) => {
      response.writeHead(404);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv('GRAFT_CACHE', folder);
    const hub = recipe({ weights: 'hf:timm/efficientnet_b0.ra_in1k/model.safetensors' });
    await expect(settleWeights(hub)).rejects.toThrow(DataError);
    await expect(settleWeights(hub)).rejects.toThrow(
      `put it at ${join(folder, 'weights/timm/efficientnet_b0.ra_in1k/main/model.safetensors')}`,
    );
    await new Promise((resolve) => server.close(resolve));
    expect(() => checkRecipe(recipe({ weights: 'hf:timm' }))).toThrow(ConfigError);
  });
});

describe('makeNetwork', () => {
  it('has the weights and their conventions, and says so', () => {
    const before = liveTensors();
    const { network, loaded, caution } = makeNetwork(recipe({ weights }), 'cpu');
    expect(caution).toBe(
      `${weights}: these weights know images of 224 px, and imageSize is ${SIDE}; they are used as they are, and may be worth less than at imageSize=224`,
    );
    expect(loaded).toBe(
      `358 tensors from ${weights} (torchvision names), last layer fresh; symmetric padding, batch-norm eps 0.00001, imagenet input`,
    );
    expect(network.conventions).toEqual(SYMMETRIC);
    expect((network as EfficientNet).bn1.eps).toBe(1e-5);
    network.dispose();
    const scratch = makeNetwork(recipe({ architecture: 'efficientnet-v2-s', padding: 'symmetric' }), 'cpu');
    expect(scratch.loaded).toBeNull();
    expect(scratch.caution).toBeNull();
    const native = makeNetwork(recipe({ weights, imageSize: 224 }), 'cpu');
    expect(native.caution).toBeNull();
    native.network.dispose();
    expect(scratch.network.conventions).toEqual({ ...OWN, padding: 'symmetric' });
    scratch.network.dispose();
    expect(liveTensors()).toBe(before);
  });

  it('wants its pixels as its weights do', () => {
    const { network } = makeNetwork(recipe({ inputStatistics: 'half' }), 'cpu');
    expect(statisticsOf(network)).toBe('half');
    tidy(() => {
      const white = ones([1, 3, 2, 2], { dtype: 'uint8' }).mul(255).to({ dtype: 'uint8' });
      const corner = (pixels: Tensor, statistics?: 'imagenet' | 'half'): number[] =>
        Array.from(toNetworkInput(pixels, 'cpu', { statistics }).toArray() as Float32Array).slice(0, 1);
      expect(corner(white, 'half')).toEqual([1]);
      expect(corner(zeros([1, 3, 2, 2], { dtype: 'uint8' }), 'half')).toEqual([-1]);
      expect(corner(white)[0]).toBeCloseTo((1 - 0.485) / 0.229, 5);
    });
    network.dispose();
  });
});

describe('a run that begins with weights of others', () => {
  it('needs them no more to be opened, goes on with their conventions and hands them on', async () => {
    const data = makeDisks(80);
    const runDir = join(folder, 'run');
    const started = join(folder, 'moved.pth');
    const network = new EfficientNet('b0', { numClasses: 1 });
    loadNetworkWeights(network, weights);
    const theirs = keyTranslation(VARIANTS.b0.spec, { from: 'lukemelas', to: 'torchvision' });
    savePth(
      started,
      Object.fromEntries(Object.entries(network.stateDict()).map(([key, value]) => [theirs(key), value])),
    );
    network.dispose();
    const config = recipe({ weights: started });
    const warnings: string[] = [];
    const warn = (message: string) => warnings.push(message);
    const result = await trainClassifier({ config, runDir, ...data, warn });
    expect(warnings).toEqual([expect.stringContaining('know images of 224 px, and imageSize is 32;')]);
    expect(warnings[0]).not.toContain('\n');
    expect(readFileSync(join(runDir, 'log.txt'), 'utf8')).toContain(`warning: ${warnings[0]}`);
    expect(readRunConfig(runDir).config).toMatchObject({ ...SYMMETRIC, weights: started });
    rmSync(started);

    // A trial asks for the same again and gets the results.
    expect(await trainClassifier({ config, runDir, ...data, ifExists: 'continue' })).toEqual(result);
    const opened = (await openClassifier(runDir, 'cpu')).network as EfficientNet;
    expect(opened.conventions).toEqual(SYMMETRIC);
    const next = makeNetwork(recipe({ weights: join(runDir, 'weights.safetensors') }), 'cpu');
    expect(next.network.conventions).toEqual(SYMMETRIC);
    // Weights of a run know the side that it had, and say so.
    expect(next.caution).toBeNull();
    const larger = makeNetwork(
      recipe({ weights: join(runDir, 'weights.safetensors'), imageSize: 64 }),
      'cpu',
    );
    expect(larger.caution).toContain('know images of 32 px, and imageSize is 64');
    larger.network.dispose();
    const backbone = openClassifierBackbone(runDir, 'cpu');
    tidy(() =>
      noGrad(() => {
        const x = randn([2, 3, SIDE, SIDE]);
        const logits = opened.forward(x).toArray();
        expect(next.network.eval().forward(x).toArray()).toEqual(logits);
        expect(opened.setConventions(OWN).forward(x).toArray()).not.toEqual(logits);
      }),
    );
    // As a backbone, too, and its protocol says so.
    tidy(() => {
      const pixels = data.cache.images.narrow(0, 0, 3);
      const features = (): Tensor => noGrad(() => opened.embed(toNetworkInput(pixels, 'cpu')));
      const found = backbone.features(pixels);
      expect(aten.allclose(found, features(), 1e-3, 1e-4)).toBe(false);
      opened.setConventions(SYMMETRIC);
      expect(aten.allclose(found, features(), 1e-3, 1e-4)).toBe(true);
    });
    backbone.dispose();
    opened.dispose();
    next.network.dispose();
    data.cache.images.dispose();
  });
});
