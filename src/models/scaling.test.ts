import { ConfigError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { efficientNetSpec, roundFilters, SCALINGS } from './scaling.js';
import { parseVariant } from './variants.js';

describe('compound scaling', () => {
  it('reads variants by their usual names', () => {
    expect(parseVariant('b3')).toBe('b3');
    expect(parseVariant('B0')).toBe('b0');
    expect(parseVariant('efficientnet-b7')).toBe('b7');
    expect(() => parseVariant('b9')).toThrow(ConfigError);
    expect(() => parseVariant('constructor')).toThrow(ConfigError);
  });

  it('rounds widths to multiples of 8, never more than a tenth down', () => {
    for (const { width } of Object.values(SCALINGS)) {
      for (const filters of [16, 24, 32, 40, 80, 112, 192, 320, 1280]) {
        const rounded = roundFilters(filters, width);
        expect(rounded % 8).toBe(0);
        expect(rounded).toBeGreaterThanOrEqual(0.9 * filters * width);
        expect(Math.abs(rounded - filters * width)).toBeLessThanOrEqual(8);
      }
    }
  });

  it('has the published numbers of blocks and features', () => {
    const of = (name: keyof typeof SCALINGS) => efficientNetSpec(SCALINGS[name]);
    const variants = Object.keys(SCALINGS) as (keyof typeof SCALINGS)[];
    expect(variants.map((v) => of(v).blocks.length)).toEqual([16, 23, 23, 26, 32, 39, 45, 55]);
    expect(variants.map((v) => of(v).headFilters)).toEqual([1280, 1280, 1408, 1536, 1792, 2048, 2304, 2560]);
    expect(variants.map((v) => of(v).stemFilters)).toEqual([32, 32, 32, 40, 48, 48, 56, 64]);
  });
});
