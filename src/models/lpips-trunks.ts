/**
 * The networks that LPIPS looks through: the convolutional parts of AlexNet (Krizhevsky 2014), VGG16 (Simonyan &
 * Zisserman 2015) and SqueezeNet 1.1 (Iandola et al. 2016), as torchvision builds them, under its state-dict keys
 * (`features.0.weight`, `features.3.squeeze.bias`, …), so that its weight files load as they are.
 */

import { aten, cat, type Tensor, tidy } from 'graft-torch';
import { Conv2d, type Conv2dOptions, Module } from 'graft-torch/nn';

export type LpipsNetwork = 'alex' | 'vgg' | 'squeeze';

/** One entry of torchvision's `features`; what has no weights counts in the numbering all the same. */
type Layer =
  | { kind: 'conv'; inChannels: number; outChannels: number; kernel: number; options: Conv2dOptions }
  | { kind: 'relu' }
  | { kind: 'pool'; kernel: number; ceil: boolean }
  | { kind: 'fire'; inChannels: number; squeezed: number; expanded: number };

interface Trunk {
  layers: Layer[];
  /** Layers whose outputs are compared, and how many channels they have. */
  taps: readonly number[];
  channels: readonly number[];
  /** Smaller images vanish on the way. */
  minSidePx: number;
}

const conv = (
  inChannels: number,
  outChannels: number,
  { kernel, ...options }: Conv2dOptions & { kernel: number },
): Layer => ({ kind: 'conv', inChannels, outChannels, kernel, options });
const relu: Layer = { kind: 'relu' };
const pool = (kernel: number, ceil = false): Layer => ({ kind: 'pool', kernel, ceil });
const fire = (inChannels: number, squeezed: number, expanded: number): Layer => ({
  kind: 'fire',
  inChannels,
  squeezed,
  expanded,
});

/** Convolutions of 3×3 with ReLU, stage by stage with a pool between them. */
function vggLayers(stages: readonly (readonly number[])[]): Layer[] {
  let inChannels = 3;
  return stages.flatMap((widths, stage) => [
    ...(stage > 0 ? [pool(2)] : []),
    ...widths.flatMap((width) => {
      const layer = conv(inChannels, width, { kernel: 3, padding: 1 });
      inChannels = width;
      return [layer, relu];
    }),
  ]);
}

/** Up to the last layer that is looked at. */
const TRUNKS: Readonly<Record<LpipsNetwork, Trunk>> = {
  alex: {
    layers: [
      conv(3, 64, { kernel: 11, stride: 4, padding: 2 }),
      relu,
      pool(3),
      conv(64, 192, { kernel: 5, padding: 2 }),
      relu,
      pool(3),
      conv(192, 384, { kernel: 3, padding: 1 }),
      relu,
      conv(384, 256, { kernel: 3, padding: 1 }),
      relu,
      conv(256, 256, { kernel: 3, padding: 1 }),
      relu,
    ],
    taps: [1, 4, 7, 9, 11],
    channels: [64, 192, 384, 256, 256],
    minSidePx: 31,
  },
  vgg: {
    layers: vggLayers([
      [64, 64],
      [128, 128],
      [256, 256, 256],
      [512, 512, 512],
      [512, 512, 512],
    ]),
    taps: [3, 8, 15, 22, 29],
    channels: [64, 128, 256, 512, 512],
    minSidePx: 16,
  },
  squeeze: {
    layers: [
      conv(3, 64, { kernel: 3, stride: 2 }),
      relu,
      pool(3, true),
      fire(64, 16, 64),
      fire(128, 16, 64),
      pool(3, true),
      fire(128, 32, 128),
      fire(256, 32, 128),
      pool(3, true),
      fire(256, 48, 192),
      fire(384, 48, 192),
      fire(384, 64, 256),
      fire(512, 64, 256),
    ],
    taps: [1, 4, 7, 9, 10, 11, 12],
    channels: [64, 128, 256, 384, 384, 512, 512],
    minSidePx: 17,
  },
};

/** SqueezeNet's block: 1×1 to few channels, then 1×1 and 3×3 beside each other, ReLU after each. */
class Fire extends Module {
  readonly squeeze: Conv2d;
  readonly expand1x1: Conv2d;
  readonly expand3x3: Conv2d;

  constructor(inChannels: number, squeezed: number, expanded: number) {
    super();
    this.squeeze = this.child('squeeze', new Conv2d(inChannels, squeezed, 1));
    this.expand1x1 = this.child('expand1x1', new Conv2d(squeezed, expanded, 1));
    this.expand3x3 = this.child('expand3x3', new Conv2d(squeezed, expanded, 3, { padding: 1 }));
  }

  /** `[N, in, H, W]` → `[N, 2 · expanded, H, W]` */
  forward(input: Tensor): Tensor {
    return tidy(() => {
      const x = this.squeeze.forward(input).relu();
      return cat([this.expand1x1.forward(x), this.expand3x3.forward(x)], 1).relu();
    });
  }
}

/** A frozen network that gives what it sees at several depths. */
export class LpipsTrunk extends Module {
  /** Channels of each feature map. */
  readonly channels: readonly number[];
  /** Both sides of an image must be at least so long. */
  readonly minSidePx: number;
  readonly #steps: ((input: Tensor) => Tensor)[];
  readonly #taps: readonly number[];

  constructor(readonly network: LpipsNetwork) {
    super();
    const { layers, taps, channels, minSidePx } = TRUNKS[network];
    this.channels = channels;
    this.minSidePx = minSidePx;
    this.#taps = taps;
    this.#steps = layers.map((layer, index) => this.#build(layer, `features.${index}`));
    this.eval().requiresGrad_(false);
  }

  #build(layer: Layer, key: string): (input: Tensor) => Tensor {
    switch (layer.kind) {
      case 'conv': {
        const { inChannels, outChannels, kernel, options } = layer;
        const module = this.child(key, new Conv2d(inChannels, outChannels, kernel, options));
        return (input) => module.forward(input);
      }
      case 'fire': {
        const module = this.child(key, new Fire(layer.inChannels, layer.squeezed, layer.expanded));
        return (input) => module.forward(input);
      }
      case 'pool': {
        // Overlapping pools of 3 and plain ones of 2 both halve.
        const { kernel, ceil } = layer;
        return (input) => aten.max_pool2d(input, [kernel, kernel], [2, 2], [0, 0], [1, 1], ceil);
      }
      case 'relu':
        return (input) => input.relu();
    }
  }

  /** Index of the first layer of each stretch between feature maps: where lists of stretches start to count anew. */
  get stretchStarts(): number[] {
    return this.#taps.map((_, i) => (i === 0 ? 0 : this.#taps[i - 1]! + 1));
  }

  /** The deepest feature map, see `features`. */
  forward(input: Tensor): Tensor {
    return tidy(() => this.features(input).at(-1)!);
  }

  /**
   * @param input `[N, 3, H, W]`, normalised as ImageNet's
   * @returns feature maps `[N, channels[i], H_i, W_i]`, shallow first
   */
  features(input: Tensor): Tensor[] {
    return tidy(() => {
      let x = input;
      const maps: Tensor[] = [];
      for (const [index, step] of this.#steps.entries()) {
        x = step(x);
        if (this.#taps.includes(index)) maps.push(x);
      }
      return maps;
    });
  }
}
