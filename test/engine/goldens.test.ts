/** The engine against golden files made by PyTorch: layers, losses, optimisers, GANs, EfficientNet. */

import { liveTensors, setThreads, threads } from 'graft-torch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES, efficientnet } from './cases.js';
import { committed, type Float } from './goldens.js';

/**
 * On another processor than the one that made the files: single layers still agree closely; of the networks only
 * what precedes the first optimiser step is compared, because Adam turns rounding of tiny gradients into whole
 * steps. (float64 is held to 1e-9 everywhere, over all steps.)
 */
const ELSEWHERE = {
  layers: { tolerance: 1e-5 },
  optimisers: { tolerance: 1e-5 },
  gan: { tolerance: 1e-4, only: (key: string) => key.includes('step0.') },
  wgan_gp: { tolerance: 1e-4, only: (key: string) => key.includes('step0.') },
  efficientnet: { tolerance: 1e-4, only: (key: string) => key.includes('eval.') },
};

let before = 1;
beforeAll(() => {
  before = threads();
  setThreads(1); // as the scripts: sums split over threads round differently
});
afterAll(() => setThreads(before));

describe.each(Object.keys(CASES) as (keyof typeof CASES)[])('%s', (name) => {
  it.each<Float>(['float64', 'float32'])('agrees with PyTorch in %s', (dtype) => {
    const live = liveTensors();
    const computed = CASES[name](dtype);
    const result = computed.checkCommitted(name, dtype, ELSEWHERE[name]);
    console.log(
      `${name}, ${dtype}: ${result.equal} of ${result.compared} tensors bit-equal, worst ${result.worst.toExponential(1)}`,
    );
    expect(result.compared).toBeGreaterThanOrEqual(3);
    expect(liveTensors()).toBe(live);
  });
});

describe('efficientnet, channels last', () => {
  it('agrees with PyTorch in float64', () => {
    const computed = efficientnet('float64', 'channelsLast');
    const result = computed.checkCommitted('efficientnet', 'float64', ELSEWHERE.efficientnet);
    expect(result.compared).toBeGreaterThan(500);
  });

  it('agrees with PyTorch in float32 up to the first step', () => {
    // A bias ahead of a batch norm has no gradient but rounding, which differs between layouts.
    const before = (key: string) => !/^end\.|^step[12]|grad.*_bn2\.bias/.test(key);
    const computed = efficientnet('float32', 'channelsLast');
    const result = computed.check(committed('efficientnet', 'float32'), 1e-4, before);
    console.log(`channels last: ${result.compared} tensors, worst ${result.worst.toExponential(1)}`);
    expect(result.compared).toBeGreaterThan(200);
  });
});
