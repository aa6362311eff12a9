/** Reporting guidelines, filled with what a result knows of itself. docs/checklists.md is for those who use them. */
import { claim } from './claim.js';
import type { Guideline, GuidelineId } from './guideline.js';
import { metricsScore } from './metrics.js';
import { stardAi } from './stard-ai.js';
import { tripodAi } from './tripod-ai.js';

export { type Answer, type FactId, type Facts, factNames, SECTIONS, verdictFacts } from './facts.js';
export { type Checklist, countText, fillGuideline } from './fill.js';
export { type Guideline, type GuidelineId, guidelineIds } from './guideline.js';
export { checklistDocument, writeChecklist } from './write.js';

export const guidelines: Readonly<Record<GuidelineId, Guideline>> = {
  claim,
  'tripod-ai': tripodAi,
  'stard-ai': stardAi,
  metrics: metricsScore,
};
