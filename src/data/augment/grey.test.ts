/** Augmentation of one channel: what happens to grey is what happens to three equal channels. */

import { liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { toRgb } from '../../image/channels.js';
import { augment, augmentationNames, RAND_AUGMENT, SIIM } from './index.js';
import { dealOut, sometimes, type Transform } from './pipeline.js';
import { runProgram } from './program.js';
import { randAugment } from './rand-augment.js';
import { encodeShares, runTensors } from './run.js';

const [n, side] = [4, 48];
const streams = (seed: number): Random[] => Array.from({ length: n }, (_, i) => new Random(seed).fork(i));

/** Smooth shapes with noise on them, uint8 `[n, 1, side, side]`. */
function greys(): Tensor {
  const random = new Random(7);
  const data = Uint8Array.from({ length: n * side * side }, (_, i) => {
    const [x, y] = [i % side, Math.floor(i / side) % side];
    const value =
      127 + 100 * Math.sin(0.2 * x + 0.13 * y + Math.floor(i / side ** 2)) + random.uniform(-20, 20);
    return Math.max(0, Math.min(255, value));
  });
  return tensor(data, [n, 1, side, side]);
}

const transforms = new Map(
  [...SIIM, ...randAugment(RAND_AUGMENT)].flatMap(({ oneOf }) => oneOf).map((one) => [one.name, one]),
);
const unit = (images: Tensor): Tensor => images.to({ dtype: 'float32' }).div_(255);
const largest = (a: Tensor, b: Tensor): number => a.sub(b).abs().amax().item();

/** Largest difference between the grey result and each of three equal channels, in the same draws. */
function apart(one: Transform, run: 'tensors' | 'program'): number | null {
  return tidy(() => {
    const grey = greys();
    const colour = toRgb(grey).contiguous();
    const shares = dealOut([sometimes(1, one)], streams(3));
    if (run === 'tensors') return largest(runTensors(unit(colour), shares), runTensors(unit(grey), shares));
    const programs = encodeShares(grey, shares);
    return programs && largest(runProgram(colour, programs), runProgram(grey, programs));
  });
}

describe.each(['tensors', 'program'] as const)('by %s, grey is as three equal channels', (run) => {
  // Noise is drawn for each channel, and a change of saturation gives colours to what has none.
  const others = [...transforms.values()].filter(({ name }) => !/Noise|Hue/.test(name));
  it.each(others.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const before = liveTensors();
    const difference = apart(one, run);
    if (difference !== null) expect(difference).toBeLessThan(2e-6);
    expect(liveTensors()).toBe(before);
  });

  it('all kinds of change are there', () => {
    expect(others.length).toBeGreaterThan(12);
    if (run === 'program') expect(others.filter((one) => apart(one, run) !== null).length).toBeGreaterThan(8);
  });
});

describe('changes of colour', () => {
  it('of grey shift the value alone: the largest channel of three', () => {
    const one = transforms.get('HueSaturationValue')!;
    tidy(() => {
      const grey = greys();
      const shares = dealOut([sometimes(1, one)], streams(3));
      const colour = runTensors(unit(toRgb(grey).contiguous()), shares).amax([1], true);
      expect(largest(runTensors(unit(grey), shares), colour)).toBeLessThan(2e-6);
      expect(largest(runProgram(grey, encodeShares(grey, shares)!), colour)).toBeLessThan(2e-6);
      expect(largest(colour, unit(grey))).toBeGreaterThan(0.02);
    });
  });

  it('noise is the same by kernels and by tensors, also of an odd number of pixels', () => {
    const one = transforms.get('GaussNoise')!;
    tidy(() => {
      for (const size of [side, 31]) {
        const grey = greys().narrow(2, 0, size).narrow(3, 0, size).contiguous();
        const shares = dealOut([sometimes(1, one)], streams(3));
        const found = runProgram(grey, encodeShares(grey, shares)!);
        expect(largest(found, runTensors(unit(grey), shares))).toBeLessThan(2e-6);
        expect(largest(found, unit(grey))).toBeGreaterThan(0.02);
      }
    });
  });
});

it.each(augmentationNames)('%s keeps one channel', (name) => {
  tidy(() => {
    const result = augment(greys(), name, streams(5));
    expect(result.shape).toEqual([n, 1, side, side]);
    expect(result.amin().item()).toBeGreaterThanOrEqual(0);
    expect(result.amax().item()).toBeLessThanOrEqual(1);
  });
});
