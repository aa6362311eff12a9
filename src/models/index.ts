/**
 * Architectures alone: generators and discriminators, classifiers, and the networks that metrics look through. A GAN of your
 * own extends `GeneratorNetwork` and `DiscriminatorNetwork` and is given to `trainGan` (graft-gan/generate).
 */

// What a GAN's two networks are, whatever their architecture.

export { conditionOf, DiscriminatorNetwork, GeneratorNetwork, type Judgement } from './adversary.js';

// Generators and discriminators: DCGAN and SNGAN, AC-GAN, SNGAN-ResNet with self-attention.

export {
  AcganDiscriminator,
  type AcganDiscriminatorOptions,
  AcganGenerator,
  type AcganGeneratorOptions,
  type LabelInput,
} from './acgan.js';
export { SelfAttention } from './attention.js';
export {
  DCGAN_SIZES,
  DcganDiscriminator,
  DcganGenerator,
  type DcganSize,
  type DiscriminatorOptions,
  type GeneratorOptions,
} from './dcgan.js';
export {
  RESNET_SIZES,
  ResnetDiscriminator,
  type ResnetDiscriminatorOptions,
  ResnetGenerator,
  type ResnetGeneratorOptions,
  type ResnetSize,
} from './resnet-gan.js';

// Classifiers: the list of them, and what each of them is.

export { freezeBlocks, ImageNetwork, type MapLayer, type NetworkOptions } from './image-network.js';
export type { EntryOptions, NetworkEntry, PublishedWeights } from './network-entry.js';
export { NETWORK_FIGURES, type NetworkFigures } from './network-figures.js';
export { NETWORKS, networkEntry, networkNames, publishedWeights } from './networks.js';

// EfficientNet B0 to B7, V2-S and Lite0 to Lite4, its blocks, sizes and input.

export { EfficientNet, type EfficientNetHead, type EfficientNetOptions } from './efficientnet.js';
export { memoryFormatFor, normaliseInput, packNetworkInput } from './input.js';
export { FusedMBConvBlock, MBConvBlock } from './mbconv.js';
export { SCALINGS } from './scaling.js';
export { type EfficientNetVariant, parseVariant, VARIANTS, type VariantDetails } from './variants.js';

// Vision Transformers: AugReg, CLIP, BiomedCLIP, DINOv2, PanDerm.

export { PLAIN_VIT, VisionTransformer, type ViTOptions, type ViTShape } from './vit.js';

// ResNet-18 to -50, ConvNeXt-Tiny and -Small, and the stochastic depth of all.

export { ConvNeXt, type ConvNeXtSize } from './convnext.js';
export { dropConnect } from './drop-connect.js';
export { ResNet, type ResNetDepth } from './resnet.js';

// Weights of classifiers, from files of several libraries or the Hugging Face hub, with the conventions that such files leave unsaid.

export {
  type Conventions,
  encodeConventions,
  INPUT_STATISTICS,
  type InputStatistics,
  OWN_CONVENTIONS,
  PADDINGS,
  type Padding,
} from './conventions.js';
export { HUB_PREFIX, openWeightsFile, weightsFilePath } from './hub.js';
export type { WeightNaming } from './naming.js';
export {
  inspectNetworkWeights,
  type LoadedWeights,
  listed,
  loadNetworkWeights,
  SIDE_KEY,
} from './weights.js';

// Networks of metrics: InceptionV3 (Fréchet distance), trunks of LPIPS.

export { INCEPTION_WEIGHTS, InceptionV3, loadInceptionWeights } from './inception.js';
export { type LpipsNetwork, LpipsTrunk } from './lpips-trunks.js';
