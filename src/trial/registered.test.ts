import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setThreads } from 'graft-torch';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileProgram } from '../../test/program.js';
import { openDataset } from '../data/dataset/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { InterruptedError } from '../run/interrupt.js';
import { createRun, openRun, readEvents } from '../run/run-folder.js';
import { readRegistration } from '../verdict/registration.js';
import { type TrialConfig, trialConfigSchema } from './config.js';
import { registeredSummary } from './registered.js';
import { trialPlan } from './registration.js';
import { writeReport } from './report/index.js';
import { readTrialSummary } from './result.js';
import { runTrial, type TrialOptions } from './run.js';
import type { TrialSummary } from './summary.js';
import { openTrial } from './trial.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-registered-'));
const data = join(folder, 'phantoms');
/** A finished trial, and one that was stopped with its GAN and at least one classifier done. */
const finished = join(folder, 'finished');
const stopped = join(folder, 'stopped');

const configOf = (settings: object = {}): TrialConfig =>
  trialConfigSchema.parse({
    name: 'small',
    data,
    arms: ['real', 'real+synthetic'],
    seeds: [0, 1],
    gans: {
      sngan: {
        set: {
          steps: 2,
          batchSize: 4,
          latentSize: 8,
          generatorWidth: 4,
          discriminatorWidth: 4,
          sampleCount: 4,
        },
      },
    },
    classifier: { set: { imageSize: 32, steps: 2, batchSize: 8, evaluateEvery: 1, warmupSteps: 0 } },
    threads: 1,
    ...settings,
  });

async function resume(dir: string, options: TrialOptions = {}): Promise<TrialSummary> {
  const run = existsSync(join(dir, 'config.yaml')) ? openRun(dir, { kind: 'trial' }) : undefined;
  try {
    return await runTrial(run!, openTrial(dir), { parallel: 2, ...options });
  } finally {
    run!.close();
  }
}

/** A copy to be tampered with: it lies elsewhere than the trial was run, which is no difference. */
function copyOf(dir: string, name: string): string {
  const copy = join(folder, name);
  cpSync(dir, copy, { recursive: true });
  return copy;
}

const edit = (path: string, from: string | RegExp, to: string): void => {
  const text = readFileSync(path, 'utf8');
  expect(text).toMatch(from);
  writeFileSync(path, text.replace(from, to));
};

const report = (dir: string, deviation?: string): TrialSummary =>
  registeredSummary(dir, readTrialSummary(dir), deviation);

beforeAll(async () => {
  await compileProgram();
  setThreads(1);
  await createPhantomDataset(data, { count: 80, sizePx: 32, prevalence: 0.3, seed: 1 });
  const config = configOf();
  const dataHash = openDataset(data).hash;
  const begin = (dir: string) => createRun(dir, { kind: 'trial', config, dataHash });
  const stopping = begin(stopped);
  let classifiers = 0;
  const interrupt = { requested: false, poll: async () => classifiers >= 2 };
  const onJob = (title: string): void => void (title.includes('seed') && classifiers++);
  await expect(runTrial(stopping, openTrial(stopped), { parallel: 1, interrupt, onJob })).rejects.toThrow(
    InterruptedError,
  );
  stopping.close();
  cpSync(stopped, finished, { recursive: true });
  await resume(finished);
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const doneRun = (dir: string): string =>
  String(
    readEvents(join(dir, 'events.jsonl')).find(
      ({ type, id }) => type === 'job' && String(id).startsWith('runs/'),
    )!.id,
  );

describe('a trial that was not registered before it ran', () => {
  test('fixes its plan when it begins, and says so', () => {
    const { registration } = readTrialSummary(finished);
    const file = readRegistration(join(finished, 'registration.json'));
    expect(registration).toEqual({
      by: 'run',
      planHash: file.registration.planHash,
      fileHash: file.fileHash,
      registeredAt: file.registration.registeredAt,
      marginReason: null,
      deviations: [],
    });
    expect(report(finished)).toEqual(readTrialSummary(finished));
  });

  test('every GAN, sampled set and classifier run is noted once, however often the trial was stopped', () => {
    const ids = readEvents(join(finished, 'events.jsonl')).flatMap(({ type, id }) =>
      type === 'job' ? [id] : [],
    );
    expect(ids).toHaveLength(1 + 1 + 4);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('the report says under the verdict what it was held to, and nowhere more than that', () => {
    const { html, markdown } = writeReport(report(finished), join(folder, 'report'), {
      baseDir: finished,
      replicates: 20,
    });
    for (const path of [html, markdown]) {
      const text = readFileSync(path, 'utf8');
      expect(text).toContain(
        'Not registered before it was run: the plan was written down when the trial began',
      );
      expect(text).toContain('set when the trial began as too small to matter');
      expect(text).not.toContain('set beforehand');
    }
  });
});

describe('the plan', () => {
  test('leaves out where files lie and how fast is computed, and nothing else', async () => {
    const dataset = openDataset(data);
    const config = configOf();
    const plan = await trialPlan(config, dataset);
    expect(JSON.stringify(plan)).not.toContain(folder);
    const other = { ...config, name: 'x', device: 'cuda', threads: 7, data: '/elsewhere' };
    expect(await trialPlan(other, dataset)).toEqual(plan);
    const changes: Partial<TrialConfig>[] = [
      { equivalenceMargin: 0.05 },
      { marginReason: 'because' },
      { level: 0.9 },
      { power: 0.9 },
      { seeds: [0, 1, 2] },
      { folds: 2 },
      { arms: ['real'] },
      { sequential: { looks: [2, 3], halfWidth: null } },
      { synthetic: { ...config.synthetic, pool: 9 } },
      { synthetic: { ...config.synthetic, amount: '+10%' } },
      { classifier: { ...config.classifier, set: { ...config.classifier.set, steps: 3 } } },
      { gans: { sngan: { ...config.gans.sngan!, each: 'seed' } } },
      { gans: { sngan: { ...config.gans.sngan!, set: { ...config.gans.sngan!.set, steps: 3 } } } },
      { gans: { sngan: { ...config.gans.sngan!, run: join(finished, 'gans/sngan/fold-1') } } },
    ];
    for (const change of changes)
      expect(await trialPlan({ ...config, ...change }, dataset), JSON.stringify(change)).not.toEqual(plan);
    const [first, ...rest] = dataset.rows;
    const moved = {
      ...dataset,
      rows: [{ ...first!, split: first!.split === 'test' ? 'train' : 'test' } as const, ...rest],
    };
    expect((await trialPlan(config, moved)).splits).not.toEqual(plan.splits);
  });
});

describe('what was changed since is refused, by name', () => {
  const tampered: [string, string, (dir: string) => void, RegExp][] = [
    [
      'margin and level edited before a resume',
      stopped,
      (dir) => {
        edit(join(dir, 'config.yaml'), 'equivalenceMargin: 0.02', 'equivalenceMargin: 0.05');
        edit(join(dir, 'config.yaml'), 'level: 0.95', 'level: 0.9');
      },
      /level: was 0\.95, is 0\.9; margin: was 0\.02, is 0\.05\. Put them back, or say why: --deviation/,
    ],
    [
      'a seed taken out of the file',
      stopped,
      (dir) => edit(join(dir, 'config.yaml'), /seeds:\n {2}- 0\n {2}- 1/, 'seeds:\n  - 0'),
      /seeds: was \[0,1\], is \[0\]/,
    ],
    [
      'a run that was done',
      stopped,
      (dir) => rmSync(join(dir, doneRun(dir)), { recursive: true }),
      /runs\/.* was done, and its result is gone/,
    ],
    [
      'the summary of a run that was done',
      stopped,
      (dir) => rmSync(join(dir, doneRun(dir), 'summary.json')),
      /runs\/.* was done, and its result is gone/,
    ],
    [
      'scores of a run that was done',
      stopped,
      (dir) => edit(join(dir, doneRun(dir), 'scores-test.csv'), /,0\.\d+\n/, ',0.999\n'),
      /runs\/.* has another result than when it was done/,
    ],
    [
      'the summary of a trial that had finished',
      finished,
      (dir) => rmSync(join(dir, 'summary.json')),
      /summary\.json: the trial had finished, and its result is gone/,
    ],
    [
      'the registration',
      stopped,
      (dir) => rmSync(join(dir, 'registration.json')),
      /registration\.json is gone \(it had the SHA-256 [0-9a-f]{64}\)/,
    ],
    [
      'an edited registration',
      stopped,
      (dir) => edit(join(dir, 'registration.json'), '"margin": 0.02', '"margin": 0.05'),
      /registration\.json was edited/,
    ],
  ];
  test.each(tampered)('%s', async (name, from, tamper, message) => {
    const dir = copyOf(from, `refused ${name}`);
    tamper(dir);
    await expect(resume(dir)).rejects.toThrow(message);
    expect(existsSync(join(dir, 'summary.json'))).toBe(false);
  });

  const reported: [string, (dir: string) => void, RegExp][] = [
    [
      'the margin in the summary',
      (dir) => edit(join(dir, 'summary.json'), '"equivalenceMargin": 0.02', '"equivalenceMargin": 0.05'),
      /summary\.json: margin: was 0\.02, is 0\.05/,
    ],
    [
      'the margin in config.yaml',
      (dir) => edit(join(dir, 'config.yaml'), 'equivalenceMargin: 0.02', 'equivalenceMargin: 0.05'),
      /config\.yaml: margin: was 0\.02, is 0\.05/,
    ],
    [
      'a seed in the summary',
      (dir) => {
        const path = join(dir, 'summary.json');
        const summary = JSON.parse(readFileSync(path, 'utf8'));
        summary.runs = summary.runs.filter(({ seed }: { seed: number }) => seed === 0);
        writeFileSync(path, JSON.stringify(summary));
      },
      /summary\.json: seeds: was \[0,1\], is \[0\]; summary\.json: runs\/.* is gone/,
    ],
    [
      'a score in the summary',
      (dir) => {
        const path = join(dir, 'summary.json');
        const summary = JSON.parse(readFileSync(path, 'utf8'));
        summary.runs[0].testScores[0] = 0.5;
        writeFileSync(path, JSON.stringify(summary));
      },
      /summary\.json: runs\/.* has other scores than when it was done/,
    ],
    ['the registration', (dir) => rmSync(join(dir, 'registration.json')), /registration\.json is gone/],
    [
      'a deviation, from the log and its file',
      (dir) => {
        edit(join(dir, 'config.yaml'), 'power: 0.8', 'power: 0.9');
        report(dir, 'x');
        const path = join(dir, 'summary.json');
        const summary = JSON.parse(readFileSync(path, 'utf8'));
        summary.registration.deviations = JSON.parse(readFileSync(join(dir, 'deviations.json'), 'utf8')).map(
          ({ plan: _, results: __, ...told }: Record<string, unknown>) => told,
        );
        writeFileSync(path, JSON.stringify(summary));
        expect(report(dir).registration?.deviations).toHaveLength(1);
        rmSync(join(dir, 'deviations.json'));
        edit(join(dir, 'events.jsonl'), /.*"type":"deviation".*\n/, '');
      },
      /events\.jsonl: was edited: the trial finished with 1 deviation from/,
    ],
    [
      'the plan in the log',
      (dir) => edit(join(dir, 'events.jsonl'), '\\"margin\\":0.02', '\\"margin\\":0.05'),
      /events\.jsonl: a plan in it was edited/,
    ],
    ['the log', (dir) => rmSync(join(dir, 'events.jsonl')), /events\.jsonl: is gone or was cut/],
  ];
  test.each(reported)('by the report: %s', (name, tamper, message) => {
    const dir = copyOf(finished, `unreported ${name}`);
    tamper(dir);
    expect(() => report(dir)).toThrow(message);
  });
});

describe('with a reason it goes on, and the reason stays', () => {
  test('margin, a lost run: told in the summary; deviations cannot be taken away again', async () => {
    const dir = copyOf(stopped, 'deviating');
    edit(join(dir, 'config.yaml'), 'equivalenceMargin: 0.02', 'equivalenceMargin: 0.05');
    const lost = doneRun(dir);
    rmSync(join(dir, lost), { recursive: true });
    let jobs = 0;
    const interrupt = { requested: false, poll: async () => jobs >= 1 };
    const stopping = { deviation: 'a reviewer asked', interrupt, parallel: 1, onJob: () => void jobs++ };
    await expect(resume(dir, stopping)).rejects.toThrow(InterruptedError);
    // The reason was given once; nobody is asked again.
    const summary = await resume(dir);
    expect(summary.registration).toMatchObject({
      by: 'run',
      deviations: [
        {
          why: 'a reviewer asked',
          differences: ['margin: was 0.02, is 0.05', `${lost} was done, and its result is gone`],
        },
      ],
    });
    expect(report(dir).registration?.deviations).toHaveLength(1);
    const { markdown } = writeReport(report(dir), join(dir, 'report'), { baseDir: dir, replicates: 20 });
    const text = readFileSync(markdown, 'utf8');
    expect(text).toContain('1 deviation from the plan');
    expect(text).toContain('a reviewer asked');
    expect(text).not.toContain('set beforehand');

    const path = join(dir, 'deviations.json');
    const kept = readFileSync(path, 'utf8');
    writeFileSync(path, '[]\n');
    expect(() => report(dir)).toThrow('deviations.json was edited (the log has 1 of them)');
    rmSync(path);
    expect(() => report(dir)).toThrow('deviations.json is gone');
    const restored = report(dir, 'lost in a move');
    expect(restored.registration?.deviations.map(({ why }) => why)).toEqual([
      'a reviewer asked',
      'lost in a move',
    ]);
    expect(JSON.parse(readFileSync(path, 'utf8'))[0]).toEqual(JSON.parse(kept)[0]);
    expect(report(dir).registration?.deviations).toHaveLength(2);
  }, 120_000);

  test('what a report was made in spite of is not asked for twice', () => {
    const dir = copyOf(finished, 'reported anyway');
    edit(join(dir, 'summary.json'), '"equivalenceMargin": 0.02', '"equivalenceMargin": 0.05');
    edit(join(dir, 'config.yaml'), 'level: 0.95', 'level: 0.9');
    rmSync(join(dir, 'registration.json'));
    expect(report(dir, 'tried').registration!.deviations[0]!.differences).toEqual([
      expect.stringContaining('registration.json is gone'),
      'summary.json: margin: was 0.02, is 0.05',
      'config.yaml: level: was 0.95, is 0.9',
    ]);
    expect(report(dir)).toMatchObject({
      equivalenceMargin: 0.05,
      registration: { deviations: [{ why: 'tried' }] },
    });
  });

  test('a deviation that was written down and not yet logged, as after a crash, is taken into the log', async () => {
    const dir = copyOf(stopped, 'crashed');
    edit(join(dir, 'config.yaml'), 'power: 0.8', 'power: 0.9');
    const log = join(dir, 'events.jsonl');
    const before = readFileSync(log, 'utf8');
    const interrupt = { requested: true, poll: async () => true };
    await expect(resume(dir, { deviation: 'why not', interrupt })).rejects.toThrow(InterruptedError);
    writeFileSync(log, before);
    await expect(resume(dir, { interrupt })).rejects.toThrow(InterruptedError);
    expect(readEvents(log).filter(({ type }) => type === 'deviation')).toMatchObject([{ why: 'why not' }]);
  });

  test('a trial that was begun without a plan has none to deviate from, and stays unregistered', async () => {
    const dir = copyOf(stopped, 'older');
    const log = join(dir, 'events.jsonl');
    writeFileSync(log, '');
    rmSync(join(dir, 'registration.json'));
    await expect(resume(dir, { deviation: 'x' })).rejects.toThrow('has no registered plan');
    const summary = await resume(dir);
    expect(summary.registration).toBeNull();
    expect(report(dir).registration).toBeNull();
    expect(existsSync(join(dir, 'registration.json'))).toBe(false);
  }, 120_000);
});
