import { liveTensors, tensor } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { Loader, type LoaderOptions } from './loader.js';
import { balanced } from './sampler.js';

const count = 11;
const images = tensor(
  Uint8Array.from({ length: count * 12 }, (_, i) => Math.floor(i / 12)),
  [count, 3, 2, 2],
);
const rows = [...Array(count).keys()];

async function take(
  loader: Loader,
  batches: number,
): Promise<{ indices: number[]; epoch: number; pixels: number[] }[]> {
  const taken = [];
  for (let i = 0; i < batches; i++) {
    const batch = await loader.next();
    taken.push({
      indices: batch.indices,
      epoch: batch.epoch,
      pixels: [...(batch.images.toArray() as Uint8Array)],
    });
    batch.images.dispose();
  }
  return taken;
}

const make = (options: Partial<LoaderOptions> = {}): Loader =>
  new Loader(images, rows, { batchSize: 4, seed: 3, shuffle: true, ...options });

describe('order', () => {
  test('an epoch shows every row once; the next in another order', async () => {
    const batches = await take(make(), 6);
    expect(batches.map((batch) => batch.epoch)).toEqual([0, 0, 0, 1, 1, 1]);
    expect(batches.map((batch) => batch.indices.length)).toEqual([4, 4, 3, 4, 4, 3]);
    const [first, second] = [batches.slice(0, 3), batches.slice(3)].map((part) =>
      part.flatMap((b) => b.indices),
    );
    expect([...first!].sort((a, b) => a - b)).toEqual(rows);
    expect([...second!].sort((a, b) => a - b)).toEqual(rows);
    expect(first).not.toEqual(second);
  });

  test('pixels belong to the indices', async () => {
    for (const { indices, pixels } of await take(make(), 3)) {
      expect(pixels.filter((_, i) => i % 12 === 0)).toEqual(indices);
    }
  });

  test('the seed decides', async () => {
    const order = async (seed: number) => (await take(make({ seed }), 3)).flatMap((batch) => batch.indices);
    expect(await order(5)).toEqual(await order(5));
    expect(await order(5)).not.toEqual(await order(6));
  });

  test('without shuffling the order is the given one; dropLast leaves the rest out', async () => {
    const batches = await take(make({ shuffle: false, dropLast: true }), 3);
    expect(batches.map((batch) => batch.indices)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [0, 1, 2, 3],
    ]);
  });
});

test.each([0, 1, 3, 4, 7])('a loader restored after %i batches goes on as the first did', async (before) => {
  const whole = await take(make(), 10);
  const first = make();
  await take(first, before);
  const state = JSON.parse(JSON.stringify(first.state()));
  const second = make({ seed: 999 });
  await take(second, 2);
  second.restore(state);
  expect(await take(second, 10 - before)).toEqual(whole.slice(before));
});

test('nothing but the batch read ahead stays alive, and dispose frees that', async () => {
  const loader = make();
  const before = liveTensors();
  await take(loader, 5);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(liveTensors()).toBe(before + 1);
  loader.dispose();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(liveTensors()).toBe(before);
});

test('balanced: the rare class comes as often as the common one', () => {
  const many = [...Array(1000).keys()];
  const order = balanced((row) => (row < 50 ? 'rare' : 'common'))(many, new Random(1));
  expect(order.length).toBe(1000);
  const rare = order.filter((row) => row < 50).length;
  expect(rare).toBeGreaterThan(430); // 500 ± 4.4 standard deviations of 16
  expect(rare).toBeLessThan(570);
});

test('balanced by half: the classes come as the roots of their frequencies', () => {
  const many = [...Array(1000).keys()];
  const order = balanced((row) => (row < 100 ? 'rare' : 'common'), 0.5)(many, new Random(1));
  // √100 : √900 = 1 : 3, so 250 ± 4.4 standard deviations of 13.7
  const rare = order.filter((row) => row < 100).length;
  expect(rare).toBeGreaterThan(190);
  expect(rare).toBeLessThan(310);
});
