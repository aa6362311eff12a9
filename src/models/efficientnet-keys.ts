/**
 * Names of an EfficientNet's layers in three libraries, derived from its architecture: lukemelas' EfficientNet-PyTorch
 * (`_blocks.1._expand_conv`), timm (`blocks.1.0.conv_pw`) and torchvision (`features.2.0.block.0.0`). Each lists the
 * same layers in the same order, so that a key of one is turned into a key of another by its place.
 */
import { type BlockSpec, type EfficientNetSpec, expands } from './efficientnet-spec.js';
import type { WeightNaming } from './naming.js';

export type Naming = 'lukemelas' | 'timm' | 'torchvision';

/** The four sequences of layers that blocks are made of; each has its list of names. */
type BlockShape = 'mbconv' | 'mbconv without expansion' | 'fused' | 'fused without expansion';

interface NamingRules {
  /** Convolution and batch norm before the blocks; those behind them, and the last layer. */
  readonly stem: readonly [conv: string, norm: string];
  readonly head: (stages: number) => readonly [conv: string, norm: string, classifier: string];
  /** Of a block; `place` counts through the whole network. */
  readonly block: (block: BlockSpec, place: number) => string;
  /** Layers in the order in which they are applied; null: the library has no such block. */
  readonly layers: Readonly<Record<BlockShape, readonly string[] | null>>;
}

const NAMINGS: Readonly<Record<Naming, NamingRules>> = {
  lukemelas: {
    stem: ['_conv_stem', '_bn0'],
    head: () => ['_conv_head', '_bn1', '_fc'],
    block: (_, place) => `_blocks.${place}`,
    layers: {
      mbconv: [
        '_expand_conv',
        '_bn0',
        '_depthwise_conv',
        '_bn1',
        '_se_reduce',
        '_se_expand',
        '_project_conv',
        '_bn2',
      ],
      'mbconv without expansion': [
        '_depthwise_conv',
        '_bn1',
        '_se_reduce',
        '_se_expand',
        '_project_conv',
        '_bn2',
      ],
      fused: null,
      'fused without expansion': null,
    },
  },
  timm: {
    stem: ['conv_stem', 'bn1'],
    head: () => ['conv_head', 'bn2', 'classifier'],
    block: ({ stage, index }) => `blocks.${stage}.${index}`,
    layers: {
      mbconv: ['conv_pw', 'bn1', 'conv_dw', 'bn2', 'se.conv_reduce', 'se.conv_expand', 'conv_pwl', 'bn3'],
      'mbconv without expansion': ['conv_dw', 'bn1', 'se.conv_reduce', 'se.conv_expand', 'conv_pw', 'bn2'],
      fused: ['conv_exp', 'bn1', 'conv_pwl', 'bn2'],
      'fused without expansion': ['conv', 'bn1'],
    },
  },
  torchvision: {
    stem: ['features.0.0', 'features.0.1'],
    head: (stages) => [`features.${stages + 1}.0`, `features.${stages + 1}.1`, 'classifier.1'],
    block: ({ stage, index }) => `features.${stage + 1}.${index}.block`,
    layers: {
      mbconv: ['0.0', '0.1', '1.0', '1.1', '2.fc1', '2.fc2', '3.0', '3.1'],
      'mbconv without expansion': ['0.0', '0.1', '1.fc1', '1.fc2', '2.0', '2.1'],
      fused: ['0.0', '0.1', '1.0', '1.1'],
      'fused without expansion': ['0.0', '0.1'],
    },
  },
};

const shapeOf = (block: BlockSpec): BlockShape =>
  expands(block) ? block.kind : `${block.kind} without expansion`;

/** Names of a network's layers by part. */
export interface LayerNames {
  readonly stem: readonly [conv: string, norm: string];
  /** Of each block: its own name, and those of its layers below it, as they are applied. */
  readonly blocks: readonly { readonly name: string; readonly layers: readonly string[] }[];
  readonly head: readonly [conv: string, norm: string, classifier: string];
}

/** Layers of squeeze-and-excitation, in each library's words. */
const SQUEEZES = /^(_se_|se\.|\d\.fc[12]$)/;

function layersOf(rules: NamingRules, block: BlockSpec): readonly string[] | null {
  const layers = rules.layers[shapeOf(block)];
  if (layers === null || block.squeezedFilters > 0 || block.kind === 'fused') return layers;
  // torchvision has no network without it, and its names count: what they would be nobody has said.
  return rules === NAMINGS.torchvision ? null : layers.filter((layer) => !SQUEEZES.test(layer));
}

/** @returns null when the library has no names for such a network */
export function layerNames(spec: EfficientNetSpec, naming: Naming): LayerNames | null {
  const rules = NAMINGS[naming];
  const blocks = spec.blocks.map((block, place) => ({
    name: rules.block(block, place),
    layers: layersOf(rules, block),
  }));
  if (!blocks.every((block): block is LayerNames['blocks'][number] => block.layers !== null)) return null;
  return { stem: rules.stem, blocks, head: rules.head(spec.blocks.at(-1)!.stage + 1) };
}

/** Every layer with weights, from the stem to the last, by its whole name. */
const flatten = ({ stem, blocks, head }: LayerNames): string[] => [
  ...stem,
  ...blocks.flatMap(({ name, layers }) => layers.map((layer) => `${name}.${layer}`)),
  ...head,
];

/** `_bn0.running_mean` → `_bn0` and `.running_mean`. */
function splitKey(key: string): [layer: string, rest: string] {
  const at = Math.max(0, key.lastIndexOf('.'));
  return [key.slice(0, at), key.slice(at)];
}

/**
 * Turns keys of one naming into keys of another; what neither knows stays as it is.
 * Both must have names for the network.
 */
export function keyTranslation(
  spec: EfficientNetSpec,
  { from, to }: { from: Naming; to: Naming },
): (key: string) => string {
  const [source, target] = [flatten(layerNames(spec, from)!), flatten(layerNames(spec, to)!)];
  const names = new Map(source.map((layer, i) => [layer, target[i]!]));
  return (key) => {
    const [layer, rest] = splitKey(key);
    const name = names.get(layer);
    return name === undefined ? key : name + rest;
  };
}

/** The libraries that have names for a network, beside its own. */
export function efficientNetNamings(spec: EfficientNetSpec, own: Naming): WeightNaming[] {
  return (Object.keys(NAMINGS) as Naming[]).flatMap((name) => {
    const names = layerNames(spec, name);
    if (!names) return [];
    const known = new Set(flatten(names));
    return [
      {
        name,
        knows: (key) => known.has(splitKey(key)[0]),
        toOwn: keyTranslation(spec, { from: name, to: own }),
        toFile: keyTranslation(spec, { from: own, to: name }),
      },
    ];
  });
}
