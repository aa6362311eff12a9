/**
 * Trials whose truth is known: scores as classifiers would give them, drawn by named scenarios. Shares no code with the
 * analysis that it judges.
 */
export type { Cohort } from './images.js';
export type { Law } from './laws.js';
export { plainChance, plainCohort, type Scenario, type ScenarioDesign, scenarios } from './scenarios.js';
export {
  type Chance,
  type SimulatedDesign,
  type SimulatedTrial,
  type SimulationOptions,
  simulateScores,
} from './scores.js';
