/**
 * Seeded random numbers for everything that is drawn in JavaScript: order, splits, augmentation, phantoms,
 * bootstrap. (Weights and noise come from libtorch's generator.) xoshiro128** 1.1, seeded by SplitMix32.
 * Source: Blackman & Vigna, "Scrambled linear pseudorandom number generators", 2021.
 */

/** Generator state: four 32-bit words; JSON-safe, belongs into checkpoints. */
export type RandomState = readonly [number, number, number, number];

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

function splitMix32(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x9e3779b9) | 0;
    let t = a ^ (a >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
}

/** FNV-1a, so that a stream can be named: `random.fork('augment')`. */
function hashLabel(label: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < label.length; i++) h = Math.imul(h ^ label.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

export class Random {
  #s: [number, number, number, number];

  /** @param seed an integer (its low 53 bits count) or the state of another generator. */
  constructor(seed: number | RandomState) {
    if (typeof seed !== 'number') {
      this.#s = [seed[0], seed[1], seed[2], seed[3]];
      return;
    }
    const low = splitMix32(seed >>> 0);
    const high = splitMix32(Math.floor(seed / 2 ** 32) ^ 0x5bf03635);
    this.#s = [low(), low() ^ high(), low(), low() ^ high()];
  }

  get state(): RandomState {
    return [...this.#s];
  }

  /** 32 random bits. */
  uint32(): number {
    const s = this.#s;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** Uniform in [0, 1), 53 bits. */
  next(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** Uniform integer in [0, n), without modulo bias for n ≤ 2^32 beyond 2^-21. */
  int(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** Standard normal (Box–Muller, the cosine branch only, so that the state stays four words). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.next());
  }

  /** True with probability p. */
  chance(p: number): boolean {
    return this.next() < p;
  }

  /** Fisher–Yates, in place; returns its argument. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const swap = items[i];
      items[i] = items[j];
      items[j] = swap;
    }
    return items;
  }

  /**
   * An independent stream by name or number, without advancing this one: the same label always gives the same
   * stream from the same state.
   */
  fork(label: string | number): Random {
    const key = typeof label === 'number' ? splitMix32(label)() : hashLabel(label);
    const mix = splitMix32((this.#s[0] ^ rotateLeft(this.#s[2], 13) ^ key) | 0);
    return new Random([
      mix() ^ this.#s[1],
      mix() ^ key,
      mix() ^ this.#s[3],
      (mix() ^ rotateLeft(key, 9)) | 1,
    ]);
  }
}
