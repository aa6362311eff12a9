/**
 * The state dicts in what a checkpoint's pickle holds. Trainers put one, or several, into dictionaries of other things:
 * PyTorch Lightning under `state_dict`, timm `state_dict` and `state_dict_ema`, GANs `netG` and `netD`, averages `ema`
 * and `model_ema`. Whatever is no state dict is company, and left alone.
 */
import { DataError, oneLine } from '../base/index.js';
import { Opaque } from './pickle.js';
import { StoredTensor } from './stored-tensor.js';

/** Names to tensors. */
export type StateDict = ReadonlyMap<string, StoredTensor>;

/** A dictionary of tensors only, with its place: keys from the top on, joined by points; empty for the top itself. */
interface Found {
  path: string;
  map: ReadonlyMap<string, StoredTensor | Opaque>;
}

/** Deeper in, and behind more names, no trainer puts its networks. */
const MAX_DEPTH = 12;
const MAX_FOUND = 1000;
/** Names listed in a message. */
const MAX_LISTED = 20;

/** What to do about several networks in a file. */
export const PART_REMEDY = 'choose one with --part';

/** What stands for a tensor that is not read (quantised, sparse), so that its dictionary is still seen as weights. */
const isUnreadTensor = (value: unknown): value is Opaque =>
  value instanceof Opaque && /^torch\.(.*_rebuild|\w*Storage$)/.test(value.name);

/** State of a module beside its tensors, under a name of PyTorch's own. */
const isExtraState = (key: string): boolean => key === '_extra_state' || key.endsWith('._extra_state');

/** A tensor that an optimiser keeps for each parameter. */
const OPTIMISER_KEYS = ['exp_avg', 'exp_avg_sq', 'momentum_buffer', 'square_avg'];

function asTensorMap(value: Map<unknown, unknown>): Found['map'] | undefined {
  const tensors = tensorsOf(value);
  const company = [...value.keys()].filter((key) => typeof key !== 'string' || !isExtraState(key));
  return tensors.size > 0 && tensors.size >= company.length ? tensors : undefined;
}

/** Of a dictionary of a network's tensors, with whatever stands beside them left out. */
function tensorsOf(value: Map<unknown, unknown>): Found['map'] {
  if (OPTIMISER_KEYS.some((key) => value.has(key))) return new Map();
  return new Map(
    [...value].filter(
      (entry): entry is [string, StoredTensor | Opaque] =>
        typeof entry[0] === 'string' &&
        !isExtraState(entry[0]) &&
        (entry[1] instanceof StoredTensor || isUnreadTensor(entry[1])),
    ),
  );
}

/** Every dictionary of tensors. One that stands at several places is found at each; none is walked over twice. */
function findMaps(top: unknown): Found[] {
  const known = new Map<object, Found['map'] | undefined>();
  const found: Found[] = [];
  const walk = (value: unknown, path: readonly string[]): void => {
    const isList = Array.isArray(value);
    if ((!(value instanceof Map) && !isList) || path.length > MAX_DEPTH || found.length > MAX_FOUND) return;
    const isNew = !known.has(value);
    if (isNew) known.set(value, isList ? undefined : asTensorMap(value));
    const map = known.get(value);
    if (map) found.push({ path: path.join('.'), map });
    else if (isNew)
      // An optimiser's state is keyed by numbers.
      for (const [key, item] of value.entries())
        if (typeof key === 'string' || isList) walk(item, [...path, String(key)]);
  };
  walk(top, []);
  return found;
}

/** Whether these are a network's: counters, scores and states of random generators are whole numbers or scalars. */
const isNetwork = ({ map }: Found): boolean =>
  [...map.values()].some(
    (item) => item instanceof Opaque || (item.shape.length > 0 && /float/.test(item.storage.dtype)),
  );

/** Classes that stand where a state dict should, for the message. */
function classesIn(value: unknown): string[] {
  if (value instanceof Opaque) return [value.name];
  if (!(value instanceof Map)) return [];
  return [...new Set([...value.values()].filter((item) => item instanceof Opaque).map(({ name }) => name))];
}

/**
 * The state dict that is meant.
 *
 * @param part its path, such as `netG` or `ema.module`, or the path with a first part of the names within, such as
 *   `state_dict.generator`; undefined where there is one only
 * @param remedy how the user chooses one
 * @returns the tensors by name; those of a `part` of names without it
 * @throws DataError that lists the parts when there are several, or not this one; when there is none, or a tensor of a
 *   kind that is not read
 */
export function chooseStateDict(value: unknown, part: string | undefined, remedy = PART_REMEDY): StateDict {
  const pure = findMaps(value);
  // Saved in one dictionary with their company: {**state_dict, 'epoch': 3}.
  const mixed = pure.length === 0 && value instanceof Map ? tensorsOf(value) : new Map();
  const all = mixed.size > 0 ? [{ path: '', map: mixed }] : pure;
  const networks = all.filter(isNetwork);
  const candidates = networks.length > 0 ? networks : all;
  if (candidates.length === 0) throw noneIn(value);
  if (part === undefined) {
    if (candidates.length === 1) return read(candidates[0]!.map);
    throw new DataError(
      `it holds several state dicts; ${remedy}: ${listed(candidates.map(({ path }) => path || '(the whole)'))}`,
    );
  }
  const exact = all.find(({ path }) => path === part);
  if (exact) return read(exact.map);
  const sole = candidates.length === 1;
  for (const { path, map } of candidates) {
    const start = path === '' ? '' : `${path}.`;
    const prefixes = [...(part.startsWith(start) ? [part.slice(start.length)] : []), ...(sole ? [part] : [])];
    for (const prefix of prefixes) {
      const within = withPrefix(map, `${prefix}.`);
      if (within.size > 0) return read(within);
    }
  }
  throw noPart(
    part,
    candidates.flatMap(({ path, map }) => {
      const words = sole ? firstWords(map.keys()).map((word) => (path ? `${path}.${word}` : word)) : [];
      return path ? [path, ...words] : words;
    }),
  );
}

/** An error that lists what there is. */
export function noPart(part: string, parts: readonly string[]): DataError {
  return new DataError(`it has no part '${oneLine(part, 80)}'; choose one of: ${listed(parts) || 'none'}`);
}

/** The entries whose names start with a prefix, without it. */
export function withPrefix<T>(map: Iterable<readonly [string, T]>, prefix: string): Map<string, T> {
  return new Map(
    [...map].flatMap(([key, item]): [string, T][] =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), item]] : [],
    ),
  );
}

/** What names begin with, up to their first point. */
export const firstWords = (keys: Iterable<string>): string[] => [
  ...new Set([...keys].flatMap((key) => (key.includes('.') ? [key.slice(0, key.indexOf('.'))] : []))),
];

function read(map: Found['map']): StateDict {
  for (const [key, item] of map)
    if (item instanceof Opaque)
      throw new DataError(
        `tensor '${oneLine(key, 120)}' is of a kind that is not read: the file names ${item.name}; in Python, save it as a plain tensor`,
      );
  return map as StateDict;
}

function noneIn(value: unknown): DataError {
  const classes = classesIn(value);
  const instead = classes.length > 0 ? `; it names ${listed(classes)} instead` : '';
  return new DataError(
    `it holds no state dict (names → tensors)${instead}; in Python, save the module's state_dict()`,
  );
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => oneLine(name, 80));
  return shown.join(', ') + (names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '');
}
