/** Architectures: the public list. */
export {
  AcganDiscriminator,
  type AcganDiscriminatorOptions,
  AcganGenerator,
  type AcganGeneratorOptions,
  type LabelInput,
} from './acgan.js';
export { DiscriminatorNetwork, GeneratorNetwork, type Judgement } from './adversary.js';
export { SelfAttention } from './attention.js';
export {
  type Conventions,
  encodeConventions,
  INPUT_STATISTICS,
  type InputStatistics,
  OWN_CONVENTIONS,
  PADDINGS,
  type Padding,
} from './conventions.js';
export {
  DCGAN_SIZES,
  DcganDiscriminator,
  DcganGenerator,
  type DcganSize,
  type DiscriminatorOptions,
  type GeneratorOptions,
} from './dcgan.js';
export {
  EfficientNet,
  type EfficientNetHead,
  type EfficientNetOptions,
  freezeBlocks,
} from './efficientnet.js';
export type { Naming } from './efficientnet-keys.js';
export { HUB_PREFIX, openWeightsFile, weightsFilePath } from './hub.js';
export { INCEPTION_WEIGHTS, InceptionV3, loadInceptionWeights } from './inception.js';
export { memoryFormatFor, packEfficientNetInput, toEfficientNetInput } from './input.js';
export { type LpipsNetwork, LpipsTrunk } from './lpips-trunks.js';
export { dropConnect, FusedMBConvBlock, MBConvBlock } from './mbconv.js';
export {
  RESNET_SIZES,
  ResnetDiscriminator,
  type ResnetDiscriminatorOptions,
  ResnetGenerator,
  type ResnetGeneratorOptions,
  type ResnetSize,
} from './resnet-gan.js';
export { SCALINGS } from './scaling.js';
export { type EfficientNetVariant, parseVariant, VARIANTS, type VariantDetails } from './variants.js';
export {
  inspectEfficientNetWeights,
  type LoadedWeights,
  listed,
  loadEfficientNetWeights,
  SIDE_KEY,
} from './weights.js';
