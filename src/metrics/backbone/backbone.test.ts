import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  aten,
  liveTensors,
  manualSeed,
  noGrad,
  randn,
  saveSafetensors,
  type Tensor,
  tensor,
  tidy,
  withSeed,
} from 'graft-torch';
import { ConfigError, DataError, Random } from 'graft-torch/base';
import { F } from 'graft-torch/nn';
import { afterAll, describe, expect, it } from 'vitest';
import { EfficientNet, normaliseInput } from '../../models/index.js';
import { bestCheckpointPath, saveCheckpoint, withPrefix } from '../../run/checkpoint.js';
import { createRun, runFiles } from '../../run/run-folder.js';
import { frechetDistance } from '../distribution/frechet.js';
import { openBackbone, resize } from './index.js';

interface Resized {
  height: number;
  width: number;
  side: number;
  image: number[];
  bicubic: number[];
  bilinear: number[];
}

const { resized } = JSON.parse(
  readFileSync(new URL('../../../test/goldens/metrics/distances.json', import.meta.url), 'utf8'),
) as { resized: Resized[] };

const folder = mkdtempSync(join(tmpdir(), 'graft-backbone-'));
afterAll(() => rmSync(folder, { recursive: true }));

const list = (values: Tensor): number[] => Array.from(values.toArray() as Float32Array);

/** Discs on a ground of varying colour; `noise` is what a bad copy adds. */
function discs(n: number, seed: number, { noise = 8, side = 32, radius = 8 } = {}): Tensor {
  const random = new Random(seed);
  const pixels = new Uint8Array(n * 3 * side * side);
  for (let k = 0; k < n; k++) {
    const [cx, cy, tone] = [
      random.uniform(8, side - 8),
      random.uniform(8, side - 8),
      random.uniform(60, 120),
    ];
    const size = random.uniform(0.5, 1.2) * radius;
    for (let i = 0; i < 3 * side * side; i++) {
      const [x, y] = [i % side, Math.floor(i / side) % side];
      const inside = (x - cx) ** 2 + (y - cy) ** 2 < size ** 2;
      pixels[k * 3 * side * side + i] = (inside ? tone : 200) + random.uniform(-noise, noise);
    }
  }
  return tensor(pixels, [n, 3, side, side]);
}

describe('resizing', () => {
  const near = (values: Tensor, expected: number[]): void => {
    const found = list(values);
    expect(found).toHaveLength(expected.length);
    expect(Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(2e-3);
  };

  it.each(resized)(
    '$height×$width → $side is Pillow’s, in floats',
    ({ height, width, side, image, ...golden }) => {
      tidy(() => {
        const bytes = tensor(Uint8Array.from(image), [1, 3, height, width]);
        const clamped = golden.bicubic.map((value) => Math.min(255, Math.max(0, value)));
        near(resize(bytes, side), clamped);
        for (const mode of ['bicubic', 'bilinear'] as const) {
          near(F.interpolate(bytes.float(), side, { mode, antialias: true }), golden[mode]);
        }
        // What the filter is for: without it, pixels are left out.
        if (side < height)
          expect(() =>
            near(F.interpolate(bytes.float(), side, { mode: 'bilinear' }), golden.bilinear),
          ).toThrow();
      });
    },
  );

  it('leaves images of the right size as they are, and refuses what is no image', () => {
    tidy(() => {
      const images = discs(2, 1);
      expect(list(resize(images, 32))).toEqual(Array.from(images.toArray() as Uint8Array));
      expect(() => resize(images.to({ dtype: 'float32' }), 32)).toThrow(/bytes \[N, 3, H, W\], not float32/);
      expect(() => resize(images.narrow(1, 0, 2), 32)).toThrow(DataError);
    });
  });
});

describe('random backbone', () => {
  it('is decided by seed and calibrating images, and leaves the random state alone', () => {
    const before = liveTensors();
    tidy(() => {
      const real = discs(10, 1);
      manualSeed(5);
      const undisturbed = list(randn([4]));
      manualSeed(5);
      const first = openBackbone('random', { calibrate: real, seed: 3 });
      const features = list(first.features(real));
      expect(list(randn([4]))).toEqual(undisturbed);

      const again = openBackbone('random', { calibrate: real, seed: 3 });
      expect(again.hash).toBe(first.hash);
      expect(list(again.features(real))).toEqual(features);
      const others = [
        openBackbone('random', { calibrate: real, seed: 4 }),
        openBackbone('random', { calibrate: discs(10, 2), seed: 3 }),
        openBackbone('random', { calibrate: real, seed: 3, sizePx: 48 }),
      ];
      expect(new Set([first.hash, ...others.map(({ hash }) => hash)]).size).toBe(4);
      expect(first.hash).toMatch(/^[0-9a-f]{64}$/);
      expect(first.sizePx).toBe(64);
      expect(others[2]!.sizePx).toBe(48);
      for (const backbone of [first, again, ...others]) backbone.dispose();
    });
    expect(liveTensors()).toBe(before);
  });

  it('gives [N, 64] on the CPU, an image’s own whatever is beside it, and frees the rest', () => {
    tidy(() => {
      const real = discs(20, 1);
      const backbone = openBackbone('random', { calibrate: real });
      const mark = liveTensors();
      const features = backbone.features(real);
      expect(liveTensors()).toBe(mark + 1);
      expect(features.shape).toEqual([20, 64]);
      expect(features.dtype).toBe('float32');
      const alone = list(backbone.features(real.narrow(0, 7, 1)));
      list(features.narrow(0, 7, 1)).forEach((value, i) => {
        expect(alone[i]).toBeCloseTo(value, 5);
      });
      // Two vectors of unit length behind one another.
      const lengths = list(features.square().sum([1]));
      for (const length of lengths) expect(length).toBeCloseTo(2, 4);
      backbone.dispose();
    });
  });

  it('tells sets apart: the further from the real ones, the greater the distance', () => {
    tidy(() => {
      const real = discs(80, 1);
      for (const seed of [0, 1]) {
        const backbone = openBackbone('random', { calibrate: real, seed, sizePx: 32 });
        const reference = backbone.features(real);
        const distance = (images: Tensor) => frechetDistance(reference, backbone.features(images));
        const same = distance(discs(80, 2));
        const noisy = distance(discs(80, 2, { noise: 20 }));
        const noisier = distance(discs(80, 2, { noise: 40 }));
        const larger = distance(discs(80, 2, { radius: 14 }));
        expect(noisy).toBeGreaterThan(1.5 * same);
        expect(noisier).toBeGreaterThan(noisy);
        expect(larger).toBeGreaterThan(1.5 * same);
        backbone.dispose();
      }
    });
  });

  it('refuses to open without real images, or at a side that is none', () => {
    expect(() => openBackbone('random')).toThrow(/two or more, not 0/);
    tidy(() => {
      expect(() => openBackbone('random', { calibrate: discs(1, 1) })).toThrow(DataError);
      expect(() => openBackbone('random', { calibrate: discs(3, 1), sizePx: 16 })).toThrow(ConfigError);
    });
  });
});

describe('a classifier run as backbone', () => {
  const config = { architecture: 'efficientnet-b0', head: 'normalised', imageSize: 48, other: 1 };

  /** A run folder with checkpoints of the given seeds, one a step; `best` names the step of the best. */
  function makeRun(name: string, seeds: number[], best: number | null): string {
    const dir = join(folder, name);
    const run = createRun(dir, { kind: 'classifier', config });
    for (const [step, seed] of seeds.entries()) {
      const network = withSeed(seed, () => new EfficientNet('b0', { numClasses: 1, head: 'normalised' }));
      saveCheckpoint(
        run,
        step,
        { tensors: withPrefix('network', network.stateDict()), meta: null },
        { best: step === best },
      );
      network.dispose();
    }
    run.close();
    return dir;
  }

  it('gives what the last layer sees, of the best checkpoint, else of the last', () => {
    const before = liveTensors();
    tidy(() => {
      const images = discs(3, 1);
      const expected = (seed: number): number[] =>
        tidy(() => {
          const network = withSeed(
            seed,
            () => new EfficientNet('b0', { numClasses: 1, head: 'normalised' }),
          ).eval();
          const features = noGrad(() => network.embed(normaliseInput(resize(images, 48).div(255))));
          // Through the last layer they are the logits.
          const logits = noGrad(() => network.forward(normaliseInput(resize(images, 48).div(255))));
          const throughLast = aten.linear(features, network.classifier.weight, network.classifier.bias);
          expect(list(throughLast)).toEqual(list(logits));
          network.dispose();
          return list(features);
        });
      const dir = makeRun('lesions', [1, 2], 0);
      const withBest = openBackbone(dir);
      rmSync(bestCheckpointPath(dir));
      const withoutBest = openBackbone(dir);
      expect(withBest).toMatchObject({ sizePx: 48, name: 'lesions (EfficientNet-B0)' });
      expect(withBest.features(images).shape).toEqual([3, 1280]);
      expect(list(withBest.features(images))).toEqual(expected(1));
      expect(list(withoutBest.features(images))).toEqual(expected(2));
      expect(withBest.hash).not.toBe(withoutBest.hash);
      withBest.dispose();
      withoutBest.dispose();
    });
    expect(liveTensors()).toBe(before);
  });

  it('of a finished run are its weights, which is all that it keeps', () => {
    tidy(() => {
      const dir = makeRun('finished', [1], null);
      const network = withSeed(2, () => new EfficientNet('b0', { numClasses: 1, head: 'normalised' }));
      saveSafetensors(join(dir, runFiles.weights), network.stateDict());
      network.dispose();
      const unfinished = openBackbone(makeRun('unfinished', [2], null));
      const finished = openBackbone(dir);
      expect(finished.hash).toBe(unfinished.hash);
      rmSync(join(dir, 'checkpoints'), { recursive: true });
      const alone = openBackbone(dir);
      expect(alone.hash).toBe(unfinished.hash);
      for (const backbone of [unfinished, finished, alone]) backbone.dispose();
    });
  });

  it('refuses other folders with the reason', () => {
    const gan = join(folder, 'gan');
    createRun(gan, { kind: 'gan', config: {} }).close();
    expect(() => openBackbone(gan)).toThrow(/gan run; a backbone is a classifier run/);
    const bare = join(folder, 'bare');
    createRun(bare, { kind: 'classifier', config: { architecture: 'efficientnet-b0' } }).close();
    expect(() => openBackbone(bare)).toThrow(/config\.yaml: head/);
    expect(() => openBackbone(makeRun('empty', [], null))).toThrow(/no checkpoint yet/);
    expect(() => openBackbone(join(folder, 'nowhere'))).toThrow(DataError);
  });
});
