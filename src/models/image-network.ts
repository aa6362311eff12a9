/**
 * What every classifier of Graft is, whatever its architecture: an embedding of an image, a last layer on it, and parts from
 * the input up that can be frozen, slowed down and explained. A family (EfficientNet, ResNet, ConvNeXt, ViT) is a file; the
 * list of those there are is `networks.ts`.
 */
import { noGrad, type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { BatchNorm2d, F, init, type Linear, Module } from 'graft-torch/nn';
import type { Conventions, InputStatistics } from './conventions.js';
import type { Tensors } from './naming.js';

/** How a network is made, whatever its family. */
export interface NetworkOptions {
  /** Length of the logits; 1 for a binary classifier trained with BCE. Default 1000. */
  numClasses?: number;
  /** Default 3. */
  inChannels?: number;
  /** Before the last layer; default the network's own. */
  dropout?: number;
  /**
   * Stochastic depth (Huang et al., ECCV 2016): probability that training drops the last block's branch for a sample; earlier
   * blocks have a share that grows linearly. Default the network's own.
   */
  dropConnect?: number;
}

/** A map on the way through the network, for explanations: what the method `method` of `owner` returns. */
export interface MapLayer {
  /** `block 4`, `head`. */
  name: string;
  owner: object;
  method: string;
  /** Where it returns tokens `[N, T, D]`: these as a map `[N, D, h, w]`. */
  toMap?: (tokens: Tensor) => Tensor;
}

/** Input: `[N, C, H, W]`, normalised as `inputStatistics` says; output: logits `[N, numClasses]`. */
export abstract class ImageNetwork extends Module {
  /** Its name in `networks.ts`. */
  abstract readonly name: string;
  /** `EfficientNet-B3`, `ResNet-50`. */
  abstract readonly title: string;
  abstract readonly numClasses: number;
  /** Length of the embedding. */
  abstract readonly features: number;
  /** The last layer: embedding → logits. */
  abstract readonly classifier: Linear;
  /** Parts that can be frozen one by one, from the input up. */
  abstract readonly blocks: readonly Module[];
  /** Stage that each block belongs to, from 0: those of a stage learn at one rate (`layerDecay`). */
  abstract readonly blockStages: readonly number[];
  /** Own key of the first convolution's weight `[out, C, kH, kW]`: what sees the channels of images. */
  abstract readonly stemKey: string;
  /** Own keys that belong to the head begin with one of these: weights made for other classes leave it out. */
  abstract readonly headPrefixes: readonly string[];
  /** Of the last layer's input; 0 in evaluation. */
  protected abstract readonly dropout: number;
  #inputStatistics: InputStatistics = 'imagenet';

  /** What lies before the blocks: frozen with the first of them, slowest of all. */
  abstract stemParameters(): Tensor[];

  /** What the last layer sees, dropout apart: `[N, C, H, W]` → `[N, features]`. The usual embedding of an image. */
  abstract embed(x: Tensor): Tensor;

  override forward(x: Tensor): Tensor {
    return tidy(() => this.classify(this.embed(x)));
  }

  /** What is fresh where weights were made for other classes. Default the last layer. */
  headParts(): Module[] {
    return [this.classifier];
  }

  /** `forward`, of whose gradient nothing is recorded under the head. */
  forwardHead(x: Tensor): Tensor {
    return tidy(() => this.classify(noGrad(() => this.embed(x))));
  }

  /** `[N, features]` → logits, dropout as the last layer has it. */
  protected classify(embedding: Tensor): Tensor {
    const { classifier } = this;
    return classifier.forward(F.dropout(embedding, this.dropout, classifier.training));
  }

  /** Maps that can be explained, from the input up. */
  get mapLayers(): MapLayer[] {
    return this.blocks.map((owner, i) => ({ name: `block ${i}`, owner, method: 'forward' }));
  }

  /** How pixels are normalised; at first `imagenet`, and then what its weights ask for. */
  get inputStatistics(): InputStatistics {
    return this.#inputStatistics;
  }

  /** What its weights do not hold and yet need, to be used elsewhere. */
  get conventions(): Readonly<Partial<Conventions>> {
    return { inputStatistics: this.#inputStatistics };
  }

  /** What its weights were trained with; a family takes from it what it has. */
  setConventions({ inputStatistics }: Partial<Conventions>): this {
    if (inputStatistics !== undefined) this.#inputStatistics = inputStatistics;
    return this;
  }

  /**
   * Weights of a file, under own keys, as this network needs them: a ViT's position embeddings at its own side.
   * Called within a scope. Default: as they are.
   */
  fitTensors(tensors: Tensors): Tensors {
    return tensors;
  }

  /** A last layer at random: U(±1/√features), biases 0. Whatever a family draws for 1,000 classes is too wide for one logit. */
  renewClassifier(): void {
    const bound = 1 / Math.sqrt(this.features);
    init.uniform_(this.classifier.weight, -bound, bound);
    if (this.classifier.bias) init.constant_(this.classifier.bias, 0);
  }
}

/** @throws ConfigError unless it is a whole number from 1 up */
export function requireClasses(numClasses: number): number {
  if (Number.isInteger(numClasses) && numClasses >= 1) return numClasses;
  throw new ConfigError(`numClasses must be a whole number from 1 up, not ${numClasses}`);
}

/**
 * Stops the gradient for the stem and the first `count` blocks, except their batch norms, which stay trainable
 * (as the original system did; 18 of B3's 26 blocks were its best). Blocks left over, the head and the last layer train.
 * Throws ConfigError if `count` is not between 0 and the number of blocks.
 */
export function freezeBlocks(network: ImageNetwork, count: number): void {
  const { blocks, title } = network;
  if (!Number.isInteger(count) || count < 0 || count > blocks.length) {
    throw new ConfigError(`cannot freeze ${count} blocks: ${title} has ${blocks.length}`);
  }
  if (count === 0) return;
  const norms = new Set(
    [...network.modules()].flatMap((module) => (module instanceof BatchNorm2d ? module.parameters() : [])),
  );
  const frozen = [
    ...network.stemParameters(),
    ...blocks.slice(0, count).flatMap((block) => block.parameters()),
  ];
  for (const parameter of frozen) if (!norms.has(parameter)) parameter.requiresGrad_(false);
}
