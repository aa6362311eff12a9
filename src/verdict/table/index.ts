/**
 * Tables of scores from any framework: what may be registered of one before it is there, and a template to begin with.
 * `readScoreTable` itself is in ../index.ts.
 */
export { askedOf, heldTo, heldToFile, requireWhole, toldBefore } from './registered.js';
export { isTemplate, snippet, templateFiles } from './template.js';
