/**
 * Vision Transformers in the list of networks.
 *
 * Which published weights may know dermoscopy: those that were fitted to images of medicine or skin, and those fitted to
 * collections from the web whose list of images nobody has published: CLIP's 400 million pairs, and DINOv2's LVD-142M, which
 * was picked out of a crawl by likeness to known sets. ISIC's and DermNet's images are on the web, so nobody can say that they
 * are not among them.
 */
import { ConfigError } from 'graft-torch/base';
import type { InputStatistics } from './conventions.js';
import type { WeightNaming } from './naming.js';
import type { NetworkEntry, PublishedWeights } from './network-entry.js';
import { PLAIN_VIT, VisionTransformer, type ViTShape } from './vit.js';
import { DINOV2, OPEN_CLIP, OPEN_CLIP_TIMM, PANDERM, TIMM, TRANSFORMERS } from './vit-keys.js';

const SMALL = { width: 384, depth: 12, heads: 6 } as const;
const BASE = { width: 768, depth: 12, heads: 12 } as const;
const LARGE = { width: 1024, depth: 24, heads: 16 } as const;

/** Layer scale begins at 1e-5 with DINOv2 and at 0.1 with PanDerm, whose branches have no other way to begin small. */
const DINO = { ...PLAIN_VIT, patchPx: 14, layerScale: 1e-5, registers: 4, positions: 'patches' } as const;
const CLIP = { ...PLAIN_VIT, eps: 1e-5, preNorm: true, patchBias: false } as const;
const SKIN = { ...PLAIN_VIT, patchPx: 16, layerScale: 0.1, positions: 'waves' } as const;

interface Description {
  name: string;
  title: string;
  source: string;
  shape: ViTShape;
  namings: readonly WeightNaming[];
  sidesPx: readonly number[];
  published: readonly PublishedWeights[];
  /** How weights want their pixels; default as the first published ones. */
  statisticsOf?: (naming: string, path: string) => InputStatistics;
}

function entryOf({
  name,
  title,
  source,
  shape,
  namings,
  sidesPx,
  published,
  statisticsOf,
}: Description): NetworkEntry {
  const usual = published[0]!.input.statistics;
  return {
    ...{ name, title, source, sidesPx, namings, published },
    make: ({ head: _, ...options }) => new VisionTransformer(shape, { name, title, ...options }),
    sideStep: shape.patchPx,
    classifierKey: 'head',
    conventionsOf: (naming, path) => ({
      inputStatistics: statisticsOf?.(naming, path.toLowerCase()) ?? usual,
    }),
  };
}

function dino(size: 'small' | 'base'): NetworkEntry {
  const letter = size === 'small' ? 'S' : 'B';
  return entryOf({
    name: `vit-${size}-14-dinov2-reg`,
    title: `ViT-${letter}/14 (DINOv2 with registers)`,
    source: 'Oquab et al., TMLR 2024; Darcet et al., ICLR 2024',
    shape: { ...DINO, ...(size === 'small' ? SMALL : BASE) },
    namings: [TIMM, DINOV2],
    // Trained at 518; the authors' code, and this, resample the embeddings of places for any other.
    sidesPx: [224, 518],
    published: [
      {
        where: `hf:timm/vit_${size}_patch14_reg4_dinov2.lvd142m/model.safetensors`,
        licence: 'Apache-2.0',
        data: 'LVD-142M, without labels',
        mayKnowDermoscopy: true,
        input: { statistics: 'imagenet', sidePx: 518, interpolation: 'bicubic', crop: 1 },
      },
    ],
  });
}

/** As open_clip and transformers prepare images for CLIP: the shorter side to 224, and the middle of it. */
const CLIP_INPUT = { statistics: 'clip', sidePx: 224, interpolation: 'bicubic', crop: 1 } as const;

/**
 * CLIPs of the same shape with plain GELU have the same keys, and would give wrong numbers without a word.
 * @throws ConfigError where the path says that it is one; a run's own file, which has timm's names, only by its own name
 */
function requireQuickGelu(naming: string, path: string, instead: string): void {
  const plain = path
    .split(/[/\\]/)
    .find((part) => /laion|datacomp/.test(part) && (naming !== 'timm' || part.includes('clip')));
  if (plain === undefined) return;
  throw new ConfigError(
    `${path}: LAION’s and DataComp’s CLIPs have plain GELU, and this network is OpenAI’s with quick-GELU; take ${instead}`,
  );
}

/** OpenAI's CLIP, and what was fine-tuned from it: with quick-GELU, which LAION's models of the same shape have not. */
function clip(size: 'base' | 'large'): NetworkEntry {
  const isBase = size === 'base';
  const patchPx = isBase ? 16 : 14;
  const short = isBase ? 'B/16' : 'L/14';
  const openai: PublishedWeights = {
    where: `hf:timm/vit_${size}_patch${patchPx}_clip_224.openai/open_clip_model.safetensors`,
    licence: 'MIT',
    data: 'WebImageText: 400 million images from the web with their captions, not published',
    mayKnowDermoscopy: true,
    input: CLIP_INPUT,
  };
  const monet: PublishedWeights = {
    where: 'hf:suinleelab/monet/model.safetensors',
    licence: 'MIT',
    data: 'OpenAI’s CLIP, then 105,550 dermatological images of articles and textbooks with their captions',
    mayKnowDermoscopy: true,
    // Its preprocessor_config.json was corrected to these.
    input: { ...CLIP_INPUT, statistics: 'imagenet' },
  };
  return entryOf({
    name: `clip-vit-${short.toLowerCase().replace('/', '-')}`,
    title: `CLIP ViT-${short} (OpenAI’s, quick-GELU)`,
    source: isBase
      ? 'Radford et al., ICML 2021'
      : 'Radford et al., ICML 2021; MONET: Kim et al., Nature Medicine 2024',
    shape: { ...CLIP, patchPx, activation: 'quick-gelu', ...(isBase ? BASE : LARGE) },
    namings: [TIMM, OPEN_CLIP, TRANSFORMERS],
    sidesPx: [224],
    published: isBase ? [openai] : [openai, monet],
    statisticsOf: (naming, path) => {
      requireQuickGelu(naming, path, openai.where);
      return path.includes('monet') ? 'imagenet' : 'clip';
    },
  });
}

const biomedClip: NetworkEntry = entryOf({
  name: 'biomedclip-vit-b-16',
  title: 'BiomedCLIP ViT-B/16',
  source: 'Zhang et al., NEJM AI 2025',
  shape: { ...PLAIN_VIT, patchPx: 16, ...BASE },
  namings: [TIMM, OPEN_CLIP_TIMM],
  sidesPx: [224],
  published: [
    {
      where: 'hf:microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224/open_clip_pytorch_model.bin',
      licence: 'MIT',
      data: 'PMC-15M: 15 million figures of PubMed Central with their captions',
      mayKnowDermoscopy: true,
      input: CLIP_INPUT,
    },
  ],
});

function panderm(size: 'base' | 'large'): NetworkEntry {
  const letter = size === 'base' ? 'B' : 'L';
  const file = `panderm_${size === 'base' ? 'bb' : 'll'}_data6_checkpoint-499.pth`;
  return entryOf({
    name: `panderm-vit-${letter.toLowerCase()}-16`,
    title: `PanDerm ViT-${letter}/16`,
    source: 'Yan et al., Nature Medicine 2025',
    shape: { ...SKIN, ...(size === 'base' ? BASE : LARGE) },
    namings: [TIMM, PANDERM],
    sidesPx: [224],
    published: [
      {
        where: `${file}, from the links in the README of github.com/SiyuanYan1/PanDerm`,
        licence: 'CC-BY-NC-ND-4.0',
        data: 'two million images of skin, dermoscopy among them, without labels',
        mayKnowDermoscopy: true,
        // Resize(256), bilinear, then the middle 224: get_eval_transforms of its linear probe.
        input: { statistics: 'imagenet', sidePx: 224, interpolation: 'bilinear', crop: 0.875 },
      },
    ],
  });
}

/** What DINO, MAE and DeiT trained has the same shape, and ImageNet's statistics. */
const IMAGENET_RECIPES = /(^|[/\\._-])(dino|mae|deit\w*)([/\\._-]|$)/;

function augReg(size: 'small' | 'base'): NetworkEntry {
  return entryOf({
    name: `vit-${size}-16`,
    title: `ViT-${size === 'small' ? 'S' : 'B'}/16`,
    source: 'Dosovitskiy et al., ICLR 2021; Steiner et al., TMLR 2022',
    shape: { ...PLAIN_VIT, patchPx: 16, ...(size === 'small' ? SMALL : BASE) },
    namings: [TIMM],
    sidesPx: [224],
    published: [
      {
        where: `hf:timm/vit_${size}_patch16_224.augreg_in21k_ft_in1k/model.safetensors`,
        licence: 'Apache-2.0',
        data: 'ImageNet-21k, then ImageNet-1k',
        mayKnowDermoscopy: false,
        input: { statistics: 'half', sidePx: 224, interpolation: 'bicubic', crop: 0.9 },
      },
    ],
    statisticsOf: (_, path) => (IMAGENET_RECIPES.test(path) ? 'imagenet' : 'half'),
  });
}

export const VITS: readonly NetworkEntry[] = [
  augReg('small'),
  augReg('base'),
  dino('small'),
  dino('base'),
  clip('base'),
  clip('large'),
  biomedClip,
  panderm('base'),
  panderm('large'),
];
