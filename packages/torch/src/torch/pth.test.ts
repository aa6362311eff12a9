import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DataError } from '../base/errors.js';
import { Random } from '../base/random.js';
import {
  liveTensors,
  loadPth,
  loadWeights,
  savePth,
  saveSafetensors,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from './index.js';

const goldens = fileURLToPath(new URL('../../../../test/goldens/pth/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'graft-pth-'));
const expected = JSON.parse(readFileSync(join(goldens, 'expected.json'), 'utf8')) as Record<
  string,
  Record<string, { shape: number[]; dtype: string; values: number[] }>
>;
const python = '/usr/bin/python3';
const hasTorch = spawnSync(python, ['-c', 'import torch']).status === 0;

const values = (t: Tensor): number[] => [...t.to({ dtype: 'float64' }).toArray()].map(Number);

function expectGolden(tensors: Record<string, Tensor>, name: string): void {
  const golden = expected[name]!;
  expect(Object.keys(tensors)).toEqual(Object.keys(golden));
  for (const [key, { shape, dtype, values: numbers }] of Object.entries(golden)) {
    const read = tensors[key]!;
    expect(read.shape, key).toEqual(shape);
    expect(read.dtype, key).toBe(/float16/.test(dtype) ? 'float32' : dtype);
    expect(values(read), key).toEqual(numbers);
    expect(() => read.view([read.numel]), `${key} is contiguous`).not.toThrow();
  }
}

describe('what PyTorch 1.13 saved comes back to the bit', () => {
  const names = 'zip legacy protocol4 parallel checkpoint views views-legacy dtypes'.split(' ');
  test.each(names)('%s', (name) => {
    const before = liveTensors();
    tidy(() => expectGolden(loadPth(join(goldens, `${name}.pth`)).tensors, `${name}.pth`));
    expect(liveTensors()).toBe(before);
  });

  test('of several state dicts one is named', () => {
    const path = join(goldens, 'several.pth');
    expect(() => loadPth(path)).toThrow(/several\.pth: it holds several state dicts.*part: netG, netD/);
    expect(() => loadPth(path, { part: 'netX' })).toThrow(/no part 'netX'; choose one of: netG, netD/);
    tidy(() => expectGolden(loadPth(path, { part: 'netD' }).tensors, 'several.pth'));
  });

  test('tensors of one storage do not share memory once read', () => {
    tidy(() => {
      const { tensors } = loadPth(join(goldens, 'views.pth'));
      tensors.whole!.fill_(-1);
      expect(values(tensors.strided!)).toEqual(expected['views.pth']!.strided!.values);
    });
  });
});

describe('what is no state dict is refused, and nothing is run', () => {
  test.each([
    ['evil.pth', /evil\.pth: names posix\.system, which is not read/],
    ['evil-legacy.pth', /names posix\.system/],
    ['module.pth', /names torch\.nn\.modules\.linear\.Linear/],
    ['quantised.pth', /names torch\._utils\._rebuild_qtensor/],
    ['list.pth', /holds no state dict/],
    ['script.pt', /a TorchScript archive/],
  ])('%s', (name, message) => {
    expect(() => loadPth(join(goldens, name))).toThrow(DataError);
    expect(() => loadPth(join(goldens, name))).toThrow(message);
    expect(existsSync('/tmp/graft-pickle-was-run')).toBe(false);
  });

  /** A legacy stream whose object is a pickle of our making. */
  const stream = (body: string): string => {
    const start = readFileSync(join(goldens, 'legacy.pth'));
    const path = join(folder, 'made.pth');
    // Magic number and protocol version: 15 and 6 bytes; the system's dict is left empty.
    writeFileSync(
      path,
      Buffer.concat([
        start.subarray(0, 21),
        Buffer.from('\x80\x02}.', 'latin1'),
        Buffer.from(body, 'latin1'),
      ]),
    );
    return path;
  };

  test.each([
    ["cos\nsystem\nS'ls'\n\x85R.", /names os\.system/],
    ['cbuiltins\neval\n.', /names builtins\.eval/],
    ['\x8c\x02os\x8c\x06system\x93.', /names os\.system/],
    ['(ios\nsystem\n.', /opcode 0x69/], // INST
    ['}c__builtin__\nsetattr\n.', /names __builtin__\.setattr/],
    ['K\x01)R.', /a call of no global/],
    ['ccollections\nOrderedDict\nK\x05\x85R.', /an OrderedDict is described in an unknown way/],
    ['h\x05.', /memo 5 was never written/],
    ['t.', /a mark is missing/],
    ['.', /its stack is empty/],
    ['K', /truncated/],
    ['X\xff\xff\xff\xff.', /truncated/],
    ['ccollections\nOrderedDict\n)R', /truncated/],
  ])('pickle %j', (body, message) => {
    const path = stream(body);
    expect(() => loadPth(path)).toThrow(DataError);
    expect(() => loadPth(path)).toThrow(message);
  });

  test('a window that reaches behind its storage', () => {
    const storage = '((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04NtQ';
    const path = stream(
      `}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n${storage}K\x02K\x03\x85K\x01\x85tRs.`,
    );
    expect(() => loadPth(path)).toThrow(/reaches behind its storage of 4 elements/);
  });

  test.each(['zip.pth', 'legacy.pth'])('%s cut anywhere is refused', (name) => {
    const whole = readFileSync(join(goldens, name));
    const path = join(folder, name);
    for (let length = 0; length < whole.length; length += 37) {
      writeFileSync(path, whole.subarray(0, length));
      expect(() => loadPth(path), `${length} bytes`).toThrow(DataError);
    }
  });

  test('a dictionary that holds itself is no endless search', () => {
    expect(() => loadPth(stream('}q\x00X\x01\0\0\0kh\x00s.\x80\x02].'))).toThrow(/holds no state dict/);
  });

  test('whatever bytes are changed, it is read or refused: no other error, no live tensor', () => {
    const random = new Random(1);
    const path = join(folder, 'changed.pth');
    const before = liveTensors();
    let refused = 0;
    for (const name of ['zip.pth', 'legacy.pth', 'protocol4.pth', 'views-legacy.pth']) {
      const whole = readFileSync(join(goldens, name));
      for (let i = 0; i < 250; i++) {
        const bytes = Buffer.from(whole);
        for (let j = 0; j < 3; j++) bytes[random.int(bytes.length)] = random.int(256);
        writeFileSync(path, bytes);
        try {
          tidy(() => void loadPth(path));
        } catch (error) {
          expect(error, `${name} ${i}: ${String(error)}`).toBeInstanceOf(DataError);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(300);
    expect(liveTensors()).toBe(before);
  });

  test('a flipped byte in the data of a zip is noticed', () => {
    const bytes = readFileSync(join(goldens, 'zip.pth'));
    const needle = Buffer.from(Float32Array.from(expected['zip.pth']!['main.0.weight']!.values).buffer);
    bytes[bytes.indexOf(needle) + 5]! ^= 1;
    writeFileSync(join(folder, 'flipped.pth'), bytes);
    expect(() => loadPth(join(folder, 'flipped.pth'))).toThrow(/flipped\.pth: .*checksum/);
  });
});

describe('savePth', () => {
  const state = (): Record<string, Tensor> => {
    const shared = tensor([1.5, -2, 0.25, 4, 5, 6], [2, 3]);
    return {
      'main.0.weight': shared,
      tied: shared,
      transposed: shared.t(),
      'é "x"': tensor([1, 2, 300], [3], { dtype: 'int64' }),
      count: tensor([7], [], { dtype: 'int64' }),
      flags: tensor([1, 0], [2], { dtype: 'bool' }),
      double: tensor([Math.PI], [1], { dtype: 'float64' }),
      half: tensor([0.5, -2], [2]).to({ dtype: 'float16' }),
      none: zeros([0, 4]),
      long: zeros([70_000]),
    };
  };

  test('reads back', () => {
    const before = liveTensors();
    tidy(() => {
      const path = join(folder, 'ours.pth');
      const written = state();
      savePth(path, written);
      const { tensors } = loadWeights(path);
      expect(Object.keys(tensors)).toEqual(Object.keys(written));
      for (const [key, value] of Object.entries(written)) {
        expect(tensors[key]!.shape, key).toEqual(value.shape);
        expect(values(tensors[key]!), key).toEqual(values(value));
      }
    });
    expect(liveTensors()).toBe(before);
  });

  test.skipIf(!hasTorch)('PyTorch reads it, also with weights_only (skipped without Python’s torch)', () => {
    const path = join(folder, 'for-python.pth');
    tidy(() => savePth(path, state()));
    const script = `
import json, sys, torch, zipfile
assert zipfile.ZipFile(sys.argv[1]).testzip() is None
for options in ({}, {"weights_only": True}):
    d = torch.load(sys.argv[1], **options)
print(json.dumps({k: [str(v.dtype)[6:], list(v.shape), v.double().flatten().tolist()] for k, v in d.items() if k != "long"}))
print(d["long"].shape == (70000,) and d["main.0.weight"].data_ptr() == d["tied"].data_ptr())
`;
    const run = spawnSync(python, ['-c', script, path], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    const [json, rest] = run.stdout.trim().split('\n');
    const { long: _, ...wanted } = tidy(() =>
      Object.fromEntries(Object.entries(state()).map(([k, v]) => [k, [v.dtype, v.shape, values(v)]])),
    );
    expect(JSON.parse(json!)).toEqual(wanted);
    expect(rest).toBe('True');
  });
});

describe('loadWeights', () => {
  test('tells the formats by their contents', () => {
    tidy(() => {
      const path = join(folder, 'misnamed.pth');
      saveSafetensors(path, { x: tensor([1, 2]) });
      expect(values(loadWeights(path).tensors.x!)).toEqual([1, 2]);
      expectGolden(loadWeights(join(goldens, 'legacy.pth')).tensors, 'legacy.pth');
    });
  });

  test('refuses what is neither', () => {
    const path = join(folder, 'text.pth');
    for (const text of ['', 'hello', 'hello world and more']) {
      writeFileSync(path, text);
      expect(() => loadWeights(path)).toThrow(/text\.pth: neither a \.safetensors nor a PyTorch \.pth/);
    }
    expect(() => loadWeights(join(folder, 'none.pth'))).toThrow(/none\.pth: no such file/);
  });
});
