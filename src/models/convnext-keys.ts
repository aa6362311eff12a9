/**
 * Names of a ConvNeXt's weights in three libraries: timm (`stages.0.blocks.0.conv_dw`), torchvision (`features.1.0.block.0`)
 * and the authors' code (`stages.0.0.dwconv`).
 */
import type { ConvNeXtLayout } from './convnext.js';
import type { Tensors, WeightNaming } from './naming.js';

type Library = 'timm' | 'torchvision' | 'facebook';

interface Names {
  readonly stem: (part: 0 | 1) => string;
  /** What halves the map before a stage, from 1 on. */
  readonly downsample: (stage: number, part: 0 | 1) => string;
  readonly block: (stage: number, index: number) => string;
  /** Within a block: layers, and the factors by channel. */
  readonly layers: readonly [depthwise: string, norm: string, expand: string, project: string];
  readonly gamma: string;
  readonly head: readonly [norm: string, classifier: string];
}

const NAMES: Readonly<Record<Library, Names>> = {
  timm: {
    stem: (part) => `stem.${part}`,
    downsample: (stage, part) => `stages.${stage}.downsample.${part}`,
    block: (stage, index) => `stages.${stage}.blocks.${index}`,
    layers: ['conv_dw', 'norm', 'mlp.fc1', 'mlp.fc2'],
    gamma: 'gamma',
    head: ['head.norm', 'head.fc'],
  },
  torchvision: {
    stem: (part) => `features.0.${part}`,
    downsample: (stage, part) => `features.${2 * stage}.${part}`,
    block: (stage, index) => `features.${2 * stage + 1}.${index}`,
    layers: ['block.0', 'block.2', 'block.3', 'block.5'],
    gamma: 'layer_scale',
    head: ['classifier.0', 'classifier.2'],
  },
  facebook: {
    stem: (part) => `downsample_layers.0.${part}`,
    downsample: (stage, part) => `downsample_layers.${stage}.${part}`,
    block: (stage, index) => `stages.${stage}.${index}`,
    layers: ['dwconv', 'norm', 'pwconv1', 'pwconv2'],
    gamma: 'gamma',
    head: ['norm', 'head'],
  },
};

const PARTS = [0, 1] as const;

/** Every key, in one order for all libraries. */
function keysOf(library: Library, { blocks }: ConvNeXtLayout): string[] {
  const { stem, downsample, block, layers, gamma, head } = NAMES[library];
  const of = (layer: string): string[] => [`${layer}.weight`, `${layer}.bias`];
  return [
    ...PARTS.flatMap((part) => of(stem(part))),
    ...blocks.flatMap((count, stage) => [
      ...(stage === 0 ? [] : PARTS.flatMap((part) => of(downsample(stage, part)))),
      ...Array.from({ length: count }, (_, index) => block(stage, index)).flatMap((name) => [
        `${name}.${gamma}`,
        ...layers.flatMap((layer) => of(`${name}.${layer}`)),
      ]),
    ]),
    ...head.flatMap(of),
  ];
}

/** torchvision's factors are `[C, 1, 1]`. */
const flatScales = (tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).map(([key, value]) => [
      key,
      key.endsWith(`.${NAMES.torchvision.gamma}`) ? value.reshape([-1]) : value,
    ]),
  );

export function convNeXtNamings(layout: ConvNeXtLayout): WeightNaming[] {
  const own = keysOf('timm', layout);
  return (Object.keys(NAMES) as Library[]).map((name) => {
    const theirs = keysOf(name, layout);
    const toOwn = new Map(theirs.map((key, i) => [key, own[i]!]));
    const toFile = new Map(own.map((key, i) => [key, theirs[i]!]));
    return {
      name,
      knows: (key) => toOwn.has(key),
      toOwn: (key) => toOwn.get(key) ?? key,
      toFile: (key) => toFile.get(key) ?? key,
      ...(name === 'torchvision' ? { prepare: flatScales } : {}),
    };
  });
}
