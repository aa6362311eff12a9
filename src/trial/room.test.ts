import { expect, test } from 'vitest';
import { trialConfigSchema } from './config.js';
import { measureRoom, type RoomOptions } from './room.js';

const config = trialConfigSchema.parse({ data: 'nowhere' });
const GIB = 2 ** 30;

/** Amdahl: a share of each step runs on one thread; processes do not disturb each other. */
const machine = (serial: number, peakBytes = GIB, devicePerRun = 0): NonNullable<RoomOptions['measure']> => {
  return async (_kind, { threads, parallel }) => ({
    secondsPerStep: serial + (1 - serial) / threads,
    peakBytes,
    deviceShare: devicePerRun * parallel,
  });
};

test('more runs at once, as long as the machine gets faster', async () => {
  const room = await measureRoom(config, {
    gans: [],
    threads: 1,
    cores: 8,
    memoryBytes: 64 * GIB,
    measure: machine(0.5),
  });
  expect(room.chosen).toMatchObject({ parallel: 8, threads: 1 });
  expect(room.tried.map(({ parallel, threads }) => [parallel, threads])).toEqual([
    [1, 1],
    [2, 1],
    [4, 1],
    [8, 1],
  ]);
});

test('runs that stand in each other’s way are run one at a time, with the threads that were asked for', async () => {
  const crowded: NonNullable<RoomOptions['measure']> = async (kind, setting) => ({
    ...(await machine(0)(kind, setting)),
    secondsPerStep: setting.parallel,
  });
  const options = { gans: [], cores: 8, memoryBytes: 64 * GIB, measure: crowded };
  const room = await measureRoom(config, { ...options, threads: 2 });
  expect(room.chosen).toMatchObject({ parallel: 1, threads: 2 });
  expect(room.tried).toHaveLength(2); // the second brings nothing, so that the search ends
});

test('no more than fits into four fifths of the memory, the largest GAN included', async () => {
  const small = await measureRoom(config, {
    gans: [],
    threads: 1,
    cores: 8,
    memoryBytes: 10 * GIB,
    measure: machine(0.5, 2 * GIB),
  });
  expect(small.chosen.parallel).toBe(4);
  const nearly = await measureRoom(config, {
    gans: [],
    threads: 1,
    cores: 8,
    memoryBytes: 9 * GIB,
    measure: machine(0.5, 2 * GIB),
  });
  expect(nearly.chosen.parallel).toBe(3); // four would fit, but for what is left to others
  const measure: NonNullable<RoomOptions['measure']> = async (kind, setting) =>
    machine(0.5, kind === 'classifier' ? GIB : 4 * GIB)(kind, setting);
  const large = await measureRoom(config, {
    gans: ['sngan'],
    threads: 1,
    cores: 8,
    memoryBytes: 10 * GIB,
    measure,
  });
  expect(large.chosen.parallel).toBe(2);
  const none = await measureRoom(config, {
    gans: [],
    threads: 1,
    cores: 8,
    memoryBytes: GIB,
    measure: machine(0.5, 2 * GIB),
  });
  expect(none.chosen.parallel).toBe(1);
});

test('no more than fits into four fifths of a GPU’s memory, the largest GAN included', async () => {
  const options = { gans: ['sngan'], threads: 1, cores: 8, memoryBytes: 64 * GIB };
  const alike = await measureRoom(config, { ...options, measure: machine(0.5, GIB, 0.3) });
  expect(alike.chosen.parallel).toBe(2);
  const measure: NonNullable<RoomOptions['measure']> = async (kind, setting) =>
    machine(0.5, GIB, kind === 'classifier' ? 0.1 : 0.2)(kind, setting);
  const large = await measureRoom(trialConfigSchema.parse({ data: 'nowhere', folds: 5 }), {
    ...options,
    measure,
  });
  expect(large.tried.at(-1)).toMatchObject({ parallel: 8, deviceShare: 0.8 });
  expect(large.chosen.parallel).toBe(4);
});

test('what the user says is kept', async () => {
  const settle = async (options: Partial<RoomOptions>) =>
    (
      await measureRoom(config, {
        gans: [],
        threads: 2,
        cores: 8,
        memoryBytes: 64 * GIB,
        measure: machine(0.5),
        ...options,
      })
    ).chosen;
  expect(await settle({ parallel: 3 })).toMatchObject({ parallel: 3, threads: 2 });
  expect(await settle({ threads: 4 })).toMatchObject({ parallel: 2, threads: 4 });
});
