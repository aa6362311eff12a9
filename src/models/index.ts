/** Architectures: the public list. */
export { DiscriminatorNetwork, GeneratorNetwork, type Judgement } from './adversary.js';
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
export { type EfficientNetVariant, parseVariant, SCALINGS } from './scaling.js';
export { type LoadedWeights, loadEfficientNetWeights } from './weights.js';
