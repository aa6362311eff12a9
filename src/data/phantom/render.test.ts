import { createHash } from 'node:crypto';
import { ConfigError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { type Latent, type PhantomFactors, samplePhantom, withLatent } from './factors.js';
import { asymmetryIndex, borderIndex, colourCount, diameterIndex } from './measure.test-data.js';
import { renderPhantom, renderPhantomMask } from './render.js';

function draw(n: number, seed: number): PhantomFactors[] {
  const random = new Random(seed);
  return Array.from({ length: n }, () => samplePhantom(random, { prevalence: 0.5 }));
}

/** Nothing between the skin and the reader, even light. */
const bare = (f: PhantomFactors): PhantomFactors => ({
  ...f,
  nuisance: {
    ...f.nuisance,
    hairs: 0,
    ruler: 'none',
    aperture: 2,
    vignette: 0,
    lightFalloff: 0,
    bubbles: 0,
    speculars: 0,
    patchHue: null,
    freckles: 0,
  },
});

/** Mean of a statistic over lesions at rising values of one factor, the others in the middle. */
function sweep(
  factor: number,
  statistic: (f: PhantomFactors) => number,
  lesions: PhantomFactors[],
): number[] {
  const middle = [0.5, 0.5, 0.6, 0.4];
  return [-1, 0, 1, 2].map((step) => {
    const latent = middle.map((m, k) => (k === factor ? m + 0.95 * (step - 0.5) : m)) as unknown as Latent;
    const values = lesions.map((f) => statistic(withLatent(bare(f), latent)));
    return values.reduce((a, b) => a + b, 0) / values.length;
  });
}

function expectRising(values: number[], least: number): void {
  for (let i = 1; i < values.length; i++) {
    expect(values[i]! - values[i - 1]!, `step ${i} of ${values.join(', ')}`).toBeGreaterThan(0);
  }
  expect(values[values.length - 1]! / values[0]!).toBeGreaterThan(least);
}

describe('phantom pictures', () => {
  it('are the same bytes for the same factors, and other bytes for others', () => {
    const [f, g] = draw(2, 7) as [PhantomFactors, PhantomFactors];
    const hash = (factors: PhantomFactors, size: number) =>
      createHash('sha256').update(renderPhantom(factors, size)).digest('hex').slice(0, 16);
    expect(hash(f, 64)).toBe(hash(structuredClone(f), 64));
    expect(hash(f, 64)).not.toBe(hash(g, 64));
    // Pinned: the demo's data set must not change unnoticed. A deliberate change of the renderer changes these.
    expect([hash(f, 64), hash(g, 64), hash(f, 96)]).toMatchInlineSnapshot(`
      [
        "77f6017030134dd8",
        "51b8807e141d5757",
        "cfd4e5237e41035f",
      ]
    `);
  });

  it('survive JSON: factors written down give the same picture', () => {
    const f = draw(1, 21)[0]!;
    const again = JSON.parse(JSON.stringify(f)) as PhantomFactors;
    expect(Buffer.compare(renderPhantom(f, 64), renderPhantom(again, 64))).toBe(0);
  });

  it('show the same lesion at every size', () => {
    for (const f of draw(2, 9)) {
      const small = renderPhantom(f, 64);
      const large = renderPhantom(f, 256);
      let difference = 0;
      for (let j = 0; j < 64; j++) {
        for (let i = 0; i < 64; i++) {
          for (let c = 0; c < 3; c++) {
            let sum = 0;
            for (let v = 0; v < 4; v++) {
              for (let u = 0; u < 4; u++) sum += large[((j * 4 + v) * 256 + i * 4 + u) * 3 + c]!;
            }
            difference += Math.abs(sum / 16 - small[(j * 64 + i) * 3 + c]!);
          }
        }
      }
      expect(difference / small.length).toBeLessThan(3);
    }
  });

  it('have the right number of bytes, use the range and keep off its ends', () => {
    for (const f of draw(12, 31).map(bare)) {
      const rgb = renderPhantom(f, 48);
      expect(rgb.length).toBe(48 * 48 * 3);
      let clipped = 0;
      for (const byte of rgb) if (byte === 0 || byte === 255) clipped++;
      expect(clipped / rgb.length).toBeLessThan(0.12);
    }
  });

  it('refuse a size that makes no sense', () => {
    const f = draw(1, 1)[0]!;
    for (const size of [0, 15, 64.5, 4096, Number.NaN]) {
      expect(() => renderPhantom(f, size)).toThrow(ConfigError);
    }
  });
});

describe('the ABCD factors in the pixels', () => {
  const lesions = draw(48, 13);

  it('A: mirror asymmetry of the mask rises with the asymmetry factor', () => {
    expectRising(
      sweep(0, (f) => asymmetryIndex(renderPhantomMask(f, 96), 96), lesions),
      1.4,
    );
  });

  it('B: the border irregularity index rises with the border factor', () => {
    expectRising(
      sweep(1, (f) => borderIndex(renderPhantomMask(f, 96), 96), lesions),
      1.4,
    );
  });

  it('C: the number of colours in the picture rises with the colour factor', () => {
    const count = (f: PhantomFactors) => colourCount(renderPhantom(f, 48), renderPhantomMask(f, 48));
    expectRising(sweep(2, count, lesions), 1.4);
  });

  it('D: the diameter rises with the diameter factor, and with no other by much', () => {
    const diameter = (f: PhantomFactors) => diameterIndex(renderPhantomMask(f, 64), 64);
    expectRising(sweep(3, diameter, lesions), 1.8);
    for (const factor of [0, 1, 2]) {
      const values = sweep(factor, diameter, lesions);
      expect(Math.max(...values) / Math.min(...values)).toBeLessThan(1.12);
    }
  });

  it('the mask is where the picture is darker than the skin around', () => {
    for (const f of lesions.slice(0, 12).map(bare)) {
      const mask = renderPhantomMask(f, 64);
      const rgb = renderPhantom(f, 64);
      const mean = [0, 0];
      const n = [0, 0];
      for (let i = 0; i < mask.length; i++) {
        mean[mask[i]!]! += rgb[i * 3 + 2]!;
        n[mask[i]!]!++;
      }
      expect(mean[1]! / n[1]!).toBeLessThan((0.9 * mean[0]!) / n[0]!);
    }
  });
});
