import { aten, liveTensors, type Tensor, tensor } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { Module } from 'graft-torch/nn';
import { expect, it } from 'vitest';
import { logitsOf } from './evaluate.js';

/** One logit an image that depends on where its pixels are. */
class Corner extends Module {
  forward(x: Tensor): Tensor {
    const side = x.shape[3]!;
    const ramp = Float32Array.from(
      { length: side * side },
      (_, i) => (i % side) ** 2 + 3 * Math.floor(i / side),
    );
    const weights = tensor(ramp, [1, 1, side, side]);
    return aten.sum.dim_IntList(aten.mul.Tensor(x, weights), [1, 2, 3]).view([-1, 1]);
  }
}

it('averages logits over the views of test-time augmentation, which then do not depend on the side looked from', async () => {
  const random = new Random(5);
  const bytes = Uint8Array.from({ length: 3 * 3 * 64 }, () => random.int(256));
  const images = tensor(bytes, [3, 3, 8, 8]);
  const flipped = aten.flip(images, [3]);
  const upsideDown = aten.flip(images, [2]);
  const both = aten.flip(images, [2, 3]);
  const turned = aten.rot90(images, 1, [2, 3]);
  const network = new Corner();
  const score = (of: Tensor, tta?: 'none' | 'flips' | 'symmetries'): Promise<Float64Array> =>
    logitsOf(network, of, { indices: [0, 1, 2], device: 'cpu', batchSize: 2, tta });
  const live = liveTensors();
  const plain = await score(images);
  expect(await score(images, 'none')).toEqual(plain);

  const views = await Promise.all([images, flipped, upsideDown, both].map((of) => score(of)));
  const flips = await score(images, 'flips');
  flips.forEach((logit, i) => {
    const mean = views.reduce((sum, view) => sum + view[i]!, 0) / 4;
    expect(Math.abs(logit / mean - 1)).toBeLessThan(1e-5);
    expect(Math.abs(logit / plain[i]! - 1)).toBeGreaterThan(1e-4);
  });

  const [all, ofTurned] = [await score(images, 'symmetries'), await score(turned, 'symmetries')];
  const [few, fewOfTurned] = [flips, await score(turned, 'flips')];
  all.forEach((logit, i) => {
    expect(Math.abs(logit / ofTurned[i]! - 1)).toBeLessThan(1e-5);
    // Flips alone cannot undo a quarter turn.
    expect(Math.abs(few[i]! / fewOfTurned[i]! - 1)).toBeGreaterThan(1e-4);
  });
  expect(liveTensors()).toBe(live);
});
