import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grad, liveTensors, savePth, saveSafetensors, type Tensor, tensor, tidy } from 'graft-torch';
import { ConfigError, DataError, TorchError } from 'graft-torch/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LpipsTrunk } from '../../models/lpips-trunks.js';
import { batchOf, goldens, numbers, relativeError, ruleWeights } from './golden.test-data.js';
import { type LpipsNetwork, openLpips } from './lpips.js';

type Weights = Record<string, Tensor>;

const folder = mkdtempSync(join(tmpdir(), 'graft-lpips-'));
const at = (name: string): string => join(folder, name);
const NETWORKS = ['alex', 'vgg', 'squeeze'] as const;

/** A network's weights by the goldens' rule, under torchvision's keys. */
function trunkWeights(network: LpipsNetwork): Weights {
  const trunk = tidy(() => new LpipsTrunk(network));
  const shapes = Object.entries(trunk.stateDict()).map(([key, { shape }]) => [key, shape] as const);
  trunk.dispose();
  return Object.fromEntries(shapes.map(([key, shape]) => [key, ruleWeights(shape, key)]));
}

function headWeights(network: LpipsNetwork): Weights {
  const channels = tidy(() => {
    const trunk = new LpipsTrunk(network);
    trunk.dispose();
    return trunk.channels;
  });
  const key = (index: number): string => `lin${index}.model.1.weight`;
  return Object.fromEntries(
    channels.map((count, index) => [key(index), ruleWeights([1, count, 1, 1], key(index))]),
  );
}

const renamed = (weights: Weights, rename: (key: string) => string): Weights =>
  Object.fromEntries(Object.entries(weights).map(([key, value]) => [rename(key), value]));

beforeAll(() => {
  tidy(() => {
    for (const network of NETWORKS) {
      // Files as they are published: the network with its classifier, the heads on their own.
      savePth(at(`${network}.trunk.pth`), {
        ...trunkWeights(network),
        'classifier.1.weight': tensor([1, 2], [2]),
      });
      savePth(at(`${network}.heads.pth`), headWeights(network));
    }
  });
});

afterAll(() => rmSync(folder, { recursive: true }));

const open = (network: LpipsNetwork, dtype: 'float32' | 'float64' = 'float32') =>
  openLpips(network, { trunk: at(`${network}.trunk.pth`), heads: at(`${network}.heads.pth`), dtype });

describe.each(NETWORKS)('LPIPS with %s', (network) => {
  it('is PIQA’s over torchvision’s network, in float32 within 1e-5 and float64 within 1e-9', () => {
    const cases = goldens.lpips.filter((golden) => golden.network === network);
    expect(cases.length).toBe(6);
    for (const [dtype, tolerance] of [
      ['float32', 1e-5],
      ['float64', 1e-9],
    ] as const) {
      const lpips = open(network, dtype);
      tidy(() => {
        // float64 is slow and stands for the formula: once will do.
        for (const golden of dtype === 'float64' ? cases.slice(0, 1) : cases) {
          const value = lpips.score(...batchOf([golden], dtype)).item();
          const about = `${golden.name}, ${golden.height}×${golden.width}: ${value}, expected ${golden.value}`;
          expect(relativeError(value, golden.value), about).toBeLessThanOrEqual(tolerance);
        }
      });
      lpips.dispose();
    }
  });

  it('takes images down to its smallest side, and frees what it makes', () => {
    const before = liveTensors();
    const lpips = open(network);
    tidy(() => {
      const pairs = goldens.lpips
        .slice(0, 1)
        .map((pair) => ({ ...pair, height: lpips.minSidePx, width: 40 }));
      const [x, y] = batchOf([...pairs, ...pairs], 'float32');
      const mark = liveTensors();
      const scores = numbers(lpips.score(x, y));
      expect(liveTensors()).toBe(mark + 1);
      expect(scores[0]).toBeGreaterThan(0);
      expect(relativeError(scores[1]!, scores[0]!)).toBeLessThan(1e-6);
      const less = (images: Tensor): Tensor => images.narrow(2, 0, lpips.minSidePx - 1);
      expect(() => lpips.score(less(x), less(y))).toThrow(TorchError);
    });
    lpips.dispose();
    expect(liveTensors()).toBe(before);
  });
});

describe('LPIPS', () => {
  it('can be trained through, and has a gradient where a network sees nothing', () => {
    const lpips = open('alex', 'float64');
    tidy(() => {
      const [pair] = goldens.lpips;
      const [x, y] = batchOf([{ ...pair!, height: 33, width: 36 }], 'float64');
      const [gradient] = grad(lpips.score(x.requiresGrad_(), y).sum(), [x]);
      const slopes = gradient!.toArray() as Float64Array;
      const values = x.detach().toArray() as Float64Array;
      const near = (index: number, shift: number): number => {
        const moved = Float64Array.from(values);
        moved[index]! += shift;
        return tidy(() => lpips.score(tensor(moved, x.shape), y).item());
      };
      for (const index of [80, 700, 2500]) {
        const expected = (near(index, 1e-6) - near(index, -1e-6)) / 2e-6;
        expect(Math.abs(slopes[index]! - expected)).toBeLessThan(1e-4 * Math.max(...slopes.map(Math.abs)));
      }
    });
    lpips.dispose();
    tidy(() => {
      // Biases below every response: nothing gets through the first ReLU.
      const blind = Object.fromEntries(
        Object.entries(trunkWeights('alex')).map(([key, value]) => [
          key,
          key.endsWith('bias') ? value.mul(0).sub(1e4) : value,
        ]),
      );
      saveSafetensors(at('blind.safetensors'), { ...blind, ...headWeights('alex') });
      const dark = openLpips('alex', { trunk: at('blind.safetensors') });
      const [x, y] = batchOf(goldens.lpips.slice(0, 1), 'float32');
      const score = dark.score(x.requiresGrad_(), y);
      expect(score.item()).toBe(0);
      const [gradient] = grad(score.sum(), [x]);
      expect(gradient!.isfinite().all().item()).toBeTruthy();
      dark.dispose();
    });
  });

  it('reads the authors’ package’s and PIQA’s keys as well, from one file', () => {
    tidy(() => {
      const all = { ...trunkWeights('squeeze'), ...headWeights('squeeze') };
      const [x, y] = batchOf(goldens.lpips.slice(0, 1), 'float32');
      const lpips = open('squeeze');
      const expected = lpips.score(x, y).item();
      lpips.dispose();
      const stretches = [[0, 1], [2, 3, 4], [5, 6, 7], [8, 9], [10], [11], [12]];
      const stretchOf = (layer: number): number => stretches.findIndex((layers) => layers.includes(layer));
      const layerKey = (name: (layer: number) => string) => (key: string) =>
        key.replace(/^features\.(\d+)/, (_, layer) => name(Number(layer)));
      const authors = renamed(
        all,
        layerKey((layer) => `net.slice${stretchOf(layer) + 1}.${layer}`),
      );
      const piqa = renamed(all, (key) =>
        layerKey((layer) => {
          const stretch = stretchOf(layer);
          return `net.layers.${stretch}.${stretches[stretch]!.indexOf(layer)}`;
        })(key).replace(/^lin(\d+)\.model/, 'lins.$1'),
      );
      expect(Object.keys(piqa)).toContain('net.layers.1.1.squeeze.weight');
      for (const [name, weights] of Object.entries({ authors, piqa })) {
        saveSafetensors(at(`${name}.safetensors`), weights);
        const other = openLpips('squeeze', { trunk: at(`${name}.safetensors`) });
        expect(other.score(x, y).item(), name).toBe(expected);
        other.dispose();
      }
    });
  });

  it('says what is wrong with a file, and with images of another type', () => {
    const before = liveTensors();
    tidy(() => {
      expect(() => openLpips('alex', { trunk: at('none.pth') })).toThrow(ConfigError);
      const alex = at('alex.trunk.pth');
      const attempt = (options: { trunk: string; heads?: string }, message: RegExp): void => {
        expect(() => openLpips('alex', options)).toThrow(DataError);
        expect(() => openLpips('alex', options)).toThrow(message);
      };
      attempt(
        { trunk: alex },
        /alex\.trunk\.pth does not hold LPIPS weights of alex: missing lin0\.model\.1/,
      );
      attempt({ trunk: at('vgg.trunk.pth') }, /does not hold the alex network: missing features\.3\.weight/);
      attempt({ trunk: at('vgg.trunk.pth') }, /mis-shaped features\.0\.weight/);
      attempt({ trunk: alex, heads: at('squeeze.heads.pth') }, /mis-shaped lin1\.model\.1\.weight/);
      const lpips = open('alex');
      const [x, y] = batchOf(goldens.lpips.slice(0, 1), 'float64');
      expect(() => lpips.score(x, y)).toThrow(
        /float32 on cpu, the images float64 on cpu: open it for theirs/,
      );
      lpips.dispose();
    });
    expect(liveTensors()).toBe(before);
  });
});
