/** How libraries call the weights of one network, so that files of any of them can be loaded. */
import type { Tensor } from 'graft-torch';

export type Tensors = Readonly<Record<string, Tensor>>;

/** One library's names for a network's weights. */
export interface WeightNaming {
  /** `timm`, `torchvision`, `open_clip`. */
  readonly name: string;
  /** Whether a key belongs to it. A file is of the naming that most of its keys belong to. */
  knows(key: string): boolean;
  /** Their key → the network's own; what is not known stays as it is. */
  toOwn(key: string): string;
  /** The other way round. */
  toFile(key: string): string;
  /**
   * Before the keys are turned: one tensor for each own one, where they are stored otherwise (query, key and value apart),
   * and nothing of other networks in the file (a text tower). Default: as they are.
   */
  prepare?(tensors: Tensors): Tensors;
}

/** The naming that most of the keys belong to; null when no key belongs to any. */
export function detectNaming(namings: readonly WeightNaming[], keys: readonly string[]): WeightNaming | null {
  let best: WeightNaming | null = null;
  let most = 0;
  for (const naming of namings) {
    const count = keys.filter((key) => naming.knows(key)).length;
    if (count > most) [best, most] = [naming, count];
  }
  return best;
}
