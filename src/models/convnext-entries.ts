/** ConvNeXts in the list of networks. */
import { CONVNEXT_LAYOUTS, ConvNeXt, type ConvNeXtSize } from './convnext.js';
import { convNeXtNamings } from './convnext-keys.js';
import type { NetworkEntry, PublishedWeights } from './network-entry.js';

/** torchvision's file, and the side that it resizes to before it cuts out 224 px. */
const TORCHVISION: Readonly<Record<ConvNeXtSize, { file: string; resizedPx: number }>> = {
  tiny: { file: 'convnext_tiny-983f1562.pth', resizedPx: 236 },
  small: { file: 'convnext_small-0c510722.pth', resizedPx: 230 },
};

/** timm's fine-tuned ones first, the best of them at 224 px; then the authors', in timm's conversion; then torchvision's. */
function publishedFor(size: ConvNeXtSize): PublishedWeights[] {
  const weights = (where: string, data: string, more: Partial<PublishedWeights['input']>) => ({
    ...{ where, licence: 'Apache-2.0', data, mayKnowDermoscopy: false },
    input: { statistics: 'imagenet', sidePx: 224, interpolation: 'bicubic', crop: 0.875, ...more } as const,
  });
  const hub = (tag: string): string => `hf:timm/convnext_${size}.${tag}/model.safetensors`;
  const { file, resizedPx } = TORCHVISION[size];
  return [
    weights(hub('in12k_ft_in1k'), 'ImageNet-12k, then ImageNet-1k', { crop: 0.95 }),
    weights(hub('in12k_ft_in1k_384'), 'ImageNet-12k, then ImageNet-1k', { sidePx: 384, crop: 1 }),
    weights(hub('fb_in22k_ft_in1k'), 'ImageNet-22k, then ImageNet-1k', {}),
    weights(hub('fb_in1k'), 'ImageNet-1k', {}),
    {
      ...weights(`https://download.pytorch.org/models/${file}, by hand`, 'ImageNet-1k', {
        interpolation: 'bilinear',
        crop: 224 / resizedPx,
      }),
      licence: 'BSD-3-Clause, as torchvision',
    },
  ];
}

const entryOf = (size: ConvNeXtSize): NetworkEntry => ({
  name: `convnext-${size}`,
  title: CONVNEXT_LAYOUTS[size].title,
  source: 'Liu et al., CVPR 2022',
  make: ({ sidePx: _, head: __, ...options }) => new ConvNeXt(size, options),
  sidesPx: [224, 288, 384],
  sideStep: 1,
  classifierKey: 'head.fc',
  namings: convNeXtNamings(CONVNEXT_LAYOUTS[size]),
  conventionsOf: () => ({ inputStatistics: 'imagenet' }),
  published: publishedFor(size),
});

export const CONVNEXTS: readonly NetworkEntry[] = (['tiny', 'small'] as const).map(entryOf);
