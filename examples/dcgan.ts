/**
 * A GAN on graft-torch alone: it learns discs, bright ones on a dark ground, 32 × 32 pixels, in seconds on two
 * cores. Read it from the top to the bottom: networks, data, training loop.
 *
 *     node dist/examples/dcgan.js [steps] [picture.pgm]
 *
 * Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional GANs", ICLR 2016.
 */
import { writeFileSync } from 'node:fs';
import {
  arange,
  backward,
  manualSeed,
  noGrad,
  ones,
  rand,
  randn,
  type Tensor,
  tidy,
  zeros,
} from 'graft-torch';
import { BatchNorm2d, Conv2d, ConvTranspose2d, F, init, Module } from 'graft-torch/nn';
import { Adam } from 'graft-torch/optim';

const SIDE = 32;
const LATENT = 16;
const BATCH = 32;
const steps = Number(process.argv[2] ?? 300);
const picture = process.argv[3];

/** z `[N, 16]` → images `[N, 1, 32, 32]` in (−1, 1). */
class Generator extends Module {
  readonly layers = [
    this.child('0', new ConvTranspose2d(LATENT, 64, 4, { bias: false })), // side 4
    this.child('2', new ConvTranspose2d(64, 32, 4, { stride: 2, padding: 1, bias: false })), // 8
    this.child('4', new ConvTranspose2d(32, 16, 4, { stride: 2, padding: 1, bias: false })), // 16
  ];
  readonly norms = [64, 32, 16].map((width, i) => this.child(String(2 * i + 1), new BatchNorm2d(width)));
  readonly last = this.child('6', new ConvTranspose2d(16, 1, 4, { stride: 2, padding: 1 })); // 32

  forward(z: Tensor): Tensor {
    let x = z.reshape([-1, LATENT, 1, 1]);
    this.layers.forEach((layer, i) => {
      x = F.relu(this.norms[i]!.forward(layer.forward(x)));
    });
    return F.tanh(this.last.forward(x));
  }
}

/** Images → logits `[N]`: how real. */
class Discriminator extends Module {
  readonly layers = [1, 16, 32].map((width, i) =>
    this.child(String(i), new Conv2d(width, 16 << i, 4, { stride: 2, padding: 1 })),
  ); // sides 16, 8, 4
  readonly last = this.child('3', new Conv2d(64, 1, 4));

  forward(images: Tensor): Tensor {
    const x = this.layers.reduce((y, layer) => F.leakyRelu(layer.forward(y), 0.2), images);
    return this.last.forward(x).reshape([-1]);
  }
}

/** Discs of random place and size: `[N, 1, 32, 32]`, −1 outside, 1 inside. */
function discs(count: number): Tensor {
  const drawn = (from: number, to: number): Tensor =>
    rand([count, 1, 1, 1])
      .mul(to - from)
      .add(from);
  const places = arange(0, SIDE, { dtype: 'float32' });
  const across = places.reshape([1, 1, 1, SIDE]).sub(drawn(12, 20)).square(); // [N, 1, 1, 32]
  const down = places.reshape([1, 1, SIDE, 1]).sub(drawn(12, 20)).square(); // [N, 1, 32, 1]
  return drawn(6, 10).sub(across.add(down).sqrt()).clamp({ min: -1, max: 1 });
}

/** Mean brightness of the middle and of the rim, in [−1, 1]: a disc is bright in the middle and dark at the rim. */
function middleAndRim(images: Tensor): [number, number] {
  const middle = images.narrow(2, 13, 6).narrow(3, 13, 6).mean().item();
  const rim = images.narrow(2, 0, 2).mean().item();
  return [middle, rim];
}

manualSeed(0);
const generator = new Generator();
const discriminator = new Discriminator();
for (const [key, weight] of Object.entries({
  ...generator.namedParameters(),
  ...discriminator.namedParameters(),
}))
  if (key.endsWith('weight') && weight.shape.length === 4) init.normal_(weight, 0, 0.05);
const betas = [0.5, 0.999] as const;
const generatorOptimizer = new Adam(generator.parameters(), { lr: 1e-3, betas, fused: true });
const discriminatorOptimizer = new Adam(discriminator.parameters(), { lr: 2e-4, betas, fused: true });

const started = performance.now();
for (let step = 1; step <= steps; step++) {
  // A scope frees every tensor of the step: nothing else would, while the loop runs.
  const [lossD, lossG] = tidy(() => {
    const fake = generator.forward(randn([BATCH, LATENT]));

    discriminatorOptimizer.zeroGrad();
    const onReal = F.binaryCrossEntropyWithLogits(
      discriminator.forward(discs(BATCH)),
      ones([BATCH]).mul(0.9),
    );
    const onFake = F.binaryCrossEntropyWithLogits(discriminator.forward(fake.detach()), zeros([BATCH]));
    const loss = onReal.add(onFake);
    backward(loss);
    discriminatorOptimizer.step();

    generatorOptimizer.zeroGrad();
    const fooled = F.binaryCrossEntropyWithLogits(discriminator.forward(fake), ones([BATCH]));
    backward(fooled);
    generatorOptimizer.step();
    return [loss.item(), fooled.item()];
  });
  if (step % 50 === 0 || step === steps) {
    const rate = (step * BATCH) / ((performance.now() - started) / 1000);
    console.log(`step ${step}: D ${lossD.toFixed(3)}, G ${lossG.toFixed(3)}, ${rate.toFixed(0)} images/s`);
  }
}

generator.eval();
tidy(() =>
  noGrad(() => {
    const images = generator.forward(randn([64, LATENT]));
    const [middle, rim] = middleAndRim(images);
    const [realMiddle, realRim] = middleAndRim(discs(64));
    console.log(
      `middle ${middle.toFixed(2)}, rim ${rim.toFixed(2)}; of real discs ${realMiddle.toFixed(2)}, ${realRim.toFixed(2)}`,
    );
    if (!picture) return;
    // Eight by eight, one below the other, in the plainest format there is.
    const grid = images
      .reshape([8, 8, SIDE, SIDE])
      .permute([0, 2, 1, 3])
      .add(1)
      .mul(127.5)
      .to({ dtype: 'uint8' });
    const head = Buffer.from(`P5 ${8 * SIDE} ${8 * SIDE} 255\n`);
    writeFileSync(picture, Buffer.concat([head, grid.contiguous().toArray() as Uint8Array]));
    console.log(`picture: ${picture}`);
  }),
);
