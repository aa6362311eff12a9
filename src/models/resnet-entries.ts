/** ResNets in the list of networks. */
import type { WeightNaming } from './naming.js';
import type { NetworkEntry, PublishedWeights } from './network-entry.js';
import { ResNet, type ResNetDepth } from './resnet.js';

const DATA = 'ImageNet-1k';

/** timm calls the layers as torchvision does, so that files of both are read as they are. */
const NAMING: WeightNaming = {
  name: 'torchvision',
  knows: (key) => /^(conv1|bn1|fc|layer[1-4]\.\d+\.(conv\d|bn\d|downsample\.[01]))\.\w+$/.test(key),
  toOwn: (key) => key,
  toFile: (key) => key,
};

/** timm's `a1` recipe (Wightman et al. 2021, "ResNet strikes back"), tested at 288 px too; torchvision's own weights. */
function publishedFor(depth: ResNetDepth): PublishedWeights[] {
  const weights = (
    tag: string,
    licence: string,
    input: Pick<PublishedWeights['input'], 'interpolation' | 'crop'>,
  ): PublishedWeights => ({
    where: `hf:timm/resnet${depth}.${tag}/model.safetensors`,
    licence,
    data: DATA,
    mayKnowDermoscopy: false,
    input: { statistics: 'imagenet', sidePx: 224, ...input },
  });
  return [
    weights('a1_in1k', 'Apache-2.0', { interpolation: 'bicubic', crop: 0.95 }),
    // Tested at 224 px of 232, having been trained at 176.
    ...(depth === 50
      ? [weights('tv2_in1k', 'BSD-3-Clause', { interpolation: 'bilinear', crop: 0.965 })]
      : []),
    weights('tv_in1k', 'BSD-3-Clause', { interpolation: 'bilinear', crop: 0.875 }),
  ];
}

/** timm's `ra4` weights of ResNets want (x − ½) / ½; the file's own name says it, or that of its folder on the hub. */
const isHalf = (path: string): boolean => /resnet\d+[._]ra4[._-]/.test(path.toLowerCase());

const entryOf = (depth: ResNetDepth): NetworkEntry => ({
  name: `resnet-${depth}`,
  title: `ResNet-${depth}`,
  source: 'He et al., CVPR 2016',
  make: ({ sidePx: _, head: __, ...options }) => new ResNet(depth, options),
  sidesPx: [224, 288],
  sideStep: 1,
  classifierKey: 'fc',
  namings: [NAMING],
  conventionsOf: (_, path) => ({ inputStatistics: isHalf(path) ? 'half' : 'imagenet' }),
  published: publishedFor(depth),
});

export const RESNETS: readonly NetworkEntry[] = ([18, 34, 50] as const).map(entryOf);
