import { grad, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError, Random, TorchError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { golden, goldenImages, goldenSize, noiseImages } from './golden.test-data.js';
import { luma } from './images.js';
import {
  comparePowerSpectra,
  powerSpectrum,
  ringFrequencies,
  ringMeans,
  spectrumRows,
} from './power-spectrum.js';

const { height, width } = goldenSize;
const options = () => ({ random: new Random(3), replicates: 300, halvings: 40 });
const greyOf = (images: Tensor): Tensor => luma(images.to({ dtype: 'float64' }));

function largestError(found: ArrayLike<number>, expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  return Math.max(
    ...expected.map((value, i) => Math.abs(found[i]! - value) / Math.max(Math.abs(value), 1e-6)),
  );
}

describe('power spectrum', () => {
  it('is that of numpy’s FFT, in double precision and in rows of bytes', () => {
    tidy(() => {
      const images = goldenImages('real');
      const power = powerSpectrum(greyOf(images));
      expect(power.shape).toEqual([5, height, width / 2 + 1]);
      const some = power.select(0, 0).select(0, 5).narrow(0, 0, 4).toArray() as Float64Array;
      expect(largestError(some, golden.power)).toBeLessThan(1e-10);
      for (const window of ['hann', 'none'] as const) {
        const rings = ringMeans(powerSpectrum(greyOf(images), window), width);
        const textured = golden.rings[window].slice(0, 4);
        expect(
          largestError(rings.narrow(0, 0, 4).reshape([-1]).toArray() as Float64Array, textured.flat()),
        ).toBeLessThan(1e-10);
        const rows = spectrumRows(images, { window, pixelsPerBatch: 2 * height * width });
        const expected = golden.rings[window].flat().map((power) => 10 * Math.log10(power + 1e-6));
        expected.forEach((value, i) => {
          expect(Math.abs((rows.toArray() as Float64Array)[i]! - value)).toBeLessThan(1e-3);
        });
      }
    });
  });

  it('is 0 dB for noise of one grey level, at every frequency, under both windows', () => {
    tidy(() => {
      const random = new Random(1);
      const noise = tensor(
        Float32Array.from({ length: 200 * 32 * 32 }, () => random.normal(0, 1)),
        [200, 32, 32],
      );
      for (const window of ['hann', 'none'] as const) {
        const means = ringMeans(powerSpectrum(noise.add(100), window), 32)
          .mean([0])
          .toFloat32Array();
        // The first ring has the mean taken out.
        for (const power of means.subarray(1)) expect(Math.abs(10 * Math.log10(power))).toBeLessThan(0.4);
      }
    });
  });

  it('finds a wave in the ring of its frequency, whatever the sides', () => {
    tidy(() => {
      for (const [h, w] of [
        [48, 48],
        [33, 47],
        [64, 32],
      ] as const) {
        const frequencies = ringFrequencies(h, w);
        for (const [fx, fy] of [
          [0.25, 0],
          [0, 0.25],
          [0.21, 0.28],
        ] as const) {
          const wave = tensor(
            Float32Array.from(
              { length: h * w },
              (_, i) => 10 * Math.cos(2 * Math.PI * (fx * (i % w) + fy * Math.floor(i / w))),
            ),
            [1, h, w],
          );
          const rings = ringMeans(powerSpectrum(wave), w).toFloat32Array();
          const found = frequencies[rings.indexOf(Math.max(...rings))]!;
          expect(Math.abs(found - Math.hypot(fx, fy))).toBeLessThanOrEqual(1 / Math.min(h, w));
        }
      }
    });
  });

  it('under the window does not mind that opposite edges differ', () => {
    tidy(() => {
      const ramp = tensor(
        Float32Array.from({ length: 64 * 64 }, (_, i) => i % 64),
        [1, 64, 64],
      );
      const high = (window: 'hann' | 'none') =>
        ringMeans(powerSpectrum(ramp, window), 64).toFloat32Array()[28]!;
      expect(high('none') / high('hann')).toBeGreaterThan(1e4);
    });
  });

  it('can be differentiated', () => {
    tidy(() => {
      const grey = greyOf(goldenImages('real')).narrow(0, 0, 1).detach().requiresGrad_();
      const score = (x: Tensor) => ringMeans(powerSpectrum(x), width).narrow(1, 5, 3).sum();
      const slope = grad([score(grey)], [grey])[0]!;
      const step = 1e-4;
      const bump = tensor(
        Float64Array.from({ length: height * width }, (_, i) => (i === 700 ? step : 0)),
        [1, height, width],
      );
      const there = (x: Tensor) => score(x.detach()).item();
      const numeric = (there(grey.add(bump)) - there(grey.sub(bump))) / (2 * step);
      expect((slope.toArray() as Float64Array)[700]! / numeric).toBeCloseTo(1, 5);
    });
  });
});

describe('comparison of spectra', () => {
  it('is at its floor for two sets of one kind, and says by how much another is off', () => {
    const before = liveTensors();
    tidy(() => {
      const real = spectrumRows(noiseImages(60, 32, { seed: 1, sd: 6 }));
      const size = { height: 32, width: 32 };
      const compare = (rows: Tensor) =>
        comparePowerSpectra({ real: { rows: real }, synthetic: { rows } }, size, options());
      const same = compare(spectrumRows(noiseImages(60, 32, { seed: 2, sd: 6 })));
      expect(same.distance.value).toBeLessThan(same.distance.floor!.high);
      expect(same.level.low).toBeLessThan(0);
      expect(same.level.high).toBeGreaterThan(0);
      expect(Math.abs(same.real.slope)).toBeLessThan(0.2);
      // Noise of twice the SD: 6.02 dB more at all frequencies, the same slope.
      const double = compare(spectrumRows(noiseImages(60, 32, { seed: 2, sd: 12 })));
      for (const { value, low, high } of [double.level, double.distance]) {
        expect(value).toBeCloseTo(6.02, 0);
        expect(low).toBeLessThan(6.02);
        expect(high).toBeGreaterThan(6.02);
        expect(high - low).toBeLessThan(0.4);
      }
      expect(double.distance.floor!.high).toBeLessThan(0.5);
      expect(double.slope.low).toBeLessThan(0);
      expect(double.slope.high).toBeGreaterThan(0);
      expect(double.frequencies).toHaveLength(16);
      expect(double.frequencies[15]).toBe(0.5);
      expect(double.real.mean[10]).toBeCloseTo(10 * Math.log10(36 + 1 / 12), 0);
      // A ring of 60 frequencies, half of them free, has an SD of about 4.34 / √30 dB.
      expect(double.real.sd[9]).toBeGreaterThan(0.4);
      expect(double.real.sd[9]).toBeLessThan(1.2);
      expect(compare(real).distance).toMatchObject({ value: 0, low: 0, high: 0 });
    });
    expect(liveTensors()).toBe(before);
  });

  it('fits the exponent of a power law', () => {
    tidy(() => {
      const frequencies = ringFrequencies(64, 64);
      const law = (exponent: number, level: number): Tensor => {
        const row = Float64Array.from(frequencies, (f) => level + 10 * exponent * Math.log10(f));
        return tensor(row, [1, 32]).expand([4, 32]);
      };
      const { real, synthetic, slope, level } = comparePowerSpectra(
        { real: { rows: law(-2, 1) }, synthetic: { rows: law(-3.5, 1) } },
        { height: 64, width: 64 },
        options(),
      );
      expect(real.slope).toBeCloseTo(-2, 10);
      expect(synthetic.slope).toBeCloseTo(-3.5, 10);
      expect(slope.value).toBeCloseTo(-1.5, 10);
      // Below 1 cycle a pixel a steeper law has more power.
      expect(level.value).toBeGreaterThan(5);
    });
  });

  it('refuses what has no spectrum, in one line with the remedy', () => {
    tidy(() => {
      const bytes = noiseImages(2, 16, { seed: 1 });
      expect(() => spectrumRows(bytes.narrow(0, 0, 1))).toThrow(/1 images: give two or more/);
      expect(() => spectrumRows(bytes.float())).toThrow(/must be bytes \[N, 3, H, W\], not float32/);
      expect(() => spectrumRows(bytes.narrow(2, 0, 15))).toThrow(DataError);
      expect(() => powerSpectrum(bytes.float())).toThrow(TorchError);
    });
  });
});
