/**
 * Residual blocks of the ResNet GANs: Miyato et al., "Spectral Normalization for GANs" (ICLR 2018), figures 8 and 10;
 * Gulrajani et al., 2017. Keys are those of the authors' code and of torch-mimicry: `c1`, `c2`, `c_sc`, `b1`, `b2`.
 *
 * A 1×1 convolution commutes with nearest up-sampling and with mean pooling, so the shortcut is convolved on the
 * smaller side, for a quarter of the cost. The block's input reaches the shortcut as it came, as in the authors' code
 * (torch-mimicry rectifies it, by an activation in place).
 */

import { aten, type Tensor, tidy } from 'graft-torch';
import {
  BatchNorm2d,
  type Condition,
  ConditionalBatchNorm2d,
  Conv2d,
  convAvgPool2d,
  F,
  Module,
  upsampleConv2d,
} from 'graft-torch/nn';
import { initialiseXavier } from './initialise.js';

/** 3×3 on the residual path, after a rectifier. */
const residualConv = (from: number, to: number, spectralNorm: boolean): Conv2d =>
  initialiseXavier(new Conv2d(from, to, 3, { padding: 1 }), { gain: Math.SQRT2, spectralNorm });

const shortcutConv = (from: number, to: number, spectralNorm: boolean): Conv2d =>
  initialiseXavier(new Conv2d(from, to, 1), { spectralNorm });

/** Batch norm, conditional where there are classes. */
const makeNorm = (channels: number, classCount: number): BatchNorm2d =>
  classCount > 0 ? new ConditionalBatchNorm2d(channels, classCount) : new BatchNorm2d(channels);

const upsample = (x: Tensor): Tensor => F.interpolate(x, [2 * x.shape[2]!, 2 * x.shape[3]!]);

/**
 * The generator's: batch norm → ReLU → up-sample → 3×3 → batch norm → ReLU → 3×3, beside up-sample → 1×1;
 * `[N, in, H, W]` → `[N, out, 2H, 2W]`.
 */
export class UpBlock extends Module {
  private readonly c1: Conv2d;
  private readonly c2: Conv2d;
  private readonly b1: BatchNorm2d;
  private readonly b2: BatchNorm2d;
  private readonly shortcut: Conv2d;

  constructor(
    inChannels: number,
    outChannels: number,
    options: { classCount: number; spectralNorm: boolean },
  ) {
    super();
    const { classCount, spectralNorm } = options;
    this.c1 = this.child('c1', residualConv(inChannels, outChannels, spectralNorm));
    this.c2 = this.child('c2', residualConv(outChannels, outChannels, spectralNorm));
    this.b1 = this.child('b1', makeNorm(inChannels, classCount));
    this.b2 = this.child('b2', makeNorm(outChannels, classCount));
    this.shortcut = this.child('c_sc', shortcutConv(inChannels, outChannels, spectralNorm));
  }

  override forward(x: Tensor, condition: Condition | null = null): Tensor {
    // In place: what a rectifier or a sum overwrites, no layer before it keeps for the backward pass.
    const active = (norm: BatchNorm2d, map: Tensor): Tensor =>
      aten.relu_(norm instanceof ConditionalBatchNorm2d ? norm.forward(map, condition) : norm.forward(map));
    return tidy(() => {
      const h = upsampleConv2d(active(this.b1, x), this.c1.weight, this.c1.bias);
      const residual = this.c2.forward(active(this.b2, h));
      return residual.add_(upsample(this.shortcut.forward(x)));
    });
  }
}

/**
 * The discriminator's: ReLU → 3×3 → ReLU → 3×3 → mean pool, beside 1×1 → mean pool; `[N, in, H, W]` →
 * `[N, out, H/2, W/2]`. The block on the image has no first ReLU ("optimised"). One that keeps side and width has no
 * pooling and the identity for a shortcut.
 */
export class DownBlock extends Module {
  private readonly c1: Conv2d;
  private readonly c2: Conv2d;
  private readonly shortcut: Conv2d | null;

  constructor(
    inChannels: number,
    outChannels: number,
    private readonly options: { onImage?: boolean; downsample: boolean },
  ) {
    super();
    const { onImage = false, downsample } = options;
    const hidden = onImage ? outChannels : inChannels;
    this.c1 = this.child('c1', residualConv(inChannels, hidden, true));
    this.c2 = this.child('c2', residualConv(hidden, outChannels, true));
    const changes = downsample || inChannels !== outChannels;
    this.shortcut = changes ? this.child('c_sc', shortcutConv(inChannels, outChannels, true)) : null;
  }

  override forward(x: Tensor): Tensor {
    const { onImage, downsample } = this.options;
    return tidy(() => {
      const h = aten.relu_(this.c1.forward(onImage ? x : F.relu(x)));
      const residual = downsample ? convAvgPool2d(h, this.c2.weight, this.c2.bias) : this.c2.forward(h);
      const smaller = downsample ? F.avgPool2d(x, 2) : x;
      return residual.add_(this.shortcut?.forward(smaller) ?? smaller);
    });
  }
}
