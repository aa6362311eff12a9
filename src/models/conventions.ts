/**
 * What a weights file does not hold but its network has to share: how convolutions pad, the ε of batch norms, and how
 * pixels are normalised. Ports of EfficientNet differ in all three, and a network with other conventions than its
 * weights were trained with still gives numbers, only worse ones.
 *
 * | weights | padding | ε | input |
 * |---|---|---|---|
 * | lukemelas | same | 1e-3 | ImageNet; half for `adv-…` files and Lite |
 * | timm `tf_efficientnet…` | same | 1e-3 | ImageNet; half for `ap` (AdvProp), V2 and Lite |
 * | timm `efficientnet…` | symmetric | 1e-5 | ImageNet; half for `ra4` |
 * | torchvision | symmetric | 1e-5 for B0 … B4, 1e-3 for B5 … B7 and V2-S | ImageNet |
 *
 * Sources: the three libraries' own definitions of models and weights.
 */
import type { Naming } from './efficientnet-keys.js';
import type { EfficientNetVariant } from './variants.js';

/**
 * `same`: TensorFlow's, ⌈size / stride⌉ places, what is odd at the bottom and the right.
 * `symmetric`: PyTorch's, (kernel − 1) / 2 on every side.
 */
export const PADDINGS = ['same', 'symmetric'] as const;
export type Padding = (typeof PADDINGS)[number];

/**
 * `imagenet`: less the mean, by the deviation of ImageNet's RGB. `half`: (x − 0.5) / 0.5, to [−1, 1]. `clip`: by those of the
 * pictures that CLIP learned from (Radford et al. 2021).
 */
export const INPUT_STATISTICS = ['imagenet', 'half', 'clip'] as const;
export type InputStatistics = (typeof INPUT_STATISTICS)[number];

export interface Conventions {
  padding: Padding;
  batchNormEps: number;
  inputStatistics: InputStatistics;
}

/** Of the authors' code, and of a network that is trained from scratch. */
export const OWN_CONVENTIONS: Readonly<Conventions> = {
  padding: 'same',
  batchNormEps: 1e-3,
  inputStatistics: 'imagenet',
};

/** EfficientNet-Lite was trained on (pixel − 127) / 128. */
const isLite = (variant: EfficientNetVariant): boolean => variant.startsWith('lite');

/** torchvision took timm's weights for the small ones, and lukemelas' (TensorFlow's ε) for the large ones. */
const TORCHVISION_SMALL: readonly EfficientNetVariant[] = ['b0', 'b1', 'b2', 'b3', 'b4'];

/**
 * Conventions of published weights.
 *
 * @param path of the file: timm's networks differ in nothing but their names, and stored with its own or those of
 *   AdvProp weights it tells them apart; the last part of the path that is such a name counts
 * @returns null when they are timm's and the path does not say which
 */
export function conventionsOf(
  naming: Naming,
  variant: EfficientNetVariant,
  path: string,
): Conventions | null {
  const parts = path.toLowerCase().split(/[/\\]/);
  switch (naming) {
    case 'lukemelas': {
      const isAdvProp = parts.at(-1)!.startsWith('adv-efficientnet-');
      return { ...OWN_CONVENTIONS, inputStatistics: isAdvProp || isLite(variant) ? 'half' : 'imagenet' };
    }
    case 'torchvision':
      return {
        padding: 'symmetric',
        batchNormEps: TORCHVISION_SMALL.includes(variant) ? 1e-5 : 1e-3,
        inputStatistics: 'imagenet',
      };
    case 'timm': {
      const name = parts.findLast((part) => /^(tf_)?efficientnet(_b\d|v2_s|_lite\d)/.test(part));
      if (name === undefined) return null;
      const isTf = name.startsWith('tf_');
      const isHalf = isTf
        ? variant === 'v2-s' || isLite(variant) || /[._]ap([._-]|$)/.test(name)
        : /[._]ra4([._-]|$)/.test(name);
      return {
        padding: isTf ? 'same' : 'symmetric',
        batchNormEps: isTf ? 1e-3 : 1e-5,
        inputStatistics: isHalf ? 'half' : 'imagenet',
      };
    }
  }
}

/** For a weights file's metadata. */
export const encodeConventions = (conventions: Readonly<Partial<Conventions>>): Record<string, string> =>
  Object.fromEntries(Object.entries(conventions).map(([key, value]) => [key, String(value)]));

/** What `encodeConventions` wrote; null when a file's metadata do not say how pixels were normalised. */
export function decodeConventions(metadata: Readonly<Record<string, string>>): Partial<Conventions> | null {
  const padding = PADDINGS.find((one) => one === metadata.padding);
  const inputStatistics = INPUT_STATISTICS.find((one) => one === metadata.inputStatistics);
  const batchNormEps = Number(metadata.batchNormEps);
  if (!inputStatistics) return null;
  return {
    inputStatistics,
    ...(padding && { padding }),
    ...(batchNormEps > 0 && { batchNormEps }),
  };
}
