/**
 * The block of every Vision Transformer here: attention between all tokens, then a layer on each token alone, each behind a
 * layer norm and added to what came in (Dosovitskiy et al., ICLR 2021, eq. 2 and 3). What published networks vary is an option.
 * Keys are timm's.
 */
import { cat, full, type Tensor, tidy } from 'graft-torch';
import { F, LayerNorm, Linear, Module } from 'graft-torch/nn';
import { dropConnect } from './drop-connect.js';

export interface BlockShape {
  /** Length of a token. */
  readonly width: number;
  readonly heads: number;
  /** Length between the two linear layers of a token, as a multiple of `width`. */
  readonly mlpRatio: number;
  readonly activation: 'gelu' | 'quick-gelu';
  /** Of the layer norms. */
  readonly eps: number;
  /** Whether query, key and value have biases. */
  readonly qkvBias: boolean;
  /** Factors of each branch's channels, and where they begin (Touvron et al., ICCV 2021); null: none. */
  readonly layerScale: number | null;
}

/** Numbers that the scores of one piece of a batch may be, 512 MB in single precision; they grow with the fourth power of the side. */
const MAX_SCORES = 2 ** 27;

/** Self-attention, `[N, T, width]` → `[N, T, width]`: softmax(Q Kᵀ / √d) V in each head (Vaswani et al. 2017). */
export class Attention extends Module {
  readonly qkv: Linear;
  readonly proj: Linear;

  constructor(
    private readonly shape: BlockShape,
    private readonly maxScores = MAX_SCORES,
  ) {
    super();
    const { width, qkvBias } = shape;
    this.qkv = this.child('qkv', new Linear(width, 3 * width, { bias: qkvBias }));
    this.proj = this.child('proj', new Linear(width, width));
  }

  /** @param rows of the result that are wanted, the first ones; default all */
  override forward(x: Tensor, rows: number = x.shape[1]!): Tensor {
    return tidy(() => this.attend(x, rows));
  }

  private attend(x: Tensor, rows: number): Tensor {
    const { width, heads } = this.shape;
    const [batch, count] = x.shape as [number, number];
    const parts = rows === count ? this.project(x) : this.projectFirst(x, rows);
    const [q, k, v] = parts.map((part) => this.split(part)) as [Tensor, Tensor, Tensor];
    const scaled = q.mul((width / heads) ** -0.5);
    const piecewise = (start: number, length: number): Tensor =>
      tidy(() => {
        const of = (t: Tensor): Tensor => (length === batch ? t : t.narrow(0, start, length));
        return F.softmax(of(scaled).matmul(of(k).transpose(-2, -1))).matmul(of(v));
      });
    const piece = Math.max(1, Math.floor(this.maxScores / (heads * rows * count)));
    const pieces: Tensor[] = [];
    for (let start = 0; start < batch; start += piece)
      pieces.push(piecewise(start, Math.min(piece, batch - start)));
    const attended = pieces.length === 1 ? pieces[0]! : cat(pieces); // [N, heads, rows, width / heads]
    return this.proj.forward(attended.transpose(1, 2).reshape([batch, rows, width]));
  }

  /** Queries, keys and values, `[N, T, width]` each. */
  private project(x: Tensor): Tensor[] {
    const { width } = this.shape;
    const all = this.qkv.forward(x);
    return [0, 1, 2].map((i) => all.narrow(2, i * width, width));
  }

  /** The same, with queries of the first tokens only. */
  private projectFirst(x: Tensor, rows: number): Tensor[] {
    const { width } = this.shape;
    const { weight, bias } = this.qkv;
    const part = (tokens: Tensor, start: number, length: number): Tensor =>
      F.linear(tokens, weight.narrow(0, start, length), bias?.narrow(0, start, length));
    const others = part(x, width, 2 * width);
    return [part(x.narrow(1, 0, rows), 0, width), others.narrow(2, 0, width), others.narrow(2, width, width)];
  }

  /** `[N, T, width]` → `[N, heads, T, width / heads]`. */
  private split(x: Tensor): Tensor {
    const { width, heads } = this.shape;
    const [batch, tokens] = x.shape as [number, number];
    return x.reshape([batch, tokens, heads, width / heads]).transpose(1, 2);
  }
}

/** Each token by itself: linear, activation, linear. */
export class Mlp extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;
  private readonly activation: BlockShape['activation'];

  constructor({ width, mlpRatio, activation }: BlockShape) {
    super();
    this.fc1 = this.child('fc1', new Linear(width, mlpRatio * width));
    this.fc2 = this.child('fc2', new Linear(mlpRatio * width, width));
    this.activation = activation;
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => {
      const inner = this.fc1.forward(x);
      return this.fc2.forward(this.activation === 'gelu' ? F.gelu(inner) : F.quickGelu(inner));
    });
  }
}

/** A factor for each channel, `[…, width]`. */
export class LayerScale extends Module {
  readonly gamma: Tensor;

  constructor(width: number, start: number) {
    super();
    this.gamma = this.parameter('gamma', full([width], start));
  }

  override forward(x: Tensor): Tensor {
    return x.mul(this.gamma);
  }
}

/** `[N, T, width]` → `[N, T, width]`. */
export class ViTBlock extends Module {
  readonly norm1: LayerNorm;
  readonly attn: Attention;
  readonly ls1: LayerScale | null;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly ls2: LayerScale | null;

  /** @param dropRate probability that training drops a branch of a sample */
  constructor(
    shape: BlockShape,
    private readonly dropRate: number,
  ) {
    super();
    const { width, eps, layerScale } = shape;
    const scale = (key: string): LayerScale | null =>
      layerScale === null ? null : this.child(key, new LayerScale(width, layerScale));
    this.norm1 = this.child('norm1', new LayerNorm(width, { eps }));
    this.attn = this.child('attn', new Attention(shape));
    this.ls1 = scale('ls1');
    this.norm2 = this.child('norm2', new LayerNorm(width, { eps }));
    this.mlp = this.child('mlp', new Mlp(shape));
    this.ls2 = scale('ls2');
  }

  /** @param rows of the result that are wanted, the first ones: what nobody reads is not computed. Default all */
  override forward(x: Tensor, rows: number = x.shape[1]!): Tensor {
    return tidy(() => {
      const kept = rows === x.shape[1] ? x : x.narrow(1, 0, rows);
      const attended = this.joined(kept, this.attn.forward(this.norm1.forward(x), rows), this.ls1);
      return this.joined(attended, this.mlp.forward(this.norm2.forward(attended)), this.ls2);
    });
  }

  private joined(x: Tensor, branch: Tensor, scale: LayerScale | null): Tensor {
    const scaled = scale ? scale.forward(branch) : branch;
    if (!this.training || this.dropRate === 0) return scaled.add(x);
    return scaled.mul(dropConnect(x, this.dropRate).reshape([-1, 1, 1])).add(x);
  }
}
