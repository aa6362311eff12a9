/** ResNet and ConvNeXt through everything that a classifier is for: training, opening, exporting, explaining, layer rates. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  autocast,
  backward,
  Generator,
  liveTensors,
  noGrad,
  rand,
  savePth,
  setThreads,
  type Tensor,
  tidy,
} from 'graft-torch';
import { checkTorchScript } from 'graft-torch/export';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClassifierBackbone } from '../metrics/backbone/classifier-run.js';
import { type ImageNetwork, normaliseInput } from '../models/index.js';
import {
  type ClassifierRecipe,
  checkRecipe,
  classifierConfigSchema,
  classifierRecipeSchema,
} from './config.js';
import { makeDisks, SIDE } from './disks.test-data.js';
import { explain } from './explain/explain.js';
import { gradCam } from './explain/grad-cam.js';
import { chooseLayer, layersOf, mappedForward } from './explain/layers.js';
import { exportClassifier } from './export.js';
import { layerRateFactors } from './layer-rates.js';
import { makeNetwork } from './network.js';
import { openClassifier } from './result.js';
import { trainClassifier } from './train.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-convolutional-'));
beforeAll(() => setThreads(2));
afterAll(() => rmSync(folder, { recursive: true }));

const recipe = (changes: Partial<ClassifierRecipe>): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({
    imageSize: SIDE,
    batchSize: 16,
    steps: 16,
    warmupSteps: 4,
    evaluateEvery: 8,
    logEvery: 2,
    augmentation: 'flips',
    learningRate: 1e-3,
    dropConnect: 0,
    device: 'cpu',
    threads: 2,
    seed: 3,
  }),
  ...changes,
});

interface Family {
  architecture: ClassifierRecipe['architecture'];
  stages: number;
  /** Own keys with the factor that a decay of a half gives them, in stages below the head. */
  rates: Record<string, number>;
  /** The deepest layer whose map is 7 places wide at 64 px, and its side. */
  explained: [layer: string, side: number];
}
const families: Family[] = [
  {
    architecture: 'resnet-18',
    stages: 4,
    rates: { 'conv1.weight': 5, 'bn1.bias': 5, 'layer2.0.downsample.0.weight': 3, 'fc.weight': 0 },
    explained: ['block 3', 8],
  },
  {
    architecture: 'resnet-50',
    stages: 4,
    rates: { 'layer1.0.conv3.weight': 4, 'layer4.2.bn3.weight': 1, 'fc.bias': 0 },
    explained: ['block 6', 8],
  },
  {
    architecture: 'convnext-tiny',
    stages: 4,
    rates: {
      'stem.0.weight': 5,
      'stem.1.bias': 5,
      'stages.1.downsample.1.weight': 3,
      'stages.2.blocks.8.gamma': 2,
      'head.norm.weight': 0,
      'head.fc.weight': 0,
    },
    explained: ['block 5', 8],
  },
];

const classifierOf: Record<string, string> = {
  'resnet-18': 'fc.',
  'resnet-50': 'fc.',
  'convnext-tiny': 'head.fc.',
};

const make = (architecture: Family['architecture'], changes: Partial<ClassifierRecipe> = {}): ImageNetwork =>
  makeNetwork(recipe({ architecture, ...changes }), 'cpu').network;

describe.each(families)('$architecture', ({ architecture, stages, rates, explained }) => {
  it('learns at one rate a stage, the head fastest', () => {
    const network = make(architecture);
    const factors = layerRateFactors(network, network.parameters(), 0.5);
    const found = new Map(Object.keys(network.namedParameters()).map((key, i) => [key, factors[i]]));
    for (const [key, below] of Object.entries(rates)) expect(found.get(key), key).toBe(0.5 ** below);
    expect(new Set(factors).size).toBe(stages + 2);
    network.dispose();
  });

  it('has one head, and refuses EfficientNet’s other one', () => {
    expect(() => checkRecipe(recipe({ architecture, head: 'normalised' }))).toThrow(
      `head normalised is for EfficientNets; ${architecture} has one head`,
    );
    checkRecipe(recipe({ architecture }));
  });

  it('computes in 16 bits what it computes in 32, and has gradients there', () => {
    const network = make(architecture);
    tidy(() => {
      const x = normaliseInput(rand([4, 3, SIDE, SIDE], { generator: Generator.seeded(8) }));
      const half = (): Tensor => autocast('cpu', 'bfloat16', () => network.embed(x)).to({ dtype: 'float32' });
      network.eval();
      const wanted = noGrad(() => network.embed(x));
      const error = noGrad(() => half().sub(wanted).abs().amax().item());
      expect(error / wanted.abs().amax().item()).toBeLessThan(0.1);
      network.train();
      backward(half().square().sum());
      const still = Object.entries(network.namedParameters()).filter(
        ([key, { grad }]) =>
          !key.startsWith(classifierOf[architecture]!) && !(grad && grad.abs().amax().item() > 0),
      );
      expect(still.map(([key]) => key)).toEqual([]);
    });
    network.dispose();
  });

  it('is explained by the maps of its blocks', async () => {
    const live = liveTensors();
    const network = make(architecture).eval();
    expect(layersOf(network)).toHaveLength(network.blocks.length);
    const { layer, side } = chooseLayer(network, [3, 64, 64]);
    expect([layer.name, side]).toEqual(explained);
    tidy(() => {
      const x = normaliseInput(rand([2, 3, 64, 64], { generator: Generator.seeded(4) }));
      // What speaks for a score and what speaks against it: one of them may be nothing.
      const maps = [1, -1].map((sign) => gradCam(mappedForward(network, layer), x, { signs: [sign, sign] }));
      for (const map of maps) expect(map.shape).toEqual([2, side, side]);
      expect(maps[0]!.add(maps[1]!).amax([1, 2]).amin().item()).toBeGreaterThan(0);
    });
    const config = classifierConfigSchema.parse({ data: 'x', architecture, imageSize: SIDE });
    const images = rand([2, 3, SIDE, SIDE], { generator: Generator.seeded(4) });
    const few = { integralSteps: 1, perturbationSteps: 1, batchSize: 2, threshold: 0.5 };
    const { explanation, heat } = await explain(network, images, { config, device: 'cpu', ...few });
    expect(explanation.methods.map(({ method }) => method)).toContain('grad-cam');
    for (const one of [...heat.values(), images]) one.dispose();
    network.dispose();
    expect(liveTensors()).toBe(live);
  });

  it('takes weights of colours for grey images, and sees in them what they saw', () => {
    const colour = make(architecture).eval();
    const weights = join(folder, `${architecture}.pth`);
    savePth(weights, colour.stateDict());
    const { network, loaded } = makeNetwork(recipe({ architecture, weights, channels: 1 }), 'cpu');
    expect(loaded).toContain('first convolution brought to 1 channel');
    tidy(() =>
      noGrad(() => {
        const grey = rand([2, 1, SIDE, SIDE], { generator: Generator.seeded(6) });
        const embed = (of: ImageNetwork, images: Tensor): Tensor => of.embed(normaliseInput(images, 'half'));
        const wanted = embed(colour, grey.expand([-1, 3, -1, -1]).contiguous());
        const error = embed(network.eval(), grey).sub(wanted).abs().amax().item();
        expect(error / wanted.abs().amax().item()).toBeLessThan(1e-4);
      }),
    );
    rmSync(weights);
    for (const one of [colour, network]) one.dispose();
  });
});

// ResNet-50 has the same operators as 18, and the parity of its logits is another test's.
describe.each(['resnet-18', 'convnext-tiny'])('a run of %s', (architecture) => {
  const runDir = join(folder, architecture);
  const data = makeDisks(120);
  afterAll(() => data.cache.images.dispose());

  it('learns, opens again as it was, and is a backbone', async () => {
    const live = liveTensors();
    const config = recipe({ architecture });
    const result = await trainClassifier({ config, runDir, ...data });
    const [first, last] = [result.curve[0]!, result.curve.at(-1)!];
    expect(last.trainLoss).toBeLessThan(first.trainLoss!);
    expect(result.testAuc).toBeGreaterThan(0.6);
    const { network } = await openClassifier(runDir, 'cpu');
    const backbone = openClassifierBackbone(runDir, 'cpu');
    tidy(() =>
      noGrad(() => {
        const rows = data.cache.rows.flatMap(({ split }, i) => (split === 'test' ? [i] : []));
        const pixels = data.cache.images.narrow(0, rows[0]!, rows.length);
        const input = normaliseInput(pixels.to({ dtype: 'float32' }).div(255));
        const scores = Array.from((network as ImageNetwork).forward(input).sigmoid().toFloat32Array());
        scores.forEach((score, i) => {
          expect(score).toBeCloseTo(result.testScores[i]!.score, 4);
        });
        const features = (network as ImageNetwork).embed(input);
        const error = backbone.features(pixels).sub(features).abs().amax().item();
        expect(error / features.abs().amax().item()).toBeLessThan(1e-4);
      }),
    );
    backbone.dispose();
    network.dispose();
    expect(liveTensors()).toBe(live);
  });

  it('is exported as ONNX and TorchScript, each held against the network', async () => {
    const onnx = await exportClassifier(runDir, join(folder, `${architecture}.onnx`), 'onnx');
    expect(onnx).toMatchObject({ check: { checked: true }, dynamicBatch: true });
    const path = join(folder, `${architecture}.pt`);
    const script = await exportClassifier(runDir, path, 'torchscript');
    expect(script).toMatchObject({ check: { checked: true }, dynamicBatch: true });
    // Not the check of the export alone: other images, and another batch.
    const { network } = await openClassifier(runDir, 'cpu');
    const images = rand([5, 3, SIDE, SIDE], { generator: Generator.seeded(9) });
    const forward = (x: Tensor): Tensor => (network as ImageNetwork).forward(normaliseInput(x));
    expect(checkTorchScript(path, forward, { images })).toBeLessThan(1e-4);
    images.dispose();
    network.dispose();
  });
});
