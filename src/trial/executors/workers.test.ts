import { ConfigError, GraftError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import type { Interrupt } from '../../run/index.js';
import type { JobState } from '../jobs.js';
import { elsewhere } from './elsewhere.js';
import { type FleetOptions, keptGoing, type WorkerState, type Workers } from './workers.js';
import { contextOf } from './workers.test-data.js';

/** An engine in memory. Before each poll `happen` may end workers or finish jobs. */
function engine(jobs: number, happen: (world: World) => void) {
  const world: World = { jobs, states: [], ensured: [], stopped: false, polls: 0 };
  const workers: Workers = {
    async states() {
      world.polls++;
      happen(world);
      return [...world.states];
    },
    async ensure(count) {
      world.ensured.push(count);
      while (world.states.filter((state) => state !== 'gone').length < count) world.states.push('running');
    },
    async stop() {
      world.stopped = true;
    },
    notices: () => ['out of memory'],
  };
  return { world, workers };
}
interface World {
  jobs: number;
  states: WorkerState[];
  ensured: number[];
  stopped: boolean;
  polls: number;
}
const endOne = (world: World) => {
  const at = world.states.indexOf('running');
  if (at >= 0) world.states[at] = 'gone';
};

/** A trial whose open jobs are a number, done by workers that are kept going. */
const carryOut = (
  workers: Workers,
  { states, interrupt, ...options }: FleetOptions & { states: () => JobState[]; interrupt?: Interrupt },
) =>
  elsewhere({ fleet: keptGoing(workers, { pollMs: 1, ...options }), pollMs: 1 })(
    contextOf(states, interrupt),
  );
const open = (count: number): JobState[] => Array(count).fill('open');

describe('workers that are kept going', () => {
  it('replaces who died, and asks for no more workers than there are jobs', async () => {
    const { world, workers } = engine(3, (world) => {
      if (world.polls % 2 === 0) world.jobs--;
      else world.states = world.states.map(() => 'gone');
    });
    const end = carryOut(workers, { count: 5, states: () => open(world.jobs) });
    expect(await end).toBe('finished');
    expect(world.ensured).toEqual([3, 2, 1]);
    expect(world.stopped).toBe(false);
  });

  it('gives up when workers only die, and says why', async () => {
    const { world, workers } = engine(9, (world) => {
      world.states = world.states.map(() => 'gone');
    });
    const end = carryOut(workers, { count: 2, states: () => open(world.jobs) });
    await expect(end).rejects.toThrow(
      '6 workers ended one after the other and nothing got done; out of memory',
    );
    expect(world.ensured).toEqual([2, 2, 2]);
  });

  it('does not give up while there is progress', async () => {
    let steps = 0;
    const { world, workers } = engine(1, (world) => {
      endOne(world);
      if (++steps === 20) world.jobs = 0;
    });
    const done = (): JobState[] => Array(steps).fill('done');
    const end = carryOut(workers, { count: 1, states: () => [...open(world.jobs), ...done()] });
    expect(await end).toBe('finished');
  });

  it('forgets deaths that are far apart', async () => {
    let deaths = 0;
    const { world, workers } = engine(1, (world) => {
      endOne(world);
      if (++deaths === 20) world.jobs = 0;
    });
    const options = { count: 1, states: () => open(world.jobs), pollMs: 10, forgetMs: 2 };
    expect(await carryOut(workers, options)).toBe('finished');
  });

  it('starts no workers that would only wait', async () => {
    const jobs = { open: 1, waiting: 5 };
    const { world, workers } = engine(0, (world) => {
      if (world.polls === 3) Object.assign(jobs, { open: 5, waiting: 0 });
      if (world.polls === 5) jobs.open = 0;
    });
    const states = (): JobState[] => [...open(jobs.open), ...Array(jobs.waiting).fill('waiting')];
    expect(await carryOut(workers, { count: 3, states })).toBe('finished');
    expect(world.ensured).toEqual([1, 3]);
  });

  it('stops the workers when asked to', async () => {
    const { world, workers } = engine(5, () => {});
    const interrupt = {
      get requested() {
        return world.polls > 2;
      },
      poll: async () => world.polls > 2,
    };
    const end = carryOut(workers, { count: 1, states: () => open(world.jobs), interrupt });
    expect(await end).toBe('stopped');
    expect(world.stopped).toBe(true);
  });

  it('bears an engine that is away for a while, not for ever; a wrong option not at all', async () => {
    const away = (polls: number, error: Error) =>
      engine(1, (world) => {
        if (world.polls <= polls) throw error;
        world.jobs = 0;
      });
    const warnings: string[] = [];
    const run = ({ world, workers }: ReturnType<typeof engine>, patienceMs: number) =>
      carryOut(workers, {
        count: 1,
        states: () => open(world.jobs),
        pollMs: 5,
        patienceMs,
        warn: (message) => warnings.push(message),
      });
    const unreachable = new GraftError('controller not reachable');
    expect(await run(away(3, unreachable), 60_000)).toBe('finished');
    expect(warnings.filter((message) => message === 'controller not reachable')).toHaveLength(1);
    await expect(run(away(1e9, unreachable), 50)).rejects.toThrow(unreachable);
    const wrong = away(1e9, new ConfigError('no such partition'));
    await expect(run(wrong, 60_000)).rejects.toThrow('no such partition');
    expect(wrong.world.polls).toBe(1);
  });
});

it('ends when every job is done or failed, with as many workers as there is work', async () => {
  const { world, workers } = engine(0, (world) => {
    if (world.polls === 3) job = ['done', 'open', 'open', 'open'];
    if (world.polls === 5) job = ['done', 'done', 'failed', 'failed'];
  });
  let job: JobState[] = ['running', 'waiting', 'waiting', 'waiting'];
  expect(await carryOut(workers, { count: 5, states: () => job })).toBe('finished');
  expect(world.ensured).toEqual([1, 3]);
});
