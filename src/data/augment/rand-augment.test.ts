import { aten, cat, liveTensors, type Tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { adjustBrightness, adjustColour, adjustContrast, adjustSharpness } from './enhance.js';
import { bytesOf, golden, levelsFrom, unitImage } from './golden.test-data.js';
import { augment } from './index.js';
import { autoContrast, equalize, posterize, solarize } from './levels.js';
import {
  colourInstruction,
  contrastInstruction,
  equalizeInstruction,
  type Instructions,
  levelsInstruction,
  posterizeInstruction,
  runProgram,
  sharpnessInstruction,
  solarizeInstruction,
  stretchInstruction,
} from './program.js';
import { randAugment, randAugmentOperations, shear } from './rand-augment.js';

const { pillow } = golden;
const [image, rough] = [unitImage(golden.image), unitImage(golden.rough)];

describe('operations of Pillow', () => {
  it('stretch and equalise channels', () => {
    // Pillow rounds down.
    expect(levelsFrom(autoContrast(unitImage(pillow.lowContrast)), pillow.autoContrast).most).toBeLessThan(1);
    expect(levelsFrom(equalize(image), pillow.equalize).most).toBeLessThan(1e-4);
  });

  it('leave a channel of one level alone', () => {
    const flat = aten.full([1, 3, 8, 8], 0.4, { dtype: 'float32' });
    expect(aten.equal(autoContrast(flat), flat)).toBe(true);
    expect(levelsFrom(equalize(flat), Buffer.alloc(192, 102).toString('base64')).most).toBeLessThan(1e-4);
  });

  it('keep upper bits, and turn bright values', () => {
    for (const { bits, image: expected } of pillow.posterize) {
      expect(levelsFrom(posterize(image, [bits]), expected).most).toBeLessThan(1e-4);
    }
    for (const { threshold, image: expected } of pillow.solarize) {
      expect(levelsFrom(solarize(image, [threshold / 255]), expected).most).toBeLessThan(1e-4);
    }
  });

  it('enhance, each sample by its own factor', () => {
    const adjust = {
      Brightness: adjustBrightness,
      Color: adjustColour,
      Contrast: adjustContrast,
      Sharpness: adjustSharpness,
    };
    expect(pillow.enhance.length).toBe(8);
    for (const { name, factor, image: expected } of pillow.enhance) {
      const both = adjust[name](cat([rough, rough]), [1, factor]);
      expect(levelsFrom(aten.narrow(both, 0, 0, 1), golden.rough).most).toBeLessThan(1e-4);
      // Its intermediate images are bytes.
      expect(levelsFrom(aten.narrow(both, 0, 1, 1), expected).most).toBeLessThan(1.5);
    }
  });

  it('shear about the upper left corner', () => {
    for (const { axis, factor, image: expected } of pillow.shear) {
      const sheared = shear(image, axis, [factor]).toFloat32Array();
      // Pillow does not blend into the black beyond the border, so only what lies within is compared.
      const within = shear(aten.ones_like(image), axis, [factor]).toFloat32Array();
      const bytes = bytesOf(expected);
      let compared = 0;
      within.forEach((share, i) => {
        if (share < 0.9999) return;
        compared++;
        expect(Math.abs(sheared[i]! * 255 - bytes[i]!)).toBeLessThan(1.1);
      });
      expect(compared).toBeGreaterThan(1400);
    }
  });
});

describe('the CPU’s kernels for them', () => {
  const through = (images: Tensor, instructions: Instructions): Tensor => runProgram(images, [instructions]);

  it('do what Pillow does', () => {
    expect(
      levelsFrom(through(unitImage(pillow.lowContrast), stretchInstruction()), pillow.autoContrast).most,
    ).toBeLessThan(1);
    expect(levelsFrom(through(image, equalizeInstruction()), pillow.equalize).most).toBeLessThan(1e-4);
    for (const { bits, image: expected } of pillow.posterize)
      expect(levelsFrom(through(image, posterizeInstruction(bits)), expected).most).toBeLessThan(1e-4);
    for (const { threshold, image: expected } of pillow.solarize)
      expect(levelsFrom(through(image, solarizeInstruction(threshold / 255)), expected).most).toBeLessThan(
        1e-4,
      );
    const size = { height: golden.side, width: golden.side };
    const adjust = {
      Brightness: (factor: number) => levelsInstruction(factor, 0),
      Color: colourInstruction,
      Contrast: contrastInstruction,
      Sharpness: (factor: number) => sharpnessInstruction(factor, size)!,
    };
    for (const { name, factor, image: expected } of pillow.enhance)
      expect(levelsFrom(through(rough, adjust[name](factor)), expected).most).toBeLessThan(1.5);
  });
});

describe('RandAugment', () => {
  it('has the paper’s fourteen operations', () => {
    const names = randAugmentOperations(9).map(({ name }) => name);
    expect(names.sort()).toEqual(
      'AutoContrast Brightness Color Contrast Equalize Identity Posterize Rotate Sharpness ShearX ShearY Solarize TranslateX TranslateY'.split(
        ' ',
      ),
    );
  });

  it('has torchvision’s ranges at the top and at 9, either way', () => {
    const drawn = (magnitude: number, name: string): unknown[] => {
      const one = randAugmentOperations(magnitude).find((operation) => operation.name === name)!;
      return Array.from({ length: 40 }, (_, i) => one.draw(new Random(i)));
    };
    const only = (values: unknown[], expected: number[]): void => {
      const seen = [...new Set(values as number[])].sort((a, b) => a - b);
      expect(seen.length).toBe(expected.length);
      seen.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 10);
      });
    };
    const part = (values: unknown[], key: string): number[] =>
      values.map((value) => (value as Record<string, number>)[key]!);
    only(drawn(30, 'ShearX'), [-0.3, 0.3]);
    only(part(drawn(30, 'Rotate'), 'angle'), [-30, 30]);
    only(part(drawn(30, 'TranslateX'), 'shiftX'), [-150 / 331, 150 / 331]);
    only(part(drawn(9, 'TranslateY'), 'shiftY'), [-45 / 331, 45 / 331]);
    only(drawn(30, 'Color'), [0.1, 1.9]);
    only(drawn(9, 'Sharpness'), [0.73, 1.27]);
    only(drawn(9, 'Solarize'), [0.7]);
    only(drawn(9, 'Posterize'), [7]);
    only(drawn(30, 'Posterize'), [4]);
  });

  it('does nothing much at magnitude 0, apart from its operations without one', () => {
    const still = new Set(['AutoContrast', 'Equalize', 'Solarize']);
    for (const operation of randAugmentOperations(0).filter(({ name }) => !still.has(name))) {
      const same = operation.apply(image, [operation.draw(new Random(1))]);
      expect(levelsFrom(same, golden.image).most).toBeLessThan(1e-3);
    }
  });

  it('runs by name and by settings, and leaves no tensors behind', () => {
    tidy(() => {
      const images = cat(Array.from({ length: 16 }, () => image));
      const streams = Array.from({ length: 16 }, (_, i) => new Random(2).fork(i));
      const live = liveTensors();
      const byName = augment(images, 'randaugment', streams);
      expect(liveTensors()).toBe(live + 1);
      const same = augment(images, randAugment({ operations: 2, magnitude: 9 }), streams);
      expect(aten.equal(byName, same)).toBe(true);
      const stronger = augment(images, randAugment({ operations: 3, magnitude: 20 }), streams);
      expect(aten.equal(byName, stronger)).toBe(false);
    });
  });
});
