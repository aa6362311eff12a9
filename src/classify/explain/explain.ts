/**
 * Explains a classifier's calls on some images: maps of evidence by several methods, what they are worth (deletion and
 * insertion beside maps that know nothing), and whether they hang on the weights at all.
 *
 * What is explained is the class that was called: for an image below the threshold, what speaks for the negative class; of
 * several classes the likeliest, or one that is named.
 */

import { cat, type Device, Generator, noGrad, type Tensor, tidy } from 'graft-torch';
import { type MapLayer, normaliseInput } from '../../models/index.js';
import type { Interval } from '../../stats/index.js';
import { pairedT } from '../../stats/index.js';
import { statisticsOf } from '../batch.js';
import type { ClassifierConfig } from '../config.js';
import type { ClassifierModule, OwnParts } from '../own.js';
import { deletionInsertion } from './deletion-insertion.js';
import { gradCam } from './grad-cam.js';
import { integratedGradients } from './integrated-gradients.js';
import { chooseLayer, layersOf, mappedForward } from './layers.js';
import { centredHeat, heatRanks, randomHeat, toHeat } from './maps.js';
import { mapCorrelations, randomisedNetwork } from './randomised.js';
import { chooseTarget, indexOfClass, type Target } from './target.js';

export const METHODS = ['grad-cam', 'grad-cam++', 'integrated-gradients'] as const;
export type Method = (typeof METHODS)[number];

export interface ExplainOptions {
  config: ClassifierConfig;
  /** Of a network of one's own: how it is made, for one with random weights. */
  parts?: OwnParts;
  device: Device;
  /** Called positive from this probability on; without meaning where there are several classes. */
  threshold: number;
  /** Of several classes the one to explain in every image; default the one that was called. */
  explainedClass?: string;
  /** Default all. */
  methods?: readonly Method[];
  /** Of Grad-CAM and Grad-CAM++: `head`, `block 4`; default by `chooseLayer`. */
  layer?: string;
  /** Of the integral and of deletion and insertion; defaults 64 and 32. */
  integralSteps?: number;
  perturbationSteps?: number;
  seed?: number;
  /** Images at once; default 8. */
  batchSize?: number;
  onProgress?: (done: number, total: number) => void;
}

/** A mean over images, and its paired difference to the same figure of a map that knows nothing. */
export interface MeanAgainstNull {
  mean: number;
  /** Method − null; interval by the paired t over images, null for one image. */
  againstRandom: { difference: number; interval: Interval | null };
  againstCentre: { difference: number; interval: Interval | null };
}

export interface MethodResult {
  method: Method;
  /** Side of the map before it is enlarged. */
  mapSide: number;
  /** Area under the probability of the called class as the hottest pixels go; lower is better. */
  deletion: MeanAgainstNull;
  /** The same as they come; higher is better. */
  insertion: MeanAgainstNull;
  /** Mean rank correlation with the map of a network with random weights; near 0 is right. Null where no map has an order. */
  randomisedWeights: number | null;
  /** Largest part of F(x) − F(baseline) that integrated gradients leave unexplained, over images; null for the others. */
  incompleteness: number | null;
}

export interface Explanation {
  /** Of each image: of the positive class; of several classes, of the one that is explained. */
  probabilities: number[];
  /** Of each image the class that is explained; null with one logit, where it is the one that was called. */
  explained: string[] | null;
  /** Of Grad-CAM; null where it was not asked. */
  layer: string | null;
  methods: MethodResult[];
  /** Means of the maps that know nothing, for the table: `[side of the map]` as the first method's. */
  nulls: Record<'random' | 'centre', { deletion: number; insertion: number }>;
  protocol: {
    images: number;
    seed: number;
    explains: string;
    baseline: string;
    integralSteps: number;
    perturbationSteps: number;
    deletion: string;
    insertion: string;
  };
}

const CHECK = {
  deletion: 'to the mean colour of the image',
  insertion: 'from the image blurred with σ = side / 10',
};

/**
 * @param images float32 `[N, 3, H, W]` in [0, 1], on the CPU
 * @returns figures, and each method's heat `[N, H, W]` in [0, 1] on the CPU, which the caller disposes
 * @throws ConfigError for a layer that the network does not have, and a class that the run does not tell apart
 */
export async function explain(
  network: ClassifierModule,
  images: Tensor,
  options: ExplainOptions,
): Promise<{ explanation: Explanation; heat: Map<Method, Tensor> }> {
  const { config, device, threshold, methods = METHODS, seed = 0, batchSize = 8 } = options;
  const { integralSteps = 64, perturbationSteps = 32 } = options;
  const named = indexOfClass(config, options.explainedClass);
  const [count, , height, width] = images.shape as [number, number, number, number];
  const statistics = statisticsOf(network);
  const toInput = (unit: Tensor): Tensor => normaliseInput(unit.to({ device }), statistics);
  network.eval();
  const side = Math.min(height, width);
  const layer = methods.some((method) => method !== 'integrated-gradients')
    ? chooseLayer(network, [images.shape[1]!, side, side], options.layer).layer
    : null;
  const whole = tidy(() => noGrad(() => toInput(images)));
  const random = randomisedNetwork(config, whole, { seed, parts: options.parts });
  whole.dispose();
  const generator = Generator.seeded(seed);

  const parts: Part[] = [];
  try {
    for (let start = 0; start < count; start += batchSize) {
      const size = Math.min(batchSize, count - start);
      const unit = tidy(() => images.narrow(0, start, size).to({ device }));
      const output = (pixels: Tensor): Tensor => network.forward(toInput(pixels));
      const { target, probabilities, explained } = tidy(() =>
        noGrad(() => chooseTarget(output(unit), { threshold, named })),
      );
      const score = (heat: Tensor): Faithfulness =>
        tidy(() => {
          const ranks = heatRanks(heat, generator);
          return deletionInsertion(
            (pixels) => target.probability(output(pixels)),
            { images: unit, ranks },
            {
              steps: perturbationSteps,
            },
          );
        });
      const own = new Map<Method, BatchOfMethod>();
      // Maps of one coarseness share their null.
      const randomBySide = new Map<number, Faithfulness>();
      for (const method of methods) {
        const how = { method, layer, target, integralSteps };
        own.set(
          method,
          tidy(() => {
            const input = toInput(unit);
            const made = rawMap(network, input, how);
            const shuffled = rawMap(random, input, how).map;
            const heat = toHeat(made.map, [height, width]);
            const side = made.map.shape.at(-1)!;
            if (!randomBySide.has(side)) {
              const nothing = randomHeat(size, [height, width], { side, random: generator });
              randomBySide.set(side, score(nothing.to({ device })));
            }
            return {
              heat: heat.to({ device: 'cpu' }),
              side,
              faithful: score(heat),
              random: randomBySide.get(side)!,
              correlations: mapCorrelations(made.map, shuffled),
              incompleteness: made.incompleteness,
            };
          }),
        );
        // Interrupts and progress get their turn.
        await new Promise(setImmediate);
      }
      const centre = tidy(() => score(centredHeat(size, [height, width]).to({ device })));
      unit.dispose();
      parts.push({ probabilities, explained, methods: own, nulls: { centre } });
      options.onProgress?.(start + size, count);
    }
  } finally {
    random.dispose();
  }

  const heat = new Map<Method, Tensor>();
  const all = (pick: (part: Part) => number[]): number[] => parts.flatMap(pick);
  const results = methods.map((method): MethodResult => {
    const batches = parts.map((part) => part.methods.get(method)!);
    heat.set(method, cat(batches.map((batch) => batch.heat)));
    for (const batch of batches) batch.heat.dispose();
    const figure = (key: keyof Faithfulness): MeanAgainstNull =>
      againstNulls(
        batches.flatMap(({ faithful }) => faithful[key]),
        batches.flatMap(({ random: knowsNothing }) => knowsNothing[key]),
        all(({ nulls }) => nulls.centre[key]),
      );
    const correlations = batches.flatMap((batch) => batch.correlations).filter(Number.isFinite);
    const missing = batches.flatMap(({ incompleteness }) => incompleteness ?? []);
    return {
      method,
      mapSide: batches[0]!.side,
      deletion: figure('deletion'),
      insertion: figure('insertion'),
      randomisedWeights: correlations.length > 0 ? meanOf(correlations) : null,
      incompleteness: missing.length > 0 ? Math.max(...missing) : null,
    };
  });
  const first = methods[0]!;
  const nullMean = (key: keyof Faithfulness): number =>
    meanOf(parts.flatMap((part) => part.methods.get(first)!.random[key]));
  return {
    heat,
    explanation: {
      probabilities: all((part) => part.probabilities),
      explained:
        config.target === 'classes'
          ? all((part) => part.explained ?? []).map((k) => config.classes[k]!)
          : null,
      layer: layer?.name ?? null,
      methods: results,
      nulls: {
        random: { deletion: nullMean('deletion'), insertion: nullMean('insertion') },
        centre: {
          deletion: meanOf(all(({ nulls }) => nulls.centre.deletion)),
          insertion: meanOf(all(({ nulls }) => nulls.centre.insertion)),
        },
      },
      protocol: {
        images: count,
        seed,
        explains: named === null ? 'the class that was called' : `the class '${config.classes[named]}'`,
        baseline: 'the mean colour of the image',
        integralSteps,
        perturbationSteps,
        ...CHECK,
      },
    },
  };
}

/** What is known of a batch. */
interface Part {
  probabilities: number[];
  /** Indices of classes. */
  explained: number[] | null;
  methods: Map<Method, BatchOfMethod>;
  nulls: Nulls;
}

interface Faithfulness {
  deletion: number[];
  insertion: number[];
}

interface Nulls {
  centre: Faithfulness;
}

interface BatchOfMethod {
  heat: Tensor;
  side: number;
  faithful: Faithfulness;
  random: Faithfulness;
  correlations: number[];
  incompleteness: number[] | null;
}

/** A method's map before it is brought to a scale, `[N, h, w]`. @param input as the network takes it */
function rawMap(
  network: ClassifierModule,
  input: Tensor,
  how: { method: Method; layer: MapLayer | null; target: Target; integralSteps: number },
): { map: Tensor; incompleteness: number[] | null } {
  const { method, layer, target, integralSteps } = how;
  if (method !== 'integrated-gradients') {
    const place = layersOf(network).find(({ name }) => name === layer!.name)!;
    return {
      map: gradCam(mappedForward(network, place, target.score), input, { variant: method }),
      incompleteness: null,
    };
  }
  const score = (x: Tensor): Tensor => target.score(network.forward(x));
  const baseline = input.mean([2, 3], true).expand(input.shape);
  const { attributions, difference } = integratedGradients(score, input, { baseline, steps: integralSteps });
  const total = attributions.sum([1, 2, 3]);
  const missing = total
    .sub(difference)
    .abs()
    .div(difference.abs().clamp({ min: 1e-6 }));
  return { map: attributions.sum([1]), incompleteness: Array.from(missing.toArray() as Float32Array) };
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function againstNulls(
  own: readonly number[],
  random: readonly number[],
  centre: readonly number[],
): MeanAgainstNull {
  const compare = (other: readonly number[]) => {
    const differences = own.map((value, i) => value - other[i]!);
    const t = pairedT(differences);
    return { difference: meanOf(differences), interval: t ? { low: t.low, high: t.high } : null };
  };
  return { mean: meanOf(own), againstRandom: compare(random), againstCentre: compare(centre) };
}
