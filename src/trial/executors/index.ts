/** TODO door */
export { workersExecutor } from './executor.js';
export { type KubernetesOptions, kubernetesWorkers } from './kubernetes.js';
export { kubernetesManifest } from './kubernetes-job.js';
export { type ObjectStore, type ObjectStoreOptions, openObjectStore } from './object-store.js';
export { workFromQueue } from './queue-worker.js';
export { folderTrial, type QueuedTrialOptions } from './queued-trial.js';
export { describeSlurm, type SlurmOptions, slurmWorkers } from './slurm.js';
export { openCopy, openMirror, storedTrial, storeExecutor } from './stored-trial.js';
export { placeLabel, stoppedExitCode, type Workers } from './workers.js';
