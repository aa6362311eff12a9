import { grad, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { TorchError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { gmsd } from './gmsd.js';
import { batchOf, bySize, type Golden, goldens, numbers, relativeError } from './golden.test-data.js';
import { haarPsi } from './haarpsi.js';
import { FULL_REFERENCE_METRICS, type FullReferenceMetric } from './index.js';
import { mdsi, mdsiBlockSide } from './mdsi.js';
import { msGmsd, msGmsdColor } from './ms-gmsd.js';

const metricOf = (id: string): FullReferenceMetric =>
  FULL_REFERENCE_METRICS.find((metric) => metric.id === id)!;

/**
 * SSIM of an image and its negative is the mean of places near 1 and −1, which float32 holds to 1e-7 each: held to 2e-7.
 * (PIQA in float32 is off by 6e-6 there.)
 */
const allowed = (id: string, tolerance: number, golden: Golden): number =>
  id === 'ssim' && golden.name === 'lesion against its negative' ? 2 * tolerance : tolerance;

const measured = FULL_REFERENCE_METRICS.map(({ id }) => id);
const sizes = bySize(goldens.cases);

describe.each(measured)('%s', (id) => {
  const metric = metricOf(id);

  it.each([
    ['float32', 1e-5],
    ['float64', 1e-8],
  ] as const)('is PIQA 1.1.3’s in %s within %d', (dtype, tolerance) => {
    let compared = 0;
    for (const pairs of sizes.values()) {
      if (Math.min(pairs[0]!.height, pairs[0]!.width) < metric.minSidePx) continue;
      tidy(() => {
        const scores = numbers(metric.score(...batchOf(pairs, dtype)));
        pairs.forEach((golden, i) => {
          // Two black images: PIQA's HaarPSI is 0 / 0, ours that of equal images.
          const expected = golden.scores[id] ?? 1;
          const about = `${golden.name}, ${golden.height}×${golden.width}: ${scores[i]}, expected ${expected}`;
          expect(relativeError(scores[i]!, expected), about).toBeLessThanOrEqual(
            allowed(id, tolerance, golden),
          );
          compared++;
        });
      });
    }
    expect(compared).toBeGreaterThan(55);
  });

  it('is the same for a pair alone and in batches of 3 and 8', () => {
    tidy(() => {
      const pairs = sizes.get('97×65')!.slice(0, 8);
      const whole = numbers(metric.score(...batchOf(pairs, 'float32')));
      const three = numbers(metric.score(...batchOf(pairs.slice(2, 5), 'float32')));
      three.forEach((value, i) => {
        expect(relativeError(value, whole[i + 2]!)).toBeLessThanOrEqual(1e-6);
      });
      pairs.forEach((pair, i) => {
        const [alone] = numbers(metric.score(...batchOf([pair], 'float32')));
        expect(relativeError(alone!, whole[i]!), pair.name).toBeLessThanOrEqual(1e-6);
      });
    });
  });

  it('is best for equal images, worse with noise, and stays in its range', () => {
    tidy(() => {
      const pairs = sizes.get('64×64')!;
      const scores = numbers(metric.score(...batchOf(pairs, 'float32')));
      const of = (name: string): number => scores[pairs.findIndex((pair) => pair.name === name)]!;
      const [low, high] = metric.range;
      for (const score of scores) {
        expect(score).toBeGreaterThanOrEqual(low - 1e-6);
        expect(score).toBeLessThanOrEqual(high * (1 + 1e-6));
      }
      const best = of('lesion against itself');
      expect(relativeError(best, metric.higherIsBetter ? high : 0)).toBeLessThan(1e-6);
      expect(relativeError(of('black against black'), best)).toBeLessThan(1e-6);
      const sign = metric.higherIsBetter ? 1 : -1;
      const worse = [of('lesion with noise'), of('noise against noise')];
      expect(sign * (best - worse[0]!)).toBeGreaterThan(0);
      expect(sign * (worse[0]! - worse[1]!)).toBeGreaterThan(0);
    });
  });

  it('has the gradient that finite differences give', () => {
    tidy(() => {
      const pairs = [goldens.cases.find(({ name }) => name === 'lesion against lesion')!].map((pair) => ({
        ...pair,
        height: 22,
        width: 25,
      }));
      const [x, y] = batchOf(pairs, 'float64');
      const [gradient] = grad(metric.score(x.requiresGrad_(), y).sum(), [x]);
      const slopes = gradient!.toArray() as Float64Array;
      const values = x.detach().toArray() as Float64Array;
      const at = (index: number, shift: number): number => {
        const moved = Float64Array.from(values);
        moved[index]! += shift;
        return tidy(() => metric.score(tensor(moved, x.shape), y).item());
      };
      const step = 1e-6;
      for (const index of [0, 24, 230, 640, 1003, 1500, 1649]) {
        const expected = (at(index, step) - at(index, -step)) / (2 * step);
        const scale = Math.max(...slopes.map(Math.abs));
        expect(Math.abs(slopes[index]! - expected), `at ${index}`).toBeLessThan(1e-5 * scale);
      }
    });
  });

  it('has finite gradients where the images are equal, flat or black', () => {
    tidy(() => {
      const pairs = sizes
        .get('64×64')!
        .filter(({ name }) => /itself|flat|black|blue|negative/.test(name))
        .map((pair) => ({ ...pair, height: 32, width: 32 }));
      const [x, y] = batchOf(pairs, 'float32');
      const gradients = grad(metric.score(x.requiresGrad_(), y.requiresGrad_()).sum(), [x, y]);
      for (const gradient of gradients) {
        const finite = gradient!.isfinite().to({ dtype: 'float32' }).mean([1, 2, 3]);
        expect(numbers(finite)).toEqual(pairs.map(() => 1));
      }
    });
  });

  it('frees what it makes, and refuses what it cannot compare', () => {
    const before = liveTensors();
    tidy(() => {
      const [x, y] = batchOf(sizes.get('64×64')!.slice(0, 2), 'float32');
      const mark = liveTensors();
      expect(metric.score(x, y).shape).toEqual([2]);
      expect(liveTensors()).toBe(mark + 1);
      const refuse = (a: Tensor, b: Tensor, message: RegExp): void => {
        expect(() => metric.score(a, b)).toThrow(TorchError);
        expect(() => metric.score(a, b)).toThrow(message);
      };
      refuse(x, y.narrow(0, 0, 1), /must have one shape, not \[2, 3, 64, 64\] and \[1, 3, 64, 64\]/);
      refuse(x, y.to({ dtype: 'float64' }), /one floating type, not float32 and float64/);
      refuse(x.to({ dtype: 'uint8' }), y.to({ dtype: 'uint8' }), /one floating type, not uint8/);
    });
    expect(liveTensors()).toBe(before);
  });
});

describe('the metrics of colour images', () => {
  const functions = { gmsd, msGmsd, msGmsdColor, mdsi, haarPsi };

  it.each(Object.entries(functions))('%s gives bytes of range 255 the score of fractions', (_, metric) => {
    tidy(() => {
      const [x, y] = batchOf(sizes.get('64×64')!.slice(0, 5), 'float64');
      const bytes = numbers(metric(x.mul(255), y.mul(255), { valueRange: 255 }));
      numbers(metric(x, y)).forEach((value, i) => {
        expect(bytes[i]).toBeCloseTo(value, 12);
      });
    });
  });

  it.each(['gmsd', 'ms-gmsd', 'ms-gmsd-c', 'mdsi', 'haarpsi'])(
    '%s takes grey as three equal channels, and refuses two channels and too small images',
    (id) => {
      tidy(() => {
        const metric = metricOf(id);
        const [x, y] = batchOf(sizes.get('64×64')!.slice(0, 1), 'float32');
        const corner = (images: Tensor, side: number): Tensor => images.narrow(2, 0, side).narrow(3, 0, side);
        const fits = metric.score(corner(x, metric.minSidePx), corner(y, metric.minSidePx));
        expect(Number.isFinite(fits.item())).toBe(true);
        const less = metric.minSidePx - 1;
        expect(() => metric.score(corner(x, less), corner(y, less))).toThrow(
          `at least ${metric.minSidePx}×${metric.minSidePx} pixels, not float32 [1, 3, ${less}, ${less}]`,
        );
        const grey = (images: Tensor): Tensor => images.narrow(1, 0, 1);
        const equal = (images: Tensor): Tensor => grey(images).expand([-1, 3, -1, -1]);
        expect(metric.score(grey(x), grey(y)).item()).toBe(metric.score(equal(x), equal(y)).item());
        expect(() => metric.score(x.narrow(1, 0, 2), y.narrow(1, 0, 2))).toThrow(/needs \[N, 3, H, W\]/);
      });
    },
  );

  it('see colour or do not, as they are defined', () => {
    tidy(() => {
      const yellowAndBlue = sizes.get('64×64')!.find(({ name }) => name === 'lesion against lesion')!;
      const [x] = batchOf([yellowAndBlue], 'float64');
      // A change of colour that leaves BT.601's luma alone.
      const shift = tensor([0.114 / 0.299, 0, -1], [1, 3, 1, 1], { dtype: 'float64' }).mul(0.2);
      const y = x.add(shift);
      expect(gmsd(x, y).item()).toBeLessThan(1e-12);
      expect(msGmsd(x, y).item()).toBeLessThan(1e-12);
      expect(msGmsdColor(x, y).item()).toBeGreaterThan(0.1);
      expect(haarPsi(x, y).item()).toBeLessThan(0.999);
    });
  });

  it('halve the images for MDSI as Python rounds', () => {
    expect([64, 256, 383, 384, 385, 511, 640, 641, 768, 896].map(mdsiBlockSide)).toEqual([
      1, 1, 1, 2, 2, 2, 2, 3, 3, 4,
    ]);
  });
});

describe('the list of metrics', () => {
  it('is in the order of the original’s table, and says which way is better', () => {
    expect(measured).toEqual(['psnr', 'ssim', 'ms-ssim', 'gmsd', 'ms-gmsd', 'ms-gmsd-c', 'mdsi', 'haarpsi']);
    const lower = FULL_REFERENCE_METRICS.filter((metric) => !metric.higherIsBetter).map(({ id }) => id);
    expect(lower).toEqual(['gmsd', 'ms-gmsd', 'ms-gmsd-c', 'mdsi']);
  });

  it('names the scales of MS-SSIM and the blocks of MDSI by the size', () => {
    const settings = (id: string, side: number): string => metricOf(id).settings(side);
    expect(settings('ms-ssim', 64)).toContain(
      '3 scales by average pooling, exponents 0.0711, 0.4530, 0.4760',
    );
    expect(settings('ms-ssim', 256)).toContain('5 scales by average pooling, exponents 0.0448, 0.2856');
    expect(settings('mdsi', 512)).toContain('means of 2×2');
    expect(settings('mdsi', 128)).not.toContain('means of');
    for (const metric of FULL_REFERENCE_METRICS) expect(metric.settings(64)).not.toBe('');
  });
});
