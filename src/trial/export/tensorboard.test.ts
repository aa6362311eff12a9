import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type WrittenTrial, writeExampleTrial } from './example.test-data.js';
import { exportTensorBoard, type TensorBoardExport } from './tensorboard.js';
import { settingsRecord, statusRecord, valuesRecord, versionRecord } from './tensorboard-events.js';
import { crc32c } from './tfrecord.js';

const golden = JSON.parse(
  readFileSync(
    fileURLToPath(new URL('../../../test/goldens/tensorboard/golden.json', import.meta.url)),
    'utf8',
  ),
) as { picture: string; records: Record<string, string> };
const picture = Buffer.from(golden.picture, 'base64');

describe('records are those of TensorBoard itself, byte for byte', () => {
  const T = 1_700_000_000.25;
  const png = { png: picture, width: 3, height: 2 };
  const session = (setting: string | number | boolean, name: string) =>
    settingsRecord(T, { [name]: setting });
  const made: Record<string, Uint8Array[]> = {
    version: versionRecord(T),
    scalars: valuesRecord({ seconds: T + 1, step: 50 }, [
      { tag: 'losses/generatorLoss', scalar: 0.1 },
      { tag: 'losses/discriminatorLoss', scalar: Number.NaN },
      { tag: 'Größe', scalar: 0 },
    ]),
    zero: valuesRecord({ seconds: T + 1, step: 0 }, [{ tag: 'a', scalar: -1.5 }]),
    far: valuesRecord({ seconds: T + 2, step: 5e9 }, [{ tag: 'a', scalar: Number.POSITIVE_INFINITY }]),
    picture: valuesRecord({ seconds: T + 3, step: 300 }, [{ tag: 'samples', ...png }]),
    number: session(16, 'batchSize'),
    text: session('real+standard', 'trial.arm'),
    yes: session(true, 'augment'),
    end: statusRecord(T + 9, 'finished'),
  };

  test.each(Object.keys(golden.records))('%s', (name) => {
    expect(Buffer.concat(made[name]!).toString('base64')).toBe(golden.records[name]);
  });

  test('CRC-32C has its check value', () => {
    // Of '123456789': Koopman's catalogue, RFC 3720.
    expect(crc32c(Buffer.from('12345'), Buffer.from('6789'))).toBe(0xe3069283);
  });
});

describe('a trial', () => {
  const root = mkdtempSync(join(tmpdir(), 'graft-tensorboard-'));
  const out = join(root, 'out');
  let trial: WrittenTrial;
  let result: TensorBoardExport;

  beforeAll(() => {
    trial = writeExampleTrial(join(root, 'trial'), picture);
    result = exportTensorBoard(trial.dir, out);
  });
  afterAll(() => {
    trial.close();
    rmSync(root, { recursive: true, force: true });
  });

  const contentOf = (name: string): string => {
    const path = result.files.find((file) => relative(out, file).startsWith(`${name}/events`))!;
    return readFileSync(path, 'latin1');
  };

  test('each run has a folder, the trial too', () => {
    const names = result.files.map((file) =>
      relative(out, file).replace(/\/events\.out\.tfevents\.\d{10}\.graft$/, ''),
    );
    expect(names).toEqual(['trial', 'gan', 'runs/real/seed-1', 'runs/real+standard/seed-1']);
  });

  test('every number of every event is there, and of a finished run its result', () => {
    // gan: 3 × (2 losses, seconds), 2 of its summary; classifiers: 3 × (loss, images/s), once 2 of the summary; the trial:
    // the mean AUC of each of four arms.
    expect(result.scalars).toBe(9 + 2 + 6 + 2 + 6 + 4);
    // The GAN's sample, and two grids.
    expect(result.pictures).toBe(3);
    expect(contentOf('gan')).toContain('losses/discriminatorLoss');
    expect(contentOf('gan')).toContain('summary/final.generatorLoss');
    expect(contentOf('gan')).toContain(picture.toString('latin1'));
    expect(contentOf('gan')).toContain('learningRate.generator');
    expect(contentOf('runs/real/seed-1')).toContain('trial.arm');
    expect(contentOf('runs/real/seed-1')).not.toContain('summary/classes');
    expect(contentOf('trial')).toContain('grids/sngan-64/synthetic');
    expect(contentOf('trial')).toContain('test AUC/real+standard');
  });

  test('says of each run whether it is done', () => {
    // Behind the plugin's name: tag and length of its content and of the session's end, whose first field is the status.
    const status = (name: string): number => {
      const content = contentOf(name);
      return content.charCodeAt(content.lastIndexOf('hparams') + 'hparams'.length + 5);
    };
    // STATUS_SUCCESS and STATUS_RUNNING.
    expect(status('gan')).toBe(1);
    expect(status('runs/real+standard/seed-1')).toBe(3);
  });

  test('a second export replaces the first: what was logged since is added, and nothing is there twice', () => {
    const before = result.files.map((file) => readFileSync(file));
    trial.goOn();
    const again = exportTensorBoard(trial.dir, out);
    expect(again.files).toEqual(result.files);
    expect(again.scalars).toBe(result.scalars + 1);
    const after = again.files.map((file) => readFileSync(file));
    // The trial ends with the last of its parts, which has just moved.
    expect(after.slice(1, 3)).toEqual(before.slice(1, 3));
    expect(after[3]!.length).toBeGreaterThan(before[3]!.length);
  });

  test('progress counts the runs', () => {
    const seen: string[] = [];
    exportTensorBoard(trial.dir, join(root, 'other'), {
      onProgress: (done, total, name) => seen.push(`${done}/${total} ${name}`),
    });
    expect(seen).toEqual([
      '0/4 trial',
      '1/4 gan',
      '2/4 runs/real/seed-1',
      '3/4 runs/real+standard/seed-1',
      '4/4 ',
    ]);
  });

  test('a folder that is no trial is refused, with what to name', () => {
    expect(() => exportTensorBoard(join(trial.dir, 'gan'), out)).toThrow(
      /gan: is a gan run, expected a trial/,
    );
    expect(() => exportTensorBoard(root, out)).toThrow(/not a run folder/);
  });
});
