import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { elsewhere } from './elsewhere.js';
import { type FakeCluster, startFakeKubectl } from './kubectl.test-data.js';
import { countIndexes, kubernetesWorkers } from './kubernetes.js';
import { isAlive, keptGoing } from './workers.js';
import { contextOf } from './workers.test-data.js';

const mountPath = mkdtempSync(join(tmpdir(), 'graft-volume-'));
afterAll(() => rmSync(mountPath, { recursive: true, force: true }));
const trial = (name: string) => {
  mkdirSync(join(mountPath, name), { recursive: true });
  return join(mountPath, name);
};

let api: FakeCluster;
const programs = mkdtempSync(join(tmpdir(), 'graft-kubectl-'));
beforeEach(async () => {
  api = await startFakeKubectl(mkdtempSync(join(programs, 'k-')));
});
afterEach(() => api.close());
afterAll(() => rmSync(programs, { recursive: true, force: true }));

const start = (more: Partial<Parameters<typeof kubernetesWorkers>[0]> = {}) =>
  kubernetesWorkers({
    trialDir: trial('one'),
    mountPath,
    image: 'graft:1',
    claim: 'shared',
    namespace: 'imaging',
    environment: api.environment,
    pollMs: 10,
    ...more,
  });
const called = (verb: string) => api.calls.filter(([first]) => first === verb);

describe('kubernetesWorkers', () => {
  it('creates one Job, and no second one while its workers live', async () => {
    const workers = start();
    expect(await workers.states()).toEqual([]);
    await workers.ensure(3);
    // No pod of theirs may run yet: they count all the same.
    expect(await workers.states()).toEqual(['pending', 'pending', 'pending']);
    await workers.ensure(3);
    api.schedule(api.pods[1]!);
    expect(await workers.states()).toEqual(['running', 'pending', 'pending']);
    await start().ensure(2);
    expect(called('create')).toEqual([['create', '--filename=-', '--output=name', '--namespace=imaging']]);
    expect([...api.jobs.values()][0]!.manifest.spec.completions).toBe(3);
  });

  it('tells trials apart', async () => {
    await start().ensure(2);
    expect(await start({ trialDir: trial('two') }).states()).toEqual([]);
  });

  it('leaves a dead pod to Kubernetes, and replaces a worker that it gave up', async () => {
    const workers = start({ mostFailures: 1 });
    await workers.ensure(2);
    for (const pod of [...api.pods]) api.schedule(pod);
    api.end(api.pods[0]!, 137);
    expect(await workers.states()).toEqual(['running', 'pending']);
    expect(workers.notices().join()).toMatch(
      /a worker ended: Error, exit status 137; kubectl logs graft-one-/,
    );
    await workers.ensure(2);
    expect(api.jobs.size).toBe(1);

    api.end(api.pods.at(-1)!, 1);
    expect(await workers.states()).toEqual(['running', 'gone']);
    await workers.ensure(2);
    expect([...api.jobs.values()].map((job) => job.manifest.spec.completions)).toEqual([2, 1]);
    expect((await workers.states()).filter(isAlive)).toHaveLength(2);
  });

  it('a worker that saved counts as no failure; one that found nothing to do is not started again', async () => {
    const workers = start({ mostFailures: 0 });
    await workers.ensure(1);
    for (let k = 0; k < 3; k++) api.end(api.pods.at(-1)!, 75);
    expect(await workers.states()).toEqual(['pending']);
    expect(workers.notices()).toEqual([]);
    api.end(api.pods.at(-1)!, 0);
    expect(await workers.states()).toEqual(['gone']);
  });

  it('a Job that ended as a whole is replaced', async () => {
    const workers = start();
    await workers.ensure(2);
    api.schedule(api.pods[0]!);
    [...api.jobs.values()][0]!.ended = 'Job was active longer than specified deadline';
    // One pod is still saving.
    expect(await workers.states()).toEqual(['running', 'gone']);
    expect(workers.notices()[0]).toMatch(/Kubernetes gave up graft-one-.*: Job was active longer/);
    await workers.ensure(2);
    expect([...api.jobs.values()].map((job) => job.manifest.spec.completions)).toEqual([2, 1]);
  });

  it('stops: pods save before their Job goes', async () => {
    const workers = start();
    await workers.ensure(2);
    api.schedule(api.pods[0]!);
    let saved = false;
    setTimeout(() => {
      saved = true;
      api.end(api.pods[0]!, 75);
    }, 100);
    await workers.stop();
    expect(saved).toBe(true);
    expect(api.jobs.size).toBe(0);
    expect(await workers.states()).toEqual([]);
    expect(called('delete')[0]).toContain('--cascade=foreground');
  });

  it('says why workers wait', async () => {
    const workers = start();
    await workers.ensure(2);
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      message: '0/3 nodes: Insufficient nvidia.com/gpu',
    };
    api.pods[0]!.status = { conditions: [condition] };
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "graft:1"' };
    api.pods[1]!.status = { containerStatuses: [{ state: { waiting } }] };
    await workers.states();
    expect(workers.notices()).toEqual([
      'a worker finds no place: 0/3 nodes: Insufficient nvidia.com/gpu',
      'a worker does not start: ImagePullBackOff: Back-off pulling image "graft:1"',
    ]);
  });

  it('carries a trial to its end though workers die', async () => {
    let jobs = 3;
    let polls = 0;
    const workers = start({ mostFailures: 0 });
    const watched = {
      ...workers,
      async states() {
        const states = await workers.states();
        for (const pod of api.pods.filter(({ phase }) => phase === 'Pending')) api.schedule(pod);
        const running = api.pods.find(({ phase }) => phase === 'Running');
        polls++;
        if (polls % 3 === 2 && running) api.end(running, 1);
        if (polls % 3 === 0) jobs--;
        return states;
      },
    };
    const execute = elsewhere({ fleet: keptGoing(watched, { count: 2, pollMs: 5 }), pollMs: 5 });
    expect(await execute(contextOf(() => Array(jobs).fill('open')))).toBe('finished');
    expect(api.jobs.size).toBeGreaterThan(1);
  });
});

describe('what goes wrong is one line with the remedy', () => {
  const failure = async (work: Promise<unknown>): Promise<Error> => {
    const error = await work.then(() => new Error('nothing went wrong')).catch((caught: Error) => caught);
    expect(error.message).not.toContain('\n');
    return error;
  };

  it('no such claim', async () => {
    const error = await failure(start({ claim: 'lost' }).ensure(1));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(
      /^no PersistentVolumeClaim 'lost' in namespace 'imaging'; create one .*ReadWriteMany/,
    );
    expect(api.jobs.size).toBe(0);
  });

  it('who may not look at claims may still use one', async () => {
    api.refuse = (args) =>
      args[1] === 'persistentvolumeclaim' ? 'Error from server (Forbidden): no' : undefined;
    await start().ensure(1);
    expect(api.jobs.size).toBe(1);
  });

  it.each([
    [
      'Error from server (Forbidden): jobs.batch is forbidden: User "ada" cannot list',
      true,
      /cannot list; ask for a role that may create, list/,
    ],
    ['error: You must be logged in to the server (Unauthorized)', true, /\(Unauthorized\); sign in again/],
    [
      'Error from server (Invalid): Job.batch "x" is invalid: spec',
      true,
      /is invalid: spec; the cluster ref/,
    ],
    [
      'Unable to connect to the server: tls: failed to verify certificate: x509: signed by unknown authority',
      true,
      /unknown authority; its certificate is not trusted/,
    ],
    [
      'The connection to the server localhost:8080 was refused - did you specify the right host or port?',
      true,
      /name a cluster with --kubeconfig/,
    ],
    ['error: stat /nowhere: no such file or directory', true, /stat \/nowhere: .*; check the kubeconfig/],
    ['Error from server (InternalError): etcd is away', false, /^kubectl: etcd is away$/],
    [
      'E1201 10:34 memcache.go: "Unhandled Error"\nThe connection to the server 127.0.0.1:1 was refused - did you',
      false,
      /^kubectl: The connection to the server 127.* did you; kubectl cluster-info says more/,
    ],
  ])('%s', async (stderr, lasting, said) => {
    api.refuse = () => stderr;
    const error = await failure(start().states());
    expect(error.message).toMatch(said);
    expect(error instanceof ConfigError).toBe(lasting);
  });

  it('hands on where the cluster is; without kubectl it says where that is had', async () => {
    const where = { kubeconfig: '/k', context: 'c', apiServer: 'http://127.0.0.1:8001' };
    await start(where).states();
    expect(api.calls.at(-1)).toEqual(
      expect.arrayContaining(['--kubeconfig=/k', '--context=c', '--server=http://127.0.0.1:8001']),
    );
    const error = await failure(start({ environment: { PATH: '/nowhere' } }).states());
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/^kubectl: not found on PATH; install it/);
  });
});

it.each([
  ['', 0],
  ['4', 1],
  ['0,3-5,7', 5],
])('countIndexes %j', (ranges, count) => {
  expect(countIndexes(ranges)).toBe(count);
});
