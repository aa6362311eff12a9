/** Networks with weights from a file as backbones: what they see, what their hash stands for, what is refused. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, noGrad, saveSafetensors, type Tensor, tensor, tidy, withSeed } from 'graft-torch';
import { ConfigError, DataError, Random } from 'graft-torch/base';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Conventions,
  EfficientNet,
  encodeConventions,
  networkEntry,
  normaliseInput,
} from '../../models/index.js';
import { measureDistribution } from '../distribution/index.js';
import { compareRecords } from '../sets/record.js';
import {
  autoBackbone,
  bringBackbone,
  openBackbone,
  openExtractor,
  parseBackboneSpec,
  requireTrust,
  resize,
  settleBackbone,
} from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-backbone-network-'));
const at = (...parts: string[]): string => join(folder, ...parts);
const SIDE = { input: { sizePx: 64 } };

/** Random bytes `[n, 3, 40, 40]`. */
function noise(n: number, seed = n): Tensor {
  const random = new Random(seed);
  return tensor(
    Uint8Array.from({ length: n * 3 * 40 * 40 }, () => random.int(256)),
    [n, 3, 40, 40],
  );
}

const fresh = (seed: number, options = {}): EfficientNet =>
  withSeed(seed, () => new EfficientNet('lite0', { numClasses: 7, ...options })).eval();

interface Saved {
  seed?: number;
  conventions?: Partial<Conventions>;
  /** Whose key names. */
  naming?: string;
  head?: 'normalised';
}

/** A file of weights as somebody's trainer leaves it; its directory decides nothing. */
function saved(name: string, { seed = 1, conventions, naming, head }: Saved = {}): string {
  const network = fresh(seed, head && { head });
  const theirs = networkEntry('efficientnet-lite0').namings.find((one) => one.name === naming);
  const state = Object.fromEntries(
    Object.entries(network.stateDict()).map(([key, value]) => [theirs?.toFile(key) ?? key, value]),
  );
  const path = at(name);
  saveSafetensors(path, state, conventions && encodeConventions(conventions));
  network.dispose();
  return path;
}

const list = (values: Tensor): number[] => Array.from(values.toArray() as Float32Array);

let weights: string;
let before: number;
beforeAll(() => {
  before = liveTensors();
  weights = saved('lite0.safetensors');
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => {
  rmSync(folder, { recursive: true });
  expect(liveTensors()).toBe(before);
});

describe('features', () => {
  it('are what `embed` gives of the same pixels: resized, and normalised as the weights want it', () => {
    tidy(() => {
      const images = noise(5);
      const backbone = openBackbone(`efficientnet-lite0:${weights}`, SIDE);
      const network = fresh(1).setConventions({ padding: 'same', batchNormEps: 1e-3 });
      const pixels = resize(images, 64).div(255);
      const embedded = (statistics: 'half' | 'imagenet'): number[] =>
        list(noGrad(() => network.embed(normaliseInput(pixels, statistics))));
      const features = backbone.features(images);
      expect(features.shape).toEqual([5, 1280]);
      const [right, wrong] = [embedded('half'), embedded('imagenet')];
      const apart = (others: number[]): number =>
        Math.max(...list(features).map((value, i) => Math.abs(value - others[i]!)));
      expect(apart(right)).toBeLessThan(1e-5);
      expect(apart(wrong)).toBeGreaterThan(1e-3);
      expect(backbone).toMatchObject({ name: 'EfficientNet-Lite0', sizePx: 64 });
      expect(backbone.description).toContain(weights);
      backbone.dispose();
      network.dispose();
    });
  });

  it.each([
    ['resnet-18', 64, 'ResNet-18', 512],
    ['vit-small-14-dinov2-reg', 56, 'ViT-S/14 (DINOv2 with registers)', 384],
  ])('of %s are its own `embed`, whatever conventions its family has', (name, sidePx, title, length) => {
    tidy(() => {
      const images = noise(3);
      const path = at(`${name}.safetensors`);
      const network = withSeed(3, () => networkEntry(name).make({ numClasses: 4, sidePx })).eval();
      saveSafetensors(path, network.stateDict());
      const backbone = openBackbone(`${name}:${path}`, { input: { sizePx: sidePx } });
      const pixels = normaliseInput(resize(images, sidePx).div(255), 'imagenet');
      const features = list(backbone.features(images));
      expect(features).toHaveLength(3 * length);
      const wanted = list(noGrad(() => network.embed(pixels)));
      expect(Math.max(...features.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-4);
      expect(backbone.name).toBe(title);
      backbone.dispose();
      network.dispose();
    });
  });

  it('of patches take sides that patches fill', () => {
    const spec = `vit-small-14-dinov2-reg:${at('vit-small-14-dinov2-reg.safetensors')}`;
    expect(() => openBackbone(spec, { input: { sizePx: 64 } })).toThrow(/multiple of 14 for ViT-S.*not 64/);
  });

  it('have the side that the weights know: the network’s own, or that of the run that wrote them', () => {
    const network = fresh(1);
    saveSafetensors(at('of-a-run.safetensors'), network.stateDict(), {
      ...encodeConventions(network.conventions),
      imageSize: '96',
    });
    network.dispose();
    for (const [file, side] of [
      [weights, 224],
      [at('of-a-run.safetensors'), 96],
    ] as const) {
      const backbone = openBackbone(`efficientnet-lite0:${file}`);
      expect(backbone.sizePx).toBe(side);
      backbone.dispose();
    }
  });

  it('have a hash of weights, conventions and side, and not of names, paths or the last layer', () => {
    const hashOf = (file: string, options = SIDE): string => {
      const backbone = openBackbone(`efficientnet-lite0:${file}`, options);
      backbone.dispose();
      return backbone.hash;
    };
    const own = hashOf(weights);
    expect(own).toMatch(/^[0-9a-f]{64}$/);
    mkdirSync(at('tf_efficientnet_lite0'));
    copyFileSync(weights, at('renamed.safetensors'));
    expect(hashOf(at('renamed.safetensors'))).toBe(own);
    // timm's names, and the conventions that its name for the network stands for.
    expect(hashOf(saved('tf_efficientnet_lite0/model.safetensors', { naming: 'timm' }))).toBe(own);
    const others = [
      hashOf(saved('other-weights.safetensors', { seed: 2 })),
      hashOf(weights, { input: { sizePx: 96 } }),
      hashOf(saved('statistics.safetensors', { conventions: { inputStatistics: 'imagenet' } })),
      hashOf(saved('eps.safetensors', { conventions: { inputStatistics: 'half', batchNormEps: 1e-5 } })),
      hashOf(saved('pads.safetensors', { conventions: { inputStatistics: 'half', padding: 'symmetric' } })),
    ];
    expect(new Set([own, ...others]).size).toBe(6);
  });

  it('carry name and hash into records, and records of another backbone are not compared with', () => {
    tidy(() => {
      const [real, synthetic] = [noise(12, 1), noise(12, 2)];
      const recordOf = (spec: string) => {
        const backbone = openBackbone(spec, { ...SIDE, sizePx: 32, calibrate: real });
        const sets = { real: backbone.features(real), synthetic: backbone.features(synthetic) };
        const [record] = measureDistribution(backbone, sets, { replicates: 0 });
        backbone.dispose();
        return { record: record!, hash: backbone.hash };
      };
      const pretrained = recordOf(`efficientnet-lite0:${weights}`);
      expect(pretrained.record.protocol).toMatchObject({
        backbone: 'EfficientNet-Lite0',
        backboneHash: pretrained.hash,
      });
      expect(() => compareRecords(pretrained.record, recordOf('random').record)).toThrow(
        /cannot be compared.*backbone \(EfficientNet-Lite0 against random EfficientNet-B0\), backboneHash/,
      );
      const other = recordOf(`efficientnet-lite0:${saved('again.safetensors', { seed: 2 })}`);
      expect(() => compareRecords(pretrained.record, other.record)).toThrow(/differ in backboneHash/);
      expect(
        compareRecords(pretrained.record, recordOf(`efficientnet-lite0:${at('renamed.safetensors')}`).record),
      ).toMatchObject({ difference: 0 });
    });
  });
});

describe('the form', () => {
  it('is a network’s name and a file, or a place on the hub', () => {
    expect(parseBackboneSpec('efficientnet-lite0:w.pth')).toEqual({
      kind: 'network',
      network: 'efficientnet-lite0',
      path: 'w.pth',
    });
    expect(parseBackboneSpec('efficientnet-b0:hf:timm/a/model.safetensors')).toMatchObject({
      kind: 'network',
      path: 'hf:timm/a/model.safetensors',
    });
    mkdirSync(at('efficientnet-lite0'));
    expect(parseBackboneSpec(at('efficientnet-lite0'))).toMatchObject({ kind: 'run' });
  });

  it('is data, not a program: it needs nobody’s trust', () => {
    expect(() => requireTrust('efficientnet-lite0:w.pth', {})).not.toThrow();
    expect(() => requireTrust('efficientnet-lite0:w.pt', {})).not.toThrow();
    expect(() => requireTrust('auto', {})).not.toThrow();
  });

  it.each([
    [
      'efficientnet-lite0',
      ConfigError,
      /names no weights: write efficientnet-lite0:FILE, such as .*:hf:timm\//,
    ],
    ['efficientnet-lite0:', ConfigError, /names no weights/],
    [
      'efficientnet-lite9:w.pth',
      ConfigError,
      /'efficientnet-lite9' is neither .* networks: efficientnet-b0, /,
    ],
    ['hf:timm/a/model.safetensors', ConfigError, /without a network: write .*NETWORK:hf:timm/],
    ['w.pth', ConfigError, /NETWORK:w\.pth for another/],
    ['efficientnet-lite0:gone.pth', ConfigError, /weights file gone\.pth does not exist/],
  ])('%s is refused in one line with the remedy', (spec, kind, message) => {
    expect(() => openBackbone(spec)).toThrow(kind);
    expect(() => openBackbone(spec)).toThrow(message);
    expect(() => openBackbone(spec)).not.toThrow(/\n/);
  });

  it('with the weights of another network, of a part, or of another head is refused', () => {
    const spec = (network: string, file: string): string => `${network}:${file}`;
    expect(() => openBackbone(spec('efficientnet-lite1', weights))).toThrow(DataError);
    expect(() => openBackbone(spec('efficientnet-lite1', weights))).toThrow(
      /lite0\.safetensors does not hold weights of EfficientNet-Lite1: missing .*; write the network that the file is of before it$/,
    );
    writeFileSync(at('empty.safetensors'), '');
    expect(() => openBackbone(spec('efficientnet-lite0', at('empty.safetensors')))).toThrow(
      /empty\.safetensors/,
    );
    const network = fresh(1);
    const twice = ['student', 'teacher'].flatMap((whose) =>
      Object.entries(network.stateDict()).map(([key, value]) => [`${whose}.${key}`, value] as const),
    );
    saveSafetensors(at('twice.safetensors'), Object.fromEntries(twice));
    network.dispose();
    expect(() => openBackbone(spec('efficientnet-lite0', at('twice.safetensors')))).toThrow(
      /holds several networks of this kind; save the wanted one alone: student, teacher/,
    );
    const head = saved('head.safetensors', { head: 'normalised' });
    expect(() => openBackbone(spec('efficientnet-lite0', head))).toThrow(
      /has _head_bn\.\w+ before its last layer.*give the run's folder/,
    );
  });

  it('takes a side, and nothing else that its weights say themselves', () => {
    const spec = `efficientnet-lite0:${weights}`;
    expect(() => openBackbone(spec, { input: { mean: [0, 0, 0] } })).toThrow(
      /mean cannot be declared for EfficientNet-Lite0, whose weights say it; only sizePx can/,
    );
    expect(() => openBackbone(spec, { input: { sizePx: 16 } })).toThrow(/whole number 32…1024.*not 16/);
    expect(() => openBackbone(spec, { resizer: 'tensorflow' })).toThrow(/its resizer is 'clean'/);
  });

  it('on the hub is fetched where it is asked for, and read from the cache where it is there', async () => {
    const spec = 'efficientnet-lite0:hf:somebody/tf_efficientnet_lite0/model.safetensors';
    vi.stubEnv('GRAFT_CACHE', at('cache'));
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    await expect(openExtractor(spec)).rejects.toThrow(/HF_HUB_OFFLINE is set.*put it at/);
    await expect(bringBackbone(spec)).rejects.toThrow(/HF_HUB_OFFLINE/);
    expect(() => openBackbone(spec)).toThrow(/its weights are not on this machine; put the file at .*cache/);
    mkdirSync(at('cache/weights/somebody/tf_efficientnet_lite0/main'), { recursive: true });
    copyFileSync(weights, at('cache/weights/somebody/tf_efficientnet_lite0/main/model.safetensors'));
    const backbone = await openExtractor(spec, SIDE);
    expect(backbone.name).toBe('EfficientNet-Lite0');
    await backbone.dispose();
  });
});

describe('auto', () => {
  const cached = 'timm/tf_efficientnet_lite0.in1k';

  it('is what the variable names, else what lies in the cache, else random; and says why', () => {
    const home = at('home');
    expect(autoBackbone({ HOME: home, GRAFT_CACHE: home })).toEqual({
      spec: 'random',
      why: 'no weights are at hand',
    });
    // Nothing was fetched, or made ready for it.
    expect(existsSync(home)).toBe(false);
    mkdirSync(join(home, 'weights', cached, 'main'), { recursive: true });
    copyFileSync(weights, join(home, 'weights', cached, 'main', 'model.safetensors'));
    const found = `efficientnet-lite0:hf:${cached}/model.safetensors`;
    expect(autoBackbone({ GRAFT_CACHE: home })).toEqual({ spec: found, why: 'its weights are in the cache' });
    const named = { GRAFT_CACHE: home, GRAFT_BACKBONE: `efficientnet-lite0:${weights}` };
    expect(autoBackbone(named)).toEqual({
      spec: `efficientnet-lite0:${weights}`,
      why: '$GRAFT_BACKBONE names it',
    });
    expect(autoBackbone({ ...named, GRAFT_BACKBONE: 'random' }).spec).toBe('random');
    expect(settleBackbone('auto', named)).toBe(`efficientnet-lite0:${weights}`);
    expect(settleBackbone('inception:x.pth', named)).toBe('inception:x.pth');
    expect(parseBackboneSpec('auto', named)).toEqual({
      kind: 'network',
      network: 'efficientnet-lite0',
      path: weights,
    });
    expect(parseBackboneSpec('auto', {})).toMatchObject({ kind: expect.any(String) });
  });

  it.each([
    ['efficientnet-lite0:gone.pth', /GRAFT_BACKBONE=.*: the weights are not there; correct the path/],
    ['efficientnet-lite0:hf:a/b/c.pth', /not there; use them once \(--backbone .*\)/],
    ['net.pt', /expected random, or a network and its weights/],
    ['efficientnet-lite0', /names no weights/],
  ])('never takes another where the variable names %s', (named, message) => {
    const env = { GRAFT_CACHE: at('home'), GRAFT_BACKBONE: named };
    expect(() => autoBackbone(env)).toThrow(ConfigError);
    expect(() => autoBackbone(env)).toThrow(message);
  });

  it('opens what it found, and the record says which', () => {
    vi.stubEnv('GRAFT_BACKBONE', `efficientnet-lite0:${weights}`);
    const [auto, named] = ['auto', `efficientnet-lite0:${weights}`].map((spec) => openBackbone(spec, SIDE));
    expect([auto!.name, auto!.hash]).toEqual(['EfficientNet-Lite0', named!.hash]);
    auto!.dispose();
    named!.dispose();
  });
});

const published = process.env.GRAFT_TEST_WEIGHTS
  ? join(process.env.GRAFT_TEST_WEIGHTS, 'efficientnet-lite0-57934424.pth')
  : '';

describe.skipIf(!existsSync(published))(
  'published weights of EfficientNet-Lite0 (skipped where GRAFT_TEST_WEIGHTS does not name their folder)',
  () => {
    it('give the features that the port gives which they were published with', () => {
      const golden = JSON.parse(
        readFileSync(
          new URL('../../../test/goldens/metrics/pretrained_backbone.json', import.meta.url),
          'utf8',
        ),
      ) as { side: number; length: number; mean: number; norm: number; first: number[] };
      tidy(() => {
        const { side } = golden;
        const bytes = new Uint8Array(3 * side * side);
        for (let y = 0; y < side; y++)
          for (let x = 0; x < side; x++)
            [3 * x + 5 * y, x * y, 7 * x + y * y].forEach((value, channel) => {
              bytes[(channel * side + y) * side + x] = value % 256;
            });
        const backbone = openBackbone(`efficientnet-lite0:${published}`);
        const features = list(backbone.features(tensor(bytes, [1, 3, side, side])));
        backbone.dispose();
        expect(backbone.sizePx).toBe(side);
        expect(features).toHaveLength(golden.length);
        golden.first.forEach((value, i) => {
          expect(features[i]).toBeCloseTo(value, 3);
        });
        const mean = features.reduce((sum, value) => sum + value, 0) / features.length;
        expect(mean).toBeCloseTo(golden.mean, 4);
        expect(Math.hypot(...features)).toBeCloseTo(golden.norm, 2);
      });
    });
  },
);
