/** What of a network's output an explanation is about, image by image: one logit or several. */

import { aten, type Tensor, tensor } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { chosenName } from '../../data/table/index.js';
import { likeliest } from '../../stats/index.js';
import type { ClassifierConfig } from '../config.js';
import { signsOf } from './grad-cam.js';

export interface Target {
  /** What gradients are taken of: a logit, before sigmoid or softmax, as in the methods' papers. `[N, K]` → `[N]` */
  score(output: Tensor): Tensor;
  /** What falls and rises as pixels go and come. `[N, K]` → `[N]` */
  probability(output: Tensor): Tensor;
}

/**
 * Of networks with one logit.
 * @param signs one an image: 1 for the positive class, −1 for the other
 */
export function signTarget(signs: readonly number[]): Target {
  const score = (output: Tensor): Tensor => {
    const logits = output.reshape([-1]);
    return logits.mul(signsOf(signs, logits));
  };
  return { score, probability: (output) => score(output).sigmoid() };
}

/**
 * Of networks with a logit a class.
 * @param classes index of the class, one an image
 */
export function classTarget(classes: readonly number[]): Target {
  const pick = (values: Tensor): Tensor => {
    const index = tensor(classes, [classes.length, 1], { dtype: 'int64', device: values.device });
    return aten.gather(values, 1, index).reshape([-1]);
  };
  return { score: pick, probability: (output) => pick(aten.softmax.int(output, 1)) };
}

/**
 * Place of a class among the logits; null where none is named.
 * @throws ConfigError for a class that the run does not tell apart
 */
export function indexOfClass({ target, classes }: ClassifierConfig, name: string | undefined): number | null {
  if (name === undefined) return null;
  if (target !== 'classes')
    throw new ConfigError(
      `class '${name}': this run tells the positive class from the rest, and explains the one that it calls; leave the class out`,
    );
  const found = chosenName(name, classes);
  if (found === undefined)
    throw new ConfigError(`class '${name}': this run tells apart ${classes.join(', ')}`);
  return classes.indexOf(found);
}

/**
 * What is explained of each image of a batch, from the network's output for it: the class that is called, or the named one.
 * @param output logits `[N, K]`
 */
export function chooseTarget(
  output: Tensor,
  { threshold, named }: { threshold: number; named: number | null },
): { target: Target; probabilities: number[]; explained: number[] | null } {
  const [size, classes] = [output.shape[0]!, output.numel / output.shape[0]!];
  const numbers = (values: Tensor): number[] => Array.from(values.to({ device: 'cpu' }).toFloat32Array());
  if (classes === 1) {
    const probabilities = numbers(output.reshape([-1]).sigmoid());
    const target = signTarget(probabilities.map((p) => (p >= threshold ? 1 : -1)));
    return { target, probabilities, explained: null };
  }
  const all = numbers(aten.softmax.int(output, 1));
  const explained = Array.from({ length: size }, (_, i) =>
    named === null ? likeliest(all.slice(i * classes, (i + 1) * classes)) : named,
  );
  const probabilities = explained.map((k, i) => all[i * classes + k]!);
  return { target: classTarget(explained), probabilities, explained };
}
