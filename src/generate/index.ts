/** TODO door */
export { checkGanConfig, classTitle, type GanConfig, ganConfigSchema } from './adversarial/config.js';
export { checkGanData, settleChannels } from './data.js';
export { exportGenerator } from './export.js';
export { type GanInspection, inspectGenerator, type NetworkDescription } from './inspect.js';
export { type ChoiceOptions, needsDiscriminator, openGenerator, sampleToFolder } from './sample.js';
export { standingSentence } from './standing.js';
export type { GanSummary, StepFigures } from './adversarial/summary.js';
export { type TrainHooks, trainGan } from './adversarial/train.js';
