/**
 * ResNet-18, -34 and -50 (He et al., CVPR 2016). The 50's blocks halve the map in their 3×3 convolution, not in the first 1×1
 * as the paper has it (called v1.5; so do torchvision, timm and the weights that they publish).
 *
 * State-dict names are torchvision's and timm's, which are the same: `conv1.weight`, `layer1.0.bn1.bias`,
 * `layer2.0.downsample.0.weight`, `fc.weight`.
 */
import { aten, type Tensor, tidy } from 'graft-torch';
import {
  BatchNorm2d,
  batchNormActivation,
  batchNormBranch,
  Conv2d,
  F,
  init,
  Linear,
  Module,
} from 'graft-torch/nn';
import { dropConnect, dropRates } from './drop-connect.js';
import { ImageNetwork, type NetworkOptions, requireClasses } from './image-network.js';
import { foldedNorm, throughBlocks } from './residual-network.js';

/** Layers that are counted in its name. */
export type ResNetDepth = 18 | 34 | 50;

interface Layout {
  /** Blocks of each stage. */
  readonly blocks: readonly number[];
  /** 1×1 → 3×3 → 1×1, four times as wide at its end; else 3×3 → 3×3. */
  readonly bottleneck: boolean;
}

const LAYOUTS: Readonly<Record<ResNetDepth, Layout>> = {
  18: { blocks: [2, 2, 2, 2], bottleneck: false },
  34: { blocks: [3, 4, 6, 3], bottleneck: false },
  50: { blocks: [3, 4, 6, 3], bottleneck: true },
};

/** Channels of the stem and of the first stage; twice as many in each stage behind it. */
const WIDTH = 64;
const EXPANSION = 4;

interface ConvNorm {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;
}

interface BlockOptions {
  inFilters: number;
  /** Of the stage, before a bottleneck's expansion. */
  width: number;
  stride: number;
  bottleneck: boolean;
  /** Probability that training drops the branch of a sample. */
  dropRate: number;
}

/** `[N, in, H, W]` → `[N, out, H/stride, W/stride]`: convolutions, the input added to them, and a rectifier. */
export class ResNetBlock extends Module {
  /** As they are applied. */
  readonly layers: readonly ConvNorm[];
  /** Brings the input to the branch's shape; null where it has it. */
  readonly downsample: ConvNorm | null;
  private readonly dropRate: number;

  constructor({ inFilters, width, stride, bottleneck, dropRate }: BlockOptions) {
    super();
    this.dropRate = dropRate;
    const outFilters = bottleneck ? width * EXPANSION : width;
    const shapes: readonly [into: number, out: number, kernel: number, stride: number][] = bottleneck
      ? [
          [inFilters, width, 1, 1],
          [width, width, 3, stride],
          [width, outFilters, 1, 1],
        ]
      : [
          [inFilters, width, 3, stride],
          [width, outFilters, 3, 1],
        ];
    this.layers = shapes.map(([into, out, kernel, step], i) => ({
      conv: this.child(`conv${i + 1}`, makeConv(into, out, { kernel, stride: step })),
      norm: this.child(`bn${i + 1}`, new BatchNorm2d(out)),
    }));
    this.downsample =
      stride === 1 && inFilters === outFilters
        ? null
        : {
            conv: this.child('downsample.0', makeConv(inFilters, outFilters, { kernel: 1, stride })),
            norm: this.child('downsample.1', new BatchNorm2d(outFilters)),
          };
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => {
      let y = x;
      for (const layer of this.layers.slice(0, -1)) {
        const next = rectified(layer, y);
        if (y !== x) y.dispose();
        y = next;
      }
      const skip = this.downsample ? normed(this.downsample, x) : x;
      return aten.relu_(this.ended(y, skip));
    });
  }

  /** Last convolution and its norm, and the skip. */
  private ended(y: Tensor, skip: Tensor): Tensor {
    const last = this.layers.at(-1)!;
    if (!last.norm.training) return normed(last, y).add_(skip);
    const factors = this.training && this.dropRate > 0 ? dropConnect(y, this.dropRate) : null;
    return batchNormBranch(last.norm, last.conv.forward(y), { skip, factors });
  }
}

/** 3×3, 7×7 and 1×1, which all keep the map's size but for the stride. */
const makeConv = (
  into: number,
  out: number,
  { kernel, stride }: { kernel: number; stride: number },
): Conv2d => new Conv2d(into, out, kernel, { stride, padding: (kernel - 1) / 2, bias: false });

const normed = ({ conv, norm }: ConvNorm, x: Tensor): Tensor => tidy(() => foldedNorm(conv, norm, x));

/** In training the norm and the rectifier are one operator. */
const rectified = ({ conv, norm }: ConvNorm, x: Tensor): Tensor =>
  tidy(() =>
    norm.training
      ? batchNormActivation(norm, conv.forward(x), 'relu')
      : aten.relu_(foldedNorm(conv, norm, x)),
  );

/**
 * `new ResNet(50, { numClasses: 1 })`. Input `[N, 3, H, W]`, normalised as the weights expect; output logits
 * `[N, numClasses]`. Without stochastic depth unless it is asked for.
 * Initialised as torchvision's: convolutions N(0, √(2 / fan-out)), batch norms 1 and 0, linear U(±1/√features).
 */
export class ResNet extends ImageNetwork {
  readonly depth: ResNetDepth;
  readonly name: string;
  readonly title: string;
  readonly numClasses: number;
  readonly features: number;
  readonly blocks: readonly ResNetBlock[];
  readonly blockStages: readonly number[];
  readonly classifier: Linear;
  readonly stemKey = 'conv1.weight';
  readonly headPrefixes = ['fc.'];
  protected readonly dropout: number;
  private readonly stem: ConvNorm;

  constructor(depth: ResNetDepth, options: NetworkOptions = {}) {
    super();
    const { numClasses = 1000, inChannels = 3, dropout = 0, dropConnect: dropRate = 0 } = options;
    const { blocks: counts, bottleneck } = LAYOUTS[depth];
    this.depth = depth;
    this.name = `resnet-${depth}`;
    this.title = `ResNet-${depth}`;
    this.numClasses = requireClasses(numClasses);
    this.dropout = dropout;
    this.stem = {
      conv: this.child('conv1', makeConv(inChannels, WIDTH, { kernel: 7, stride: 2 })),
      norm: this.child('bn1', new BatchNorm2d(WIDTH)),
    };
    const places = counts.flatMap((count, stage) =>
      Array.from({ length: count }, (_, index) => ({ stage, index })),
    );
    const rates = dropRates(dropRate, places.length);
    let inFilters = WIDTH;
    this.blocks = places.map(({ stage, index }, i) => {
      const width = WIDTH * 2 ** stage;
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const block = new ResNetBlock({ inFilters, width, stride, bottleneck, dropRate: rates[i]! });
      inFilters = bottleneck ? width * EXPANSION : width;
      return this.child(`layer${stage + 1}.${index}`, block);
    });
    this.blockStages = places.map(({ stage }) => stage);
    this.features = inFilters;
    this.classifier = this.child('fc', new Linear(inFilters, numClasses));
    for (const module of this.modules())
      if (module instanceof Conv2d) init.kaimingNormal_(module.weight, { mode: 'fanOut' });
  }

  override stemParameters(): Tensor[] {
    return [...this.stem.conv.parameters(), ...this.stem.norm.parameters()];
  }

  /** Last map: `[N, C, H, W]` → `[N, features, ⌈H/32⌉, ⌈W/32⌉]`. */
  extractFeatures(x: Tensor): Tensor {
    const first = tidy(() => F.maxPool2d(rectified(this.stem, x), 3, { stride: 2, padding: 1 }));
    return throughBlocks(first, this.blocks);
  }

  override embed(x: Tensor): Tensor {
    return tidy(() => F.adaptiveAvgPool2d(this.extractFeatures(x), 1).reshape([x.shape[0]!, this.features]));
  }
}
