/** The guidelines that can be filled, in the order in which they are told. */
import { claim } from './claim.js';
import type { Guideline, GuidelineId } from './guideline.js';
import { metricsScore } from './metrics.js';
import { stardAi } from './stard-ai.js';
import { tripodAi } from './tripod-ai.js';

export const guidelines: Readonly<Record<GuidelineId, Guideline>> = {
  claim,
  'tripod-ai': tripodAi,
  'stard-ai': stardAi,
  metrics: metricsScore,
};
