/**
 * A relativistic GAN with R1 and R2 (R3GAN: Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024) on
 * graft-gan: the discriminator says how much more real a real image looks than a generated one, so the generator's loss
 * needs both. All else (run folder, resume, doctor, sampling, lineage) is as with any other GAN.
 *
 *     node dist/examples/relativistic.js DATASET CLASS RUN [steps]
 */
import { F } from 'graft-torch/nn';
import { ganConfigSchema, type Objective, openGenerator, r1r2, sampleToFolder, trainGan } from 'graft-gan/generate';
import { createRun } from 'graft-gan/run';

const relativistic: Objective = {
  name: 'relativistic',
  logits: 'score',
  discriminatorLoss: (real, fake) => F.softplus(fake.logits.sub(real.logits)).mean(),
  generatorLoss: (fake, real) => F.softplus(real.logits.sub(fake.logits)).mean(),
};

const [data, label, dir, steps = '500'] = process.argv.slice(2) as [string, string, string, string?];
const config = ganConfigSchema.parse({
  data,
  class: label,
  architecture: 'dcgan',
  discriminatorNorm: 'none', // R1 and R2 are defined an image: no statistics over the batch
  generatorWidth: 16,
  discriminatorWidth: 16,
  steps: Number(steps),
});
const run = createRun(dir, { kind: 'gan', config });
const { final, imagesPerSecond } = await trainGan(run, config, {
  objective: relativistic,
  regulariser: r1r2(0.1),
  onStep: (step, { generatorLoss }) => step % 50 === 0 && console.log(`step ${step}: G ${generatorLoss.toFixed(3)}`),
});
console.log(`D ${final.discriminatorLoss.toFixed(3)}, ${imagesPerSecond.toFixed(1)} images/s`);
const generator = await openGenerator(dir);
await sampleToFolder(generator, { seed: 0, count: 16, out: `${dir}/synthetic` });
console.log(`16 images in ${dir}/synthetic`);
