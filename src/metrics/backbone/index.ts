/**
 * Backbones: what turns images into the features that distribution metrics compare. Two that need no download:
 *
 * - `random`: EfficientNet-B0 with weights drawn from a seed, its batch norms calibrated on the real images. Random
 *   features tell sets apart where ImageNet's are out of their domain: Naeem et al., "Reliable Fidelity and Diversity
 *   Metrics for Generative Models", ICML 2020 (they used VGG16). Its last map does not do: untrained gates multiply over
 *   the depth until a few odd images hold nearly all of the variance. So features are the means of two early maps, each
 *   of unit length (docs/metrics.md has what was measured).
 * - a classifier run of this project: features that know the field, of a network that was trained on it.
 *
 * The resizer decides figures as much as the backbone does (Parmar et al., "On Aliased Resizing", CVPR 2022): images
 * are brought to the network's side as in clean-fid, antialiased bicubic in float32, clamped to 0…255. A figure is
 * comparable with another only if both have the backbone's hash.
 */
import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { ConfigError, DataError, GraftError } from '../../errors.js';
import { EfficientNet, memoryFormatFor, parseVariant, toEfficientNetInput } from '../../models/index.js';
import { averageBatchStatistics, F } from '../../nn/index.js';
import { bestCheckpointPath, listCheckpoints, loadCheckpoint, underPrefix } from '../../run/checkpoint.js';
import { readRunConfig, runFiles } from '../../run/run-folder.js';
import { cat, type Device, loadSafetensors, noGrad, type Tensor, tidy, withSeed } from '../../torch/index.js';

export interface Backbone {
  /** For a table's cell: 'random EfficientNet-B0'. */
  readonly name: string;
  /** One sentence: network, weights, input. */
  readonly description: string;
  /** SHA-256 over the weights, what calibrated them, and the protocol: 64 hex digits. */
  readonly hash: string;
  /** Side that images are brought to. */
  readonly sizePx: number;
  readonly resizer: string;
  /**
   * @param images uint8 `[N, 3, H, W]`, N ≥ 1, of any one size, on any device
   * @returns float32 `[N, D]` on the CPU
   */
  features(images: Tensor): Tensor;
  dispose(): void;
}

export interface BackboneOptions {
  /** Default cpu. */
  device?: Device;
  /** Real images that calibrate the random backbone, uint8 `[N ≥ 2, 3, H, W]`; of no use to a classifier. */
  calibrate?: Tensor;
  /** Weights of the random backbone, default 0. */
  seed?: number;
  /** Side of the random backbone's input, 32…512; default the calibrating images', within 64…256. */
  sizePx?: number;
}

const RESIZER = 'bicubic (Keys, a = −0.5), antialiased, float32, clamped to 0…255';
const INPUT = `RGB bytes, ${RESIZER}; / 255, ImageNet mean and deviation`;

/** Blocks behind which the random backbone looks: 19 px of the image wide, and about all of 64. 24 + 40 channels. */
const RANDOM_BLOCKS: readonly number[] = [2, 4];

/** Pixels that go through the network at once: 128 images at 64 px, 32 at 128. Bounds memory at about 0.5 GiB. */
const PIXELS_PER_BATCH = 128 * 64 * 64;

/**
 * @param spec `random`, or the folder of a classifier run (`./random` for one of that name)
 * @throws ConfigError, DataError when the folder holds no classifier with a checkpoint, or images are missing
 */
export function openBackbone(spec: string, options: BackboneOptions = {}): Backbone {
  return spec === 'random' ? randomBackbone(options) : classifierBackbone(spec, options.device ?? 'cpu');
}

function randomBackbone({ calibrate, seed = 0, device = 'cpu', sizePx }: BackboneOptions): Backbone {
  const [n = 0, , height = 0, width = 0] = calibrate?.shape ?? [];
  if (!calibrate || n < 2) {
    throw new DataError(`the random backbone is calibrated on real images: give two or more, not ${n}`);
  }
  const side = sizePx ?? Math.min(256, Math.max(64, height, width));
  if (!Number.isInteger(side) || side < 32 || side > 512) {
    throw new ConfigError(`the random backbone's side must be a whole number 32…512, not ${side}`);
  }
  // Without stochastic depth and dropout, a forward pass draws nothing.
  const network = withSeed(seed, () => new EfficientNet('b0', { numClasses: 1, dropConnect: 0, dropout: 0 }));
  const embed = (input: Tensor): Tensor =>
    cat(network.pooledBlocks(input, RANDOM_BLOCKS).map(toUnitLength), 1);
  const protocol = `${INPUT}; ${side} px; unit-length means behind blocks ${RANDOM_BLOCKS.join(' and ')}`;
  const hash = hashTensors(createHash('sha256').update(protocol), network.stateDict());
  // The images stand for the statistics they give, whose last bits are the machine's.
  tidy(() => {
    for (const [start, count] of batches(n, side)) {
      hashTensors(hash, { calibrate: calibrate.narrow(0, start, count) });
    }
  });
  network.to({ device, memoryFormat: memoryFormatFor(device) });
  const parts = batches(n, side);
  averageBatchStatistics(network, parts.length, (pass) => {
    const [start, count] = parts[pass]!;
    embed(toInput(calibrate.narrow(0, start, count), side, device));
  });
  return makeBackbone(network, embed, {
    device,
    sizePx: side,
    name: 'random EfficientNet-B0',
    description: `EfficientNet-B0, random weights of seed ${seed}, batch norms calibrated on ${n} real images, means behind blocks ${RANDOM_BLOCKS.join(' and ')}, input ${side} px`,
    hash: hash.digest('hex'),
  });
}

/** The keys of a classifier's configuration that decide its network. */
const networkKeys = z.object({
  architecture: z.string(),
  head: z.enum(['pooled', 'normalised']),
  imageSize: z.int().min(1),
});

function classifierBackbone(dir: string, device: Device): Backbone {
  const { kind, config } = readRunConfig(dir);
  if (kind !== 'classifier') {
    throw new DataError(`${dir}: is a ${kind} run; a backbone is a classifier run, or 'random'`);
  }
  const parsed = networkKeys.safeParse(config);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new ConfigError(`${join(dir, runFiles.config)}: ${path.join('.')}: ${message}`);
  }
  const { architecture, head, imageSize } = parsed.data;
  const variant = parseVariant(architecture);
  const network = withSeed(0, () => new EfficientNet(variant, { numClasses: 1, head }));
  const weights = tidy(() => {
    try {
      return loadClassifier(network, dir);
    } catch (error) {
      network.dispose();
      throw error;
    }
  });
  const protocol = `${INPUT}; ${imageSize} px; input of the last layer`;
  const hash = hashTensors(createHash('sha256').update(protocol), network.stateDict());
  network.to({ device, memoryFormat: memoryFormatFor(device) });
  network.eval();
  return makeBackbone(network, (input) => network.embed(input), {
    device,
    sizePx: imageSize,
    name: `${basename(dir)} (EfficientNet-${variant.toUpperCase()})`,
    description: `EfficientNet-${variant.toUpperCase()} of the classifier run ${dir}, ${weights}, input ${imageSize} px`,
    hash: hash.digest('hex'),
  });
}

/** A finished run has its weights alone; one that still trains its best checkpoint, else the last. Returns which. */
function loadClassifier(network: EfficientNet, dir: string): string {
  const load = (path: string, tensors: Record<string, Tensor>): void => {
    try {
      network.loadStateDict(tensors);
    } catch (error) {
      throw error instanceof GraftError ? new DataError(`${path}: ${error.message}`) : error;
    }
  };
  const finished = join(dir, runFiles.weights);
  if (existsSync(finished)) {
    load(finished, loadSafetensors(finished).tensors);
    return 'finished';
  }
  const best = bestCheckpointPath(dir);
  const path = existsSync(best) ? best : listCheckpoints(dir).at(-1)?.path;
  if (path === undefined) {
    throw new DataError(`${dir}: has no checkpoint yet; train on, or use the backbone 'random'`);
  }
  const checkpoint = loadCheckpoint(path);
  load(path, underPrefix('network', checkpoint.tensors));
  return `step ${checkpoint.step}`;
}

interface Identity extends Pick<Backbone, 'name' | 'description' | 'hash' | 'sizePx'> {
  device: Device;
}

/** @param embed network input → `[N, D]` */
function makeBackbone(
  network: EfficientNet,
  embed: (input: Tensor) => Tensor,
  { device, ...identity }: Identity,
): Backbone {
  const { sizePx } = identity;
  return {
    ...identity,
    resizer: RESIZER,
    features: (images) =>
      tidy(() =>
        noGrad(() => {
          const parts = batches(images.shape[0]!, sizePx).map(([start, count]) =>
            tidy(() => embed(toInput(images.narrow(0, start, count), sizePx, device)).to({ device: 'cpu' })),
          );
          if (parts.length === 0) throw new DataError('backbone: there are no images to take features of');
          return cat(parts);
        }),
      ),
    dispose: () => network.dispose(),
  };
}

const toUnitLength = (vectors: Tensor): Tensor =>
  vectors.div(vectors.square().sum([1], true).sqrt().clamp({ min: 1e-12 }));

/** [start, count] of batches that differ by one image at most: a last one of one image would have no variance. */
function batches(n: number, sizePx: number): [start: number, count: number][] {
  const most = Math.max(2, Math.floor(PIXELS_PER_BATCH / sizePx ** 2));
  const parts = Math.ceil(n / most);
  const startOf = (part: number): number => Math.floor((part * n) / parts);
  return Array.from({ length: parts }, (_, part) => [startOf(part), startOf(part + 1) - startOf(part)]);
}

/** uint8 `[N, 3, H, W]` → what the network takes, `[N, 3, side, side]`. Resized on the CPU: MPS has no such filter. */
function toInput(images: Tensor, sidePx: number, device: Device): Tensor {
  return toEfficientNetInput(resize(images, sidePx).div_(255).to({ device }));
}

/**
 * @param images uint8 `[N, 3, H, W]`
 * @returns float32 `[N, 3, side, side]` in 0…255, as they are where they have that size
 */
export function resize(images: Tensor, sidePx: number): Tensor {
  return tidy(() => {
    const [, channels, height, width] = images.shape;
    if (images.shape.length !== 4 || channels !== 3 || images.dtype !== 'uint8') {
      throw new DataError(
        `backbone: needs images as bytes [N, 3, H, W], not ${images.dtype} [${images.shape.join(', ')}]`,
      );
    }
    const floats = images.to({ device: 'cpu', dtype: 'float32' }).contiguous();
    if (height === sidePx && width === sidePx) return floats;
    return F.interpolate(floats, sidePx, 'bicubic', true).clamp_({ min: 0, max: 255 });
  });
}

/** Adds names, shapes and bytes of tensors on the CPU to a hash. */
function hashTensors(hash: Hash, tensors: Record<string, Tensor>): Hash {
  for (const [name, value] of Object.entries(tensors)) {
    const { buffer, byteOffset, byteLength } = value.toArray();
    hash
      .update(`${name} ${value.dtype} ${value.shape}\n`)
      .update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash;
}
