import { aten, liveTensors, rand, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { afterAll, describe, expect, it } from 'vitest';
import { toNetworkInput } from './batch.js';
import { type ClassifierRecipe, checkRecipe, classifierRecipeSchema } from './config.js';
import { makeDisks, SIDE } from './disks.test-data.js';
import { resizeBatch, sideAt } from './resizing.js';

const recipe = (changes: Partial<ClassifierRecipe> = {}): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({ imageSize: 128, steps: 100 }),
  ...changes,
});
const progressive = [
  { until: 0.25, imageSize: 64 },
  { until: 0.5, imageSize: 96 },
];
const { cache } = makeDisks(4);
afterAll(() => cache.images.dispose());

it('trains its shares of the steps at their sides, and the rest at the recipe’s', () => {
  const sides = Array.from({ length: 100 }, (_, step) => sideAt(recipe({ progressive }), step));
  expect(sides.filter((side) => side === 64)).toHaveLength(25);
  expect(sides.slice(25, 50).every((side) => side === 96)).toBe(true);
  expect(sides.slice(50).every((side) => side === 128)).toBe(true);
  expect(sideAt(recipe(), 0)).toBe(128);
});

describe('resizeBatch', () => {
  it('weighs all that a pixel covers by a tent of its own width', () => {
    tidy(() => {
      const images = rand([1, 1, 12, 12]);
      const small = resizeBatch(images, 4).toFloat32Array();
      // By hand: Σ wᵢ xᵢ along each side, wᵢ = max(0, 1 − |i + ½ − centre| / 3), scaled to a sum of 1.
      const weights = [0, 1, 2, 3].map((place) => {
        const own = Array.from({ length: 12 }, (_, i) =>
          Math.max(0, 1 - Math.abs(i + 0.5 - (place + 0.5) * 3) / 3),
        );
        const sum = own.reduce((a, b) => a + b, 0);
        return own.map((one) => one / sum);
      });
      const pixels = images.toFloat32Array();
      for (let y = 0; y < 4; y++)
        for (let x = 0; x < 4; x++) {
          let wanted = 0;
          for (let i = 0; i < 12; i++)
            for (let j = 0; j < 12; j++) wanted += weights[y]![i]! * weights[x]![j]! * pixels[i * 12 + j]!;
          expect(small[y * 4 + x]).toBeCloseTo(wanted, 5);
        }
    });
  });

  it('takes bytes, and leaves them as they were', () => {
    tidy(() => {
      const bytes = tensor(
        Uint8Array.from({ length: 3 * 64 }, (_, i) => i),
        [1, 3, 8, 8],
      );
      const before = bytes.clone();
      const live = liveTensors();
      const small = resizeBatch(bytes, 4);
      expect(liveTensors()).toBe(live + 1);
      const unit = bytes.to({ dtype: 'float32' }).div(255);
      expect(aten.equal(small, resizeBatch(unit, 4))).toBe(true);
      expect(aten.equal(bytes, before)).toBe(true);
    });
  });
});

it('resizes before it augments, whatever the augmentation', () => {
  tidy(() => {
    const [images, side] = [cache.images, SIDE / 2];
    const randoms = () => [0, 1, 2, 3].map((i) => new Random(2).fork(i));
    for (const augmentation of [
      'standard' as const,
      (batch: typeof images) => batch.mul(0.5),
      'none' as const,
    ]) {
      const input = toNetworkInput(images, 'cpu', { augmentation, randoms: randoms(), sidePx: side });
      expect(input.shape).toEqual([4, 3, side, side]);
      const wanted = toNetworkInput(resizeBatch(images, side), 'cpu', { augmentation, randoms: randoms() });
      expect(aten.equal(input, wanted)).toBe(true);
    }
    const mixes = randoms().map(() => ({ weight: 0.5, box: null, share: 0.5 }));
    expect(toNetworkInput(images, 'cpu', { mixes, sidePx: side }).shape).toEqual([4, 3, side, side]);
  });
});

it('refuses sides that do not grow, and networks of one side', () => {
  const check = (changes: Partial<ClassifierRecipe>) => () =>
    checkRecipe(recipe({ progressive, ...changes }));
  expect(check({})).not.toThrow();
  expect(check({ architecture: 'resnet-50' })).not.toThrow();
  expect(check({ architecture: 'vit-small-16' })).toThrow(
    'progressive: ViT-S/16 is made for one side, by its places’ embeddings; leave this key out',
  );
  expect(check({ own: ['network'] })).toThrow(/is made for images of 128 px; leave this key out/);
  expect(check({ imageSize: 96 })).toThrow(/below imageSize \(96\).*entry 2 has 96/);
  expect(check({ progressive: [...progressive].reverse() })).toThrow(
    /entry 2 has 0.25 and 64 after 0.5 and 96/,
  );
});
