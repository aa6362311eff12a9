/** The four pages on metrics, of phantoms: small, with every kind of figure. */

import { type Tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { F } from 'graft-torch/nn';
import { renderPhantom, samplePhantom } from '../../data/phantom/index.js';
import { toPlanar } from '../../image/decode.js';
import type { ReportDocument } from '../../report/document.js';
import { measureArtefacts } from '../artefacts/index.js';
import { artefactRecords } from '../artefacts/records.js';
import type { FeatureExtractor } from '../backbone/index.js';
import { measureAll } from '../distribution/measure.js';
import { assessPrivacy } from '../privacy/index.js';
import { imageMetrics } from '../sets/image.js';
import { type ImageSet, toTensor } from '../sets/image-set.js';
import { composeArtefactReport } from './artefact-report.js';
import { composeDistributionReport } from './distribution-report.js';
import { composeImageReport } from './image-report.js';
import { composePrivacyReport } from './privacy-report.js';

const SIDE = 48;
const PIXELS = 3 * SIDE * SIDE;

function phantoms(n: number, seed: number, name: string): ImageSet {
  const random = new Random(seed);
  const data = new Uint8Array(n * PIXELS);
  for (let k = 0; k < n; k++) {
    const pixels = renderPhantom(samplePhantom(random, { prevalence: 1 }), SIDE);
    toPlanar(pixels, { into: data.subarray(k * PIXELS, (k + 1) * PIXELS) });
  }
  const files = Array.from({ length: n }, (_, k) => `${name}/${String(k).padStart(4, '0')}.png`);
  return { data, n, height: SIDE, width: SIDE, files };
}

/** Means of a few parts of the picture: features enough for an example. */
const featuresOf = (set: ImageSet): Tensor =>
  tidy(() => F.adaptiveAvgPool2d(toTensor(set).float().div(255), 2).flatten(1));

/** By name of the page. Among the synthetic images is a copy of the first training image. */
export async function exampleMetricReports(): Promise<
  Record<'image' | 'distribution' | 'privacy' | 'artefacts', ReportDocument>
> {
  const real = phantoms(150, 1, 'real');
  const heldOut = phantoms(60, 2, 'held-out');
  const synthetic = phantoms(140, 3, 'synthetic');
  synthetic.data.set(real.data.subarray(0, PIXELS), 5 * PIXELS);
  const sets = { real, synthetic };
  const backbone = {
    name: 'parts of the picture',
    hash: '0'.repeat(64),
    resizer: 'none',
    quantisation: 'RGB bytes',
  } as unknown as FeatureExtractor;
  const words = {
    title: 'synthetic against real',
    subtitle: 'malignant · 150 real, 140 synthetic images · 48 × 48 px',
    footer: 'Made by Graft.',
  };
  const features = {
    train: featuresOf(real),
    heldOut: featuresOf(heldOut),
    synthetic: featuresOf(synthetic),
  };
  const pair = { real: features.train, synthetic: features.synthetic };
  const { records, fit } = measureAll(backbone, pair, { replicates: 12, class: 'malignant' });
  const images = {
    train: toTensor(real),
    heldOut: toTensor(heldOut),
    synthetic: toTensor(synthetic),
  };
  const artefacts = measureArtefacts({ images: images.train }, { images: images.synthetic });
  try {
    return {
      image: await composeImageReport({ report: imageMetrics(real, synthetic), ...sets, ...words }),
      distribution: await composeDistributionReport({
        ...{ records, fit, sets, features: pair, about: 'means of twelve parts', ...words },
      }),
      privacy: await composePrivacyReport({
        assessment: assessPrivacy({ features, images }),
        sets: { train: real, heldOut, synthetic },
        features,
        protocol: { sizePx: SIDE },
        ...words,
      }),
      artefacts: composeArtefactReport({
        report: artefacts,
        records: artefactRecords(artefacts, 'malignant', { sizePx: SIDE }),
        ...words,
      }),
    };
  } finally {
    for (const tensor of [...Object.values(features), ...Object.values(images)]) tensor.dispose();
  }
}
