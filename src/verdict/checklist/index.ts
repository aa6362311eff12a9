/**
 * Reporting guidelines (CLAIM 2024, TRIPOD+AI, STARD-AI, METRICS), filled with what a result knows of itself; the rest is
 * marked for the author. docs/checklists.md is for those who use them.
 *
 *   verdictFacts(judge(…)) → fillGuideline(guidelines.claim, facts), or writeChecklists
 */

// What a result answers; a trial adds to it.
export { type Answer, type FactId, type Facts, factNames, SECTIONS } from './answers.js';
export { verdictFacts } from './facts.js';
// Filled, and written.
export { type Checklist, countText, fillGuideline } from './fill.js';
// The guidelines.
export { type Guideline, type GuidelineId, guidelineIds } from './guideline.js';
export { guidelines } from './guidelines.js';
export { checklistDocument, type WrittenChecklist, writeChecklists } from './write.js';
