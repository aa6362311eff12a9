/**
 * InceptionV3 as the Fréchet Inception Distance knows it: the network of TensorFlow's `inception-2015-12-05`, trained on
 * ImageNet, with 1008 classes. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016;
 * as a measure of generators: Salimans et al. 2016 (its logits), Heusel et al. 2017 (what its last layer sees).
 *
 * It differs from the InceptionV3 of model zoos in three places, each of which moves a figure: average pools leave the
 * padding out of the mean, the last block pools by the maximum, and there is no auxiliary classifier. State-dict keys
 * are torchvision's (`Mixed_5b.branch5x5_1.conv.weight`), as in the two published conversions of the weights:
 * `pt_inception-2015-12-05-6726825d.pth` (pytorch-fid) and `weights-inception-2015-12-05-6726825d.pth` (torch-fidelity).
 */
import { existsSync } from 'node:fs';
import { aten, cat, loadWeights, type Tensor, tidy } from 'graft-torch';
import { ConfigError, DataError, TorchError } from 'graft-torch/base';
import { BatchNorm2d, Conv2d, F, Linear, Module } from 'graft-torch/nn';
import { listed } from './weights.js';

/** Length of `embed`'s vectors. */
const FEATURES = 2048;
const CLASSES = 1008;
/** Smaller images leave nothing for the last block. */
const LEAST_SIDE = 75;

interface ConvSettings {
  kernel: F.Pair;
  stride?: number;
  padding?: F.Pair;
}

/** Convolution without bias → batch norm → ReLU. */
class BasicConv2d extends Module {
  private readonly conv: Conv2d;
  private readonly bn: BatchNorm2d;

  constructor(inChannels: number, outChannels: number, { kernel, ...settings }: ConvSettings) {
    super();
    this.conv = this.child('conv', new Conv2d(inChannels, outChannels, kernel, { ...settings, bias: false }));
    this.bn = this.child('bn', new BatchNorm2d(outChannels, { eps: 1e-3 }));
  }

  override forward(x: Tensor): Tensor {
    return aten.relu_(this.bn.forward(this.conv.forward(x)));
  }
}

/** A convolution of a block: its key, channels out, kernel, stride. With stride 1 it keeps the size, with 2 it has no padding. */
type Step = readonly [key: string, outChannels: number, kernel: F.Pair, stride?: 1 | 2];
/** Convolutions one behind the other; an inner list runs side by side, its maps stacked. */
type Branch = readonly (Step | readonly Step[])[];
/** What the last branch does before its convolution: pools of 3×3, the last with stride 2. */
type Pool = 'average' | 'max' | 'max, halving';

const isFork = (part: Step | readonly Step[]): part is readonly Step[] => Array.isArray(part[0]);

const pools: Record<Pool, (x: Tensor) => Tensor> = {
  average: (x) => aten.avg_pool2d(x, [3, 3], [1, 1], [1, 1], false, false), // the padding does not count
  max: (x) => F.maxPool2d(x, 3, { stride: 1, padding: 1 }),
  'max, halving': (x) => F.maxPool2d(x, 3, { stride: 2 }),
};

/** Branches side by side, the pooled one last; their maps are stacked. */
class InceptionBlock extends Module {
  private readonly branches: readonly (readonly BasicConv2d[])[][];
  private readonly pooled: BasicConv2d | null;
  readonly outChannels: number;

  private readonly pool: Pool;

  /** `channels`: of the convolution behind the pool; 0 where there is none */
  constructor(
    inChannels: number,
    branches: readonly Branch[],
    { pool, channels: poolChannels }: { pool: Pool; channels: number },
  ) {
    super();
    this.pool = pool;
    let outChannels = poolChannels || inChannels;
    this.branches = branches.map((branch) => {
      let channels = inChannels;
      const parts = branch.map((part) => {
        const steps = isFork(part) ? part : [part];
        const made = steps.map((step) => this.convolution(channels, step));
        channels = steps.reduce((sum, [, out]) => sum + out, 0);
        return made;
      });
      outChannels += channels;
      return parts;
    });
    this.pooled =
      poolChannels > 0
        ? this.child('branch_pool', new BasicConv2d(inChannels, poolChannels, { kernel: 1 }))
        : null;
    this.outChannels = outChannels;
  }

  private convolution(inChannels: number, [key, outChannels, kernel, stride = 1]: Step): BasicConv2d {
    const [height, width] = F.pair(kernel);
    const padding: F.Pair = stride === 1 ? [(height - 1) / 2, (width - 1) / 2] : 0;
    return this.child(key, new BasicConv2d(inChannels, outChannels, { kernel, stride, padding }));
  }

  override forward(x: Tensor): Tensor {
    const maps = this.branches.map((parts) =>
      parts.reduce((map, part) => {
        const made = part.map((convolution) => convolution.forward(map));
        return made.length === 1 ? made[0]! : cat(made, 1);
      }, x),
    );
    const pooled = pools[this.pool](x);
    return cat([...maps, this.pooled ? this.pooled.forward(pooled) : pooled], 1);
  }
}

/** 35 × 35 places. */
const blockA = (inChannels: number, poolChannels: number): InceptionBlock =>
  new InceptionBlock(
    inChannels,
    [
      [['branch1x1', 64, 1]],
      [
        ['branch5x5_1', 48, 1],
        ['branch5x5_2', 64, 5],
      ],
      [
        ['branch3x3dbl_1', 64, 1],
        ['branch3x3dbl_2', 96, 3],
        ['branch3x3dbl_3', 96, 3],
      ],
    ],
    { pool: 'average', channels: poolChannels },
  );

/** 35 × 35 → 17 × 17. */
const blockB = (inChannels: number): InceptionBlock =>
  new InceptionBlock(
    inChannels,
    [
      [['branch3x3', 384, 3, 2]],
      [
        ['branch3x3dbl_1', 64, 1],
        ['branch3x3dbl_2', 96, 3],
        ['branch3x3dbl_3', 96, 3, 2],
      ],
    ],
    { pool: 'max, halving', channels: 0 },
  );

/** 17 × 17; `inner` channels between the long thin kernels. */
const blockC = (inChannels: number, inner: number): InceptionBlock =>
  new InceptionBlock(
    inChannels,
    [
      [['branch1x1', 192, 1]],
      [
        ['branch7x7_1', inner, 1],
        ['branch7x7_2', inner, [1, 7]],
        ['branch7x7_3', 192, [7, 1]],
      ],
      [
        ['branch7x7dbl_1', inner, 1],
        ['branch7x7dbl_2', inner, [7, 1]],
        ['branch7x7dbl_3', inner, [1, 7]],
        ['branch7x7dbl_4', inner, [7, 1]],
        ['branch7x7dbl_5', 192, [1, 7]],
      ],
    ],
    { pool: 'average', channels: 192 },
  );

/** 17 × 17 → 8 × 8. */
const blockD = (inChannels: number): InceptionBlock =>
  new InceptionBlock(
    inChannels,
    [
      [
        ['branch3x3_1', 192, 1],
        ['branch3x3_2', 320, 3, 2],
      ],
      [
        ['branch7x7x3_1', 192, 1],
        ['branch7x7x3_2', 192, [1, 7]],
        ['branch7x7x3_3', 192, [7, 1]],
        ['branch7x7x3_4', 192, 3, 2],
      ],
    ],
    { pool: 'max, halving', channels: 0 },
  );

/** 8 × 8. */
const blockE = (inChannels: number, pool: Pool): InceptionBlock =>
  new InceptionBlock(
    inChannels,
    [
      [['branch1x1', 320, 1]],
      [
        ['branch3x3_1', 384, 1],
        [
          ['branch3x3_2a', 384, [1, 3]],
          ['branch3x3_2b', 384, [3, 1]],
        ],
      ],
      [
        ['branch3x3dbl_1', 448, 1],
        ['branch3x3dbl_2', 384, 3],
        [
          ['branch3x3dbl_3a', 384, [1, 3]],
          ['branch3x3dbl_3b', 384, [3, 1]],
        ],
      ],
    ],
    { pool, channels: 192 },
  );

/**
 * `loadInceptionWeights(new InceptionV3().eval(), path)`. Input `[N, 3, H, W]`, both sides at least 75 (299 in every
 * protocol), values −1…1. From a batch norm in training mode to gradients it is a network like the others.
 */
export class InceptionV3 extends Module {
  private readonly layers: readonly ((x: Tensor) => Tensor)[];
  readonly fc: Linear;

  constructor() {
    super();
    const conv = (key: string, module: BasicConv2d) => {
      const child = this.child(key, module);
      return (x: Tensor) => child.forward(x);
    };
    let channels = 192;
    const block = (key: string, make: (inChannels: number) => InceptionBlock) => {
      const child = this.child(key, make(channels));
      channels = child.outChannels;
      return (x: Tensor) => child.forward(x);
    };
    this.layers = [
      conv('Conv2d_1a_3x3', new BasicConv2d(3, 32, { kernel: 3, stride: 2 })), // 149 × 149
      conv('Conv2d_2a_3x3', new BasicConv2d(32, 32, { kernel: 3 })), // 147 × 147
      conv('Conv2d_2b_3x3', new BasicConv2d(32, 64, { kernel: 3, padding: 1 })),
      pools['max, halving'], // 73 × 73
      conv('Conv2d_3b_1x1', new BasicConv2d(64, 80, { kernel: 1 })),
      conv('Conv2d_4a_3x3', new BasicConv2d(80, 192, { kernel: 3 })), // 71 × 71
      pools['max, halving'], // 35 × 35
      block('Mixed_5b', (c) => blockA(c, 32)),
      block('Mixed_5c', (c) => blockA(c, 64)),
      block('Mixed_5d', (c) => blockA(c, 64)),
      block('Mixed_6a', blockB),
      block('Mixed_6b', (c) => blockC(c, 128)),
      block('Mixed_6c', (c) => blockC(c, 160)),
      block('Mixed_6d', (c) => blockC(c, 160)),
      block('Mixed_6e', (c) => blockC(c, 192)),
      block('Mixed_7a', blockD),
      block('Mixed_7b', (c) => blockE(c, 'average')),
      // An oversight of the network that was published, and part of the metric ever since.
      block('Mixed_7c', (c) => blockE(c, 'max')),
    ];
    this.fc = this.child('fc', new Linear(FEATURES, CLASSES));
  }

  /**
   * What the last layer sees (`pool3`), the features of FID and KID: `[N, 3, H, W]` → `[N, 2048]`.
   * @throws TorchError for images of less than 75 px
   */
  embed(x: Tensor): Tensor {
    const [, , height = 0, width = 0] = x.shape;
    if (x.shape.length !== 4 || Math.min(height, width) < LEAST_SIDE) {
      throw new TorchError(
        `InceptionV3: needs [N, 3, H, W] of at least ${LEAST_SIDE}×${LEAST_SIDE} pixels, not [${x.shape.join(', ')}]`,
      );
    }
    return tidy(() => {
      let map = x;
      for (const layer of this.layers) {
        // One scope a layer: without gradients, only one block's intermediates live at a time.
        const next = tidy(() => layer(map));
        if (map !== x) map.dispose();
        map = next;
      }
      return map.mean([2, 3]);
    });
  }

  /**
   * Features `[N, 2048]` → logits `[N, 1008]`. The Inception Score takes them without the bias, as the first
   * implementation did and those that compare with it still do.
   */
  classify(features: Tensor, options: { bias?: boolean } = {}): Tensor {
    return F.linear(features, this.fc.weight, (options.bias ?? true) ? this.fc.bias : null);
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => this.classify(this.embed(x)));
  }
}

/** Counts of batches, which no evaluation uses; files made before PyTorch 0.4.1 lack them. */
const isCounter = (key: string): boolean => key.endsWith('num_batches_tracked');

/** Where the weights come from; nothing is downloaded. */
export const INCEPTION_WEIGHTS =
  'pt_inception-2015-12-05-6726825d.pth, published with the releases of pytorch-fid (mseitzer)';

/**
 * Fills the network from a file; when that fails, its weights are of no use.
 *
 * @param path safetensors or `.pth`
 * @returns the network
 * @throws ConfigError when there is no such file
 * @throws DataError when it is of a kind that is not read, or names other tensors: lists missing, unexpected and
 *   mis-shaped ones
 */
export function loadInceptionWeights(network: InceptionV3, path: string): InceptionV3 {
  if (!existsSync(path)) {
    throw new ConfigError(`weights file ${path} does not exist; InceptionV3's is ${INCEPTION_WEIGHTS}`);
  }
  return tidy(() => {
    const own = network.stateDict();
    const { tensors } = loadWeights(path, {
      remedy: 'in Python, save the one that is meant',
      knows: (names) => names.some((name) => name in own),
    });
    const found = network.loadStateDict(tensors, { strict: false });
    const missing = found.missing.filter((key) => !isCounter(key));
    const misshaped = found.misshaped.map(
      (key) => `${key} [${tensors[key]!.shape}] for [${own[key]!.shape}]`,
    );
    const parts = [
      missing.length ? `missing ${listed(missing)}` : '',
      found.unexpected.length ? `unexpected ${listed(found.unexpected)}` : '',
      misshaped.length ? `mis-shaped ${listed(misshaped)}` : '',
    ].filter(Boolean);
    if (parts.length > 0) {
      throw new DataError(
        `${path} does not hold weights of FID's InceptionV3: ${parts.join('; ')}; take ${INCEPTION_WEIGHTS}`,
      );
    }
    return network;
  });
}
