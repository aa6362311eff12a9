/** `graft metrics …`: synthetic images held against real ones. */
import { commandGroup } from './command-table.js';

export const register = commandGroup('metrics', 'compare synthetic with real images', [
  {
    name: 'image',
    summary:
      'full-reference metrics (PSNR, SSIM, MS-SSIM, GMSD, MS-GMSD, MDSI, HaarPSI) of pairs, beside real against real',
    load: async () => (await import('./metrics-image.js')).registerImage,
  },
  {
    name: 'distribution',
    summary:
      'Fréchet and kernel distance (FD, KID), precision, recall, density, coverage, FD∞, Inception Score, beside real against real',
    load: async () => (await import('./metrics-distribution.js')).registerDistribution,
  },
  {
    name: 'classifier',
    summary:
      'GAN-train and GAN-test: a classifier trained on synthetic images and tested on real ones, and the reverse',
    load: async () => (await import('./metrics-classifier.js')).registerClassifier,
  },
  {
    name: 'privacy',
    summary:
      'memorisation: copies, distances to training against held-out images, membership inference; pass or fail',
    load: async () => (await import('./metrics-privacy.js')).registerPrivacy,
  },
  {
    name: 'artefacts',
    summary:
      'power spectrum, checkerboards, colours, and the share of images with hair, ruler or dark corners',
    load: async () => (await import('./metrics-artefacts.js')).registerArtefacts,
  },
  {
    name: 'compare',
    summary: 'figures that were measured alike, side by side; refused where they were not',
    load: async () => (await import('./metrics-compare.js')).registerCompare,
  },
]);
