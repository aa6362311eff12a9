/**
 * Generators: training one, opening it again, drawing images with their lineage, handing it on. A run folder is all that
 * stands between the two halves:
 *
 *     const run = createRun('runs/mine', { kind: 'gan', config, dataHash });        // graft-gan/run
 *     await trainGan(run, config, { objective });                                   // or networks, a regulariser
 *     const generator = await openGenerator('runs/mine');
 *     await sampleToFolder(generator, { seed: 0, count: 500, out: 'synthetic' });
 *
 * Adversarial networks are one family (`adversarial/`); what every family shares stands beside it.
 */

// A GAN's configuration: schema with every default, and which settings go together.

export { checkGanConfig, type GanConfig, type GanRecipe, ganConfigSchema } from './adversarial/config.js';
export { channelsOf, classesOf, classTitle, type GeneratorConfig } from './config.js';

// Training: the loop, what it tells, what a run says of itself at its end.

export type { GanSummary } from './adversarial/summary.js';
export { type TrainOptions, trainGan } from './adversarial/train.js';
export type { StepFigures, TrainHooks } from './adversarial/training.js';
export { checkGeneratorData, settleChannels } from './data.js';
export type { Finding } from './doctor.js';
export { standingSentence } from './standing.js';

// Bring your own: objectives, regularisers, augmentations, networks (graft-gan/models), modules that have them.

export type { Augment } from './adversarial/augment/augment.js';
export { r1, r1r2, r2, wganGradientPenalty } from './adversarial/objectives/gradient-penalty.js';
export { hinge } from './adversarial/objectives/hinge.js';
export { type NonSaturatingOptions, nonSaturating } from './adversarial/objectives/non-saturating.js';
export type { Judged, Objective, PenaltyBatch, Regulariser } from './adversarial/objectives/objective.js';
export { wasserstein } from './adversarial/objectives/wasserstein.js';
export {
  type GanNetworks,
  type GanParts,
  openModule,
  settleModule,
} from './adversarial/own.js';

// One step, for a loop of one's own.

export { type AdversariesOptions, makeAdversaries } from './adversarial/networks.js';
export {
  type Adversaries,
  adversarialStep,
  type StepBatch,
  type StepLosses,
  type StepOptions,
} from './adversarial/step.js';

// A trained generator: opening, drawing, choosing, describing, exporting.

export type { ChoiceHooks, ChoiceOptions } from './choice/options.js';
export { needsDiscriminator, POLICIES, type Policy } from './choice/policies.js';
export { type ExportFormat, exportGenerator, type GeneratorExport } from './export.js';
export { type GanInspection, inspectGenerator, type NetworkDescription } from './inspect.js';
export { openGenerator } from './open-generator.js';
export { generateImages, imageBatches, type SampleOptions, sampleToFolder } from './sample.js';
export type { OpenGeneratorOptions, TrainedGenerator } from './trained-generator.js';
