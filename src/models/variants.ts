/** The EfficientNets there are, by name: architecture, the sides they were made for, and whose key names they bear. */
import { ConfigError } from 'graft-torch/base';
import type { Naming } from './efficientnet-keys.js';
import type { EfficientNetSpec } from './efficientnet-spec.js';
import { EFFICIENTNET_V2_S } from './efficientnet-v2.js';
import { efficientNetSpec, SCALINGS } from './scaling.js';

export type EfficientNetVariant = keyof typeof SCALINGS | 'v2-s';

export interface VariantDetails {
  /** `EfficientNet-B3`, `EfficientNetV2-S`. */
  readonly title: string;
  readonly spec: EfficientNetSpec;
  /** Side in pixels that published weights were trained at, and are tested at. */
  readonly resolution: { readonly train: number; readonly test: number };
  /** Before the last layer. */
  readonly dropout: number;
  /**
   * Key names of the network itself. B0 … B7 have lukemelas', which the authors' weights came to PyTorch with. Those
   * names know no fused block, so V2-S has timm's: they say what a layer does, where torchvision's count.
   */
  readonly naming: Naming;
}

export const VARIANTS: Readonly<Record<EfficientNetVariant, VariantDetails>> = {
  ...(Object.fromEntries(
    Object.entries(SCALINGS).map(([name, scaling]): [string, VariantDetails] => [
      name,
      {
        title: `EfficientNet-${name.toUpperCase()}`,
        spec: efficientNetSpec(scaling),
        resolution: { train: scaling.resolution, test: scaling.resolution },
        dropout: scaling.dropout,
        naming: 'lukemelas',
      },
    ]),
  ) as Record<keyof typeof SCALINGS, VariantDetails>),
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
 * `efficientnetv2_s`. Throws ConfigError for any other name.
 */
export function parseVariant(name: string): EfficientNetVariant {
  const short = name
    .toLowerCase()
    .replace(/^efficientnet[-_]?/, '')
    .replace(/^v2[-_]?s$/, 'v2-s');
  if (Object.hasOwn(VARIANTS, short)) return short as EfficientNetVariant;
  throw new ConfigError(
    `there is no EfficientNet '${name}'; choose one of ${Object.keys(VARIANTS).join(', ')}`,
  );
}
