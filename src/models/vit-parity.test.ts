/** The same weights give the same as in the libraries that publish them, under their own key names and in their own shapes. */
import { readFileSync } from 'node:fs';
import { cat, grad, liveTensors, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Float, fill } from '../../test/engine/goldens.js';
import { difference, disposePattern, patternedState } from './parity.test-data.js';
import { PLAIN_VIT, VisionTransformer, type ViTShape } from './vit.js';
import { resamplePositions } from './vit-positions.js';
import { applyNetworkWeights } from './weights.js';

interface Case {
  /** Of every tensor of the library's file. */
  shapes: Record<string, number[]>;
  side: number;
  eval: number[][];
  train: number[][];
  gradient: { abs: number; values: number[] };
}
interface Resampled {
  old: number;
  new: number;
  prefix: number;
  width: number;
  values: number[];
}
const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/models/vit.json', import.meta.url), 'utf8'),
) as { about: { classes: number }; cases: Record<string, Case & Resampled> };
const { cases, about } = golden;

afterAll(disposePattern);

const flat = (t: Tensor): number[] => Array.from(t.toArray() as Float64Array);

interface Made {
  shape: Partial<ViTShape>;
  /** Its entry, whose namings read the file. */
  name: string;
  output: 'logits' | 'embedding';
}

const SMALL = { width: 64, depth: 3, heads: 4, patchPx: 16 };
const BASE = { width: 768, depth: 12, heads: 12, patchPx: 16 };
const DINO = { patchPx: 14, registers: 4, positions: 'patches', layerScale: 1e-5 } as const;
const CLIP = { eps: 1e-5, preNorm: true, patchBias: false } as const;
const QUICK = { ...CLIP, activation: 'quick-gelu' } as const;
const logits = (shape: Partial<ViTShape>, name = 'vit-base-16'): Made => ({ shape, name, output: 'logits' });
const embedding = (shape: Partial<ViTShape>, name: string): Made => ({ shape, name, output: 'embedding' });

const NETWORKS: Record<string, Made> = {
  'timm/registers': logits({ ...SMALL, ...DINO }),
  'timm/class': logits(SMALL),
  'timm/mean': logits({ ...SMALL, embedding: 'mean' }),
  'timm/mean-normed': logits({ ...SMALL, embedding: 'mean-normed' }),
  'timm/registers-everywhere': logits({ ...SMALL, registers: 3 }),
  'timm/clip': logits({ ...SMALL, ...QUICK }),
  'timm/no-qkv-bias': logits({ ...SMALL, qkvBias: false }),
  'timm/vit_base_patch16_224': logits(BASE),
  'timm/vit_small_patch14_reg4_dinov2': logits({ ...BASE, ...DINO, width: 384, heads: 6 }),
  'timm/vit_base_patch16_clip_quickgelu_224': logits({ ...BASE, ...QUICK }),
  'open_clip/quick-gelu': embedding({ ...SMALL, ...QUICK }, 'clip-vit-b-16'),
  'open_clip/scaled': embedding({ ...SMALL, ...CLIP, patchPx: 14, layerScale: 0.1 }, 'clip-vit-b-16'),
  'open_clip/ViT-B-16-quickgelu': embedding({ ...BASE, ...QUICK }, 'clip-vit-b-16'),
  'open_clip with a timm trunk/tiny': embedding({ ...BASE, width: 192, heads: 3 }, 'biomedclip-vit-b-16'),
  'transformers/clip': embedding({ ...SMALL, ...QUICK }, 'clip-vit-l-14'),
  'dinov2/registers': embedding({ ...SMALL, ...DINO }, 'vit-small-14-dinov2-reg'),
  'dinov2/chunks': embedding({ ...SMALL, ...DINO }, 'vit-small-14-dinov2-reg'),
  'panderm/small': logits({ ...SMALL, layerScale: 0.1, positions: 'waves' }, 'panderm-vit-b-16'),
  'panderm/waves': logits({ ...SMALL, layerScale: 0.1, positions: 'waves' }, 'panderm-vit-b-16'),
};

const makeNetwork = ({ shape, name }: Made, sidePx: number): VisionTransformer =>
  new VisionTransformer(
    { ...PLAIN_VIT, ...SMALL, ...shape },
    { name, title: name, sidePx, numClasses: about.classes },
  );

let live: number;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

const outputOf = (network: VisionTransformer, { output }: Made, x: Tensor): Tensor =>
  output === 'logits' ? network.forward(x) : network.embed(x);

const imagesOf = (side: number, dtype: Float): Tensor => fill(`x[${side}]`, [2, 3, side, side], dtype);

describe('parity', () => {
  it.each(Object.keys(NETWORKS))(
    '%s, in evaluation and in training, and the gradient of the images',
    (name) => {
      const [made, wanted] = [NETWORKS[name]!, cases[name]!];
      const network = makeNetwork(made, wanted.side);
      tidy(() => {
        const loaded = applyNetworkWeights(network, {
          path: `${name}.pth`,
          tensors: patternedState(wanted.shapes),
        });
        expect(loaded).toMatchObject({ naming: name.split('/')[0], headReplaced: made.output !== 'logits' });
        const evaluated = (dtype: Float): number[] => {
          network.to({ dtype }).eval();
          return noGrad(() => flat(outputOf(network, made, imagesOf(wanted.side, dtype))));
        };
        expect(difference(evaluated('float32'), wanted.eval), 'float32').toBeLessThan(2e-5);
        // Weights are exact in both; of waves theirs are rounded on the way to single precision, too.
        const tolerance = name === 'panderm/waves' ? 1e-7 : 1e-9;
        expect(difference(evaluated('float64'), wanted.eval), 'evaluation').toBeLessThan(tolerance);

        network.train();
        const x = imagesOf(wanted.side, 'float64').requiresGrad_();
        const output = outputOf(network, made, x);
        expect(difference(flat(output), wanted.train), 'training').toBeLessThan(tolerance);
        const [gradient] = grad(output.mul(fill('upstream', output.shape, 'float64')).sum(), [x]);
        const { abs, values } = wanted.gradient;
        expect(Math.abs(gradient!.abs().sum().item() / abs - 1), 'gradient').toBeLessThan(tolerance);
        const some = flat(gradient!).filter((_, i) => i % 997 === 0);
        expect(difference(some, [values]), 'gradient').toBeLessThan(tolerance);
      });
      network.dispose();
    },
  );
});

describe('what is stored otherwise', () => {
  it('a file whose encoder lies beside the rest of pre-training is read as one that holds the encoder alone', () => {
    const made = NETWORKS['panderm/small']!;
    const { shapes, side, eval: wanted } = cases['panderm/small']!;
    const network = makeNetwork(made, side);
    tidy(() => {
      const file = patternedState(shapes);
      const whole = Object.fromEntries(
        Object.entries(file).flatMap(([key, value]) =>
          key.startsWith('head.') ? [] : [[`encoder.${key}`, value] as const],
        ),
      );
      const rest = {
        ...patternedState({ mask_token: [1, 1, 64] }),
        ...patternedState({
          rd_pos_embed: [1, 17, 64],
          'regresser.regressers.0.norm1_q.weight': [64],
          'decoder.norm.weight': [64],
        }),
      };
      const loaded = applyNetworkWeights(network, { path: 'panderm.pth', tensors: { ...whole, ...rest } });
      expect(loaded).toMatchObject({ naming: 'panderm', headReplaced: true });
      network.classifier.loadStateDict({ weight: file['head.weight']!, bias: file['head.bias']! });
      network.to({ dtype: 'float64' }).eval();
      const found = noGrad(() => flat(network.forward(imagesOf(side, 'float64'))));
      expect(difference(found, wanted)).toBeLessThan(1e-9);
    });
    network.dispose();
  });

  it('older files of transformers number the places; what is missing is called by their name', () => {
    const { shapes, side } = cases['transformers/clip']!;
    const network = makeNetwork(NETWORKS['transformers/clip']!, side);
    tidy(() => {
      const file = patternedState(shapes);
      const numbered = {
        ...file,
        'vision_model.embeddings.position_ids': tensor([0, 1, 2], [1, 3], { dtype: 'int64' }),
      };
      expect(applyNetworkWeights(network, { path: 'clip.bin', tensors: numbered }).headReplaced).toBe(true);
      const { 'vision_model.encoder.layers.2.mlp.fc1.bias': _, ...without } = file;
      expect(() => applyNetworkWeights(network, { path: 'clip.bin', tensors: without })).toThrow(
        /missing vision_model\.encoder\.layers\.2\.mlp\.fc1\.bias$/,
      );
    });
    network.dispose();
  });
});

describe('another side', () => {
  it.each(['up', 'down', 'down-much'])('positions are resampled as timm does it: %s', (name) => {
    const { old, new: side, prefix, width, values } = cases[`resampled/${name}`]!;
    tidy(() => {
      const positions = fill(`positions.${name}`, [1, prefix + old ** 2, width], 'float32');
      const found = resamplePositions(positions, { side, prefix })!;
      expect(found.shape).toEqual([1, prefix + side ** 2, width]);
      // Sums of 16 and more products in single precision.
      expect(difference(flat(found), [values])).toBeLessThan(1e-6);
      expect(resamplePositions(positions.narrow(1, 1, prefix + old ** 2 - 1), { side, prefix })).toBeNull();
    });
  });

  it('a file of another side gives what timm gives with it', () => {
    const { shapes, side, eval: wanted } = cases['timm/at-another-side']!;
    const network = makeNetwork(NETWORKS['timm/registers']!, side);
    tidy(() => {
      applyNetworkWeights(network, { path: 'vit.pth', tensors: patternedState(shapes) });
      network.to({ dtype: 'float64' }).eval();
      const found = noGrad(() => flat(network.forward(imagesOf(side, 'float64'))));
      expect(difference(found, wanted)).toBeLessThan(1e-6);
    });
    network.dispose();
  });

  it('waves are made anew instead', () => {
    const { shapes } = cases['panderm/small']!;
    const made = NETWORKS['panderm/small']!;
    const [network, fresh] = [makeNetwork(made, 96), makeNetwork(made, 96)];
    tidy(() => {
      applyNetworkWeights(network, { path: 'panderm.pth', tensors: patternedState(shapes) });
      expect(flat(network.posEmbed)).toEqual(flat(fresh.posEmbed));
      expect(network.posEmbed.shape).toEqual([1, 37, 64]);
    });
    for (const one of [network, fresh]) one.dispose();
  });

  it('a grid that is no square is refused with both shapes', () => {
    const { shapes, side } = cases['timm/class']!;
    const network = makeNetwork(NETWORKS['timm/class']!, side);
    tidy(() => {
      const file = patternedState(shapes);
      const tensors = { ...file, pos_embed: cat([file.pos_embed!, file.pos_embed!], 1) };
      expect(() => applyNetworkWeights(network, { path: 'vit.pth', tensors })).toThrow(
        /mis-shaped pos_embed \[1,20,64\] for \[1,10,64\]/,
      );
    });
    network.dispose();
  });
});
