/** TODO door */
export { chooseClassRows, chooseRows } from './choose.js';
export { type Explanation, explain, METHODS, type MeanAgainstNull, type Method } from './explain.js';
export { indexOfClass } from './target.js';
export { type Shown, writeExplanation } from './write.js';
