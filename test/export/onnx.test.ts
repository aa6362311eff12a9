import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  aten,
  dispose,
  keep,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  randn,
  type Tensor,
  tidy,
} from 'graft-torch';
import { F } from 'graft-torch/nn';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  checkOnnx,
  type ExportSummary,
  exportOnnx,
  type OnnxOptions,
} from '../../packages/torch/src/export/index.js';
import { DcganGenerator } from '../../src/models/index.js';
import { disposeShared, forwardOf, inputsOf, makeNetwork, NETWORKS, OPERATORS, scaleOf } from './cases.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-onnx-'));
const pathOf = (name: string): string => join(folder, `${name.replace(/\W+/g, '-')}.onnx`);

let before: number;
beforeAll(() => {
  before = liveTensors();
});
// Each case draws what it would draw alone.
beforeEach(() => {
  manualSeed(3);
});
afterAll(() => {
  disposeShared();
  expect(liveTensors()).toBe(before);
});

type Forward = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** Exports at some inputs, checks in ONNX Runtime at others of another batch size; the largest difference. */
async function checked(
  name: string,
  forward: Forward,
  inputsFor: (batch: number) => Record<string, Tensor>,
  options: Partial<OnnxOptions> = {},
): Promise<ExportSummary & { maxDifference: number }> {
  const summary = tidy(() => exportOnnx(forward, inputsFor(1), { ...options, path: pathOf(name) }));
  const inputs = keep(tidy(() => inputsFor(3)));
  const check = await checkOnnx(pathOf(name), forward, inputs);
  dispose(inputs);
  if (!check.checked) throw new Error(check.reason);
  return { ...summary, maxDifference: check.maxDifference };
}

describe('in ONNX Runtime, at another batch size than the trace', () => {
  test.each(Object.entries(OPERATORS))('%s', async (name, body) => {
    const result = await checked(name, body as Forward, (batch) => ({ x: randn([batch, 6, 4, 4]) }));
    expect(result.dynamicBatch).toBe(true);
    expect(result.maxDifference).toBeLessThan(2e-5);
  });

  test.each(Object.entries(NETWORKS))('%s', async (name, network) => {
    const made = makeNetwork(network);
    const parameters = made.stateDict();
    const result = await checked(name, forwardOf(made), (batch) => inputsOf(network, batch), { parameters });
    expect(result.dynamicBatch).toBe(true);
    const others = keep(tidy(() => inputsOf(network, 4)));
    const scale = scaleOf(made, others);
    expect(result.maxDifference / scale).toBeLessThan(5e-5);
    // Not vacuous: the samples differ by far more.
    const spread = tidy(() =>
      forwardOf(made)(...Object.values(others))
        .var([0])
        .amax()
        .item(),
    );
    expect(Math.sqrt(spread) / scale).toBeGreaterThan(5e-4);
    dispose(others);
    made.dispose();
  });

  test('several outputs, one of them an input', async () => {
    const body = (x: Tensor): Tensor[] => [x.neg(), x, x.neg()];
    const outputs = ['negative', 'same', 'again'];
    const result = await checked('outputs', body, (batch) => ({ x: randn([batch, 3]) }), { outputs });
    expect(result.maxDifference).toBe(0);
  });
});

describe('the file', () => {
  const generator = (): DcganGenerator => new DcganGenerator({ size: 64, latent: 8, features: 4 }).eval();

  test('has the state dict’s keys, its metadata, and each weight once', () => {
    tidy(() => {
      const network = generator();
      const summary = exportOnnx(
        (z) => network.forward(z),
        { z: randn([1, 8]) },
        {
          path: pathOf('file'),
          parameters: network.stateDict(),
          metadata: { run: '00007-dcgan' },
          outputs: ['images'],
        },
      );
      const stored = Object.entries(network.stateDict()).filter(
        ([key]) => !key.endsWith('num_batches_tracked'),
      );
      expect(summary.parameters).toBe(stored.reduce((sum, [, value]) => sum + value.numel, 0));
      const bytes = readFileSync(pathOf('file'));
      expect(bytes.length).toBe(summary.sizeBytes);
      for (const text of [...stored.map(([key]) => key), '00007-dcgan', 'images', 'batch'])
        expect(bytes.includes(text), text).toBe(true);
      network.dispose();
    });
  });

  test('of a spectral norm holds the weight it makes, not how', () => {
    const network = makeNetwork(NETWORKS['SNGAN discriminator']!);
    const inputs = tidy(() => ({ images: randn([1, 3, 64, 64]) }));
    exportOnnx(forwardOf(network), inputs, { path: pathOf('spectral'), parameters: network.stateDict() });
    const bytes = readFileSync(pathOf('spectral'));
    expect(bytes.includes('main.0.weight')).toBe(true);
    expect(bytes.includes('weight_orig')).toBe(false);
    expect(bytes.includes('weight_u')).toBe(false);
    dispose(inputs);
    network.dispose();
  });

  test('of another network is told by the check', async () => {
    const network = generator();
    const inputs = keep(tidy(() => ({ z: randn([2, 8]) })));
    exportOnnx((z) => network.forward(z), inputs, { path: pathOf('changed') });
    noGrad(() => network.parameters().at(-1)!.mul_(1.5));
    const check = checkOnnx(pathOf('changed'), (z) => network.forward(z).mul(100), inputs);
    await expect(check).rejects.toThrow(/changed\.onnx: ONNX Runtime's result differs by [\d.]+/);
    writeFileSync(pathOf('broken'), 'nothing');
    await expect(checkOnnx(pathOf('broken'), (z) => network.forward(z), inputs)).rejects.toThrow(
      /broken\.onnx: ONNX Runtime refuses it/,
    );
    dispose(inputs);
    network.dispose();
  });

  test('keeps the batch size where the network does', async () => {
    const body = (x: Tensor): Tensor => x.mul(ones([x.shape[0]!, 1]).mul(x.shape[0]!));
    const inputs = keep(tidy(() => ({ x: randn([4, 3]) })));
    expect(exportOnnx(body, inputs, { path: pathOf('fixed') }).dynamicBatch).toBe(false);
    expect(await checkOnnx(pathOf('fixed'), body, inputs)).toEqual({ checked: true, maxDifference: 0 });
    dispose(inputs);
  });
});

test.each([
  [(x: Tensor) => aten.cumsum(x, 0), /operator aten::cumsum has no translation to ONNX/],
  [
    (x: Tensor) => aten.div.Tensor_mode(x, x, { rounding_mode: 'floor' }),
    /aten::div\.Tensor_mode has no translation/,
  ],
  [(x: Tensor) => aten.avg_pool2d(x, 2, 2, 0, true), /aten::avg_pool2d with ceil_mode/],
  [
    (x: Tensor) => aten.avg_pool2d(x, 2, 2, 0, false, true, 3),
    /no translation with 'divisor_override' given/,
  ],
  [(x: Tensor) => F.adaptiveAvgPool2d(x, 3), /from 4×4 to 3×3 is uneven/],
  [(x: Tensor) => F.dropout(x, 0.5, true), /aten::dropout is in training mode; call eval\(\)/],
  [(x: Tensor) => F.batchNorm(x, { training: true }), /aten::batch_norm is in training mode; call eval\(\)/],
] as [(x: Tensor) => Tensor, RegExp][])('refuses by name what it cannot say: %#', (body, message) => {
  const path = pathOf('refused');
  tidy(() => {
    const inputs = { x: randn([2, 3, 4, 4]) };
    expect(() => exportOnnx(body, inputs, { path })).toThrow(message);
  });
  expect(existsSync(path)).toBe(false);
});
