/**
 * Vision Transformer (Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021): an image's patches as tokens, blocks of
 * attention between them, and an embedding from the class token or the mean of the patches. One class for all of its kind:
 * AugReg (Steiner et al. 2022), CLIP (Radford et al. 2021), DINOv2 with registers (Oquab et al. 2024; Darcet et al. 2024), and
 * BEiT's kind (Bao et al. 2022), to which PanDerm belongs. Keys are timm's; `vit-keys.ts` has those of the others.
 *
 * CLIP's embedding here is what its projection into the space of texts sees, not what comes out of it: its authors' linear
 * classifiers take the features in front of the projection as well (section 3.2 there), and the projection is left out.
 */
import { cat, type Tensor, tidy, zeros } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { Conv2d, F, init, LayerNorm, Linear, Module } from 'graft-torch/nn';
import { ImageNetwork, type MapLayer, type NetworkOptions, requireClasses } from './image-network.js';
import type { Tensors } from './naming.js';
import { type BlockShape, ViTBlock } from './vit-block.js';
import { resamplePositions, sinCosPositions } from './vit-positions.js';

export interface ViTShape extends BlockShape {
  /** Side of a patch in pixels. */
  readonly patchPx: number;
  /** Number of blocks. */
  readonly depth: number;
  /** Tokens beside the class token that only the network itself writes to. */
  readonly registers: number;
  /**
   * `class`: the class token behind the last norm. `mean`: the mean of the patches' tokens behind it. `mean-normed`: the mean,
   * and then a norm of its own (`fc_norm`).
   */
  readonly embedding: 'class' | 'mean' | 'mean-normed';
  /** A layer norm in front of the blocks (CLIP). */
  readonly preNorm: boolean;
  /** Whether the patch embedding has biases. */
  readonly patchBias: boolean;
  /**
   * Embeddings of places. `all`: learned, of the class token and the registers too. `patches`: learned, of patches alone.
   * `waves`: fixed sines and cosines (`sinCosPositions`); made anew for another side instead of resampled.
   */
  readonly positions: 'all' | 'patches' | 'waves';
}

/** What most of them have in common. */
export const PLAIN_VIT = {
  mlpRatio: 4,
  activation: 'gelu',
  eps: 1e-6,
  qkvBias: true,
  layerScale: null,
  registers: 0,
  embedding: 'class',
  preNorm: false,
  patchBias: true,
  positions: 'all',
} as const satisfies Partial<ViTShape>;

export interface ViTOptions extends NetworkOptions {
  name: string;
  title: string;
  /** Side of the images in pixels, a multiple of a patch's. */
  sidePx: number;
}

/** Of fresh weights: N(0, 0.02²), as timm's, whose cut at ±2 lies a hundred deviations out. */
const WEIGHT_STD = 0.02;
/** Of fresh class and register tokens: timm's. */
const TOKEN_STD = 1e-6;

/** `[N, C, H, W]` → `[N, patches, width]`, row by row. */
class PatchEmbed extends Module {
  readonly proj: Conv2d;

  constructor(inChannels: number, { width, patchPx, patchBias }: ViTShape) {
    super();
    this.proj = this.child(
      'proj',
      new Conv2d(inChannels, width, patchPx, { stride: patchPx, bias: patchBias }),
    );
  }

  override forward(x: Tensor): Tensor {
    return this.proj.forward(x).flatten(2).transpose(1, 2);
  }
}

/** Dropout and stochastic depth are 0 unless asked for. */
export class VisionTransformer extends ImageNetwork {
  readonly name: string;
  readonly title: string;
  readonly numClasses: number;
  readonly features: number;
  readonly clsToken: Tensor;
  readonly regToken: Tensor | null;
  readonly posEmbed: Tensor;
  readonly patchEmbed: PatchEmbed;
  readonly normPre: LayerNorm | null;
  readonly blocks: readonly ViTBlock[];
  /** Behind the blocks, or behind the mean (`fc_norm`). */
  readonly norm: LayerNorm;
  readonly classifier: Linear;
  readonly stemKey = 'patch_embed.proj.weight';
  readonly headPrefixes = ['head.'];
  protected readonly dropout: number;
  /** Patches along a side. */
  readonly gridSide: number;
  /** Tokens in front of the patches'. */
  readonly prefixTokens: number;

  constructor(
    readonly shape: ViTShape,
    private readonly options: ViTOptions,
  ) {
    super();
    const { width, eps, patchPx, positions } = shape;
    const { name, title, sidePx, numClasses = 1000, inChannels = 3, dropConnect = 0 } = options;
    this.name = name;
    this.title = title;
    this.numClasses = requireClasses(numClasses);
    this.features = width;
    this.dropout = options.dropout ?? 0;
    this.gridSide = sidePx / patchPx;
    if (!Number.isInteger(this.gridSide) || this.gridSide < 1)
      throw new ConfigError(
        `${title} cuts images into patches of ${patchPx} px, and ${sidePx} px is no multiple of it; take ${Math.max(1, Math.round(this.gridSide)) * patchPx}`,
      );
    this.prefixTokens = 1 + shape.registers;

    this.clsToken = this.parameter('cls_token', fresh([1, 1, width], TOKEN_STD));
    this.regToken =
      shape.registers > 0 ? this.parameter('reg_token', fresh([1, shape.registers, width], TOKEN_STD)) : null;
    const count = this.gridSide ** 2 + (positions === 'patches' ? 0 : this.prefixTokens);
    this.posEmbed =
      positions === 'waves'
        ? this.buffer('pos_embed', this.waves())
        : this.parameter('pos_embed', fresh([1, count, width], WEIGHT_STD));
    this.patchEmbed = this.child('patch_embed', new PatchEmbed(inChannels, shape));
    this.normPre = shape.preNorm ? this.child('norm_pre', new LayerNorm(width, { eps })) : null;
    const blocks = new Blocks(shape, dropConnect);
    this.blocks = this.child('blocks', blocks).all;
    this.norm = this.child(
      shape.embedding === 'mean-normed' ? 'fc_norm' : 'norm',
      new LayerNorm(width, { eps }),
    );
    this.classifier = this.child('head', new Linear(width, numClasses));
    for (const module of this.modules()) {
      if (!(module instanceof Linear)) continue;
      init.normal_(module.weight, 0, WEIGHT_STD);
      if (module.bias) init.constant_(module.bias, 0);
    }
  }

  override embed(x: Tensor): Tensor {
    return tidy(() => {
      const tokens = this.blocksOf(this.tokens(x)); // [N, T, width]; of the class token alone where it is the embedding
      if (this.shape.embedding === 'class') return this.norm.forward(tokens.select(1, 0));
      const patches = tokens.narrow(1, this.prefixTokens, this.gridSide ** 2);
      return this.shape.embedding === 'mean'
        ? this.norm.forward(patches).mean(1)
        : this.norm.forward(patches.mean(1));
    });
  }

  /** What the blocks see: `[N, C, H, W]` → `[N, T, width]`, class token and registers first. */
  private tokens(x: Tensor): Tensor {
    const { sidePx, inChannels = 3 } = this.options;
    const [, ...image] = x.shape;
    if (`${image}` !== `${[inChannels, sidePx, sidePx]}`)
      throw new ConfigError(
        `${this.title} was made for images [${inChannels}, ${sidePx}, ${sidePx}], and gets [${image.join(', ')}]; make it with that side, or resize them`,
      );
    return tidy(() => {
      const patches = this.patchEmbed.forward(x);
      // One sum for all tokens of all images: a token repeated for each image would tie an export to their number.
      const placed = F.pad(patches, [0, 0, this.prefixTokens, 0]).add(this.base());
      return this.normPre ? this.normPre.forward(placed) : placed;
    });
  }

  /** What every image's tokens begin with, `[1, T, width]`: class token, registers, nothing for patches; and their places. */
  private base(): Tensor {
    const prefix = this.regToken ? cat([this.clsToken, this.regToken], 1) : this.clsToken;
    if (this.shape.positions === 'patches') return cat([prefix, this.posEmbed], 1);
    return F.pad(prefix, [0, 0, 0, this.gridSide ** 2]).add(this.posEmbed);
  }

  /** One scope a block: without gradients, only one block's intermediates live at a time. Disposes what it is given. */
  private blocksOf(tokens: Tensor): Tensor {
    const last = this.blocks.length - 1;
    const onlyClass = this.shape.embedding === 'class';
    return this.blocks.reduce((x, block, i) => {
      const next = onlyClass && i === last ? block.forward(x, 1) : block.forward(x);
      x.dispose();
      return next;
    }, tokens);
  }

  get blockStages(): readonly number[] {
    return this.blocks.map((_, i) => i);
  }

  override stemParameters(): Tensor[] {
    const own = Object.entries(this.namedParameters()).filter(([key]) =>
      /^(cls_token|reg_token|pos_embed|patch_embed\.|norm_pre\.)/.test(key),
    );
    return own.map(([, value]) => value);
  }

  /**
   * What each block's attention looks at, behind its first norm, as is the custom with Grad-CAM. Behind the last block only the
   * class token leads on to the score: a map of the patches' tokens there has no gradient. Blocks pass on to all tokens what
   * one of them saw, so that a deep map need not be where the thing is; a test has the figures of small networks.
   */
  override get mapLayers(): MapLayer[] {
    return this.blocks.map(({ norm1 }, i) => ({
      name: `block ${i}`,
      owner: norm1,
      method: 'forward',
      toMap: (tokens) => this.toMap(tokens),
    }));
  }

  /** Tokens `[N, T, D]` → those of patches at their places, `[N, D, h, w]`. */
  private toMap(tokens: Tensor): Tensor {
    const [batch, , width] = tokens.shape as [number, number, number];
    return tokens
      .narrow(1, this.prefixTokens, this.gridSide ** 2)
      .transpose(1, 2)
      .reshape([batch, width, this.gridSide, this.gridSide]);
  }

  /** Position embeddings of another side are resampled; waves are made anew, and where the file has none. */
  override fitTensors(tensors: Tensors): Tensors {
    const { positions } = this.shape;
    const { pos_embed: theirs } = tensors;
    const fits = theirs?.shape.length === 3 && theirs.shape[1] === this.posEmbed.shape[1];
    if (fits || (theirs === undefined && positions !== 'waves')) return tensors;
    if (positions === 'waves') return { ...tensors, pos_embed: this.waves() };
    const prefix = positions === 'all' ? this.prefixTokens : 0;
    const resampled = resamplePositions(theirs!, { side: this.gridSide, prefix });
    return resampled ? { ...tensors, pos_embed: resampled } : tensors;
  }

  private waves(): Tensor {
    return sinCosPositions(this.gridSide, this.shape.width);
  }
}

/** The blocks under the keys `0`, `1`, …; the last drops a branch with the whole rate, the first never. */
class Blocks extends Module {
  readonly all: readonly ViTBlock[];

  constructor(shape: ViTShape, dropConnect: number) {
    super();
    this.all = Array.from({ length: shape.depth }, (_, i) =>
      this.child(String(i), new ViTBlock(shape, (dropConnect * i) / Math.max(1, shape.depth - 1))),
    );
  }

  override forward(x: Tensor): Tensor {
    return this.all.reduce((tokens, block) => block.forward(tokens), x);
  }
}

const fresh = (shape: number[], std: number): Tensor => init.normal_(zeros(shape), 0, std);
