/** Layers without weights: activations, dropout, resampling, pooling, reshaping. */
import type { Tensor } from '../torch/index.js';
import * as F from './functional.js';
import { Module } from './module.js';

export class ReLU extends Module {
  forward(input: Tensor): Tensor {
    return F.relu(input);
  }
}

export class LeakyReLU extends Module {
  constructor(readonly negativeSlope = 0.01) {
    super();
  }
  forward(input: Tensor): Tensor {
    return F.leakyRelu(input, this.negativeSlope);
  }
}

export class SiLU extends Module {
  forward(input: Tensor): Tensor {
    return F.silu(input);
  }
}

export class Sigmoid extends Module {
  forward(input: Tensor): Tensor {
    return F.sigmoid(input);
  }
}

export class Tanh extends Module {
  forward(input: Tensor): Tensor {
    return F.tanh(input);
  }
}

export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
  }
  forward(input: Tensor): Tensor {
    return F.dropout(input, this.p, this.training);
  }
}

/** Drops whole channels. */
export class Dropout2d extends Module {
  constructor(readonly p = 0.5) {
    super();
  }
  forward(input: Tensor): Tensor {
    return F.dropout2d(input, this.p, this.training);
  }
}

/** `[N, C, H, W]` → `[N, C, H · scaleFactor, W · scaleFactor]`. */
export class Upsample extends Module {
  readonly scaleFactor: number;
  readonly mode: F.InterpolationMode;

  constructor(options: { scaleFactor: number; mode?: F.InterpolationMode }) {
    super();
    this.scaleFactor = options.scaleFactor;
    this.mode = options.mode ?? 'nearest';
  }
  forward(input: Tensor): Tensor {
    const [, , height, width] = input.shape as [number, number, number, number];
    return F.interpolate(input, [height * this.scaleFactor, width * this.scaleFactor], { mode: this.mode });
  }
}

export class MaxPool2d extends Module {
  constructor(
    readonly kernelSize: F.Pair,
    readonly options: F.PoolOptions = {},
  ) {
    super();
  }
  forward(input: Tensor): Tensor {
    return F.maxPool2d(input, this.kernelSize, this.options);
  }
}

export class AvgPool2d extends Module {
  constructor(
    readonly kernelSize: F.Pair,
    readonly options: F.PoolOptions = {},
  ) {
    super();
  }
  forward(input: Tensor): Tensor {
    return F.avgPool2d(input, this.kernelSize, this.options);
  }
}

export class AdaptiveAvgPool2d extends Module {
  constructor(readonly outputSize: F.Pair) {
    super();
  }
  forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool2d(input, this.outputSize);
  }
}

/** `[N, …]` → `[N, product]`. */
export class Flatten extends Module {
  forward(input: Tensor): Tensor {
    return input.flatten(1);
  }
}
