/** `graft classify …`: classifiers are trained, judged, explained and used. */
import { commandGroup } from './command-table.js';

export const register = commandGroup('classify', 'train a classifier, evaluate it, explain it, use it', [
  {
    name: 'train',
    summary: 'train a classifier: the positive class against the rest',
    load: async () => (await import('./classify-train.js')).registerTrain,
  },
  {
    name: 'resume',
    summary: 'go on with a run that was stopped; it ends as if it never had been',
    load: async () => (await import('./classify-train.js')).registerTrain,
  },
  {
    name: 'networks',
    summary: 'list the networks: parameters, cost, and where trained weights are had',
    load: async () => (await import('./classify-networks.js')).registerNetworks,
  },
  {
    name: 'evaluate',
    summary:
      'every score with its interval, calibration, subgroups; threshold and temperature from validation',
    load: async () => (await import('./classify-evaluate.js')).registerEvaluate,
  },
  {
    name: 'explain',
    summary: 'where the classifier looks, as overlays, and whether those maps mean anything',
    load: async () => (await import('./classify-explain.js')).registerExplain,
  },
  {
    name: 'predict',
    summary: 'score pictures: files, and folders with the folders within',
    load: async () => (await import('./classify-predict.js')).registerPredict,
  },
  {
    name: 'export',
    summary: 'write a trained classifier for other programs: ONNX, TorchScript, safetensors, .pth',
    load: async () => (await import('./classify-export.js')).registerExport,
  },
  {
    name: 'card',
    summary: 'write a model card (Mitchell et al. 2019) of a finished run',
    load: async () => (await import('./classify-card.js')).registerCard,
  },
]);
