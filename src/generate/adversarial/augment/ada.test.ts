import { grad, liveTensors, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scaling, warp } from '../../../image/affine.js';
import { applyAda } from './ada.js';
import {
  ADA_CATEGORIES,
  type AdaDraw,
  type AdaTransform,
  adaWeights,
  drawAda,
  UNCHANGED,
} from './ada-draws.js';
import { ada } from './augment.js';
import {
  expectGolden,
  expectGradient,
  golden,
  largestDifference,
  noise,
  numbers,
} from './golden.test-data.js';

const all = adaWeights('blit', 'geometry', 'colour');

let live = 0;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

/** Whether a draw shows each transform. */
const shows: Record<AdaTransform, (draw: AdaDraw) => boolean> = {
  xFlip: (d) => d.xFlip,
  quarterTurns: (d) => d.quarterTurns !== 0,
  wholeShift: (d) => d.wholeShift[0] !== 0,
  scale: (d) => d.scale !== 1,
  rotation: (d) => d.rotations[0] !== 0 || d.rotations[1] !== 0,
  stretch: (d) => d.stretch !== 1,
  shift: (d) => d.shift[0] !== 0,
  brightness: (d) => d.brightness !== 0,
  contrast: (d) => d.contrast !== 1,
  lumaFlip: (d) => d.lumaFlip,
  hue: (d) => d.hue !== 0,
  saturation: (d) => d.saturation !== 1,
};
const transforms = Object.keys(shows) as AdaTransform[];

describe('what is drawn', () => {
  const n = 20_000;
  const draw = (p: number, weights = all): AdaDraw[] => {
    const random = new Random(3);
    return Array.from({ length: n }, () => drawAda(p, random, weights));
  };

  it('shows each transform with its probability, within five binomial deviations', () => {
    const p = 0.3;
    const draws = draw(p);
    const visible: Partial<Record<AdaTransform, number>> = {
      xFlip: 1 / 2,
      lumaFlip: 1 / 2,
      quarterTurns: 3 / 4,
    };
    for (const transform of transforms) {
      const expected = p * (visible[transform] ?? 1);
      const share = draws.filter(shows[transform]).length / n;
      const deviation = Math.sqrt((expected * (1 - expected)) / n);
      expect(Math.abs(share - expected), transform).toBeLessThan(5 * deviation);
    }
  });

  it('has the paper’s spreads', () => {
    const draws = draw(1);
    const spreads: [string, (d: AdaDraw) => number, number][] = [
      ['scale', (d) => Math.log2(d.scale), 0.2],
      ['stretch', (d) => Math.log2(d.stretch), 0.2],
      ['shift right', (d) => d.shift[0], 0.125],
      ['shift down', (d) => d.shift[1], 0.125],
      ['brightness', (d) => d.brightness, 0.2],
      ['contrast', (d) => Math.log2(d.contrast), 0.5],
      ['saturation', (d) => Math.log2(d.saturation), 1],
      ['whole shift right', (d) => d.wholeShift[0], 0.125 / Math.sqrt(3)],
      ['whole shift down', (d) => d.wholeShift[1], 0.125 / Math.sqrt(3)],
      ['rotation before', (d) => d.rotations[0], Math.PI / Math.sqrt(3)],
      ['rotation after', (d) => d.rotations[1], Math.PI / Math.sqrt(3)],
      ['hue', (d) => d.hue, Math.PI / Math.sqrt(3)],
    ];
    for (const [name, of, spread] of spreads) {
      const mean = draws.reduce((sum, d) => sum + of(d), 0) / n;
      const variance = draws.reduce((sum, d) => sum + of(d) ** 2, 0) / n;
      expect(Math.abs(mean) / spread, name).toBeLessThan(5 / Math.sqrt(n));
      // The deviation of a normal sample's deviation is 1 / √(2n) of it, of a uniform one's less.
      expect(Math.abs(Math.sqrt(variance) / spread - 1), name).toBeLessThan(5 / Math.sqrt(2 * n));
    }
    const turns = [0, 1, 2, 3].map((k) => draws.filter((d) => d.quarterTurns === k).length);
    for (const count of turns) expect(Math.abs(count - n / 4)).toBeLessThan(5 * Math.sqrt((n * 3) / 16));
  });

  it('leaves out what is switched off, and all at p = 0', () => {
    expect(draw(0).every((d) => transforms.every((t) => !shows[t](d)))).toBe(true);
    const onlyGeometry = draw(1, adaWeights('geometry'));
    for (const transform of transforms) {
      const count = onlyGeometry.filter(shows[transform]).length;
      expect(count, transform).toBe(
        (ADA_CATEGORIES.geometry as readonly string[]).includes(transform) ? n : 0,
      );
    }
  });

  it('changes more with a higher p, and nothing differently', () => {
    const [few, many] = [draw(0.2), draw(0.7)];
    const flat = ({ rotations: [before, after], ...rest }: AdaDraw) => ({ ...rest, before, after });
    const nothing = Object.entries(flat(UNCHANGED)) as [keyof ReturnType<typeof flat>, unknown][];
    const differs = few.slice(0, 2000).filter((d, i) =>
      nothing.some(([key, value]) => {
        const [drawn, later] = [flat(d)[key], flat(many[i]!)[key]];
        return String(drawn) !== String(value) && String(later) !== String(drawn);
      }),
    );
    expect(differs).toEqual([]);
  });
});

describe('what is done', () => {
  it('agrees with the paper’s formulas, computed with numpy', () => expectGolden(golden.ada, applyAda));

  it('lets gradients through', () => {
    const { shape, draws } = golden.ada;
    expectGradient(shape, (images) => applyAda(images, draws));
    const blits = [UNCHANGED, { ...UNCHANGED, quarterTurns: 1, wholeShift: [0.2, -0.1] as const }];
    expectGradient([2, 3, 8, 8], (images) => applyAda(images, blits));
  });

  it('is the identity, itself and for nothing, where nothing is drawn', () => {
    tidy(() => {
      const images = noise([4, 3, 8, 8], 1);
      const before = liveTensors();
      expect(ada({ p: 0 })(images, new Random(1))).toBe(images);
      expect(liveTensors()).toBe(before);
    });
  });

  it('copies pixels that are only moved by whole ones', () => {
    tidy(() => {
      const images = noise([6, 3, 8, 8], 2);
      const moved = applyAda(images, [
        UNCHANGED,
        { ...UNCHANGED, xFlip: true },
        { ...UNCHANGED, quarterTurns: 1 },
        { ...UNCHANGED, quarterTurns: 2 },
        { ...UNCHANGED, wholeShift: [0.25, -0.13] }, // 2 right, 1 up
        { ...UNCHANGED, scale: 1.1 },
      ]);
      const [image, result] = [images, moved].map((x) => (row: number) => numbers(x.select(0, row)));
      const expected = (row: number, change: (x: typeof images) => typeof images) =>
        numbers(change(images.select(0, row)));
      expect(result!(0)).toEqual(image!(0));
      expect(result!(1)).toEqual(expected(1, (x) => x.flip([2])));
      // A quarter turn against the clock.
      expect(result!(2)).toEqual(expected(2, (x) => x.transpose(1, 2).flip([1])));
      expect(result!(3)).toEqual(expected(3, (x) => x.flip([1, 2])));
      const inner = moved.select(0, 4).narrow(1, 0, 7).narrow(2, 2, 6);
      expect(numbers(inner)).toEqual(numbers(images.select(0, 4).narrow(1, 1, 7).narrow(2, 0, 6)));
      expect(largestDifference(result!(5), image!(5))).toBeGreaterThan(0.1);
    });
  });

  it('resamples without a loss: a shift by a whole pixel is a copy, away from the border', () => {
    tidy(() => {
      const images = noise([1, 3, 24, 24], 3);
      const shifted = applyAda(images, [{ ...UNCHANGED, shift: [1 / 24, 0] }]);
      const inner = (x: typeof images, left: number) => numbers(x.narrow(2, 6, 12).narrow(3, left, 12));
      expect(largestDifference(inner(shifted, 7), inner(images, 6))).toBeLessThan(1e-10);
    });
  });

  it('does not alias: stripes too fine for the smaller image become grey', () => {
    tidy(() => {
      const side = 48;
      const row = Array.from({ length: side }, (_, x) => Math.cos((2 * Math.PI * x) / 3)); // 3 px a stripe
      const stripes = tensor(Array.from({ length: 3 * side }, () => row).flat(), [1, 3, side, side]);
      const middle = (x: typeof stripes): number => {
        const inner = numbers(x.narrow(2, 18, 12).narrow(3, 18, 12));
        return Math.max(...inner.map(Math.abs));
      };
      const half = applyAda(stripes, [{ ...UNCHANGED, scale: 0.5 }]);
      const naive = warp(stripes, [scaling(2)]);
      expect(middle(naive)).toBeGreaterThan(0.4);
      // sym6 falls off gently: 0.15 of 0.5 is left.
      expect(middle(half)).toBeLessThan(0.35 * middle(naive));
    });
  });

  it('stays finite, and about in range where colours are left alone', () => {
    tidy(() => {
      const images = tensor(
        Array.from({ length: 8 * 3 * 32 * 32 }, (_, i) => Math.sin(i / 7) * Math.cos(i / 301)),
        [8, 3, 32, 32],
      );
      const random = new Random(4);
      for (let k = 0; k < 4; k++) {
        const moved = numbers(ada({ p: 1 }, adaWeights('blit', 'geometry'))(images, random));
        // A wavelet overshoots where an image is sharp: here by 0.08.
        expect(Math.max(...moved.map(Math.abs))).toBeLessThan(1.1);
        const coloured = numbers(ada({ p: 1 })(images, random));
        expect(coloured.every(Number.isFinite)).toBe(true);
      }
    });
  });

  it('repeats with its stream, and draws anew from the same stream', () => {
    tidy(() => {
      const images = noise([3, 3, 8, 8], 5);
      const augment = ada({ p: 0.8 });
      const random = new Random(6).fork(17);
      const [first, second] = [numbers(augment(images, random)), numbers(augment(images, random))];
      expect(second).not.toEqual(first);
      expect(numbers(augment(images, new Random(6).fork(17)))).toEqual(first);
    });
  });

  it('leaves one tensor, and with gradients no more', () => {
    tidy(() => {
      const images = noise([4, 3, 8, 8], 7).requiresGrad_();
      const before = liveTensors();
      const changed = ada({ p: 0.7 })(images, new Random(8));
      expect(liveTensors()).toBe(before + 1);
      tidy(() => {
        grad(changed.sum(), [images]);
      });
      expect(liveTensors()).toBe(before + 1);
    });
  });

  it('refuses to turn what is not square', () => {
    tidy(() => {
      const wide = noise([1, 3, 6, 8], 9);
      expect(() => applyAda(wide, [{ ...UNCHANGED, scale: 2 }])).toThrow(/square/);
      expect(applyAda(wide, [{ ...UNCHANGED, contrast: 2 }]).shape).toEqual([1, 3, 6, 8]);
    });
  });
});
