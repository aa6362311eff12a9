/** Phantoms as a dataset folder: images, the factors behind each as metadata, and the best possible AUC. */
import { ConfigError, Random } from 'graft-torch/base';
import { openThreads } from '../../base/index.js';
import { encodePng, toPlanar } from '../../image/index.js';
import { createDataset } from '../build/create.js';
import type { DatasetItem } from '../build/item.js';
import type { Dataset } from '../dataset/dataset.js';
import type { ImportReport } from '../dataset/report.js';
import type { Fractions } from '../dataset/split.js';
import { bayesAuc, bayesProbability, type PhantomFactors, samplePhantom } from './factors.js';
import { checkPhantomSize, startRenderer } from './render.js';

export interface PhantomDatasetOptions {
  count: number;
  /** Side in pixels, 16…1024; default 64. */
  sizePx?: number;
  /** Probability of malignant, between 0 and 1; default 0.3. */
  prevalence?: number;
  /** Decides the phantoms and the split; default 0. */
  seed?: number;
  /** Grey pictures, their luma; default false. */
  grey?: boolean;
  /** Default `phantoms`. */
  name?: string;
  fractions?: Fractions;
  importer?: string;
  /** Default: all cores for many phantoms, one for a few. Decides nothing but the time. */
  threads?: number;
  /** Phantoms drawn and written, of how many. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** The factors as manifest columns: what is drawn, the latents behind it, and what they say at best. */
function columnsOf(factors: PhantomFactors, prevalence: number): Record<string, string> {
  const { latent, nuisance } = factors;
  const figures = {
    asymmetry: factors.asymmetry,
    border: factors.border,
    colour: factors.colour,
    diameter: factors.diameter,
    latent_asymmetry: latent[0],
    latent_border: latent[1],
    latent_colour: latent[2],
    latent_diameter: latent[3],
    bayes_probability: bayesProbability(latent, prevalence),
  };
  return {
    ...Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, value.toFixed(6)])),
    site: nuisance.site,
    pattern: nuisance.pattern,
    ruler: nuisance.ruler,
    hairs: String(nuisance.hairs),
    skin_melanin: nuisance.skinMelanin.toFixed(6),
    detail_seed: String(factors.seed),
  };
}

/** Below this many samples, starting threads takes longer than drawing. */
const fewPixels = 100 * 64 * 64;

/**
 * Draws and renders phantoms and writes them as a dataset with the classes `benign` and `malignant`. The first n
 * phantoms of a seed are the same whatever the count.
 * @throws ConfigError when count, size or prevalence are out of range; DataError as {@link createDataset}
 */
export async function createPhantomDataset(
  dir: string,
  options: PhantomDatasetOptions,
): Promise<{ dataset: Dataset; report: ImportReport }> {
  const { count, sizePx = 64, prevalence = 0.3, seed = 0 } = options;
  if (!Number.isInteger(count) || count < 2)
    throw new ConfigError(`count must be a whole number from 2, not ${count}`);
  if (!(prevalence > 0 && prevalence < 1))
    throw new ConfigError(`prevalence must lie between 0 and 1, not ${prevalence}`);
  checkPhantomSize(sizePx);
  const random = new Random(seed).fork('phantoms');
  const renderer = openThreads(new URL('./worker.js', import.meta.url), startRenderer, {
    data: sizePx,
    threads: options.threads ?? (count * sizePx * sizePx < fewPixels ? 1 : undefined),
  });
  const items = Array.from({ length: count }, (_, i): DatasetItem => {
    const factors = samplePhantom(random, { prevalence });
    const id = `phantom-${String(i).padStart(6, '0')}`;
    return {
      id,
      label: factors.malignant ? 'malignant' : 'benign',
      patients: [],
      lesions: [],
      extra: columnsOf(factors, prevalence),
      source: {
        make: async () => {
          const pixels = await renderer.run(factors);
          return options.grey
            ? encodePng(toPlanar(pixels, { channels: 1 }), { width: sizePx, height: sizePx, channels: 1 })
            : encodePng(pixels, { width: sizePx, height: sizePx });
        },
      },
      name: `${id}.png`,
      table: '',
      line: 0,
    };
  });
  try {
    return await createDataset(
      dir,
      {
        items,
        header: {
          name: options.name ?? 'phantoms',
          kind: 'phantom',
          label: 'malignant',
          positive: 'malignant',
          negative: 'benign',
          licence: 'CC0-1.0',
          bayesAuc: bayesAuc(),
          provenance: {
            importer: options.importer ?? 'graft data phantoms',
            generator: 'procedural dermoscopy phantoms (docs/phantoms.md)',
            count,
            sizePx,
            prevalence,
            seed,
          },
        },
      },
      {
        seed,
        fractions: options.fractions,
        // Independent by construction; likeness between two phantoms is chance.
        nearDuplicates: false,
        onProgress: (_phase, done, total) => options.onProgress?.(done, total),
        signal: options.signal,
      },
    );
  } finally {
    await renderer.close();
  }
}
