/**
 * Taking one of a network's maps out while it computes: the method that makes the map is replaced on the one object, for one
 * pass, by one that also hands out its result. So no network needs to know of it.
 */

import { aten, keep, noGrad, type Tensor, tidy, zeros } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import type { EfficientNet } from '../../models/index.js';
import type { MappedForward } from './grad-cam.js';

/** What makes a map. */
export interface Layer {
  /** `block 4`, `head`. */
  name: string;
  owner: object;
  method: string;
}

/** The layers whose maps can be explained, from the input on: every block, and the head's convolution. */
export function layersOf(network: EfficientNet): Layer[] {
  return [
    ...network.blocks.map((owner, i) => ({ name: `block ${i}`, owner, method: 'forward' })),
    { name: 'head', owner: network, method: 'extractFeatures' },
  ];
}

/**
 * Runs something with a tap on a layer.
 * @returns its result, and the layer's map, which the caller disposes
 */
export function withTap<T>({ owner, method }: Layer, run: () => T): { result: T; map: Tensor } {
  const object = owner as Record<string, unknown>;
  const original = object[method] as (...input: unknown[]) => Tensor;
  const wasOwn = Object.hasOwn(object, method);
  let map: Tensor | null = null;
  object[method] = (...input: unknown[]): Tensor => {
    map = keep(original.apply(owner, input));
    // Whoever called frees what it gets; the graph goes through the map either way.
    return aten.alias(map);
  };
  try {
    const result = run();
    if (map === null) throw new ConfigError('the layer was not reached');
    return { result, map };
  } catch (error) {
    (map as Tensor | null)?.dispose();
    throw error;
  } finally {
    if (wasOwn) object[method] = original;
    else delete object[method];
  }
}

/**
 * The network as Grad-CAM takes it.
 * @param score what is explained of its output (./target.ts); default: its one logit
 */
export function mappedForward(
  network: EfficientNet,
  layer: Layer,
  score: (output: Tensor) => Tensor = (output) => output.reshape([-1]),
): MappedForward {
  return (input) => {
    const { result, map } = withTap(layer, () => tidy(() => score(network.forward(input))));
    return { map, score: result };
  };
}

/** Side of a map that is explained, unless a layer is named: 7 is the last map of an ImageNet network at 224 px. */
const SIDE_WANTED = 7;

/**
 * The layer to explain: the named one, else the deepest whose map is at least 7 places wide (the widest there is, for
 * images that are very small). Deeper maps know more and say less of where.
 * @param name `head`, `block 4` or `4`
 * @throws ConfigError for a layer that is not there
 */
export function chooseLayer(
  network: EfficientNet,
  sizePx: number,
  name?: string,
): { layer: Layer; side: number } {
  const layers = layersOf(network);
  const named = name === undefined ? null : /^\d+$/.test(name) ? `block ${name}` : name;
  const asked = layers.filter((layer) => named === null || layer.name === named);
  if (asked.length === 0) {
    throw new ConfigError(
      `no layer '${name}'; this network has head and block 0 to ${network.blocks.length - 1}`,
    );
  }
  const sides = sidesOf(network, asked, sizePx);
  const wide = sides.filter(({ side }) => side >= SIDE_WANTED);
  return wide.at(-1) ?? sides.reduce((best, one) => (one.side > best.side ? one : best));
}

/** The side of each layer's map, in one pass. */
function sidesOf(
  network: EfficientNet,
  layers: readonly Layer[],
  sizePx: number,
): { layer: Layer; side: number }[] {
  const sides: { layer: Layer; side: number }[] = [];
  const pass = (from: number): Tensor => {
    const layer = layers[from];
    if (!layer)
      return network.forward(
        zeros([1, network.convStem.weight.shape[1]!, sizePx, sizePx], { device: network.fc.weight.device }),
      );
    const { result, map } = withTap(layer, () => pass(from + 1));
    sides.unshift({ layer, side: map.shape.at(-1)! });
    map.dispose();
    return result;
  };
  tidy(() => {
    noGrad(() => pass(0));
  });
  return sides;
}
