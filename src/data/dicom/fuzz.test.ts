import { DataError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { golden, goldenFiles } from './goldens.test-data.js';
import { readDicom } from './index.js';

describe('500 mutations of every golden', () => {
  /** mulberry32: the tests' own, so that the mutations stay the same whatever becomes of src/random.ts. */
  function generator(seed: number): () => number {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function mutate(source: Buffer, random: () => number): Buffer {
    const bytes = Buffer.from(source);
    const places = 1 + Math.floor(random() * 4);
    for (let i = 0; i < places; i++) {
      const at = 132 + Math.floor(random() * (bytes.length - 132));
      const kind = random();
      if (kind < 0.4) bytes[at] = Math.floor(random() * 256);
      else if (kind < 0.6) bytes[at]! ^= 1 << Math.floor(random() * 8);
      else if (kind < 0.8)
        bytes.fill(random() < 0.5 ? 0xff : 0, at, Math.min(bytes.length, at + 1 + Math.floor(random() * 8)));
      else bytes.copyWithin(at, 132 + Math.floor(random() * (bytes.length - 132)), bytes.length - 8);
    }
    return random() < 0.1 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
  }

  it.each(goldenFiles)('%s', async (file) => {
    const source = golden(file);
    const random = generator(source.length);
    const outcomes = await Promise.all(
      Array.from({ length: 500 }, () =>
        readDicom(mutate(source, random), 'a').catch((error: unknown) => error),
      ),
    );
    for (const [i, outcome] of outcomes.entries()) {
      if (!(outcome instanceof DataError)) expect(outcome, `mutation ${i}`).toHaveProperty('fields');
      else expect(outcome.message).toMatch(/^a: [^\n]+$/);
    }
  });
});
