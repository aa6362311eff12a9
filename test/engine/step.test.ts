/**
 * The one adversarial step against PyTorch's three-step recipe (`gan.py`): same networks, same noise, and the
 * weights, statistics and power iterations must come out the same, although the step detaches, adds the two
 * losses of D and spares D's gradients in G's turn.
 */

import { liveTensors, setThreads, type Tensor, threads, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { Adam } from 'graft-torch/optim';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nonSaturating } from '../../src/generate/adversarial/objectives/non-saturating.js';
import { adversarialStep } from '../../src/generate/adversarial/step.js';
import { DcganDiscriminator, DcganGenerator, GeneratorNetwork } from '../../src/models/index.js';
import { Computed, committed, fill, fillModule } from './goldens.js';

/** Takes its noise from the goldens' formula, whatever z it is given. */
class WithGoldenNoise extends GeneratorNetwork {
  readonly latent = 32;
  override readonly classCount = 0;
  calls = 0;
  constructor(private readonly inner: DcganGenerator) {
    super();
  }
  override forward(z: Tensor): Tensor {
    return this.inner.forward(fill(`z${this.calls++}`, [z.shape[0]!, 32, 1, 1], 'float64', 2));
  }
}

let before = 1;
beforeAll(() => {
  before = threads();
  setThreads(1);
});
afterAll(() => setThreads(before));

it.each([
  ['dcgan', false],
  ['sngan', true],
])('%s', (name, spectralNorm) => {
  const live = liveTensors();
  const inner = fillModule(new DcganGenerator({ size: 64, latent: 32, features: 16 }), 'G.', 'float64');
  const discriminator = new DcganDiscriminator({ size: 64, features: 16, spectralNorm });
  fillModule(discriminator, 'D.', 'float64');
  const options = { lr: 2e-4, betas: [0.5, 0.999] } as const;
  const adversaries = {
    generator: new WithGoldenNoise(inner),
    discriminator,
    generatorOptimizer: new Adam(inner.parameters(), options),
    discriminatorOptimizer: new Adam(discriminator.parameters(), options),
    objective: nonSaturating({ realLabel: 0.9 }),
    regulariser: null,
    weightClip: null,
    augment: null,
    updateFirst: 'discriminator',
    device: 'cpu',
    precision: 'float32',
    scaler: null,
  } as const;
  const golden = committed('gan', 'float64');
  for (let step = 0; step < 3; step++) {
    tidy(() => {
      const losses = adversarialStep(
        adversaries,
        [{ images: fill(`real${step}`, [4, 3, 64, 64], 'float64'), labels: null }],
        { random: new Random(step), discriminatorSteps: step },
      );
      const want = (key: string) => golden.tensors[`${name}.fast.step${step}.loss.${key}`]!.sum;
      expect(losses.discriminatorLoss.item()).toBeCloseTo(want('real') + want('fake'), 9);
      expect(losses.generatorLoss.item()).toBeCloseTo(want('G'), 9);
    });
  }
  const computed = new Computed();
  computed.addState(`${name}.fast.end.G.`, inner);
  computed.addState(`${name}.fast.end.D.`, discriminator);
  const result = computed.check(golden, 1e-9, (key) => key.startsWith(`${name}.fast.end.`));
  expect(result.compared).toBeGreaterThan(30);
  for (const it of [
    inner,
    discriminator,
    adversaries.generatorOptimizer,
    adversaries.discriminatorOptimizer,
  ]) {
    it.dispose();
  }
  expect(liveTensors()).toBe(live);
});
