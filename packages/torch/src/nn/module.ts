/**
 * Module: a network or a part of one. It owns parameters, buffers and children under PyTorch's state-dict keys,
 * which are given verbatim when they are declared:
 *
 *     class Block extends Module {
 *       readonly conv = this.child('_conv', new Conv2d(3, 8, 3));
 *       readonly scale = this.parameter('scale', ones([1]));
 *     }
 */
import { GraftError } from '../base/index.js';
import {
  type Device,
  type DType,
  keep,
  type MemoryFormat,
  noGrad,
  type Tensor,
  tidy,
} from '../torch/index.js';

export type StateDict = Record<string, Tensor>;

export abstract class Module {
  #training = true;
  readonly #parameters = new Map<string, Tensor>();
  readonly #buffers = new Map<string, Tensor>();
  readonly #children = new Map<string, Module>();

  /** Declares a parameter: a leaf that gradients are accumulated into, owned by the module. */
  protected parameter(key: string, value: Tensor): Tensor {
    this.#parameters.set(key, keep(value).requiresGrad_());
    return value;
  }

  /** Declares a buffer: state that is saved but not trained. */
  protected buffer(key: string, value: Tensor): Tensor {
    this.#buffers.set(key, keep(value));
    return value;
  }

  protected child<M extends Module>(key: string, module: M): M {
    this.#children.set(key, module);
    return module;
  }

  /** Takes a parameter out of the state dict again (a reparametrisation replaces it). The tensor stays alive. */
  protected removeParameter(key: string): void {
    this.#parameters.delete(key);
  }

  /** Whether layers that differ (dropout, batch normalisation, spectral norm) behave as in training. */
  get training(): boolean {
    return this.#training;
  }

  train(mode = true): this {
    for (const module of this.modules()) module.#training = mode;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** This module and all below it, parents first. */
  *modules(): Generator<Module> {
    yield this;
    for (const child of this.#children.values()) yield* child.modules();
  }

  namedModules(prefix = ''): [string, Module][] {
    const inner = [...this.#children].flatMap(([key, child]) =>
      child.namedModules(prefix ? `${prefix}.${key}` : key),
    );
    return [[prefix, this], ...inner];
  }

  /** Parameters by state-dict key, in the order of their declaration. */
  namedParameters(): Record<string, Tensor> {
    return this.#collect((module) => module.#parameters);
  }

  namedBuffers(): Record<string, Tensor> {
    return this.#collect((module) => module.#buffers);
  }

  parameters(): Tensor[] {
    return Object.values(this.namedParameters());
  }

  /** Number of trainable values. */
  get parameterCount(): number {
    return this.parameters().reduce((sum, value) => sum + value.numel, 0);
  }

  /** Parameters and buffers by key: the tensors themselves, not copies. */
  stateDict(): StateDict {
    return this.#collect((module) => [...module.#parameters, ...module.#buffers]);
  }

  #collect(own: (module: Module) => Iterable<[string, Tensor]>): Record<string, Tensor> {
    const entries = this.namedModules().flatMap(([path, module]) =>
      [...own(module)].map(([key, value]): [string, Tensor] => [path ? `${path}.${key}` : key, value]),
    );
    return Object.fromEntries(entries);
  }

  /**
   * Copies values into the parameters and buffers.
   *
   * @param options.strict default true: missing, unexpected and mis-shaped keys are an error that lists them all;
   *   otherwise what fits is taken
   * @returns the keys that did not fit
   */
  loadStateDict(
    dict: StateDict,
    options: { strict?: boolean } = {},
  ): { missing: string[]; unexpected: string[]; misshaped: string[] } {
    const own = this.stateDict();
    const missing = Object.keys(own).filter((key) => !(key in dict));
    const unexpected = Object.keys(dict).filter((key) => !(key in own));
    const same = (a: number[], b: number[]): boolean =>
      a.length === b.length && a.every((size, i) => size === b[i]);
    const misshaped = Object.keys(own).filter((key) => dict[key] && !same(own[key]!.shape, dict[key].shape));
    if ((options.strict ?? true) && missing.length + unexpected.length + misshaped.length > 0) {
      const shapes = misshaped.map((key) => `${key} [${dict[key]!.shape}] for [${own[key]!.shape}]`);
      const parts = [
        missing.length ? `missing: ${missing.join(', ')}` : '',
        unexpected.length ? `unexpected: ${unexpected.join(', ')}` : '',
        shapes.length ? `wrong shape: ${shapes.join(', ')}` : '',
      ].filter(Boolean);
      throw new GraftError(`the state dict does not fit the network: ${parts.join('; ')}`);
    }
    tidy(() =>
      noGrad(() => {
        for (const [key, value] of Object.entries(own)) {
          const source = dict[key];
          if (source && !misshaped.includes(key)) value.copy_(source);
        }
      }),
    );
    return { missing, unexpected, misshaped };
  }

  /** Moves parameters and buffers, keeping their identity (optimisers stay valid). Integer buffers keep their dtype. */
  to(target: { device?: Device; dtype?: DType; memoryFormat?: MemoryFormat }): this {
    tidy(() =>
      noGrad(() => {
        for (const value of Object.values(this.stateDict())) {
          const floating = value.dtype.includes('float');
          const images = value.shape.length === 4;
          value.setData(
            value.detach().to({
              device: target.device,
              dtype: floating ? target.dtype : undefined,
              memoryFormat: images ? target.memoryFormat : undefined,
            }),
          );
        }
      }),
    );
    return this;
  }

  /** Drops every gradient (PyTorch's `set_to_none`). */
  zeroGrad(): void {
    for (const value of this.parameters()) value.grad = null;
  }

  /** Switches the recording of gradients for every parameter. */
  requiresGrad_(value: boolean): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(value);
    return this;
  }

  dispose(): void {
    for (const value of Object.values(this.stateDict())) value.dispose();
  }

  abstract forward(input: Tensor): Tensor;
}

/** Modules one behind the other, under the keys `0`, `1`, … */
export class Sequential extends Module {
  readonly layers: Module[];

  constructor(...layers: Module[]) {
    super();
    this.layers = layers.map((layer, index) => this.child(String(index), layer));
  }

  forward(input: Tensor): Tensor {
    return this.layers.reduce((x, layer) => layer.forward(x), input);
  }
}
