/** Backbones from TorchScript and ONNX files, and the strings that name backbones. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  aten,
  dispose,
  keep,
  liveTensors,
  manualSeed,
  noGrad,
  randn,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { ConfigError, DataError, Random } from 'graft-torch/base';
import { exportOnnx, exportTorchScript } from 'graft-torch/export';
import { Conv2d, F } from 'graft-torch/nn';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openScript, saveScript } from '../../../packages/torch/src/torch/script.js';
import { TRUST_VARIABLE } from '../../base/index.js';
import { openBackbone, openExtractor, parseBackboneSpec, requireTrust, resize } from './index.js';
import { loadOnnxRuntime } from './onnx.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-backbone-files-'));
const file = (name: string): string => join(folder, name);
const ENTRIES = new Map<string, Tensor>();

/** Random bytes `[n, 3, 40, 40]`. */
function noise(n: number): Tensor {
  const random = new Random(n);
  return tensor(
    Uint8Array.from({ length: n * 3 * 40 * 40 }, () => random.int(256)),
    [n, 3, 40, 40],
  );
}

// The files here are the test's own.
vi.stubEnv(TRUST_VARIABLE, '1');

let before: number;
let conv: Conv2d;
let images: Tensor;
beforeAll(() => {
  before = liveTensors();
  manualSeed(4);
  conv = new Conv2d(3, 5, 3, { stride: 2 });
  images = noise(7);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  conv.dispose();
  images.dispose();
  expect(liveTensors()).toBe(before);
});

/** Maps, and their means. */
const maps = (x: Tensor): Tensor => conv.forward(x).relu();
const vectors = (x: Tensor): Tensor => maps(x).mean([2, 3]);

/** Resized and normalised by hand, side 32. */
const input = (mean: number[], std: number[], scale: number): Tensor =>
  resize(images, 32)
    .div(scale)
    .sub(tensor(mean, [1, 3, 1, 1]))
    .div(tensor(std, [1, 3, 1, 1]));
const imageNet = (): Tensor => input([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 255);

const near = (found: Tensor, wanted: Tensor): void => {
  expect(found.shape).toEqual(wanted.shape);
  expect(tidy(() => found.sub(wanted).abs().amax().item())).toBeLessThan(1e-5);
};

describe('a TorchScript file', () => {
  const SIDE = { input: { sizePx: 32 } };

  it('is a program, and is not run unless the user said that it is trusted', () => {
    const written = file('written-by-a-script');
    const path = file('writes.pt');
    saveScript(
      path,
      `def forward(self, x: Tensor) -> Tensor:\n    torch.save(x, ${JSON.stringify(written)})\n    return torch.mean(x, [2, 3])\n`,
      { tensors: ENTRIES },
    );
    for (const untrusted of [undefined, '', '0', 'true']) {
      vi.stubEnv(TRUST_VARIABLE, untrusted);
      for (const spec of [path, `script:${path}`, file('none-there.pt')]) {
        expect(() => openBackbone(spec, SIDE)).toThrow(ConfigError);
        expect(() => openBackbone(spec, SIDE)).toThrow(
          /^[^\n]*\.pt: a TorchScript file is a program of its author's.*--trust-code.*FILE\.onnx.*safetensors/,
        );
      }
    }
    expect(existsSync(written)).toBe(false);
    vi.stubEnv(TRUST_VARIABLE, '1');
    const backbone = openBackbone(path, SIDE);
    tidy(() => void backbone.features(images));
    backbone.dispose();
    // What it may do when it is trusted: reason enough to ask.
    expect(existsSync(written)).toBe(true);
  });

  it('is asked about by name alone, whatever else is no program', () => {
    for (const harmless of [null, 'random', 'runs/x', 'inception:x.pth', 'net.onnx'])
      requireTrust(harmless, {});
    expect(() => requireTrust('x.pt', {})).toThrow(/--trust-code/);
    expect(() => requireTrust('x.pt', { [TRUST_VARIABLE]: '1' })).not.toThrow();
  });

  it('that is a pointer of Git LFS, or a web page, is named as such', () => {
    writeFileSync(file('lfs.pt'), 'version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 5\n');
    writeFileSync(file('page.pt'), '<!DOCTYPE html><html></html>');
    expect(() => openBackbone(file('lfs.pt'))).toThrow(/lfs\.pt: is a pointer of Git LFS/);
    expect(() => openBackbone(file('page.pt'))).toThrow(/page\.pt: is a web page/);
  });

  it('gives vectors, means of maps, or the first of a tuple', () => {
    const live = liveTensors();
    tidy(() => {
      const wanted = noGrad(() => vectors(imageNet()));
      const traces = {
        'vectors.pt': vectors,
        'maps.pt': maps,
        'tuple.pt': (x: Tensor) => [maps(x), vectors(x).mul(2)],
      };
      const hashes = Object.entries(traces).map(([name, forward]) => {
        tidy(() => exportTorchScript(forward, { x: imageNet().narrow(0, 0, 2) }, { path: file(name) }));
        const backbone = openBackbone(file(name), SIDE);
        near(backbone.features(images), wanted);
        expect(backbone).toMatchObject({ name, sizePx: 32 });
        expect(backbone.description).toContain('mean 0.485 0.456 0.406');
        expect(backbone.logits).toBeUndefined();
        backbone.dispose();
        return backbone.hash;
      });
      expect(new Set(hashes).size).toBe(3);
    });
    expect(liveTensors()).toBe(live);
  });

  it('is fed as declared, and the declaration is in the hash', () => {
    tidy(() => {
      const path = file('declared.pt');
      exportTorchScript(vectors, { x: imageNet() }, { path });
      const bytes = { sizePx: 32, range: 255, mean: [128, 127, 126], std: [128, 64, 32] } as const;
      const declared = [
        SIDE,
        { input: bytes },
        { ...SIDE, resizer: 'tensorflow' as const },
        { input: { sizePx: 32, range: 255 as const } },
      ].map((options) => openBackbone(`script:${path}`, options));
      const [standard, byBytes, legacy, scaled] = declared.map((backbone) => backbone.features(images));
      noGrad(() => {
        near(standard!, vectors(imageNet()));
        near(byBytes!, vectors(input([128, 127, 126], [128, 64, 32], 1)));
      });
      // ImageNet's means in units of bytes are the same input.
      near(scaled!, standard!);
      expect(aten.allclose(legacy!, standard!, { atol: 1e-4 })).toBe(false);
      expect(new Set(declared.map(({ hash }) => hash)).size).toBe(4);
      for (const backbone of declared) backbone.dispose();
    });
  });

  it('is asked for features where it has a flag for them', () => {
    tidy(() => {
      const path = file('flag.pt');
      saveScript(
        path,
        `def forward(self, x: Tensor, return_features: bool=False) -> Tensor:
    if return_features:
        return torch.mean(x, [2, 3])
    return torch.zeros([x.size(0), 9])
`,
        { tensors: ENTRIES },
      );
      const backbone = openBackbone(path, SIDE);
      near(backbone.features(images), imageNet().mean([2, 3]));
      backbone.dispose();
    });
  });

  it('stays open until it is closed', () => {
    tidy(() => {
      const path = file('closed.pt');
      saveScript(path, 'def forward(self, x: Tensor) -> Tensor:\n    return x + 1\n', { tensors: ENTRIES });
      const script = openScript(path);
      rmSync(path);
      const x = tensor([1, 2], [2]);
      for (const _ of [1, 2]) expect(script.forward(x)[0]!.toArray()).toEqual(new Float32Array([2, 3]));
      script.dispose();
      expect(() => script.forward(x)).toThrow(/closed/);
    });
  });

  it('that is none, refuses its images or gives no features is refused in one line', () => {
    writeFileSync(file('text.pt'), 'no archive');
    expect(() => openBackbone(file('text.pt'))).toThrow(ConfigError);
    expect(() => openBackbone(file('text.pt'))).toThrow(
      /^[^\n]*is no TorchScript file[^\n]*inception:[^\n]*$/,
    );
    expect(() => openBackbone(file('missing.pt'))).toThrow(/missing\.pt: no such file/);
    saveScript(file('scalar.pt'), 'def forward(self, x: Tensor) -> Tensor:\n    return torch.sum(x)\n', {
      tensors: ENTRIES,
    });
    saveScript(
      file('picky.pt'),
      'def forward(self, x: Tensor) -> Tensor:\n    return torch.reshape(x, [7, 3, 99])\n',
      { tensors: ENTRIES },
    );
    for (const [name, message] of [
      ['scalar.pt', /gives \[\] for \d images; a backbone gives vectors/],
      ['picky.pt', /^[^\n]*refuses images \[7, 3, 32, 32\]: [^\n]*shape '\[7, 3, 99\]' is invalid[^\n]*$/],
    ] as const) {
      const backbone = openBackbone(file(name), SIDE);
      expect(() => backbone.features(images)).toThrow(DataError);
      expect(() => backbone.features(images)).toThrow(message);
      // The cause alone, without libtorch's walk through the source.
      expect(() => backbone.features(images)).not.toThrow(/Traceback/);
      backbone.dispose();
    }
    for (const [declared, message] of [
      [{ sizePx: 0 }, /sizePx must be/],
      [{ mean: [1, 2] }, /mean must be three numbers/],
      [{ std: [1, 0, 1] }, /std must be three numbers above 0/],
      [{ range: 2 as 1 }, /range must be 1 or 255/],
    ] as const) {
      expect(() => openBackbone(file('scalar.pt'), { input: declared })).toThrow(message);
    }
  });
});

describe('an ONNX file', () => {
  const wanted = (): Tensor => keep(tidy(() => noGrad(() => vectors(imageNet()))));

  it('gives what the network gives, whatever size of batch it was made for', async () => {
    const live = liveTensors();
    const expected = wanted();
    const made = { 'free.onnx': vectors, 'maps.onnx': maps };
    for (const [name, forward] of Object.entries(made)) {
      tidy(() => exportOnnx(forward, { x: imageNet().narrow(0, 0, 2) }, { path: file(name) }));
      const extractor = await openExtractor(file(name));
      expect(extractor).toMatchObject({ name, sizePx: 32, device: 'cpu' });
      const features = await extractor.extract(images);
      near(features, expected);
      features.dispose();
      await extractor.dispose();
    }
    expected.dispose();
    expect(liveTensors()).toBe(live);
  });

  it('of a fixed size of batch is fed full batches', async () => {
    const expected = wanted();
    // A number that follows the batch but is no multiple of it: the graph holds for three images only.
    tidy(() => {
      const forward = (x: Tensor): Tensor => vectors(x.mul(x.shape[0]! + 1).div(x.shape[0]! + 1));
      const { dynamicBatch } = exportOnnx(
        forward,
        { x: randn([3, 3, 32, 32]) },
        { path: file('three.onnx') },
      );
      expect(dynamicBatch).toBe(false);
    });
    const extractor = await openExtractor(file('three.onnx'));
    const seen: number[] = [];
    const features = await extractor.extract(images, { onProgress: (done) => seen.push(done) });
    near(features, expected);
    expect(seen).toEqual([3, 6, 7]);
    dispose([features, expected]);
    await extractor.dispose();
  });

  it('that is none, takes no images or another side is refused', async () => {
    writeFileSync(file('text.onnx'), 'no model');
    await expect(openExtractor(file('text.onnx'))).rejects.toThrow(/text\.onnx: ONNX Runtime refuses it/);
    await expect(openExtractor(file('missing.onnx'))).rejects.toThrow(ConfigError);
    tidy(() => exportOnnx((x) => F.relu(x), { x: randn([2, 6]) }, { path: file('rows.onnx') }));
    await expect(openExtractor(file('rows.onnx'))).rejects.toThrow(
      /takes x: float32 \[.*6\]; a backbone takes one/,
    );
    await expect(openExtractor(file('free.onnx'), { input: { sizePx: 64 } })).rejects.toThrow(
      /takes images of 32 px, not 64/,
    );
    await expect(openExtractor(file('free.onnx'), { input: { std: [0, 0, 0] } })).rejects.toThrow(
      ConfigError,
    );
  });

  it('cannot answer a training loop, and says so; nor without a runtime', async () => {
    expect(() => openBackbone(file('free.onnx'))).toThrow(/TorchScript/);
    const missing = Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' });
    const asked: string[] = [];
    const load = async (name: string): Promise<unknown> => {
      asked.push(name);
      throw missing;
    };
    await expect(loadOnnxRuntime(load)).rejects.toThrow(/not installed.*npm install onnxruntime-node/);
    expect(asked).toEqual(['onnxruntime-node', 'onnxruntime-web']);
    const broken = async (): Promise<unknown> => Promise.reject(new Error('wrong architecture'));
    await expect(loadOnnxRuntime(broken)).rejects.toThrow('wrong architecture');
  });
});

describe('the string that names a backbone', () => {
  it.each([
    ['random', { kind: 'random' }],
    ['./random', { kind: 'run', path: './random' }],
    ['runs/b0', { kind: 'run', path: 'runs/b0' }],
    ['inception:w.pth', { kind: 'inception', path: 'w.pth' }],
    ['net.pt', { kind: 'script', path: 'net.pt' }],
    ['script:net.bin', { kind: 'script', path: 'net.bin' }],
    ['net.onnx', { kind: 'onnx', path: 'net.onnx' }],
    ['onnx:a:b', { kind: 'onnx', path: 'a:b' }],
    ['C:\\runs\\b0', { kind: 'run', path: 'C:\\runs\\b0' }],
  ])('%s', (spec, parsed) => expect(parseBackboneSpec(spec)).toEqual(parsed));

  it('names a run where it is a folder, whatever its ending', () => {
    const dir = file('odd.pt');
    mkdirSync(dir);
    expect(parseBackboneSpec(dir)).toEqual({ kind: 'run', path: dir });
  });

  it.each([
    ['inception', /inception:FILE, with pt_inception.*pytorch-fid/],
    ['onnx:', /write onnx:FILE/],
    ['w.pth', /write inception:w\.pth/],
    ['clip:ViT', /forms: random, RUN_DIR/],
  ])('%s is refused with the remedy', (spec, message) => {
    expect(() => parseBackboneSpec(spec)).toThrow(ConfigError);
    expect(() => parseBackboneSpec(spec)).toThrow(message);
  });

  it('takes no resizer where the protocol is fixed', () => {
    expect(() => openBackbone('random', { calibrate: images, resizer: 'tensorflow' })).toThrow(
      /its resizer is 'clean'/,
    );
  });
});
