import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  aten,
  dispose,
  keep,
  liveTensors,
  loadPth,
  savePth,
  saveSafetensors,
  type Tensor,
  tidy,
} from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Computed, fillModule, integers, readGolden } from '../../../test/engine/goldens.js';
import { InceptionV3 } from '../../models/index.js';
import { type Backbone, openBackbone, type ResizerName, resize } from './index.js';

const golden = readGolden(new URL('../../../test/goldens/metrics/inception.json', import.meta.url).pathname);
const RESIZERS: ResizerName[] = ['clean', 'tensorflow', 'pytorch'];
const folder = mkdtempSync(join(tmpdir(), 'graft-inception-'));
const weights = join(folder, 'inception.pth');

/** As the golden's: blocks of 4 × 4 pixels. */
function blocks(name: string, n: number, height: number, width: number): Tensor {
  return tidy(() => {
    const rows = Math.ceil(height / 4);
    const columns = Math.ceil(width / 4);
    const coarse = integers(name, [n, 3, rows, columns], 256);
    return aten.repeat_interleave
      .self_int(aten.repeat_interleave.self_int(coarse, 4, 2), 4, 3)
      .narrow(2, 0, height)
      .narrow(3, 0, width)
      .to({ dtype: 'uint8' })
      .contiguous();
  });
}

let before: number;
let sets: Record<string, Tensor>;
beforeAll(() => {
  before = liveTensors();
  const network = fillModule(new InceptionV3(), 'inception.', 'float32');
  savePth(weights, network.stateDict());
  network.dispose();
  sets = keep(tidy(() => ({ small: blocks('small', 2, 41, 53), large: blocks('large', 1, 320, 411) })));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  dispose(sets);
  expect(liveTensors()).toBe(before);
});

describe('resizers', () => {
  it.each(['clean', 'tensorflow'] as const)('%s gives the original’s pixels', (resizer) => {
    tidy(() => {
      const computed = new Computed();
      for (const [size, images] of Object.entries(sets)) {
        computed.add(`${size}.${resizer}.resized`, resize(images, 299, resizer));
      }
      const { worst } = computed.check(golden, 1e-5, (key) => key.endsWith(`.${resizer}.resized`));
      expect(worst).toBeLessThan(1e-5);
    });
  });

  it('leave images of the right size alone, and differ otherwise', () => {
    tidy(() => {
      const same = RESIZERS.map((resizer) => resize(sets.small!.narrow(3, 0, 41), 41, resizer));
      for (const images of same) expect(aten.equal(images, sets.small!.narrow(3, 0, 41).float())).toBe(true);
      const [clean, tensorflow, pytorch] = RESIZERS.map((resizer) => resize(sets.large!, 64, resizer));
      expect(aten.allclose(clean!, tensorflow!, { atol: 1 })).toBe(false);
      expect(aten.allclose(tensorflow!, pytorch!, { atol: 1 })).toBe(false);
    });
  });
});

describe('InceptionV3 as backbone', () => {
  it('gives the features of clean-fid, torch-fidelity and pytorch-fid, from bytes', () => {
    const hashes = new Set<string>();
    tidy(() => {
      const computed = new Computed();
      for (const resizer of RESIZERS) {
        const backbone = openBackbone(`inception:${weights}`, { resizer });
        hashes.add(backbone.hash);
        expect(backbone).toMatchObject({ sizePx: 299, quantisation: 'RGB bytes', device: 'cpu' });
        for (const [size, images] of Object.entries(sets)) {
          const features = backbone.features(images);
          expect(features.shape).toEqual([images.shape[0], 2048]);
          computed.add(`${size}.${resizer}.features`, features);
          if (resizer === 'tensorflow') {
            const logits = backbone.logits!(features);
            computed.add(`${size}.${resizer}.logits`, logits);
          }
        }
        backbone.dispose();
      }
      const { compared, worst } = computed.check(
        golden,
        1e-5,
        (key) => /features|logits/.test(key) && !key.startsWith('noise'),
      );
      expect(compared).toBe(8);
      expect(worst).toBeLessThan(1e-5);
    });
    expect(hashes.size).toBe(3);
  });

  it('has one hash for one network, whatever file it came in', () => {
    const other = join(folder, 'inception.safetensors');
    tidy(() => saveSafetensors(other, loadPth(weights).tensors));
    const both = [weights, other].map((path) => openBackbone(`inception:${path}`)) as [Backbone, Backbone];
    expect(both[0].hash).toBe(both[1].hash);
    for (const backbone of both) backbone.dispose();
  });

  it('refuses an unknown resizer before it loads anything', () => {
    const resizer = 'lanczos' as ResizerName;
    expect(() => openBackbone('inception:nowhere.pth', { resizer })).toThrow(/give one of clean, tensorflow/);
    expect(() => openBackbone('inception:nowhere.pth')).toThrow(ConfigError);
  });
});
