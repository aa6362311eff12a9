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
  DCGAN_SIZES,
  DcganDiscriminator,
  DcganGenerator,
  type DcganSize,
  type DiscriminatorOptions,
  type GeneratorOptions,
} from './dcgan.js';
export {
  dropConnect,
  EfficientNet,
  type EfficientNetHead,
  type EfficientNetOptions,
  freezeBlocks,
  MBConvBlock,
} from './efficientnet.js';
export { INCEPTION_WEIGHTS, InceptionV3, loadInceptionWeights } from './inception.js';
export { memoryFormatFor, toEfficientNetInput } from './input.js';
export {
  RESNET_SIZES,
  ResnetDiscriminator,
  type ResnetDiscriminatorOptions,
  ResnetGenerator,
  type ResnetGeneratorOptions,
  type ResnetSize,
} from './resnet-gan.js';
export { type EfficientNetVariant, parseVariant, SCALINGS } from './scaling.js';
export { type LoadedWeights, loadEfficientNetWeights } from './weights.js';
