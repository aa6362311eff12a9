/** `graft data …`: datasets are made and looked at. */
import { commandGroup } from './command-table.js';

export const register = commandGroup('data', 'make datasets, and look at what is in them', [
  {
    name: 'import',
    summary: 'make a dataset of a folder of images with labels',
    load: async () => (await import('./data-import.js')).registerImport,
  },
  {
    name: 'fetch',
    summary: 'download images from a public archive',
    load: async () => (await import('./data-fetch.js')).registerFetch,
  },
  {
    name: 'mappings',
    summary: 'list the metadata tables that are recognised, and by which columns',
    load: async () => (await import('./data-mappings.js')).registerMappings,
  },
  {
    name: 'phantoms',
    summary: 'make a dataset of procedural dermoscopy, whose best possible AUC is known',
    load: async () => (await import('./data-phantoms.js')).registerPhantoms,
  },
  {
    name: 'describe',
    summary: 'count what a dataset holds: splits, classes, groups, duplicates, sizes, missing metadata',
    load: async () => (await import('./data-describe.js')).registerDescribe,
  },
  {
    name: 'audit',
    summary: 'find leaks between splits, and confounds: what predicts the label without a look at the lesion',
    load: async () => (await import('./data-audit.js')).registerAudit,
  },
  {
    name: 'prepare',
    summary:
      'make a dataset of another: fewer images, none that a third one has, other sizes, no hair, a new split or folds',
    load: async () => (await import('./data-prepare.js')).registerPrepare,
  },
  {
    name: 'augment-sheet',
    summary: 'draw what an augmentation does to an image: one row a transform, then all of them together',
    load: async () => (await import('./data-augment.js')).registerAugmentSheet,
  },
]);
