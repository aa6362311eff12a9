/** TODO door */
export { exportMlflow } from './mlflow.js';
export { exportTensorBoard } from './tensorboard.js';
