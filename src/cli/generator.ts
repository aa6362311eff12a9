/** `graft generator …` (`graft gan …`): generators are trained, looked at, sampled and handed on. */
import { commandGroup } from './command-table.js';

export const register = commandGroup('generator', 'train a generator (a GAN), and sample it', [
  {
    name: 'train',
    summary: 'train a GAN on the training images of one class, or of several',
    load: async () => (await import('./generator-train.js')).registerTrain,
  },
  {
    name: 'resume',
    summary: 'go on with a run that was stopped; it ends as if it never had been',
    load: async () => (await import('./generator-train.js')).registerTrain,
  },
  {
    name: 'sample',
    summary: 'write images of a trained generator, with their lineage',
    load: async () => (await import('./generator-sample.js')).registerSample,
  },
  {
    name: 'report',
    summary: 'write a page on a run: curves, pictures, findings, settings',
    load: async () => (await import('./generator-report.js')).registerReport,
  },
  {
    name: 'inspect',
    summary: 'print the networks of a run, their parameters, and where the weights come from',
    load: async () => (await import('./generator-inspect.js')).registerInspect,
  },
  {
    name: 'export',
    summary: 'write a trained generator for other programs: safetensors, .pth, ONNX, TorchScript',
    load: async () => (await import('./generator-export.js')).registerExport,
  },
]);
