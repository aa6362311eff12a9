/** TODO door */
export { writeTrainingAnimation } from './training.js';
