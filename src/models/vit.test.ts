import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  backward,
  liveTensors,
  manualSeed,
  noGrad,
  rand,
  randn,
  saveSafetensors,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { F } from 'graft-torch/nn';
import { Adam, SGD } from 'graft-torch/optim';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeConventions } from './conventions.js';
import { freezeBlocks } from './image-network.js';
import { networkEntry } from './networks.js';
import { PLAIN_VIT, VisionTransformer, type ViTOptions, type ViTShape } from './vit.js';
import { Attention, ViTBlock } from './vit-block.js';
import { VITS } from './vit-entries.js';
import { applyNetworkWeights, inspectNetworkWeights, loadNetworkWeights } from './weights.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-vit-'));
afterAll(() => rmSync(folder, { recursive: true }));

let live: number;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

const SHAPE: ViTShape = { ...PLAIN_VIT, width: 32, depth: 3, heads: 4, patchPx: 8 };
const small = (shape: Partial<ViTShape> = {}, options: Partial<ViTOptions> = {}): VisionTransformer =>
  new VisionTransformer(
    { ...SHAPE, ...shape },
    { name: 'vit-base-16', title: 'ViT', sidePx: 32, numClasses: 2, ...options },
  );

const difference = (a: Tensor, b: Tensor): number => tidy(() => a.sub(b).abs().amax().item());

describe('the networks of the list', () => {
  /**
   * Parameters without the last layer and the embeddings of places, as timm 1.0.31 counts them of its networks of these kinds;
   * of PanDerm with the biases of keys that its own code leaves out.
   */
  it.each([
    ['vit-small-16', 21_590_016],
    ['vit-base-16', 85_647_360],
    ['vit-small-14-dinov2-reg', 21_531_648],
    ['vit-base-14-dinov2-reg', 85_530_624],
    ['clip-vit-b-16', 85_648_128],
    ['clip-vit-l-14', 302_916_608],
    ['biomedclip-vit-b-16', 85_647_360],
    ['panderm-vit-b-16', 85_665_792],
    ['panderm-vit-l-16', 303_149_056],
  ])(
    '%s: parameters, and one step of training',
    (name, parameters) => {
      const entry = networkEntry(name);
      const side = 2 * entry.sideStep;
      const network = entry.make({ numClasses: 1, sidePx: side, dropConnect: 0.1 }).train();
      expect(network).toMatchObject({ name, title: entry.title });
      const { pos_embed: places, ...others } = network.namedParameters();
      expect(places === undefined).toBe(name.startsWith('panderm'));
      const count = Object.values(others).reduce((sum, value) => sum + value.numel, 0);
      expect(count - network.classifier.parameterCount).toBe(parameters);

      const optimizer = new SGD(network.parameters(), { lr: 1e-2 });
      tidy(() => {
        const weight = network.blocks[0]!.namedParameters()['attn.qkv.weight']!;
        const before = weight.detach().clone();
        const logits = network.forward(randn([2, 3, side, side]));
        expect(logits.shape).toEqual([2, 1]);
        backward(F.binaryCrossEntropyWithLogits(logits, tensor([0, 1], [2, 1])));
        optimizer.step();
        expect(difference(weight, before)).toBeGreaterThan(0);
      });
      optimizer.dispose();
      network.dispose();
    },
    60_000,
  );

  it('say what their weights want', () => {
    expect(VITS).toHaveLength(9);
    for (const { name, published, sidesPx, sideStep, conventionsOf, namings } of VITS) {
      expect(published.length, name).toBeGreaterThan(0);
      expect(sidesPx.every((side) => side % sideStep === 0)).toBe(true);
      for (const { where, input } of published) {
        expect(sidesPx, name).toContain(input.sidePx);
        expect(conventionsOf(namings.at(-1)!.name, where), where).toEqual({
          inputStatistics: input.statistics,
        });
      }
    }
    const statistics = (name: string, path: string): string | undefined =>
      networkEntry(name).conventionsOf('timm', path)?.inputStatistics;
    expect(statistics('vit-base-16', 'timm/vit_base_patch16_224.dino/model.safetensors')).toBe('imagenet');
    expect(statistics('vit-base-16', 'deit_base_patch16_224-b5f2ef4d.pth')).toBe('imagenet');
    expect(statistics('vit-base-16', 'dinosaurs/vit_base.pth')).toBe('half');
    expect(statistics('clip-vit-l-14', 'MONET/model.safetensors')).toBe('imagenet');
  });

  it('CLIPs with plain GELU are told by their path, and refused', () => {
    const { conventionsOf } = networkEntry('clip-vit-b-16');
    for (const [naming, path] of [
      ['open_clip', 'laion/CLIP-ViT-B-16-laion2B-s34B-b88K/open_clip_model.safetensors'],
      ['timm', 'timm/vit_base_patch16_clip_224.laion2b_ft_in1k/model.safetensors'],
      ['transformers', 'CLIP-ViT-B-16-DataComp.XL-s13B-b90K/model.safetensors'],
    ] as const)
      expect(() => conventionsOf(naming, path), path).toThrow(/plain GELU.*; take hf:timm\/.*openai/);
    expect(conventionsOf('timm', 'runs/against-laion/weights.safetensors')).toEqual({
      inputStatistics: 'clip',
    });
  });

  it('a large one is made in seconds, its weights N(0, 0.02²)', () => {
    manualSeed(1);
    const start = performance.now();
    const network = networkEntry('panderm-vit-l-16').make({ numClasses: 1, sidePx: 224 });
    expect(performance.now() - start).toBeLessThan(60_000);
    tidy(() => {
      const { 'blocks.23.mlp.fc1.weight': weight, 'blocks.23.ls1.gamma': gamma } = network.stateDict();
      expect(weight!.var().sqrt().item()).toBeCloseTo(0.02, 3);
      expect(gamma!.sub(0.1).abs().amax().item()).toBeLessThan(1e-6);
    });
    network.dispose();
  }, 120_000);
});

describe('the block', () => {
  it('gives for the first tokens what it gives for all of them', () => {
    const block = tidy(() => new ViTBlock({ ...SHAPE, layerScale: 0.5 }, 0));
    tidy(() => {
      const x = randn([3, 17, 32]);
      const all = block.forward(x);
      expect(all.shape).toEqual([3, 17, 32]);
      for (const rows of [1, 5]) {
        const some = block.forward(x, rows);
        expect(some.shape).toEqual([3, rows, 32]);
        expect(difference(some, all.narrow(1, 0, rows))).toBeLessThan(1e-5);
      }
    });
    block.dispose();
  });

  it('attends piece by piece where scores are many, with the same result and gradient', () => {
    const [whole, pieces] = tidy(() => [new Attention(SHAPE), new Attention(SHAPE, 2 * 4 * 17 * 17)]) as [
      Attention,
      Attention,
    ];
    pieces.loadStateDict(whole.stateDict());
    tidy(() => {
      const x = randn([5, 17, 32]);
      const [a, b] = [whole, pieces].map((attention) => {
        const input = x.clone().requiresGrad_();
        const y = attention.forward(input);
        backward(y.square().sum());
        return { y, gradient: input.grad! };
      }) as [{ y: Tensor; gradient: Tensor }, { y: Tensor; gradient: Tensor }];
      expect(difference(a.y, b.y)).toBeLessThan(1e-6);
      expect(difference(a.gradient, b.gradient)).toBeLessThan(1e-5);
    });
    whole.dispose();
    pieces.dispose();
  });

  it('stochastic depth drops whole samples of a branch, none in evaluation, and leaves the mean', () => {
    manualSeed(3);
    const block = tidy(() => new ViTBlock(SHAPE, 0.25));
    tidy(() => {
      const one = randn([1, 4, 32]);
      const many = one.expand([4000, 4, 32]);
      const plain = noGrad(() => block.eval().forward(one));
      const seen = noGrad(() => block.train().forward(many));
      const unchanged = seen.sub(one).abs().amax([1, 2]).eq(0).float().mean().item();
      expect(unchanged).toBeGreaterThan(0.04); // both branches dropped: 1/16
      expect(unchanged).toBeLessThan(0.09);
      // The first branch's mean; the second sees its spread, which is small beside it here.
      expect(difference(seen.mean([0], true), plain)).toBeLessThan(0.05);
    });
    block.dispose();
  });

  it('the last block drops with the whole rate, the first never', () => {
    manualSeed(4);
    const network = small({ depth: 2 }, { dropConnect: 0.5 }).train();
    tidy(() => {
      const x = randn([64, 17, 32]);
      const dropped = network.blocks.map((block) =>
        noGrad(() => block.forward(x).sub(x).abs().amax([1, 2]).eq(0).sum().item()),
      );
      expect(dropped[0]).toBe(0);
      expect(dropped[1]).toBeGreaterThan(4); // of 64, a quarter
    });
    network.dispose();
  });
});

describe('the network', () => {
  it('learns from scratch which colour a square somewhere has', () => {
    manualSeed(7);
    const network = small({ positions: 'patches', registers: 1, layerScale: 1 }).train();
    const optimizer = new Adam(network.parameters(), { lr: 2e-3 });
    const colours = Array.from({ length: 32 }, (_, i) => i % 2);
    const stepped = (): number =>
      tidy(() => {
        const x = rand([32, 3, 32, 32]).mul(0.5);
        noGrad(() => {
          colours.forEach((colour, i) => {
            const channel = x.select(0, i).narrow(0, colour, 1);
            channel
              .narrow(1, (i % 4) * 7, 8)
              .narrow(2, (i % 5) * 6, 8)
              .fill_(2);
          });
        });
        const loss = F.crossEntropy(network.forward(x), tensor(colours, [32], { dtype: 'int64' }));
        network.zeroGrad();
        backward(loss);
        optimizer.step();
        return loss.item();
      });
    const losses = Array.from({ length: 120 }, stepped);
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(Math.max(...losses.slice(-5))).toBeLessThan(0.15);
    optimizer.dispose();
    network.dispose();
  });

  it('names its parts: blocks and stages, stem, and which of them freeze', () => {
    const network = small({ preNorm: true, registers: 2 });
    expect(network.blockStages).toEqual([0, 1, 2]);
    const nameOf = new Map(Object.entries(network.namedParameters()).map(([key, value]) => [value, key]));
    expect(network.stemParameters().map((value) => nameOf.get(value))).toEqual([
      'cls_token',
      'reg_token',
      'pos_embed',
      'patch_embed.proj.weight',
      'patch_embed.proj.bias',
      'norm_pre.weight',
      'norm_pre.bias',
    ]);
    freezeBlocks(network, 2);
    const trainable = Object.entries(network.namedParameters())
      .filter(([, value]) => value.requiresGrad)
      .map(([key]) => key.split('.').slice(0, 2).join('.'));
    expect([...new Set(trainable)]).toEqual([
      'blocks.2',
      'norm.weight',
      'norm.bias',
      'head.weight',
      'head.bias',
    ]);
    network.dispose();
  });

  it('sees grey with the sum of what saw colours', () => {
    const [colour, grey] = [small(), small({}, { inChannels: 1 })];
    tidy(() => {
      const loaded = applyNetworkWeights(grey, { path: 'vit.pth', tensors: colour.stateDict() });
      expect(loaded.folded).toBe(true);
      const x = randn([2, 1, 32, 32]);
      const [a, b] = noGrad(() => [colour.forward(x.expand([2, 3, 32, 32])), grey.forward(x)]);
      expect(difference(a!, b!)).toBeLessThan(1e-5);
    });
    colour.dispose();
    grey.dispose();
  });

  it('takes images of its side alone, and sides of whole patches', () => {
    const network = small();
    tidy(() => {
      const images = randn([1, 3, 40, 40]);
      expect(() => network.forward(images)).toThrow(
        'ViT was made for images [3, 32, 32], and gets [3, 40, 40]; make it with that side, or resize them',
      );
    });
    expect(() => small({}, { sidePx: 36 })).toThrow(
      /patches of 8 px, and 36 px is no multiple of it; take 40$/,
    );
    network.dispose();
  });

  it('a run’s own file is read again with its conventions, and fits another side', () => {
    const [first, other] = [small({ positions: 'patches' }), small({ positions: 'patches' }, { sidePx: 48 })];
    first.setConventions({ inputStatistics: 'clip' });
    const path = join(folder, 'run.safetensors');
    saveSafetensors(path, first.stateDict(), encodeConventions(first.conventions));
    expect(inspectNetworkWeights(path, 'vit-base-16')).toEqual({
      naming: 'timm',
      conventions: { inputStatistics: 'clip' },
    });
    tidy(() => {
      expect(loadNetworkWeights(other, path)).toMatchObject({ headReplaced: false });
      expect(other.inputStatistics).toBe('clip');
      expect(other.posEmbed.shape).toEqual([1, 36, 32]);
      // Smooth: the middle of the image keeps its embedding, nearly.
      expect(difference(other.posEmbed.mean([1]), first.posEmbed.mean([1]))).toBeLessThan(0.01);
    });
    for (const one of [first, other]) one.dispose();
  });
});
