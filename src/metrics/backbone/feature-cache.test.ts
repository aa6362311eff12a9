import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  dispose,
  liveTensors,
  loadSafetensors,
  saveSafetensors,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeBackbone } from './extraction.js';
import { cachedFeatures, type FeatureExtractor, featureCacheDir } from './index.js';

let folder: string;
let before: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'graft-features-'));
  before = liveTensors();
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  expect(liveTensors()).toBe(before);
});

/** A backbone that counts the images it has seen: their means by channel. */
function counting(settings: { hash?: string; sizePx?: number; device?: 'cpu' } = {}) {
  const seen = { images: 0, batches: 0 };
  const extractor = makeBackbone(
    {
      name: 'means',
      description: 'means by channel',
      hash: 'a'.repeat(64),
      sizePx: 4,
      resizer: 'none',
      device: 'cpu',
      ...settings,
    },
    {
      embed: (part) => {
        seen.images += part.shape[0]!;
        seen.batches++;
        return part.float().mean([2, 3]);
      },
      dispose: () => {},
    },
  );
  return { seen, extractor };
}

const pixels = (n: number, first = 0): Tensor =>
  tensor(
    Uint8Array.from({ length: n * 48 }, (_, i) => (i * 7 + first) % 256),
    [n, 3, 4, 4],
  );
const list = (values: Tensor): number[] => Array.from(values.toArray() as Float32Array);
const digestOf = (values: Tensor): string =>
  createHash('sha256')
    .update(new Uint8Array(Float32Array.from(list(values)).buffer))
    .digest('hex');
const only = (): string => join(folder, readdirSync(folder)[0]!);

describe('cached features', () => {
  it('are computed once for one network and the same images in the same order', async () => {
    const { seen, extractor } = counting();
    const images = pixels(5);
    const options = { cacheDir: folder };
    const first = await cachedFeatures(extractor, images, options);
    expect(seen.images).toBe(5);
    const again = await cachedFeatures(extractor, images, options);
    expect(seen.images).toBe(5);
    expect(list(again)).toEqual(list(first));
    expect(again.shape).toEqual([5, 3]);
    expect(readdirSync(folder)).toHaveLength(1);

    const others = tidy(() => ({
      reordered: images.flip([0]),
      changed: pixels(5, 1),
      fewer: images.narrow(0, 0, 4),
      reshaped: images.reshape([5, 3, 2, 8]),
    }));
    for (const other of Object.values(others)) dispose(await cachedFeatures(extractor, other, options));
    expect(seen.images).toBe(5 + 5 + 5 + 4 + 5);
    dispose(await cachedFeatures({ ...extractor, hash: 'b'.repeat(64) }, images, options));
    expect(seen.images).toBe(29);
    dispose(await cachedFeatures({ ...extractor, device: 'cuda' }, images, options));
    expect(seen.images).toBe(34);
    expect(readdirSync(folder)).toHaveLength(7);
    dispose([images, first, again, others]);
  });

  it('are kept whole: values, key, checksum', async () => {
    const { extractor } = counting();
    const images = pixels(2);
    const features = await cachedFeatures(extractor, images, { cacheDir: folder });
    const { tensors, metadata } = loadSafetensors(only());
    expect(list(tensors.features!)).toEqual(list(features));
    expect(only()).toBe(join(folder, `${metadata.key}.safetensors`));
    expect(metadata.sha256).toBe(digestOf(features));
    dispose([images, features, tensors]);
  });

  it('are made anew, with a notice, where the file is damaged or is not the one', async () => {
    const { seen, extractor } = counting();
    const images = pixels(3);
    const wanted = await extractor.extract(images);
    const options = { cacheDir: folder, onNotice: (message: string) => notices.push(message) };
    let notices: string[] = [];
    dispose(await cachedFeatures(extractor, images, options));
    const path = only();
    const sound = readFileSync(path);
    const { metadata, tensors } = loadSafetensors(path);
    const [doubled, ints, short] = tidy(() => {
      const { features } = tensors as { features: Tensor };
      return [features.mul(2), features.to({ dtype: 'int64' }), features.narrow(0, 0, 2).clone()];
    });
    const damages: Record<string, () => void> = {
      'one bit': () =>
        writeFileSync(
          path,
          sound.map((byte, i) => (i === sound.length - 1 ? byte ^ 1 : byte)),
        ),
      'cut off': () => writeFileSync(path, sound.subarray(0, -5)),
      text: () => writeFileSync(path, 'features'),
      empty: () => writeFileSync(path, ''),
      // Sound files of other contents: only what is stored beside the values tells.
      'other values': () => saveSafetensors(path, { features: doubled! }, metadata),
      'no checksum': () => saveSafetensors(path, { features: doubled! }, { key: metadata.key! }),
      'another key': () => saveSafetensors(path, tensors, { ...metadata, key: 'f'.repeat(64) }),
      'another name': () => saveSafetensors(path, { weights: tensors.features! }, metadata),
      'another type': () => saveSafetensors(path, { features: ints! }, metadata),
      'another N': () =>
        saveSafetensors(path, { features: short! }, { ...metadata, sha256: digestOf(short!) }),
    };
    for (const [damage, make] of Object.entries(damages)) {
      make();
      notices = [];
      const count = seen.images;
      const features = await cachedFeatures(extractor, images, options);
      expect(list(features), damage).toEqual(list(wanted));
      expect(seen.images, damage).toBe(count + 3);
      expect(notices, damage).toEqual([expect.stringMatching(/^[^\n]*; the features are computed anew$/)]);
      features.dispose();
      // And the file is sound again.
      dispose(await cachedFeatures(extractor, images, options));
      expect(seen.images, damage).toBe(count + 3);
    }
    dispose([images, wanted, tensors, doubled, ints, short]);
  });

  it('do without a folder that cannot be written, or that is not wanted', async () => {
    const { seen, extractor } = counting();
    const images = pixels(2);
    writeFileSync(join(folder, 'file'), '');
    const notices: string[] = [];
    const cacheDir = join(folder, 'file', 'cache');
    dispose(await cachedFeatures(extractor, images, { cacheDir, onNotice: (text) => notices.push(text) }));
    expect(notices).toEqual([expect.stringMatching(/^features are not kept: /)]);
    dispose(await cachedFeatures(extractor, images, { cacheDir: null }));
    expect(seen.images).toBe(4);
    expect(readdirSync(folder)).toEqual(['file']);
    images.dispose();
  });

  it('lie where the environment says', () => {
    expect(featureCacheDir({ GRAFT_CACHE: '/fast', XDG_CACHE_HOME: '/x' })).toBe('/fast/features');
    expect(featureCacheDir({ XDG_CACHE_HOME: '/x' })).toBe('/x/graft/features');
    const home = join(homedir(), '.cache', 'graft', 'features');
    expect(featureCacheDir({})).toBe(home);
    expect(featureCacheDir({ XDG_CACHE_HOME: 'relative' })).toBe(home);
  });
});

describe('extraction', () => {
  it('tells its progress, batch by batch, and leaves nothing behind', async () => {
    // 299 px: five images a batch at most.
    const { seen, extractor } = counting({ sizePx: 299 });
    const images = pixels(12);
    const told: [number, number][] = [];
    let hadItsTurn = false;
    setImmediate(() => {
      hadItsTurn = true;
    });
    const features = await extractor.extract(images, {
      onProgress: (...at) => {
        if (at[0] > 4) expect(hadItsTurn).toBe(true);
        told.push(at);
      },
    });
    expect(told).toEqual([
      [4, 12],
      [8, 12],
      [12, 12],
    ]);
    expect(seen.batches).toBe(3);
    const atOnce = extractor.features(images, { onProgress: (...at) => told.push(at) });
    expect(told).toHaveLength(6);
    expect(list(atOnce)).toEqual(list(features));
    // Owned by no scope: it outlives the one that asks for it.
    const pending = tidy(() => ({ promise: extractor.extract(images) })).promise;
    expect(list(await pending)).toEqual(list(features));
    dispose([images, features, atOnce, await pending]);
  });

  it('of nothing, or of what is no image, is refused; what was made is freed', async () => {
    const { extractor } = counting();
    const none = tensor(new Uint8Array(), [0, 3, 4, 4]);
    await expect(extractor.extract(none)).rejects.toThrow(/no images/);
    expect(() => extractor.features(none)).toThrow(DataError);
    let count = 0;
    const failing: FeatureExtractor = makeBackbone(
      { ...extractor, sizePx: 299 },
      {
        embed: (part) => {
          if (++count === 2) throw new DataError('the second batch');
          return part.float().mean([2, 3]);
        },
        dispose: () => {},
      },
    );
    const images = pixels(12);
    await expect(failing.extract(images)).rejects.toThrow('the second batch');
    dispose([none, images]);
  });
});
