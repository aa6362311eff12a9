/** The EfficientNets there are, by name: architecture, the sides they were made for, and whose key names they bear. */
import { ConfigError } from 'graft-torch/base';
import type { Naming } from './efficientnet-keys.js';
import type { EfficientNetSpec } from './efficientnet-spec.js';
import { EFFICIENTNET_V2_S } from './efficientnet-v2.js';
import { efficientNetSpec, LITE_SCALINGS, SCALINGS, type Scaling } from './scaling.js';

export type EfficientNetVariant = keyof typeof SCALINGS | keyof typeof LITE_SCALINGS | 'v2-s';

export interface VariantDetails {
  /** `EfficientNet-B3`, `EfficientNetV2-S`. */
  readonly title: string;
  readonly spec: EfficientNetSpec;
  /** Side in pixels that published weights were trained at, and are tested at. */
  readonly resolution: { readonly train: number; readonly test: number };
  /** Before the last layer. */
  readonly dropout: number;
  /**
   * Key names of the network itself. B0 … B7 and the Lites have lukemelas', which the authors' weights came to PyTorch with. Those
   * names know no fused block, so V2-S has timm's: they say what a layer does, where torchvision's count.
   */
  readonly naming: Naming;
}

const ofScaling = (title: string, scaling: Scaling, spec: EfficientNetSpec): VariantDetails => ({
  title,
  spec,
  resolution: { train: scaling.resolution, test: scaling.resolution },
  dropout: scaling.dropout,
  naming: 'lukemelas',
});

const ofScalings = <Name extends string>(
  scalings: Record<Name, Scaling>,
  make: (name: Name, scaling: Scaling) => VariantDetails,
): Record<Name, VariantDetails> =>
  Object.fromEntries(
    Object.entries(scalings).map(([name, scaling]) => [name, make(name as Name, scaling as Scaling)]),
  ) as Record<Name, VariantDetails>;

export const VARIANTS: Readonly<Record<EfficientNetVariant, VariantDetails>> = {
  ...ofScalings(SCALINGS, (name, scaling) =>
    ofScaling(`EfficientNet-${name.toUpperCase()}`, scaling, efficientNetSpec(scaling)),
  ),
  ...ofScalings(LITE_SCALINGS, (name, scaling) =>
    ofScaling(`EfficientNet-L${name.slice(1)}`, scaling, efficientNetSpec(scaling, { lite: true })),
  ),
  'v2-s': {
    title: 'EfficientNetV2-S',
    spec: EFFICIENTNET_V2_S,
    resolution: { train: 300, test: 384 },
    dropout: 0.2,
    naming: 'timm',
  },
};

/**
 * `b3`, `B3`, `efficientnet-b3` and `efficientnet_b3` all name the same variant; so do `v2-s`, `efficientnet-v2-s`,
 * `efficientnetv2_s`; `tf_efficientnet_lite0` names Lite0. Throws ConfigError for any other name.
 */
export function parseVariant(name: string): EfficientNetVariant {
  const short = name
    .toLowerCase()
    .replace(/^(tf_)?efficientnet[-_]?/, '')
    .replace(/^v2[-_]?s$/, 'v2-s');
  if (Object.hasOwn(VARIANTS, short)) return short as EfficientNetVariant;
  throw new ConfigError(
    `there is no EfficientNet '${name}'; choose one of ${Object.keys(VARIANTS).join(', ')}`,
  );
}
