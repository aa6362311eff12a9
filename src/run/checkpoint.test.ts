import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, saveSafetensors, Tensor, tensor, tidy } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  bestCheckpointPath,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  readCheckpointHeader,
  requireLastCheckpoint,
  resumeCheckpoint,
  saveCheckpoint,
  underPrefix,
  verifyCheckpoint,
  withPrefix,
} from './checkpoint.js';
import { createRun, openRun, type Run, readRun, withoutWall } from './run-folder.js';

let base: string;
let dir: string;
let warnings: string[];
const warn = (message: string): void => void warnings.push(message);
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'graft-checkpoint-'));
  dir = join(base, 'run');
  warnings = [];
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const start = (): Run => createRun(dir, { kind: 'gan', config: { steps: 40 } });
const save = (run: Run, step: number, options = {}): string =>
  tidy(() => {
    const tensors = { weight: tensor([step, 0.5, -1], [3]), count: tensor([step], [], { dtype: 'int64' }) };
    return saveCheckpoint(run, step, { tensors, meta: { loss: Number.NaN, order: [3, 1] } }, options);
  });
const names = (): string[] => readdirSync(join(dir, 'checkpoints')).sort();

test('what was saved is loaded: tensors, plain values, step, event count', () => {
  const before = liveTensors();
  const run = start();
  run.event('train', 200);
  const path = save(run, 200);
  expect(path).toBe(join(dir, 'checkpoints', 'step-000200.safetensors'));
  const loaded = loadCheckpoint(path);
  expect(loaded).toMatchObject({ step: 200, events: 1, best: false });
  expect(loaded.meta).toEqual({ loss: Number.NaN, order: [3, 1] });
  expect(loaded.tensors.weight).toBeInstanceOf(Tensor);
  expect([...loaded.tensors.weight!.toArray()]).toEqual([200, 0.5, -1]);
  expect(loaded.tensors.count!.dtype).toBe('int64');
  expect(loaded.tensors.count!.shape).toEqual([]);
  for (const value of Object.values(loaded.tensors)) value.dispose();
  expect(liveTensors()).toBe(before);
  run.close();
});

test('the header tells the same without loading a tensor', () => {
  const run = start();
  const path = save(run, 7, { best: true });
  run.close();
  expect(readCheckpointHeader(path)).toEqual({
    step: 7,
    events: 0,
    best: true,
    config: { steps: 40 },
    meta: { loss: Number.NaN, order: [3, 1] },
    tensors: [
      { name: 'weight', dtype: 'F32', shape: [3] },
      { name: 'count', dtype: 'I64', shape: [] },
    ],
    sizeBytes: statSync(path).size,
  });
  expect(readRun(dir).checkpoints).toEqual([{ step: 7, path }]);
});

test('keeps the last ones and the best, which pruning does not reach', () => {
  const run = start();
  for (const step of [10, 20, 30, 40, 1_000_000]) save(run, step, { keep: 2, best: step === 20 });
  run.close();
  expect(names()).toEqual(['best.safetensors', 'step-000040.safetensors', 'step-1000000.safetensors']);
  expect(listCheckpoints(dir).map((file) => file.step)).toEqual([40, 1_000_000]);
  expect(readCheckpointHeader(bestCheckpointPath(dir)).step).toBe(20);
});

const damages: [string, (path: string) => void][] = [
  ['cut in its data', (path) => truncateSync(path, statSync(path).size - 1)],
  ['cut in its header', (path) => truncateSync(path, 40)],
  ['empty', (path) => truncateSync(path, 0)],
  ['too long', (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('x')]))],
  ['zeros', (path) => writeFileSync(path, Buffer.alloc(statSync(path).size))],
  ['noise', (path) => writeFileSync(path, Buffer.alloc(statSync(path).size, 0xff))],
  ['header overwritten', (path) => void writeSync(openSync(path, 'r+'), 'garbage', 8)],
  ['one bit of its data changed', (path) => flip(path, statSync(path).size - 6, 0x10)],
];

/** Changes bits of one byte in place. */
function flip(path: string, position: number, bits: number): void {
  const fd = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, position);
  byte[0]! ^= bits;
  writeSync(fd, byte, 0, 1, position);
  closeSync(fd);
}
test('the last checkpoint is asked for: one that is missing is not replaced by an older one', () => {
  const run = start();
  save(run, 10);
  const { path } = requireLastCheckpoint(dir, { step: 10 });
  expect(path).toMatch(/step-000010\.safetensors$/);
  expect(() => requireLastCheckpoint(dir, { step: 20 })).toThrow(
    /step-000020\.safetensors: no such checkpoint; the last whole one is of step 10$/,
  );
  flip(path, statSync(path).size - 6, 0x10);
  expect(() => requireLastCheckpoint(dir)).toThrow(/no other checkpoint is whole: take the file from a copy/);
  rmSync(path);
  expect(() => requireLastCheckpoint(dir)).toThrow(/has no checkpoint/);
  run.close();
});

test.each(damages)(
  'a damaged checkpoint (%s) is passed over with a warning and set aside',
  (_name, damage) => {
    const run = start();
    run.event('train', 5);
    save(run, 10);
    run.event('train', 15);
    const last = save(run, 20);
    run.close();
    damage(last);
    expect(() => loadCheckpoint(last)).toThrow(DataError);
    expect(() => requireLastCheckpoint(dir, { remedy: (step) => `--checkpoint ${step}` })).toThrow(
      /^[^\n]*step-000020\.safetensors: [^\n]*; the last whole one is of step 10: ask for it with --checkpoint 10$/,
    );
    expect(latestCheckpoint(dir, warn)?.step).toBe(10);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/step-000020\.safetensors: .*; going back to the one before/);

    const again = openRun(dir);
    const checkpoint = resumeCheckpoint(again, warn)!;
    expect(checkpoint.step).toBe(10);
    expect(again.eventCount).toBe(1);
    again.close();
    for (const value of Object.values(checkpoint.tensors)) value.dispose();
    expect(names()).toEqual(['step-000010.safetensors', 'step-000020.safetensors.damaged']);
    expect(readFileSync(join(dir, 'log.txt'), 'utf8')).toMatch(
      /warning: .*step-000020.*\n.*resumed from step-000010/,
    );
  },
);

test('a change of any one byte, in the header or in the data, is noticed and named', () => {
  const run = start();
  const path = save(run, 20);
  run.close();
  const { size } = statSync(path);
  // Every byte of this small file: length, names, offsets, metadata, the checksum itself, padding, data.
  for (let position = 0; position < size; position++) {
    // The lowest bit turns digits and letters into others: what is most like a proper header.
    for (const bits of [0x01, 0xff]) {
      flip(path, position, bits);
      for (const read of [verifyCheckpoint, loadCheckpoint]) {
        expect(() => tidy(() => void read(path)), `byte ${position} ^ ${bits}`).toThrow(DataError);
        expect(() => tidy(() => void read(path))).toThrow(/step-000020\.safetensors: /);
      }
      flip(path, position, bits);
    }
  }
  verifyCheckpoint(path);
});

test('a checkpoint of the first format, without checksum and configuration, still resumes', () => {
  const run = start();
  run.event('train', 20);
  const path = save(run, 20);
  run.close();
  // As Graft 0.1.0 wrote it.
  const fields = { format: 'graft-checkpoint-1', step: 20, events: 1, best: false, meta: { order: [3, 1] } };
  const json = Buffer.from(
    JSON.stringify({
      __metadata__: { graft: JSON.stringify(fields) },
      weight: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
    }),
  );
  const file = Buffer.alloc(8 + json.length + 4);
  file.writeBigUInt64LE(BigInt(json.length));
  json.copy(file, 8);
  file.writeFloatLE(0.5, 8 + json.length);
  writeFileSync(path, file);
  const again = openRun(dir);
  const checkpoint = resumeCheckpoint(again, warn)!;
  again.close();
  expect(checkpoint).toMatchObject({ step: 20, events: 1, meta: { order: [3, 1] } });
  expect(checkpoint.tensors.weight!.item()).toBe(0.5);
  checkpoint.tensors.weight!.dispose();
  expect(warnings).toEqual([]);
});

test('an edited config.yaml is refused, with the key and both values, and nothing is changed', () => {
  const run = createRun(dir, { kind: 'gan', config: { steps: 40, batchSize: 4, threads: 2 } });
  run.event('train', 5);
  save(run, 10);
  run.event('train', 15);
  run.close();
  const edit = (from: string, to: string): void => {
    const path = join(dir, 'config.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
  };
  const resume = (changeable?: string[]): number => {
    const again = openRun(dir);
    try {
      const checkpoint = resumeCheckpoint(again, warn, changeable ? { changeable } : {})!;
      for (const value of Object.values(checkpoint.tensors)) value.dispose();
      return checkpoint.step;
    } finally {
      again.close();
    }
  };
  edit('batchSize: 4', 'batchSize: 8');
  const live = liveTensors();
  expect(() => resume()).toThrow(ConfigError);
  expect(() => resume()).toThrow(
    /config\.yaml: .*trained to step 10 .*: batchSize is 8, was 4\. Put it back/,
  );
  expect(liveTensors()).toBe(live);
  expect(readRun(dir).events).toHaveLength(2);
  edit('batchSize: 8', 'batchSize: 4');
  edit('threads: 2', 'threads: 1'); // changes nothing that was computed
  expect(resume()).toBe(10);
  edit('steps: 40', 'steps: 80');
  expect(() => resume()).toThrow(/steps is 80, was 40/);
  expect(resume(['steps', 'threads'])).toBe(10);
  edit('steps: 80', 'steps: 9');
  expect(() => resume(['steps', 'threads'])).toThrow(/steps is 9, but this run has done 10 already/);
});

test('without a whole checkpoint a resume starts over, with an empty event log', () => {
  const run = start();
  run.event('train', 5);
  run.close();
  const again = openRun(dir);
  expect(resumeCheckpoint(again, warn)).toBeUndefined();
  expect(again.eventCount).toBe(0);
  again.close();
  expect(warnings).toEqual([]);
});

test('weights alone, or any other safetensors file, are not taken for a checkpoint', () => {
  const path = join(base, 'weights.safetensors');
  tidy(() => saveSafetensors(path, { a: tensor([1], [1]) }));
  expect(() => loadCheckpoint(path)).toThrow(/not a checkpoint of Graft/);
  expect(() => loadCheckpoint(join(base, 'none'))).toThrow(/none: no such checkpoint/);
});

test('killed between a best checkpoint and its second name: resuming makes up for it', () => {
  const run = start();
  save(run, 10, { best: true });
  save(run, 20, { best: true });
  run.close();
  rmSync(bestCheckpointPath(dir));
  for (let i = 0; i < 2; i++) {
    const again = openRun(dir);
    for (const value of Object.values(resumeCheckpoint(again, warn)!.tensors)) value.dispose();
    again.close();
    expect(readCheckpointHeader(bestCheckpointPath(dir)).step).toBe(20);
    expect(names()).toHaveLength(3); // and no temporary name stays behind
  }
});

/**
 * A tiny trainer: its state is a running sum that depends on every step, its events on the state. Runs in this
 * process up to `stopAfter` and then drops everything, which is all that a kill -9 leaves: the files. With
 * `saving` it stops as on Ctrl-C, with a checkpoint at that step.
 */
function train(run: Run, stopAfter: number, saving = false): 'killed' | 'finished' {
  let step = 0;
  let sum = 0;
  const checkpoint = resumeCheckpoint(run, warn);
  if (checkpoint !== undefined) {
    step = checkpoint.step;
    sum = checkpoint.tensors.sum!.item() as number;
    for (const value of Object.values(checkpoint.tensors)) value.dispose();
  }
  while (step < 40) {
    step += 1;
    sum = Math.fround(sum * 0.9 + Math.sin(step));
    run.event('train', step, { sum });
    if (step % 8 === 0 || (saving && step === stopAfter)) {
      tidy(() => saveCheckpoint(run, step, { tensors: { sum: tensor([sum], [1]) }, meta: null }));
    }
    if (step === stopAfter) return 'killed';
  }
  run.finish({ sum });
  return 'finished';
}

test('a run killed or interrupted at any step and resumed ends as one that was never killed', () => {
  const straight = createRun(join(base, 'straight'), { kind: 'gan', config: {} });
  expect(train(straight, Number.POSITIVE_INFINITY)).toBe('finished');
  const expected = readRun(join(base, 'straight'));

  for (const stops of [[1], [7], [8], [9], [20, 23, 31], [39], [18, 18, 17]]) {
    const place = join(base, `killed-${stops.join('-')}`);
    createRun(place, { kind: 'gan', config: {} }).close();
    for (const stop of [...stops, Number.POSITIVE_INFINITY]) {
      const run = openRun(place);
      train(run, stop, stop % 2 === 1);
      run.close();
    }
    const record = readRun(place);
    expect(record.events.map(withoutWall)).toEqual(expected.events.map(withoutWall));
    expect(record.summary?.sum).toBe(expected.summary?.sum);
    const bytes = (path: string): Buffer => readFileSync(path);
    // An interrupt leaves a checkpoint more, but those of the same steps are the same.
    const common = record.checkpoints.filter((file) => file.step % 8 === 0);
    expect(common.length).toBeGreaterThan(0);
    for (const { step, path } of common) {
      const other = expected.checkpoints.find((file) => file.step === step)!;
      expect(bytes(path).equals(bytes(other.path))).toBe(true);
    }
  }
});

test('a checkpoint that a kill -9 interrupts leaves the one before and no half file under its name', async () => {
  const run = start();
  save(run, 10);
  run.close();
  // A child writes the way saveCheckpoint does, to a temporary name, and is killed before the rename.
  const temporary = join(dir, 'checkpoints', '.step-000020.safetensors.0123456789ab.tmp');
  const child = spawn(process.execPath, [
    '-e',
    `const fs = require('node:fs'); const fd = fs.openSync(${JSON.stringify(temporary)}, 'w');
     fs.writeSync(fd, 'half'); console.log('writing'); setInterval(() => {}, 1000);`,
  ]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(existsSync(temporary)).toBe(true);
  const again = openRun(dir);
  expect(latestCheckpoint(dir, warn)?.step).toBe(10);
  again.close();
  expect(names()).toEqual(['step-000010.safetensors']);
  expect(warnings).toEqual([]);
});

test('several state dicts share a checkpoint through prefixes', () => {
  tidy(() => {
    const one = tensor([1], [1]);
    const both = { ...withPrefix('generator', { 'conv.weight': one }), ...withPrefix('gen', { x: one }) };
    expect(Object.keys(both)).toEqual(['generator.conv.weight', 'gen.x']);
    expect(underPrefix('generator', both)).toEqual({ 'conv.weight': one });
    expect(underPrefix('gen', both)).toEqual({ x: one });
  });
});
