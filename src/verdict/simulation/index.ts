/** Trials whose truth is known. */
export type { Law } from './laws.js';
export { type Scenario, type ScenarioDesign, scenarios } from './scenarios.js';
export {
  type Chance,
  type SimulatedDesign,
  type SimulatedTrial,
  type SimulationOptions,
  simulateScores,
} from './scores.js';
