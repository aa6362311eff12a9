/**
 * A relativistic GAN with R1 and R2 (R3GAN: Huang et al., NeurIPS 2024) on graft-gan: D says how much more real a real
 * image looks than a generated one, so G's loss needs both.  node dist/examples/relativistic.js DATASET CLASS RUN [STEPS]
 */
import {
  ganConfigSchema,
  type Objective,
  openGenerator,
  r1r2,
  sampleToFolder,
  trainGan,
} from 'graft-gan/generate';
import { createRun } from 'graft-gan/run';
import { F } from 'graft-torch/nn';

const relativistic: Objective = {
  name: 'relativistic',
  logits: 'score',
  discriminatorLoss: (real, fake) => F.softplus(fake.logits.sub(real.logits)).mean(),
  generatorLoss: (fake, real) => F.softplus(real.logits.sub(fake.logits)).mean(),
};

const [data, label, dir = 'runs/relativistic', steps = 500] = process.argv.slice(2);
const config = ganConfigSchema.parse({
  data,
  class: label,
  architecture: 'dcgan',
  discriminatorNorm: 'none', // R1 and R2 are defined an image: no statistics over the batch
  generatorWidth: 16,
  discriminatorWidth: 16,
  steps: Number(steps),
});
const { final } = await trainGan(createRun(dir, { kind: 'gan', config }), config, {
  objective: relativistic,
  regulariser: r1r2(0.1),
  onStep: (step, { generatorLoss }) =>
    step % 50 || console.log(`step ${step}: G ${generatorLoss.toFixed(3)}`),
});
await sampleToFolder(await openGenerator(dir), { seed: 0, count: 16, out: `${dir}/synthetic` });
console.log(`D ${final.discriminatorLoss.toFixed(3)}; 16 images in ${dir}/synthetic`);
