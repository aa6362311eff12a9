import { aten, liveTensors, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { normaliseInput, packNetworkInput } from './input.js';

const random = new Random(5);
const drawn = (n: number, height: number, width: number): Uint8Array =>
  Uint8Array.from({ length: n * 3 * height * width }, () => random.int(256));

describe('the input of an EfficientNet', () => {
  it('is packed from bytes and from shares of 1 as the tensor operations normalise it, to the bit', () => {
    // Of less than a vector, and of more pixels than one thread takes at once.
    for (const [n, height, width] of [
      [3, 5, 7],
      [2, 131, 133],
    ] as const) {
      tidy(() => {
        const pixels = tensor(drawn(n, height, width), [n, 3, height, width]);
        const unit = pixels.to({ dtype: 'float32' }).div_(255);
        for (const statistics of ['imagenet', 'half'] as const) {
          const expected = normaliseInput(unit, statistics);
          const turned = aten.contiguous(pixels, { memory_format: 'channelsLast' });
          for (const images of [pixels, unit, turned]) {
            const live = liveTensors();
            const packed = packNetworkInput(images, statistics);
            expect(liveTensors()).toBe(live + 1);
            expect(aten.equal(packed, expected)).toBe(true);
            // A view in one row exists of what lies in this order only.
            aten.view(aten.permute(packed, [0, 2, 3, 1]), [-1]);
          }
        }
      });
    }
  });

  it('is packed in tensor operations from other types', () => {
    const double = tensor(Float64Array.of(0, 0.5, 1), [1, 3, 1, 1]);
    const packed = packNetworkInput(double, 'half');
    expect(Array.from(packed.toArray() as Float64Array)).toEqual([-1, 0, 1]);
  });
});
