/** A trial's curves, pictures and results for other programs: TensorBoard's event files, runs of an MLflow server. */
export { exportMlflow } from './mlflow.js';
export { exportTensorBoard } from './tensorboard.js';
