/**
 * DCGAN and SNGAN networks for 64, 128 and 256 px.
 *
 * Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional GANs" (ICLR 2016);
 * Miyato et al., "Spectral Normalization for GANs" (ICLR 2018). State-dict keys are those of one sequential
 * container called `main`, as in PyTorch's DCGAN tutorial (`main.0.weight`, `main.1.running_mean`, …).
 *
 * The discriminator ends in logits: the sigmoid belongs to the loss (or, for a critic, nowhere).
 */

import { aten, type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { BatchNorm2d, Conv2d, ConvTranspose2d, F, type Module, spectralNorm } from 'graft-torch/nn';
import { DiscriminatorNetwork, GeneratorNetwork, type Judgement } from './adversary.js';
import { initialiseNormal } from './initialise.js';

/** Sides that have an architecture, in pixels. */
export const DCGAN_SIZES = [64, 128, 256] as const;
export type DcganSize = (typeof DCGAN_SIZES)[number];

/** Slope of the discriminator's leaky ReLU below zero. */
const SLOPE = 0.2;

/** Widths in multiples of the base width, from the 4×4 map to the one below the image: 8 … 1 at 64 px. */
function multiples(size: number): number[] {
  if (!(DCGAN_SIZES as readonly number[]).includes(size)) {
    throw new ConfigError(
      `DCGAN has no architecture for ${size} px; choose one of ${DCGAN_SIZES.join(', ')}`,
    );
  }
  const widest = size / 8;
  return Array.from({ length: Math.log2(widest) + 1 }, (_, i) => widest / 2 ** i);
}

export interface GeneratorOptions {
  /** Side of the images in pixels: 64, 128 or 256. */
  size: DcganSize;
  /** Length of z. Default 100. */
  latent?: number;
  /** Base width (ngf). Default 64. */
  features?: number;
  /** Of the images. Default 3. */
  channels?: number;
}

/**
 * z → image: ConvTranspose 4×4 (first stride 1 without padding, then stride 2, padding 1), batch norm, ReLU; tanh.
 * Input `[N, latent]` or `[N, latent, 1, 1]`, output `[N, channels, size, size]` in (−1, 1).
 */
export class DcganGenerator extends GeneratorNetwork {
  readonly size: DcganSize;
  readonly latent: number;
  private readonly deconvs: ConvTranspose2d[] = [];
  private readonly norms: BatchNorm2d[] = [];

  constructor(options: GeneratorOptions) {
    super();
    const { size, latent = 100, features = 64, channels = 3 } = options;
    this.size = size;
    this.latent = latent;
    const widths = multiples(size).map((m) => m * features);
    let index = 0;
    let inChannels = latent;
    for (const [i, outChannels] of [...widths, channels].entries()) {
      const shape = i === 0 ? { stride: 1, padding: 0 } : { stride: 2, padding: 1 };
      const deconv = new ConvTranspose2d(inChannels, outChannels, 4, { ...shape, bias: false });
      this.deconvs.push(this.child(`main.${index}`, deconv));
      if (i < widths.length) this.norms.push(this.child(`main.${index + 1}`, new BatchNorm2d(outChannels)));
      index += 3; // the ReLU has a place in the numbering, too
      inChannels = outChannels;
    }
    initialiseNormal(this);
  }

  override forward(z: Tensor): Tensor {
    return tidy(() => {
      let x = z.reshape([z.shape[0]!, this.latent, 1, 1]);
      for (const [i, norm] of this.norms.entries()) {
        // In place: batch norm keeps its input for the backward pass, not its output.
        x = aten.relu_(norm.forward(this.deconvs[i]!.forward(x))); // side 4, 8, … size/2
      }
      return F.tanh(this.deconvs.at(-1)!.forward(x)); // [N, channels, size, size]
    });
  }
}

export interface DiscriminatorOptions {
  /** Side of the images in pixels: 64, 128 or 256. */
  size: DcganSize;
  /** Base width (ndf). Default 64. */
  features?: number;
  channels?: number;
  /**
   * `batch`: batch norm after every convolution but the first and the last. `none`: for critics with a gradient
   * penalty, which is per sample and forbids statistics over the batch. Default `batch`.
   */
  norm?: 'batch' | 'none';
  /**
   * Spectral norm on every convolution (SNGAN). Batch norm stays unless `norm: 'none'`: the system Graft sets out
   * to surpass adds the one and keeps the other. Strictly, batch norm's scale gives up the Lipschitz bound that
   * spectral norm sets; Miyato's discriminators have none.
   */
  spectralNorm?: boolean;
}

/** Image `[N, channels, size, size]` in [−1, 1] → logits `[N]`; the generator's mirror with leaky ReLU 0.2. */
export class DcganDiscriminator extends DiscriminatorNetwork {
  readonly size: DcganSize;
  override readonly judgesEachAlone: boolean;
  private readonly convs: Module[] = [];
  private readonly norms: (BatchNorm2d | null)[] = [];

  constructor(options: DiscriminatorOptions) {
    super();
    const { size, features = 64, channels = 3, norm = 'batch', spectralNorm: spectral = false } = options;
    this.size = size;
    this.judgesEachAlone = norm === 'none' && !spectral; // spectral norm makes a power iteration a pass
    const widths = multiples(size)
      .reverse()
      .map((m) => m * features);
    let index = 0;
    let inChannels = channels;
    const addConv = (outChannels: number, shape: { stride: number; padding: number }): void => {
      const conv = new Conv2d(inChannels, outChannels, 4, { ...shape, bias: false });
      this.convs.push(this.child(`main.${index++}`, spectral ? spectralNorm(conv) : conv));
      inChannels = outChannels;
    };
    for (const [i, width] of widths.entries()) {
      addConv(width, { stride: 2, padding: 1 });
      const hasNorm = norm === 'batch' && i > 0;
      this.norms.push(hasNorm ? this.child(`main.${index++}`, new BatchNorm2d(width)) : null);
      index++; // leaky ReLU
    }
    addConv(1, { stride: 1, padding: 0 });
    initialiseNormal(this);
  }

  override get stages(): readonly (readonly Module[])[] {
    return this.convs.map((conv, i) => [conv, this.norms[i]].filter((layer) => !!layer));
  }

  override judge(images: Tensor): Judgement {
    return tidy(() => {
      let x = images;
      for (const [i, norm] of this.norms.entries()) {
        const y = this.convs[i]!.forward(x);
        x = aten.leaky_relu_(norm ? norm.forward(y) : y, SLOPE); // side size/2, …, 4
      }
      const logits = this.convs.at(-1)!.forward(x).reshape([images.shape[0]!]); // [N, 1, 1, 1] → [N]
      return { logits, classLogits: null };
    });
  }
}
