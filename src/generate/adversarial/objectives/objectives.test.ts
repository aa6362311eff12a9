import { backward, keep, manualSeed, randn, type Tensor, tensor, tidy } from 'graft-torch';
import { expect, test } from 'vitest';
import { DiscriminatorNetwork, type Judgement } from '../../../models/index.js';
import { withAuxiliaryClassifier } from './auxiliary.js';
import { r1, wganGradientPenalty } from './gradient-penalty.js';
import { hinge } from './hinge.js';
import { nonSaturating } from './non-saturating.js';
import type { Judged } from './objective.js';
import { wasserstein } from './wasserstein.js';

const REAL = [0.5, -1.5];
const FAKE = [2, -0.25];
const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;
const softplus = (x: number): number => Math.log1p(Math.exp(x));

const judged = (logits: number[], classLogits: number[][] | null = null, labels: number[] = []): Judged => ({
  logits: tensor(logits, [logits.length]),
  classLogits: classLogits && tensor(classLogits.flat(), [classLogits.length, classLogits[0]!.length]),
  labels: classLogits && tensor(labels, [labels.length], { dtype: 'int64' }),
});

test('non-saturating: −y log D − (1 − y) log(1 − D), averaged, with the labels that are given', () => {
  tidy(() => {
    // −log sigmoid(x) = softplus(−x), −log(1 − sigmoid(x)) = softplus(x)
    const towards = (x: number[], y: number): number =>
      mean(x.map((v) => y * softplus(-v) + (1 - y) * softplus(v)));
    const oneSided = nonSaturating({ realLabel: 0.9 });
    expect(oneSided.discriminatorLoss(judged(REAL), judged(FAKE)).item()).toBeCloseTo(
      towards(REAL, 0.9) + towards(FAKE, 0),
      6,
    );
    expect(oneSided.generatorLoss(judged(FAKE), judged(REAL)).item()).toBeCloseTo(towards(FAKE, 1), 6);
    const original = nonSaturating({ realLabel: 0.9, fakeLabel: 0.1, generatorLabel: 0.9 });
    expect(original.discriminatorLoss(judged(REAL), judged(FAKE)).item()).toBeCloseTo(
      towards(REAL, 0.9) + towards(FAKE, 0.1),
      6,
    );
    expect(original.generatorLoss(judged(FAKE), judged(REAL)).item()).toBeCloseTo(towards(FAKE, 0.9), 6);
  });
});

test('hinge and Wasserstein', () => {
  tidy(() => {
    const [real, fake] = [judged(REAL), judged(FAKE)];
    const margins = mean(REAL.map((x) => Math.max(0, 1 - x))) + mean(FAKE.map((x) => Math.max(0, 1 + x)));
    expect(hinge.discriminatorLoss(real, fake).item()).toBeCloseTo(margins, 6);
    expect(hinge.generatorLoss(fake, real).item()).toBeCloseTo(-mean(FAKE), 6);
    expect(wasserstein.discriminatorLoss(real, fake).item()).toBeCloseTo(mean(FAKE) - mean(REAL), 6);
    expect(wasserstein.generatorLoss(fake, real).item()).toBeCloseTo(-mean(FAKE), 6);
  });
});

test('an auxiliary classifier adds −log softmax at the label, as the mean of both heads, and fades in', () => {
  tidy(() => {
    const classes = [
      [1, 0, -1],
      [0.5, 2, 0],
    ];
    const labels = [0, 2];
    const crossEntropy = mean(
      classes.map((row, i) => Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[labels[i]!]!),
    );
    let strength = 1;
    const objective = withAuxiliaryClassifier(hinge, () => strength);
    const [real, fake] = [judged(REAL, classes, labels), judged(FAKE, classes, labels)];
    const adversarial = hinge.discriminatorLoss(real, fake).item();
    expect(objective.discriminatorLoss(real, fake).item()).toBeCloseTo(
      (adversarial + 2 * crossEntropy) / 2,
      5,
    );
    expect(objective.generatorLoss(fake, real).item()).toBeCloseTo((-mean(FAKE) + crossEntropy) / 2, 5);
    strength = 0;
    expect(objective.discriminatorLoss(real, fake).item()).toBeCloseTo(adversarial, 6);
  });
});

/** D(x) = ⟨w, x⟩, whose gradient is w wherever it is taken. */
class LinearDiscriminator extends DiscriminatorNetwork {
  readonly weight: Tensor;
  constructor(weight: Tensor) {
    super();
    this.weight = this.parameter('weight', weight);
  }
  override judge(images: Tensor): Judgement {
    return { logits: images.flatten(1).matmul(this.weight), classLogits: null };
  }
}

test('gradient penalties of a linear discriminator, and their own gradient', () => {
  manualSeed(0);
  tidy(() => {
    const w = [0.5, -1, 2, 0.25];
    const length = Math.hypot(...w);
    const discriminator = new LinearDiscriminator(keep(tensor(w, [4])));
    const [real, fake] = [randn([3, 1, 2, 2]), randn([3, 1, 2, 2])];
    const check = (loss: Tensor, value: number, slope: (x: number) => number): void => {
      expect(loss.item()).toBeCloseTo(value, 5);
      discriminator.zeroGrad();
      backward(loss);
      const gradient = [...(discriminator.weight.grad!.toArray() as Float32Array)];
      gradient.forEach((g, i) => {
        expect(g).toBeCloseTo(slope(w[i]!), 5);
      });
    };
    const penalty = wganGradientPenalty(10).penalty(discriminator, { real, fake, labels: null });
    check(penalty, 10 * (length - 1) ** 2, (x) => (20 * (length - 1) * x) / length);
    check(r1(3, 16).penalty(discriminator, { real, fake, labels: null }), 1.5 * length ** 2, (x) => 3 * x);
    discriminator.dispose();
  });
});

test('a discriminator without any gradient gives a finite penalty', () => {
  tidy(() => {
    const discriminator = new LinearDiscriminator(keep(tensor([0, 0, 0, 0], [4])));
    const [real, fake] = [randn([3, 1, 2, 2]), randn([3, 1, 2, 2])];
    const penalty = wganGradientPenalty(10).penalty(discriminator, { real, fake, labels: null });
    expect(penalty.item()).toBeCloseTo(10, 4);
    backward(penalty);
    expect([...(discriminator.weight.grad!.toArray() as Float32Array)].every(Number.isFinite)).toBe(true);
    discriminator.dispose();
  });
});
