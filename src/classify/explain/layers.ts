/**
 * Taking one of a network's maps out while it computes: the method that makes the map is replaced on the one object, for one
 * pass, by one that also hands out its result. So no network needs to know of it.
 */

import { aten, keep, noGrad, type Tensor, tidy, zeros } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { ImageNetwork, type MapLayer } from '../../models/index.js';
import type { ClassifierModule } from '../own.js';
import type { MappedForward } from './grad-cam.js';

/** The layers whose maps can be explained, from the input on: every block, and the head's convolution; or every stage. */
export const layersOf = (network: ClassifierModule): MapLayer[] =>
  network instanceof ImageNetwork
    ? network.mapLayers
    : (network.stages ?? []).map((owner, i) => ({ name: `stage ${i}`, owner, method: 'forward' }));

/**
 * Runs something with a tap on a layer.
 * @returns its result, and what the layer gave, which the caller disposes: its map, or tokens that `toMap` makes one of
 */
export function withTap<T>({ owner, method }: MapLayer, run: () => T): { result: T; map: Tensor } {
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
  network: ClassifierModule,
  layer: MapLayer,
  score: (output: Tensor) => Tensor = (output) => output.reshape([-1]),
): MappedForward {
  return (input) => {
    const { result, map } = withTap(layer, () => tidy(() => score(network.forward(input))));
    return { map, score: result, toMap: layer.toMap };
  };
}

/** Side of a map that is explained, unless a layer is named: 7 is the last map of an ImageNet network at 224 px. */
const SIDE_WANTED = 7;

/**
 * The layer to explain: the named one, else the deepest whose map is at least 7 places wide (the widest there is, for
 * images that are very small). Deeper maps know more and say less of where.
 * @param shape of an image, `[C, H, W]`
 * @param name `head`, `block 4` or `4`
 * @throws ConfigError for a layer that is not there, and a network without one that makes a map
 */
export function chooseLayer(
  network: ClassifierModule,
  shape: readonly number[],
  name?: string,
): { layer: MapLayer; side: number } {
  const layers = layersOf(network);
  const kind = layers[0]?.name.split(' ')[0] ?? 'stage';
  const named = name !== undefined && /^\d+$/.test(name) ? `${kind} ${name}` : name;
  const asked = layers.filter((layer) => named === undefined || layer.name === named);
  if (layers.length > 0 && asked.length === 0) {
    const counted = layers.filter((layer) => layer.name !== 'head');
    throw new ConfigError(
      `no layer '${name}'; this network has ${counted.length < layers.length ? 'head and ' : ''}${kind} 0 to ${counted.length - 1}`,
    );
  }
  const sides = sidesOf(network, asked, shape);
  const wide = sides.filter(({ side }) => side >= SIDE_WANTED);
  const [widest] = sides.toSorted((a, b) => b.side - a.side);
  const chosen = wide.at(-1) ?? widest;
  if (chosen) return chosen;
  throw new ConfigError(
    'the network of one’s own names no `stages` that make maps [N, C, H, W]; give it some, or explain it with integrated-gradients alone',
  );
}

/** The side of each layer's map, in one pass; those that make no map are left out. */
function sidesOf(
  network: ClassifierModule,
  layers: readonly MapLayer[],
  shape: readonly number[],
): { layer: MapLayer; side: number }[] {
  const sides: { layer: MapLayer; side: number }[] = [];
  const pass = (from: number): Tensor => {
    const layer = layers[from];
    if (!layer) return network.forward(zeros([1, ...shape], { device: network.parameters()[0]!.device }));
    const { result, map } = withTap(layer, () => pass(from + 1));
    const places = layer.toMap ? tidy(() => layer.toMap!(map).shape) : map.shape;
    if (places.length === 4) sides.unshift({ layer, side: places.at(-1)! });
    map.dispose();
    return result;
  };
  tidy(() => {
    noGrad(() => pass(0));
  });
  return sides;
}
