import { readFileSync } from 'node:fs';
import {
  arange,
  backward,
  cat,
  Generator,
  keep,
  liveTensors,
  manualSeed,
  noGrad,
  rand,
  setThreads,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from 'graft-torch';
import { init } from 'graft-torch/nn';
import { Adam } from 'graft-torch/optim';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as F from '../../../packages/torch/src/nn/functional.js';
import { fill } from '../../../test/engine/goldens.js';
import { EfficientNet, normaliseInput, PLAIN_VIT, VisionTransformer } from '../../models/index.js';
import { classifierConfigSchema } from '../config.js';
import { areaUnder, deletionInsertion, gaussianBlur, perturbationCurve } from './deletion-insertion.js';
import { explain } from './explain.js';
import { gradCam, type MappedForward } from './grad-cam.js';
import { integratedGradients } from './integrated-gradients.js';
import { chooseLayer, layersOf, mappedForward, withTap } from './layers.js';
import { centredHeat, heatRanks, randomHeat, toHeat } from './maps.js';
import { overlay } from './overlay.js';
import { classTarget } from './target.js';

interface Curve {
  curve: number[];
  area: number;
}

const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/classify/explain.json', import.meta.url), 'utf8'),
) as {
  signs: number[];
  logits: number[];
  cam: number[][][];
  plus: number[][][];
  integrated: { steps: number; attributions: number[]; difference: number[] };
  perturbation: { steps: number; deletion: Curve[]; insertion: Curve[] };
  blur: { sigma: number; values: number[] };
  classes: {
    targets: number[];
    cam: number[][][];
    plus: number[][][];
    integrated: { steps: number; attributions: number[]; difference: number[] };
    perturbation: { steps: number; deletion: Curve[]; insertion: Curve[] };
  };
};

const weight = (key: string, shape: number[]): Tensor => fill(`explain.${key}`, shape, 'float64', 0.5);
const size = [8, 10] as const;

let live: number;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

/** The network of explain.py. */
function smallNetwork() {
  const [w1, b1] = [weight('first.weight', [5, 3, 3, 3]), weight('first.bias', [5])];
  const [w2, b2] = [weight('second.weight', [6, 5, 3, 3]), weight('second.bias', [6])];
  const [w3, b3] = [weight('fc.weight', [1, 6]), weight('fc.bias', [1])];
  for (const w of [w1, b1]) w.requiresGrad_();
  const mapOf = (x: Tensor): Tensor =>
    F.silu(
      F.conv2d(F.conv2d(x, w1, { bias: b1, padding: 1 }).tanh(), w2, { bias: b2, padding: 1, stride: 2 }),
    );
  const head = (map: Tensor): Tensor => F.linear(map.mul(2).tanh().mean([2, 3]), w3, b3).reshape([-1]);
  const mapped: MappedForward = (x) => {
    const map = keep(tidy(() => mapOf(x)));
    return { map, score: tidy(() => head(map)) };
  };
  const [w4, b4] = [weight('classes.weight', [4, 6]), weight('classes.bias', [4])];
  const classHead = (map: Tensor): Tensor => F.linear(map.mul(2).tanh().mean([2, 3]), w4, b4);
  return {
    mapped,
    /** The same map behind a head of four logits. */
    classLogits: (x: Tensor): Tensor => tidy(() => classHead(mapOf(x))),
    classMapped: (score: (output: Tensor) => Tensor): MappedForward => {
      return (x) => {
        const map = keep(tidy(() => mapOf(x)));
        return { map, score: tidy(() => score(classHead(map))) };
      };
    },
    score: (x: Tensor): Tensor => tidy(() => head(mapOf(x))),
    x: fill('explain.x', [3, 3, ...size], 'float64', 0.5, 0.5),
  };
}

const numbers = (t: Tensor): number[] => Array.from(t.toArray() as Float64Array);
function near(ours: readonly number[], theirs: readonly number[], digits: number): void {
  expect(ours).toHaveLength(theirs.length);
  theirs.forEach((value, i) => {
    expect(ours[i]).toBeCloseTo(value, digits);
  });
}

describe('against plain PyTorch, in float64', () => {
  test('Grad-CAM and Grad-CAM++, for and against the positive class', () =>
    tidy(() => {
      const { mapped, x } = smallNetwork();
      const { signs } = golden;
      near(numbers(gradCam(mapped, x, { signs })), golden.cam.flat(2), 12);
      near(numbers(gradCam(mapped, x, { signs, variant: 'grad-cam++' })), golden.plus.flat(2), 12);
    }));

  test('integrated gradients', () =>
    tidy(() => {
      const { score, x } = smallNetwork();
      const baseline = x.mean([2, 3], true).expand(x.shape);
      const { steps, attributions, difference } = golden.integrated;
      const found = integratedGradients(score, x, { baseline, steps });
      near(numbers(found.attributions), attributions, 12);
      near(numbers(found.difference), difference, 12);
    }));

  test('deletion and insertion, pixel for pixel', () =>
    tidy(() => {
      const { score, x } = smallNetwork();
      const heat = fill('explain.heat', [3, ...size], 'float64', 0.5, 0.5);
      const ranks = heatRanks(heat, Generator.seeded(1));
      const blank = x.mean([2, 3], true).expand(x.shape);
      const { steps, deletion, insertion } = golden.perturbation;
      const probability = (images: Tensor): Tensor => score(images).sigmoid();
      for (const [pair, theirs] of [
        [{ from: x, to: blank }, deletion],
        [{ from: blank, to: x }, insertion],
      ] as const) {
        const curve = perturbationCurve(probability, { ...pair, ranks }, { steps });
        theirs.forEach((one, n) => {
          near(
            curve.map((values) => values[n]!),
            one.curve,
            12,
          );
        });
        near(
          areaUnder(curve),
          theirs.map(({ area }) => area),
          12,
        );
      }
    }));

  test('one of four classes an image: logits for gradients, softmax for deletion and insertion', () =>
    tidy(() => {
      const { classMapped, classLogits, x } = smallNetwork();
      const { targets, cam, plus, integrated, perturbation } = golden.classes;
      const target = classTarget(targets);
      const mapped = classMapped(target.score);
      near(numbers(gradCam(mapped, x)), cam.flat(2), 12);
      near(numbers(gradCam(mapped, x, { variant: 'grad-cam++' })), plus.flat(2), 12);

      const baseline = x.mean([2, 3], true).expand(x.shape);
      const score = (input: Tensor): Tensor => tidy(() => target.score(classLogits(input)));
      const found = integratedGradients(score, x, { baseline, steps: integrated.steps });
      near(numbers(found.attributions), integrated.attributions, 12);
      near(numbers(found.difference), integrated.difference, 12);

      const ranks = heatRanks(fill('explain.heat', [3, ...size], 'float64', 0.5, 0.5), Generator.seeded(1));
      const probability = (images: Tensor): Tensor => target.probability(classLogits(images));
      for (const [pair, theirs] of [
        [{ from: x, to: baseline }, perturbation.deletion],
        [{ from: baseline, to: x }, perturbation.insertion],
      ] as const) {
        const curve = perturbationCurve(probability, { ...pair, ranks }, { steps: perturbation.steps });
        theirs.forEach((one, n) => {
          near(
            curve.map((values) => values[n]!),
            one.curve,
            12,
          );
        });
      }
    }));

  test('the blur', () =>
    tidy(() => {
      const { x } = smallNetwork();
      const blurred = gaussianBlur(x, golden.blur.sigma);
      near(numbers(blurred.select(0, 0).select(0, 0)), golden.blur.values, 12);
    }));
});

describe('properties', () => {
  test('completeness: attributions sum to F(x) − F(baseline), the better the more steps', () =>
    tidy(() => {
      const { score, x } = smallNetwork();
      const missing = (steps: number): number => {
        const { attributions, difference } = integratedGradients(score, x, {
          baseline: zeros(x.shape, { dtype: 'float64' }),
          steps,
        });
        return Math.max(...numbers(attributions.sum([1, 2, 3]).sub(difference).abs()));
      };
      const [few, many] = [missing(4), missing(64)];
      expect(many).toBeLessThan(1e-5);
      // The midpoint rule's error falls with the square of the steps.
      expect(many).toBeLessThan(few / 100);
    }));

  test('a linear score is explained exactly in one step; a pixel without weight gets nothing', () =>
    tidy(() => {
      const x = fill('linear.x', [2, 3, 4, 4], 'float64', 1);
      const w = fill('linear.w', [1, 3, 4, 4], 'float64', 1);
      const values = w.toArray() as Float64Array;
      values[5] = 0;
      const weights = tensor(values, [1, 3, 4, 4]);
      const { attributions } = integratedGradients((t) => t.mul(weights).sum([1, 2, 3]), x, {
        baseline: zeros(x.shape, { dtype: 'float64' }),
        steps: 1,
      });
      near(numbers(attributions), numbers(x.mul(weights)), 14);
    }));

  test('heat: the image’s size, 0 to 1, no evidence stays 0', () =>
    tidy(() => {
      const maps = tensor([-1, 0, 1, 3, 0, 0, 0, -2], [2, 2, 2]);
      const heat = toHeat(maps, [8, 8]);
      expect(heat.shape).toEqual([2, 8, 8]);
      expect(numbers(heat.amax([1, 2]))).toEqual([1, 0]);
      expect(numbers(heat.select(0, 0).select(0, 0))[0]).toBe(0);
    }));

  test('ranks: the hottest first; ties by lot, not from the upper left', () =>
    tidy(() => {
      const heat = tensor([0.1, 0.9, 0.5, 0.3], [1, 2, 2]);
      expect(numbers(heatRanks(heat, Generator.seeded(3)))).toEqual([3n, 0n, 1n, 2n]);
      const flat = Array.from(
        heatRanks(zeros([1, 32, 32]), Generator.seeded(3)).toArray() as BigInt64Array,
        Number,
      );
      expect([...flat].sort((a, b) => a - b)).toEqual(Array.from({ length: 1024 }, (_, i) => i));
      const upper = flat.slice(0, 512).reduce((sum, rank) => sum + rank, 0) / 512;
      expect(Math.abs(upper - 511.5)).toBeLessThan(45);
    }));

  test('a map of the truth beats maps that know nothing; its reverse loses', () =>
    tidy(() => {
      // The score is how red a patch off the middle is.
      const images = rand([6, 3, 16, 16], { generator: Generator.seeded(5) }).mul(0.3);
      noGrad(() => images.narrow(2, 1, 5).narrow(3, 9, 5).narrow(1, 0, 1).fill_(0.95));
      const probability = (x: Tensor): Tensor =>
        x.narrow(2, 1, 5).narrow(3, 9, 5).narrow(1, 0, 1).mean([1, 2, 3]).sub(0.6).mul(12).sigmoid();
      const truth = zeros([6, 16, 16]);
      noGrad(() => truth.narrow(1, 1, 5).narrow(2, 9, 5).fill_(1));
      const generator = Generator.seeded(6);
      const score = (heat: Tensor) => {
        const { deletion, insertion } = deletionInsertion(probability, {
          images,
          ranks: heatRanks(heat, generator),
        });
        const mean = (values: number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
        return { deletion: mean(deletion), insertion: mean(insertion) };
      };
      const right = score(truth);
      const random = score(randomHeat(6, [16, 16], { side: 4, random: generator }));
      const centre = score(centredHeat(6, [16, 16]));
      const wrong = score(truth.rsub(1));
      for (const nothing of [random, centre]) {
        expect(right.deletion).toBeLessThan(nothing.deletion - 0.1);
        expect(right.insertion).toBeGreaterThan(nothing.insertion + 0.1);
        expect(wrong.deletion).toBeGreaterThan(nothing.deletion);
        expect(wrong.insertion).toBeLessThan(nothing.insertion);
      }
    }));

  test('overlay: the image where it is cold, the ramp’s end where it is hottest', () =>
    tidy(() => {
      const images = rand([1, 3, 2, 2], { generator: Generator.seeded(1) });
      const shown = numbers(overlay(images, tensor([0, 0, 1, 0], [1, 2, 2])));
      const before = numbers(images);
      [0, 1, 3].forEach((place) => {
        expect(shown[place]).toBe(before[place]);
      });
      [253, 231, 37].forEach((colour, c) => {
        expect(shown[4 * c + 2]).toBeCloseTo(0.3 * before[4 * c + 2]! + (0.7 * colour) / 255, 5);
      });
    }));

  test('wrong steps and layers are refused in one line', () =>
    tidy(() => {
      const x = zeros([1, 3, 4, 4]);
      expect(() => integratedGradients((t) => t.sum([1, 2, 3]), x, { baseline: x, steps: 0 })).toThrow(
        /1 step or more/,
      );
      const ranks = heatRanks(zeros([1, 4, 4]), Generator.seeded(1));
      expect(() =>
        perturbationCurve((t) => t.sum([1, 2, 3]), { from: x, to: x, ranks }, { steps: 0.5 }),
      ).toThrow(/1 step or more/);
    }));
});

describe('on a Vision Transformer', () => {
  beforeAll(() => setThreads(1));
  const [SIDE, PATCH] = [64, 8];
  const shape = { ...PLAIN_VIT, width: 32, depth: 2, heads: 4, patchPx: PATCH, registers: 2 };
  const options = { name: 'vit-base-16', title: 'ViT', sidePx: SIDE, numClasses: 1, dropConnect: 0 };
  const makeViT = (): VisionTransformer => new VisionTransformer(shape, options);

  /** Noise, every second image with a bright disk of radius 10; and where the middles lie, in pixels. */
  function disks(count: number, random: Generator) {
    const images = rand([count, 3, SIDE, SIDE], { generator: random }).mul_(0.5);
    const middles = numbers(
      rand([count, 2], { generator: random })
        .mul(SIDE - 24)
        .add(12),
    );
    const centres = Array.from({ length: count }, (_, i) => [middles[2 * i]!, middles[2 * i + 1]!] as const);
    const labels = centres.map((_, i) => i % 2);
    noGrad(() => {
      const line = arange(0, SIDE);
      centres.forEach(([y, x], i) => {
        if (labels[i] === 0) return;
        const [dy, dx] = [line.sub(y).square().reshape([SIDE, 1]), line.sub(x).square()];
        const inside = dy.add(dx).lt(100).float();
        images.select(0, i).mul_(inside.rsub(1)).add_(inside);
      });
    });
    return { images, centres, labels: tensor(labels, [count, 1]) };
  }

  test('tokens become maps: Grad-CAM of them is that of the same tokens as a map', () =>
    tidy(() => {
      const [tokens, w] = [
        fill('vit.tokens', [2, 3 + 6, 5], 'float64'),
        fill('vit.weights', [2, 3 + 6, 5], 'float64'),
      ];
      const toMap = (t: Tensor): Tensor => t.narrow(1, 3, 6).transpose(1, 2).reshape([2, 5, 2, 3]);
      const leaf = (t: Tensor): Tensor => keep(t.detach().clone()).requiresGrad_();
      const score = (t: Tensor, weights: Tensor): Tensor => t.mul(weights).tanh().flatten(1).sum([1]);
      const ofTokens: MappedForward = () => {
        const map = leaf(tokens);
        return { map, score: keep(score(map, w)), toMap };
      };
      const ofMap: MappedForward = () => {
        const map = leaf(toMap(tokens));
        return { map, score: keep(score(map, toMap(w))) };
      };
      for (const variant of ['grad-cam', 'grad-cam++'] as const) {
        const found = gradCam(ofTokens, tokens, { variant });
        expect(found.shape).toEqual([2, 2, 3]);
        near(numbers(found), numbers(gradCam(ofMap, tokens, { variant })), 12);
        expect(Math.max(...numbers(found))).toBeGreaterThan(0);
      }
    }));

  test('layers: the deepest, with a place for each patch', () => {
    const network = makeViT().eval();
    expect(layersOf(network).map(({ name }) => name)).toEqual(['block 0', 'block 1']);
    expect(chooseLayer(network, [3, SIDE, SIDE])).toMatchObject({ layer: { name: 'block 1' }, side: 8 });
    expect(chooseLayer(network, [3, SIDE, SIDE], '0')).toMatchObject({ layer: { name: 'block 0' }, side: 8 });
    network.dispose();
  });

  // One block: of several, the first may tell all tokens what one of them saw, and a deep map is anywhere. Of 12 seeds 11
  // learn this in 200 steps, and find 7 to 12 of the 12 disks; by chance it would be 2.
  test('finds the disk that it was trained to see', () => {
    manualSeed(5);
    const network = new VisionTransformer({ ...shape, depth: 1 }, options).train();
    const optimizer = new Adam(network.parameters(), { lr: 2e-3 });
    const random = Generator.seeded(9);
    for (let i = 0; i < 200; i++)
      tidy(() => {
        const { images, labels } = disks(32, random);
        network.zeroGrad();
        backward(F.binaryCrossEntropyWithLogits(network.forward(images), labels));
        optimizer.step();
      });
    optimizer.dispose();
    network.eval();
    tidy(() => {
      const { images, centres, labels } = disks(24, random);
      const called = numbers(noGrad(() => network.forward(images).gt(0).float()));
      expect(called.filter((one, i) => one === numbers(labels)[i]).length).toBeGreaterThanOrEqual(22);
      const { layer, side } = chooseLayer(network, [3, SIDE, SIDE]);
      const maps = gradCam(mappedForward(network, layer), images);
      expect(maps.shape).toEqual([24, side, side]);
      const hottest = numbers(maps.flatten(1).argmax(1)).map(Number);
      const away = hottest.map((place, i) => {
        const middle = (at: number): number => (at + 0.5) * PATCH;
        const [y, x] = centres[i]!;
        return Math.hypot(middle(Math.floor(place / side)) - y, middle(place % side) - x);
      });
      const found = away.filter((distance, i) => i % 2 === 1 && distance < 15);
      expect(found.length).toBeGreaterThanOrEqual(6);
    });
    network.dispose();
  });
});

describe('on an EfficientNet', () => {
  // More threads than free cores wait for each other.
  beforeAll(() => setThreads(1));
  const config = classifierConfigSchema.parse({ data: 'x', imageSize: 32 });

  function makeClassifier(): EfficientNet {
    manualSeed(2);
    const network = new EfficientNet('b0', { numClasses: 1 });
    init.uniform_(
      network.classifier.weight,
      -(1 / Math.sqrt(network.features)),
      1 / Math.sqrt(network.features),
    );
    return network.eval();
  }

  test('layers: the deepest map of 7 places, or a named one', () => {
    const network = makeClassifier();
    expect(layersOf(network)).toHaveLength(17);
    expect(chooseLayer(network, [3, 64, 64])).toMatchObject({ layer: { name: 'block 4' }, side: 8 });
    expect(chooseLayer(network, [3, 224, 224])).toMatchObject({ layer: { name: 'head' }, side: 7 });
    expect(chooseLayer(network, [3, 64, 64], '10')).toMatchObject({ layer: { name: 'block 10' }, side: 4 });
    expect(chooseLayer(network, [3, 64, 64], 'head')).toMatchObject({ side: 2 });
    expect(() => chooseLayer(network, [3, 64, 64], 'neck')).toThrow(/has head and block 0 to 15/);
    network.dispose();
  });

  test('a tap changes nothing, and is gone afterwards', () => {
    const network = makeClassifier();
    tidy(() => {
      const x = rand([2, 3, 32, 32], { generator: Generator.seeded(1) });
      const plain = noGrad(() => network.forward(x));
      for (const layer of layersOf(network).filter((_, i) => i % 4 === 0)) {
        const { result, map } = noGrad(() => withTap(layer, () => network.forward(x)));
        expect(numbers(result)).toEqual(numbers(plain));
        expect(map.shape[0]).toBe(2);
        map.dispose();
      }
      expect(Object.hasOwn(network, 'extractFeatures')).toBe(false);
      expect(() => withTap(layersOf(network)[0]!, () => 1)).toThrow(/not reached/);
    });
    network.dispose();
  });

  test('behind the pool the head is linear: Grad-CAM of the last map sums to logit − bias', () => {
    const network = makeClassifier();
    tidy(() => {
      const x = noGrad(() => normaliseInput(rand([3, 3, 64, 64], { generator: Generator.seeded(4) })));
      const { layer } = chooseLayer(network, [3, 64, 64], 'head');
      const logit = noGrad(() => network.forward(x).reshape([-1]));
      // ReLU(Σ w A) for the score and against it: their difference is Σ w A.
      const forward = mappedForward(network, layer);
      const [towards, against] = [gradCam(forward, x), gradCam(forward, x, { signs: [-1, -1, -1] })];
      const sums = numbers(towards.sub(against).sum([1, 2]));
      // Grad-CAM's weights are means: w_k = fc_k / places, so that the sum over places is Σ fc_k mean(A_k).
      const bias = network.classifier.bias!.item();
      near(sums, numbers(logit.sub(bias)), 4);
    });
    network.dispose();
  });

  test('explains a batch: figures for each method and both nulls, heat of the images’ size', async () => {
    const network = makeClassifier();
    const images = rand([4, 3, 32, 32], { generator: Generator.seeded(4) });
    const { explanation, heat } = await explain(network, images, {
      config,
      device: 'cpu',
      threshold: 0.5,
      integralSteps: 2,
      perturbationSteps: 2,
      batchSize: 2,
    });
    expect(explanation.methods.map(({ method, mapSide }) => [method, mapSide])).toEqual([
      ['grad-cam', 8],
      ['grad-cam++', 8],
      ['integrated-gradients', 32],
    ]);
    for (const { deletion, insertion, randomisedWeights } of explanation.methods) {
      expect(deletion.mean).toBeGreaterThan(0);
      expect(insertion.mean).toBeLessThan(1);
      expect(deletion.againstRandom.interval).not.toBeNull();
      expect(Math.abs(randomisedWeights!)).toBeLessThan(1);
    }
    expect(explanation.probabilities).toHaveLength(4);
    for (const map of heat.values()) {
      expect(map.shape).toEqual([4, 32, 32]);
      expect(tidy(() => numbers(map.amax([1, 2]))).every((value) => value === 1 || value === 0)).toBe(true);
      map.dispose();
    }
    images.dispose();
    network.dispose();
  }, 30_000);

  describe('with several classes', () => {
    const few = { integralSteps: 1, perturbationSteps: 2, device: 'cpu', threshold: 0.5 } as const;
    const both = ['grad-cam', 'integrated-gradients'] as const;
    const classes = ['nevus', 'melanoma'];
    const several = classifierConfigSchema.parse({ data: 'x', imageSize: 32, target: 'classes', classes });
    const pictures = (): Tensor => rand([2, 3, 32, 32], { generator: Generator.seeded(4) });

    /** Logits (0, z) of the classifier with the one logit z: the same decision. */
    function withTwoLogits(one: EfficientNet): EfficientNet {
      manualSeed(2);
      const two = new EfficientNet('b0', { numClasses: 2 });
      tidy(() => {
        const rows = (own: Tensor): Tensor => {
          const flat = own.detach().reshape([1, -1]);
          return cat([flat.mul(0), flat]);
        };
        const { weight: w, bias: b } = one.classifier;
        const state = { ...one.stateDict(), '_fc.weight': rows(w), '_fc.bias': rows(b!).reshape([-1]) };
        two.loadStateDict(state);
      });
      return two.eval();
    }

    test('of two logits (0, z) the second is explained as z is', async () => {
      const one = makeClassifier();
      const two = withTwoLogits(one);
      const images = pictures();
      // With threshold 0 every image is called positive.
      const binary = await explain(one, images, { ...few, config, threshold: 0, methods: both });
      const softmax = await explain(two, images, {
        ...few,
        config: several,
        methods: both,
        explainedClass: 'melanoma',
      });
      expect(softmax.explanation.explained).toEqual(['melanoma', 'melanoma']);
      expect(softmax.explanation.protocol.explains).toBe("the class 'melanoma'");
      expect(binary.explanation.explained).toBeNull();
      near(softmax.explanation.probabilities, binary.explanation.probabilities, 5);
      softmax.explanation.methods.forEach(({ deletion, insertion }, m) => {
        const theirs = binary.explanation.methods[m]!;
        expect(deletion.mean).toBeCloseTo(theirs.deletion.mean, 4);
        expect(insertion.mean).toBeCloseTo(theirs.insertion.mean, 4);
      });
      for (const method of both)
        near(numbers(softmax.heat.get(method)!), numbers(binary.heat.get(method)!), 3);
      for (const map of [...binary.heat.values(), ...softmax.heat.values()]) map.dispose();
      images.dispose();
      one.dispose();
      two.dispose();
    }, 30_000);

    test('the class that is called by default; a named one for all; one that there is not is refused', async () => {
      manualSeed(5);
      const names = ['nevus', 'melanoma', 'keratosis'];
      const network = new EfficientNet('b0', { numClasses: 3 });
      init.uniform_(network.classifier.weight, -1, 1);
      network.eval();
      const three = { ...several, classes: names };
      const images = pictures();
      const logits = tidy(() => noGrad(() => network.forward(normaliseInput(images)).toFloat32Array()));
      const softmax = (i: number): number[] => {
        const powers = Array.from(logits.slice(3 * i, 3 * i + 3), Math.exp);
        return powers.map((power) => power / powers.reduce((sum, one) => sum + one, 0));
      };
      const how = { ...few, config: three, methods: ['grad-cam'] as const };
      const called = await explain(network, images, how);
      const calls = [0, 1].map((i) => softmax(i).indexOf(Math.max(...softmax(i))));
      expect(called.explanation.explained).toEqual(calls.map((k) => names[k]));
      near(
        called.explanation.probabilities,
        calls.map((k, i) => softmax(i)[k]!),
        5,
      );
      const other = names[(calls[0]! + 1) % 3]!;
      const named = await explain(network, images, { ...how, explainedClass: other });
      near(
        named.explanation.probabilities,
        [0, 1].map((i) => softmax(i)[names.indexOf(other)]!),
        5,
      );
      expect(numbers(named.heat.get('grad-cam')!)).not.toEqual(numbers(called.heat.get('grad-cam')!));
      await expect(explain(network, images, { ...how, explainedClass: 'wart' })).rejects.toThrow(
        /class 'wart': this run tells apart nevus, melanoma, keratosis/,
      );
      await expect(explain(network, images, { ...how, config, explainedClass: 'nevus' })).rejects.toThrow(
        /leave the class out/,
      );
      for (const { heat } of [called, named]) for (const map of heat.values()) map.dispose();
      images.dispose();
      network.dispose();
    }, 30_000);
  });
});
