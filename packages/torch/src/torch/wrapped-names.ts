/**
 * Names of tensors freed of what trainers wrap networks in. `DataParallel` and `DistributedDataParallel` put `module.`
 * before every name, `torch.compile` `_orig_mod.` wherever it was applied, averages (`AveragedModel`) `module.` and a
 * counter beside it; a trainer's own class puts the name of its attribute (`model.`, `net.`, `generator.`).
 */
import { DataError, oneLine } from '../base/index.js';
import { firstWords, PART_REMEDY, withPrefix } from './state-dicts.js';

/** Whether a network that somebody waits for has names such as these. */
export type Knows = (names: readonly string[]) => boolean;

/** Never part of a network: how many were averaged, how far an average has come. */
const COUNTERS = new Set(['n_averaged', 'num_updates', 'initted', 'step', 'decay']);
const MAX_WRAPPINGS = 12;

/**
 * @param entries tensors by their names in the file
 * @param knows of the network that they are for; without it only wrappers of PyTorch's own go
 * @param remedy how the user chooses one of several networks
 * @returns the same by their names in the network; where `knows` finds its names behind one first word, only those
 * @throws DataError when it finds them behind several
 */
export function unwrapNames<T>(
  entries: Iterable<readonly [string, T]>,
  knows?: Knows,
  remedy = PART_REMEDY,
): Map<string, T> {
  const plain = withoutTorchWrappers(new Map(entries));
  if (!knows) return plain;
  for (let named = plain, depth = 0; depth < MAX_WRAPPINGS; depth++) {
    if (knows([...named.keys()])) return named;
    const loose = renamed(named, (key) => key.replaceAll('.module.', '.'));
    if (knows([...loose.keys()])) return loose;
    const groups = firstWords(named.keys()).map((word) => ({
      word,
      inner: withoutTorchWrappers(withPrefix(named, `${word}.`)),
    }));
    const known = groups.filter(({ inner }) => knows([...inner.keys()]));
    if (known.length > 1)
      throw new DataError(
        `it holds several networks of this kind; ${remedy}: ${known.map(({ word }) => oneLine(word, 80)).join(', ')}`,
      );
    if (known.length === 1) return known[0]!.inner;
    // Deeper in there may be more, but only behind a word that all have.
    if (groups.length !== 1) break;
    named = groups[0]!.inner;
  }
  return plain;
}

function withoutTorchWrappers<T>(entries: Map<string, T>): Map<string, T> {
  let named = renamed(entries, (key) => key.replaceAll('_orig_mod.', ''));
  for (;;) {
    const keys = [...named.keys()];
    const wrapped = keys.filter((key) => key.startsWith('module.'));
    const isWrapped =
      wrapped.length > 0 && keys.every((key) => key.startsWith('module.') || COUNTERS.has(key));
    if (!isWrapped) return named;
    named = withPrefix(named, 'module.');
  }
}

/** With other names, where they stay apart. */
function renamed<T>(entries: Map<string, T>, rename: (key: string) => string): Map<string, T> {
  const result = new Map([...entries].map(([key, item]): [string, T] => [rename(key), item]));
  return result.size === entries.size ? result : entries;
}
