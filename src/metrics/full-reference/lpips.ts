/**
 * Learned perceptual image patch similarity: the distance between what a trained network sees in two images, weighted
 * as viewers judged; 0 for a picture against itself, lower is more alike. Zhang, Isola, Efros, Shechtman, Wang, "The
 * Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018. Semantics of PIQA 1.1.3 (the same
 * as the authors' version 0.1 on values 0…1).
 *
 *   LPIPS = Σ_l mean over places of Σ_channels w_l (φ̂_l(x) − φ̂_l(y))²,  φ̂ = φ of unit length at each place
 *
 * Weights are not part of this project: the networks' are torchvision's (`alexnet-owt-….pth`, `vgg16-….pth`,
 * `squeezenet1_1-….pth`), the w_l are the authors' (`alex.pth`, `vgg.pth`, `squeeze.pth` of version 0.1).
 *
 * A place where a network sees nothing has no direction: it counts as 0, as in the authors' code. PIQA 1.1.3 gives
 * no number there.
 */
import { existsSync } from 'node:fs';
import { type Device, keep, loadWeights, type Tensor, tensor, tidy } from 'graft-torch';
import { ConfigError, DataError, sha256File, TorchError } from 'graft-torch/base';
import { type LpipsNetwork, LpipsTrunk, listed } from '../../models/index.js';
import type { FullReferenceMetric } from './metric.js';
import { requireColourPairs } from './shapes.js';

export type { LpipsNetwork };

/** ImageNet's mean and deviation, of R, G, B. */
const [MEAN, DEVIATION] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
];

/** Squared lengths below this are those of no direction: (1e-10)², the authors' ε. */
const TINY = 1e-20;

/** A network with its weights in memory. */
export interface Lpips {
  readonly network: LpipsNetwork;
  readonly minSidePx: number;
  /**
   * @param x floating point `[N, 3, H, W]`, 0…1, of the weights' type and device
   * @param y the same shape
   * @returns `[N]`, from 0 up
   * @throws TorchError if the shapes differ, are not of colour images, too small, or of another type
   */
  score(x: Tensor, y: Tensor): Tensor;
  dispose(): void;
}

export interface LpipsOptions {
  /** Weights of the network: `.pth` or safetensors. */
  trunk: string;
  /** The w_l; default: in the same file. */
  heads?: string;
  /** Default cpu. */
  device?: Device;
  /** Default float32. */
  dtype?: 'float32' | 'float64';
}

/**
 * Reads the weights. Keys may be torchvision's (`features.0.weight`), those of the authors' package
 * (`net.slice1.0.weight`, `lin0.model.1.weight`) or PIQA's (`net.layers.0.0.weight`, `lins.0.1.weight`); what
 * belongs to neither (a classifier's last layers) is left out.
 *
 * @throws ConfigError if a file does not exist
 * @throws DataError naming the file and the keys that are missing or of another shape
 */
export function openLpips(network: LpipsNetwork, options: LpipsOptions): Lpips {
  const { trunk: trunkPath, heads: headsPath = trunkPath, device = 'cpu', dtype = 'float32' } = options;
  for (const path of new Set([trunkPath, headsPath])) {
    if (!existsSync(path)) throw new ConfigError(`LPIPS: weights file ${path} does not exist`);
  }
  const trunk = tidy(() => new LpipsTrunk(network));
  try {
    const heads = tidy(() => {
      const { tensors } = loadWeights(trunkPath, lpipsNames);
      loadTrunk(trunk, tensors, trunkPath);
      const found = headsPath === trunkPath ? tensors : loadWeights(headsPath, lpipsNames).tensors;
      return keep(readHeads(trunk, found, headsPath).map((head) => head.to({ device, dtype })));
    });
    trunk.to({ device, dtype });
    return {
      network,
      minSidePx: trunk.minSidePx,
      score: (x, y) => distance({ trunk, heads }, x, y),
      dispose: () => {
        trunk.dispose();
        for (const head of heads) head.dispose();
      },
    };
  } catch (error) {
    trunk.dispose();
    throw error;
  }
}

/** Names of a network, or of the w_l. */
const lpipsNames = {
  remedy: 'in Python, save the one that is meant',
  knows: (names: readonly string[]): boolean =>
    names.some((name) => /^(features\.\d|net\.slice\d|net\.layers\.\d|lin\d\.model|lins\.\d)/.test(name)),
};

function loadTrunk(trunk: LpipsTrunk, tensors: Record<string, Tensor>, path: string): void {
  const starts = trunk.stretchStarts;
  const torchvisionKey = (key: string): string => {
    // The authors' slices keep torchvision's numbers; PIQA counts each stretch from 0.
    const slice = /^net\.slice\d+\.(.+)$/.exec(key);
    if (slice) return `features.${slice[1]}`;
    const layer = /^net\.layers\.(\d+)\.(\d+)\.(.+)$/.exec(key);
    return layer ? `features.${(starts[Number(layer[1])] ?? 0) + Number(layer[2])}.${layer[3]}` : key;
  };
  const found = Object.fromEntries(
    Object.entries(tensors).map(([key, value]) => [torchvisionKey(key), value]),
  );
  const { missing, misshaped } = trunk.loadStateDict(found, { strict: false });
  requireNothingWrong(`${path} does not hold the ${trunk.network} network`, missing, misshaped);
}

/** `[1, C, 1, 1]` for each feature map. */
function readHeads(trunk: LpipsTrunk, tensors: Record<string, Tensor>, path: string): Tensor[] {
  const keysOf = (index: number): string[] => [
    `lin${index}.model.1.weight`,
    `lins.${index}.model.1.weight`,
    `lins.${index}.1.weight`,
  ];
  const heads = trunk.channels.map((_, index) => keysOf(index).find((key) => tensors[key]));
  const missing = heads.flatMap((key, index) => (key ? [] : [keysOf(index)[0]!]));
  const misshaped = heads.filter(
    (key, index) => key && String(tensors[key]!.shape) !== String([1, trunk.channels[index], 1, 1]),
  ) as string[];
  requireNothingWrong(`${path} does not hold LPIPS weights of ${trunk.network}`, missing, misshaped);
  return heads.map((key) => tensors[key!]!);
}

function requireNothingWrong(trouble: string, missing: string[], misshaped: string[]): void {
  const parts = [
    missing.length > 0 ? `missing ${listed(missing)}` : '',
    misshaped.length > 0 ? `mis-shaped ${listed(misshaped)}` : '',
  ].filter(Boolean);
  if (parts.length > 0) throw new DataError(`${trouble}: ${parts.join('; ')}`);
}

interface LpipsNetworks {
  trunk: LpipsTrunk;
  heads: readonly Tensor[];
}

function distance({ trunk, heads }: LpipsNetworks, x: Tensor, y: Tensor): Tensor {
  requireColourPairs({ id: 'lpips', minSidePx: trunk.minSidePx }, x, y);
  const head = heads[0]!;
  if (x.dtype !== head.dtype || x.device !== head.device) {
    throw new TorchError(
      `lpips: its weights are ${head.dtype} on ${head.device}, the images ${x.dtype} on ${x.device}: open it for theirs`,
    );
  }
  return tidy(() => {
    const channels = (values: number[]) =>
      tensor(values, [1, 3, 1, 1], { dtype: 'float64' }).to({ dtype: x.dtype, device: x.device });
    const [mean, deviation] = [channels(MEAN!), channels(DEVIATION!)];
    const features = (images: Tensor): Tensor[] =>
      tidy(() => trunk.features(images.sub(mean).div(deviation)).map(toUnitLength));
    const [ofX, ofY] = [features(x), features(y)];
    return heads
      .map((weights, level) =>
        tidy(() => {
          const spread = ofX[level]!.sub(ofY[level]!).square().mean([2, 3], true); // [N, C, 1, 1]
          return spread.mul(weights).sum([1, 2, 3]);
        }),
      )
      .reduce((sum, part) => sum.add(part));
  });
}

/** `[N, C, H, W]`, each place's channels divided by their length. */
const toUnitLength = (maps: Tensor): Tensor =>
  tidy(() => maps.div(maps.square().sum([1], true).clamp({ min: TINY }).sqrt()));

/** LPIPS as one of the metrics; the caller disposes it. */
export interface LpipsMetric extends FullReferenceMetric {
  dispose(): void;
}

/**
 * @param spec `alex:TRUNK,HEADS` (or vgg, squeeze); one file where it holds both
 * @throws ConfigError for another form; ConfigError, DataError as `openLpips`
 */
export async function openLpipsMetric(spec: string, device: Device): Promise<LpipsMetric> {
  const [, network, trunk, heads] = /^(alex|vgg|squeeze):([^,]+)(?:,(.+))?$/.exec(spec) ?? [];
  if (network === undefined || trunk === undefined) {
    throw new ConfigError(
      `--lpips ${spec}: expected alex:TRUNK,HEADS (or vgg, squeeze); one file where it holds both`,
    );
  }
  const { score, dispose, minSidePx } = openLpips(network as LpipsNetwork, {
    trunk,
    ...(heads !== undefined && { heads }),
    device,
  });
  const files = [trunk, ...(heads === undefined ? [] : [heads])];
  const digests = await Promise.all(files.map((file) => sha256File(file)));
  return {
    id: 'lpips',
    name: 'LPIPS',
    range: [0, Number.POSITIVE_INFINITY],
    higherIsBetter: false,
    minSidePx,
    settings: () => `${network}, weights SHA-256 ${digests.join(', ')}`,
    score,
    dispose,
  };
}
