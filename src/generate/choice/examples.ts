/** Some of the images that were kept, passed over and rejected, as bytes: what a contact sheet shows. */
import type { Tensor } from 'graft-torch';
import { tidy } from 'graft-torch';
import { trainingPixels, type Verdicts } from './filters.js';
import type { TrainingImages } from './training-images.js';

/** Of each kind, at most. */
export const MOST_EXAMPLES = 12;

export interface RejectedExample {
  filter: Verdicts['filter'];
  /** Bytes `[C, H, W]`. */
  pixels: Uint8Array;
  /** Probability of the class, or distance to the nearest training image. */
  value: number;
  /** The nearest training image; null of labels. */
  training: Uint8Array | null;
}

export interface ChoiceExamples {
  chosen: Uint8Array[];
  /** Passed every filter, and were not chosen. */
  passedOver: Uint8Array[];
  rejected: RejectedExample[];
}

type Noted = Omit<RejectedExample, 'training'> & { row: number | null };

export class ExampleCollector {
  readonly #training: TrainingImages | null;
  readonly #noted: Noted[] = [];

  constructor(training: TrainingImages | null) {
    this.#training = training;
  }

  /** Notes the first images that each filter rejects. @param pixels uint8 `[n, C, H, W]` */
  reject(pixels: Tensor, verdicts: readonly Verdicts[]): void {
    for (const { filter, rejected, values, rows } of verdicts) {
      let room = MOST_EXAMPLES - this.#noted.filter((one) => one.filter === filter).length;
      for (let i = 0; i < rejected.length && room > 0; i++) {
        if (!rejected[i]) continue;
        this.#noted.push({
          filter,
          pixels: bytesOf(pixels, i),
          value: values[i]!,
          row: rows?.[i] ?? null,
        });
        room--;
      }
    }
  }

  /**
   * @param images those that were chosen
   * @param all that passed; `chosen` are their indices
   */
  async finish(images: Tensor, all: Tensor, chosen: Int32Array): Promise<ChoiceExamples> {
    const taken = new Set(chosen);
    const left = [...Array(all.shape[0]!).keys()].filter((i) => !taken.has(i));
    const rejected: RejectedExample[] = [];
    for (const { row, ...one } of this.#noted) {
      rejected.push({
        ...one,
        training: row === null ? null : await trainingPixels(this.#training!, row),
      });
    }
    return {
      chosen: evenly([...Array(chosen.length).keys()]).map((i) => bytesOf(images, i)),
      passedOver: evenly(left).map((i) => bytesOf(all, i)),
      rejected,
    };
  }
}

const bytesOf = (images: Tensor, index: number): Uint8Array =>
  tidy(() => images.select(0, index).contiguous().toArray() as Uint8Array);

/** At most so many, from the first to the last at equal steps. */
function evenly(indices: readonly number[]): number[] {
  if (indices.length <= MOST_EXAMPLES) return [...indices];
  const step = (indices.length - 1) / (MOST_EXAMPLES - 1);
  return Array.from({ length: MOST_EXAMPLES }, (_, i) => indices[Math.round(i * step)]!);
}
