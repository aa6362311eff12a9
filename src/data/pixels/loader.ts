/**
 * The loader: endless batches of rows of a pixel tensor, in an order that one seed decides. While a batch is
 * computed on, the next is already being read on a worker thread; the state that is saved knows nothing of it.
 */

import { gatherRows, type Tensor } from 'graft-torch';
import { Random, type RandomState } from 'graft-torch/base';
import { type Sampler, shuffled } from './sampler.js';

export interface LoaderOptions {
  batchSize: number;
  seed: number;
  /** Order of an epoch; default: a new permutation an epoch, or the given order with `shuffle: false`. */
  sampler?: Sampler;
  shuffle?: boolean;
  /** Leaves out an epoch's last batch where it is not full. */
  dropLast?: boolean;
}

export interface Batch {
  /** uint8 `[B, 3, H, W]`; the caller disposes it. */
  images: Tensor;
  /** Rows of the source. */
  indices: number[];
  /** Epoch that the batch belongs to, from 0. */
  epoch: number;
}

/** JSON-safe; the batches handed out so far decide it. */
export type LoaderState = {
  epoch: number;
  /** Batches of this epoch that were handed out. */
  batch: number;
  /** The generator as it stood before this epoch's order was drawn. */
  random: RandomState;
};

interface Planned {
  indices: number[];
  epoch: number;
  /** State once this batch has been handed out. */
  after: LoaderState;
}

export class Loader {
  readonly #images: Tensor;
  readonly #rows: number[];
  readonly #options: LoaderOptions;
  readonly #sampler: Sampler;
  #random: Random;
  #order: number[] = [];
  #plan!: LoaderState;
  #state!: LoaderState;
  #next: { planned: Planned; images: Promise<Tensor> } | null = null;

  /**
   * @param images uint8 `[N, 3, H, W]`
   * @param rows those that are drawn from
   * @throws RangeError when an epoch would have no batch
   */
  constructor(images: Tensor, rows: ArrayLike<number>, options: LoaderOptions) {
    this.#images = images;
    this.#rows = Array.from(rows);
    this.#options = options;
    this.#sampler = options.sampler ?? (options.shuffle === false ? (all) => [...all] : shuffled);
    const smallest = options.dropLast ? options.batchSize : 1;
    if (this.#rows.length < smallest) {
      throw new RangeError(
        `loader: ${this.#rows.length} rows are fewer than a batch of ${options.batchSize}`,
      );
    }
    this.#random = new Random(options.seed).fork('loader');
    this.#beginEpoch(0);
    this.#state = this.#plan;
  }

  get batchesPerEpoch(): number {
    const { batchSize, dropLast } = this.#options;
    return dropLast ? Math.floor(this.#order.length / batchSize) : Math.ceil(this.#order.length / batchSize);
  }

  /** The next batch; the one after it is being read when this returns. */
  async next(): Promise<Batch> {
    const { planned, images } = this.#next ?? this.#read();
    this.#next = null;
    const pixels = await images;
    this.#state = planned.after;
    this.#next = this.#read();
    return { images: pixels, indices: planned.indices, epoch: planned.epoch };
  }

  /** Where to go on, for a checkpoint. */
  state(): LoaderState {
    return this.#state;
  }

  restore(state: LoaderState): void {
    this.#discard();
    this.#random = new Random(state.random);
    this.#beginEpoch(state.epoch);
    this.#plan = state;
    this.#state = state;
  }

  /** Frees the batch that was read ahead. */
  dispose(): void {
    this.#discard();
  }

  #discard(): void {
    this.#next?.images.then((images) => images.dispose()).catch(() => {});
    this.#next = null;
  }

  #beginEpoch(epoch: number): void {
    this.#plan = { epoch, batch: 0, random: this.#random.state };
    this.#order = this.#sampler(this.#rows, this.#random);
  }

  #read(): { planned: Planned; images: Promise<Tensor> } {
    const { batchSize } = this.#options;
    if (this.#plan.batch >= this.batchesPerEpoch) this.#beginEpoch(this.#plan.epoch + 1);
    const { epoch, batch, random } = this.#plan;
    const indices = this.#order.slice(batch * batchSize, (batch + 1) * batchSize);
    this.#plan = { epoch, batch: batch + 1, random };
    const images = gatherRows(this.#images, indices);
    images.catch(() => {}); // reported when the batch is asked for
    return { planned: { indices, epoch, after: this.#plan }, images };
  }
}
