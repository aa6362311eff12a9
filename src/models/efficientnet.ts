/**
 * EfficientNet B0 … B7 (Tan & Le, ICML 2019), EfficientNetV2-S (Tan & Le, ICML 2021), and EfficientNet-Lite0 … Lite4
 * (Renjie Liu, 2020: github.com/tensorflow/tpu, efficientnet/lite), which have ReLU6 and no squeeze-and-excitation.
 *
 * State-dict names of B0 … B7 and the Lites are those of lukemelas' widely used PyTorch port of the authors' weights
 * (`_conv_stem.weight`, `_blocks.0._depthwise_conv.weight`, `_fc.bias`, …), of V2-S timm's; see `variants.ts`.
 * Weights of the other libraries are renamed when they are loaded (`weights.ts`).
 */

import { noGrad, type Tensor, tidy } from 'graft-torch';
import { BatchNorm2d, F, init, Linear, type Module } from 'graft-torch/nn';
import { type Conventions, OWN_CONVENTIONS } from './conventions.js';
import { layerNames } from './efficientnet-keys.js';
import { ImageNetwork, type MapLayer, type NetworkOptions, requireClasses } from './image-network.js';
import { activated, FusedMBConvBlock, MBConvBlock, makeBatchNorm, PaddedConv2d } from './mbconv.js';
import { type EfficientNetVariant, parseVariant, VARIANTS } from './variants.js';

/**
 * `pooled`: global average pool → dropout → linear (the paper's).
 * `normalised`: batch norm (momentum 0.15) → pool → dropout → linear, the head of the system Graft sets out to surpass.
 */
export type EfficientNetHead = 'pooled' | 'normalised';

export interface EfficientNetOptions extends NetworkOptions {
  head?: EfficientNetHead;
  /**
   * Pad as for square images of this side, whatever comes in (the published port's `static` padding; it matters
   * only where the side is odd at some stage). Default: padding follows each input (`dynamic`).
   */
  imageSize?: number;
}

/** Name of the `normalised` head's batch norm. */
export const HEAD_NORM = '_head_bn';

/**
 * `new EfficientNet('b0', { numClasses: 1 })`. Input `[N, 3, H, W]`, normalised as the weights expect
 * (`conventions.inputStatistics`); output logits `[N, numClasses]`.
 * Initialised as the authors' code: convolutions N(0, √(2 / fan-out)), linear U(±1/√numClasses), biases 0.
 */
export class EfficientNet extends ImageNetwork {
  readonly variant: EfficientNetVariant;
  readonly name: string;
  /** `EfficientNet-B3`, `EfficientNetV2-S`. */
  readonly title: string;
  readonly numClasses: number;
  /** Channels of `extractFeatures` (1280 for B0, 1536 for B3). */
  readonly features: number;
  readonly convStem: PaddedConv2d;
  readonly bn0: BatchNorm2d;
  readonly blocks: readonly (MBConvBlock | FusedMBConvBlock)[];
  readonly convHead: PaddedConv2d;
  readonly bn1: BatchNorm2d;
  /** Batch norm of the `normalised` head (`_head_bn`), else null. */
  readonly headBn: BatchNorm2d | null;
  readonly classifier: Linear;
  readonly stemKey: string;
  readonly headPrefixes: readonly string[];
  protected readonly dropout: number;
  #conventions: Readonly<Conventions> = OWN_CONVENTIONS;

  constructor(variant: string, options: EfficientNetOptions = {}) {
    super();
    this.variant = parseVariant(variant);
    const { spec, naming, dropout, title } = VARIANTS[this.variant];
    const {
      numClasses = 1000,
      inChannels = 3,
      head = 'pooled',
      dropConnect: dropRate = 0.2,
      imageSize = 0,
    } = options;
    this.name = `efficientnet-${this.variant}`;
    this.title = title;
    this.numClasses = requireClasses(numClasses);
    this.dropout = options.dropout ?? dropout;
    const names = layerNames(spec, naming)!;
    const { stemFilters, headFilters } = spec;

    let size = imageSize;
    this.convStem = this.child(
      names.stem[0],
      new PaddedConv2d(inChannels, stemFilters, { kernel: 3, stride: 2, bias: false, fixedSize: size }),
    );
    this.bn0 = this.child(names.stem[1], makeBatchNorm(stemFilters));
    size = Math.ceil(size / 2);
    this.blocks = spec.blocks.map((block, i) => {
      const { name, layers } = names.blocks[i]!;
      const Block = block.kind === 'fused' ? FusedMBConvBlock : MBConvBlock;
      const module = new Block(block, {
        names: layers,
        dropRate: (dropRate * i) / spec.blocks.length,
        fixedSize: size,
        activation: spec.activation,
      });
      size = Math.ceil(size / block.stride);
      return this.child(name, module);
    });
    const lastFilters = spec.blocks.at(-1)!.outFilters;
    this.convHead = this.child(
      names.head[0],
      new PaddedConv2d(lastFilters, headFilters, { kernel: 1, bias: false }),
    );
    this.bn1 = this.child(names.head[1], makeBatchNorm(headFilters));
    this.features = headFilters;
    this.headBn =
      head === 'normalised' ? this.child(HEAD_NORM, new BatchNorm2d(headFilters, { momentum: 0.15 })) : null;
    this.classifier = this.child(names.head[2], new Linear(headFilters, numClasses));
    this.stemKey = `${names.stem[0]}.weight`;
    this.headPrefixes = [`${names.head[2]}.`, `${HEAD_NORM}.`];
    this.initialise();
  }

  /** How it pads, normalises and wants its pixels; at first OWN_CONVENTIONS, and then what its weights ask for. */
  override get conventions(): Readonly<Conventions> {
    return this.#conventions;
  }

  /** What is left out stays. The `normalised` head's own batch norm, which no published weights know, keeps its ε. */
  override setConventions(conventions: Partial<Conventions>): this {
    super.setConventions(conventions);
    this.#conventions = { ...this.#conventions, ...conventions };
    const { padding, batchNormEps } = this.#conventions;
    for (const module of this.modules()) {
      if (module instanceof PaddedConv2d) module.padding = padding;
      else if (module instanceof BatchNorm2d && module !== this.headBn) module.eps = batchNormEps;
    }
    return this;
  }

  /** Last feature map: `[N, 3, H, W]` → `[N, features, ⌈H/32⌉, ⌈W/32⌉]`. */
  extractFeatures(x: Tensor): Tensor {
    let last!: Tensor;
    for (const map of this.maps(x)) last = map;
    const { activation } = VARIANTS[this.variant].spec;
    const features = tidy(() =>
      activation === 'silu' || this.training
        ? activated(this.bn1, this.convHead.forward(last), activation)
        : this.convHead.forwardThenNorm(this.bn1, last, { activation }),
    );
    last.dispose();
    return features;
  }

  /**
   * Means over the places of the maps behind some blocks: `[N, 3, H, W]` → `[N, channels]` each. What lies deeper is not
   * computed.
   *
   * @param indices of blocks, ascending from 0
   */
  pooledBlocks(x: Tensor, indices: readonly number[]): Tensor[] {
    return tidy(() => {
      const pooled: Tensor[] = [];
      let index = -1; // the stem
      for (const map of this.maps(x)) {
        if (indices.includes(index)) pooled.push(map.mean([2, 3]));
        if (index === indices.at(-1)) break;
        index++;
      }
      return pooled;
    });
  }

  /**
   * The map behind the stem and behind each block. One scope a block, and each map is freed when the next is asked for:
   * without gradients, only one block's intermediates live at a time.
   */
  private *maps(x: Tensor): Generator<Tensor> {
    let map = tidy(() =>
      activated(this.bn0, this.convStem.forward(x), VARIANTS[this.variant].spec.activation),
    );
    yield map;
    for (const block of this.blocks) {
      const next = tidy(() => block.forward(map));
      map.dispose();
      map = next;
      yield map;
    }
  }

  override embed(x: Tensor): Tensor {
    return tidy(() => this.pool(this.extractFeatures(x)));
  }

  override headParts(): Module[] {
    return this.headBn ? [this.headBn, this.classifier] : [this.classifier];
  }

  override forwardHead(x: Tensor): Tensor {
    return tidy(() => this.classify(this.pool(noGrad(() => this.extractFeatures(x)))));
  }

  get blockStages(): readonly number[] {
    return VARIANTS[this.variant].spec.blocks.map(({ stage }) => stage);
  }

  override stemParameters(): Tensor[] {
    return [...this.convStem.parameters(), ...this.bn0.parameters()];
  }

  override get mapLayers(): MapLayer[] {
    return [...super.mapLayers, { name: 'head', owner: this, method: 'extractFeatures' }];
  }

  /** Feature map `[N, features, h, w]` → `[N, features]`: the head's batch norm, if it has one, and the mean. */
  private pool(features: Tensor): Tensor {
    const normed = this.headBn ? this.headBn.forward(features) : features;
    return F.adaptiveAvgPool2d(normed, 1).reshape([features.shape[0]!, this.features]);
  }

  private initialise(): void {
    for (const module of this.modules()) {
      if (!(module instanceof PaddedConv2d)) continue;
      const [outFilters, , height, width] = module.weight.shape as [number, number, number, number];
      // Fan-out of a group: a depthwise kernel feeds one channel only.
      const fanOut = height * width * (module.isDepthwise ? 1 : outFilters);
      init.normal_(module.weight, 0, Math.sqrt(2 / fanOut));
      if (module.bias) init.constant_(module.bias, 0);
    }
    const bound = 1 / Math.sqrt(this.numClasses);
    init.uniform_(this.classifier.weight, -bound, bound);
    init.constant_(this.classifier.bias!, 0);
  }
}
