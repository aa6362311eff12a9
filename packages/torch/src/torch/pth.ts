/**
 * PyTorch's own weight files (`torch.save` of a state dict): the zip format (since 1.6) and the stream before it. Their
 * pickle is read against a list of the few names that tensors need; nothing in a file is ever run.
 *
 * Zip: `<name>/data.pkl`, `<name>/data/<key>` (a storage's raw bytes), `<name>/version`. Stream: five pickles (magic
 * number, protocol, system, the object, storage keys), then each storage's length in elements (int64) and raw bytes.
 * Source: torch/serialization.py and torch/_utils.py of PyTorch 1.13 and 2.x.
 */
import { closeSync, fstatSync } from 'node:fs';
import { byteText, DataError, oneLine, openFile, TorchError } from '../base/index.js';
import { aten } from './aten.js';
import { type DType, WIDTHS } from './dtype.js';
import { ZIP_MAGIC } from './file-kind.js';
import { fromBytes } from './from-bytes.js';
import { Opaque, type PickleContext, PickleGlobal, readPickle } from './pickle.js';
import { tidy } from './scope.js';
import { chooseStateDict, type StateDict } from './state-dicts.js';
import { isCount, rebuildTensor, type Storage, type StoredTensor } from './stored-tensor.js';
import type { Tensor } from './tensor.js';
import { type Knows, unwrapNames } from './wrapped-names.js';
import { readAt, ZipReader } from './zip.js';

/** torch's storage classes by element type. */
export const STORAGES: Record<DType, { name: string }> = {
  float64: { name: 'DoubleStorage' },
  float32: { name: 'FloatStorage' },
  float16: { name: 'HalfStorage' },
  bfloat16: { name: 'BFloat16Storage' },
  int64: { name: 'LongStorage' },
  int32: { name: 'IntStorage' },
  int16: { name: 'ShortStorage' },
  int8: { name: 'CharStorage' },
  uint8: { name: 'ByteStorage' },
  bool: { name: 'BoolStorage' },
};

function pairs(items: unknown): [unknown, unknown][] {
  if (!Array.isArray(items) || !items.every(Array.isArray))
    throw new DataError('an OrderedDict is described in an unknown way');
  return items as [unknown, unknown][];
}

/** `torch._tensor._rebuild_from_type_v2(function, class, arguments, state)`: a tensor with attributes of its own. */
function rebuildFromType(rebuild: unknown, _type: unknown, values: unknown): unknown {
  return rebuild instanceof PickleGlobal && Array.isArray(values) && values.length <= 8
    ? rebuild.make(...values)
    : new Opaque('torch._tensor._rebuild_from_type_v2');
}

/** All that is read. Storage classes are data: the persistent ids refer to them. */
const GLOBALS: PickleContext['globals'] = new Map<string, (...values: unknown[]) => unknown>([
  ['collections OrderedDict', (items = []) => new Map(pairs(items))],
  ['torch._utils _rebuild_tensor', rebuildTensor],
  ['torch._utils _rebuild_tensor_v2', rebuildTensor],
  ['collections defaultdict', () => new Map()],
  ['torch._utils _rebuild_parameter', (data) => data],
  ['torch._utils _rebuild_parameter_with_state', (data) => data],
  ['torch._tensor _rebuild_from_type_v2', rebuildFromType],
  ['torch Size', (sizes) => sizes],
  ...Object.entries(STORAGES).map(([dtype, { name }]): [string, () => DType] => [
    `torch ${name}`,
    () => dtype as DType,
  ]),
]);

/**
 * `('storage', class, key, device, numel, view)`; views of storages ended with PyTorch 0.4. Of a class that is not read
 * (quantised, complex), the class.
 */
function parseStorage(id: unknown): Storage | Opaque {
  const [kind, type, key, , numel, view] = Array.isArray(id) ? (id as unknown[]) : [];
  const dtype = (type instanceof PickleGlobal ? type.make() : undefined) as DType;
  if (type instanceof Opaque) return type;
  if (
    kind !== 'storage' ||
    !Object.hasOwn(STORAGES, String(dtype)) ||
    typeof key !== 'string' ||
    !isCount(numel) ||
    view
  )
    throw new DataError(
      'a storage is described in an unknown way; save the file anew with a current PyTorch',
    );
  return { key, dtype, numel };
}

/** A file's object, with a way to the bytes of its storages. */
interface Archive {
  value: unknown;
  bytes(storage: Storage): Buffer;
}

/** Pickles are read in memory; those of real files are far smaller. */
const MAX_PICKLES_BYTES = 64 << 20;

function openZip(file: number): Archive {
  const zip = new ZipReader(file);
  const pickle = zip.names.find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (!pickle) throw new DataError('a zip archive, but none of PyTorch: data.pkl is missing');
  const root = pickle.slice(0, -'data.pkl'.length);
  if (zip.names.includes(`${root}constants.pkl`))
    throw new DataError('a TorchScript archive; in Python, torch.save the state_dict() of the loaded module');
  if (zip.names.includes(`${root}byteorder`) && zip.read(`${root}byteorder`).toString() !== 'little')
    throw new DataError('its numbers are big-endian, which is not read');
  if (zip.sizeBytes(pickle) > MAX_PICKLES_BYTES)
    throw new DataError(
      `its data.pkl unpacks to ${byteText(zip.sizeBytes(pickle))}, more than any state dict's`,
    );
  const { value } = readPickle(zip.read(pickle), 0, { globals: GLOBALS, persistent: parseStorage });
  return { value, bytes: ({ key }) => zip.read(`${root}data/${key}`) };
}

const MAGIC = 0x1950a86a20f9469cfc6cn;
function openStream(file: number): Archive {
  const fileBytes = fstatSync(file).size;
  const head = readAt(file, 0, Math.min(fileBytes, MAX_PICKLES_BYTES));
  const storages = new Map<string, Storage>();
  const persistent = (id: unknown): Storage | Opaque => {
    const storage = parseStorage(id);
    if (!(storage instanceof Opaque)) storages.set(storage.key, storage);
    return storage;
  };
  let at = 0;
  const next = (): unknown => {
    const { value, end } = readPickle(head, at, { globals: GLOBALS, persistent });
    at = end;
    return value;
  };
  if (next() !== MAGIC) throw new DataError('a pickle, but no file of torch.save');
  next(); // protocol version
  const system = next();
  if (system instanceof Map && system.get('little_endian') === false)
    throw new DataError('its numbers are big-endian, which is not read');
  const value = next();
  const keys = next();
  const places = new Map<string, number>();
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = storages.get(key as string);
    if (!storage) throw new DataError(`storage '${oneLine(String(key), 80)}' belongs to no tensor`);
    if (Number(readAt(file, at, 8).readBigInt64LE()) !== storage.numel)
      throw new DataError(`storage '${oneLine(storage.key, 80)}' does not have the length that is stated`);
    places.set(storage.key, at + 8);
    at += 8 + storage.numel * WIDTHS[storage.dtype];
  }
  return {
    value,
    bytes({ key, numel, dtype }) {
      const place = places.get(key);
      if (place === undefined) throw new DataError(`storage '${oneLine(key, 80)}' is missing`);
      return readAt(file, place, numel * WIDTHS[dtype]);
    },
  };
}

/**
 * Bytes that the tensors of a file may take. Windows may lie over one another (tied weights), or over one element again
 * and again (an expanded tensor), and storages may be packed: in measure, that is how people save; a file of 500 bytes
 * with a tensor of 3 GB is not.
 */
const mostBytes = (fileBytes: number): number => (64 << 20) + 32 * fileBytes;

function requireMeasure(tensors: StateDict, fileBytes: number): void {
  let total = 0;
  for (const [name, stored] of tensors) {
    total += stored.sizeBytes;
    if (total > mostBytes(fileBytes))
      throw new DataError(
        `tensor '${oneLine(name, 120)}' [${stored.shape}] brings its weights to ${byteText(total)}, in a file of ${byteText(fileBytes)}; in Python, save tensors that are their own: {k: v.clone() for k, v in state_dict.items()}`,
      );
  }
}

/** Makes the tensors that lie in one storage, from its bytes. */
function unpackStorage(
  storage: Storage,
  bytes: Buffer,
  windows: readonly (readonly [string, StoredTensor])[],
): [string, Tensor][] {
  if (bytes.length !== storage.numel * WIDTHS[storage.dtype])
    throw new DataError(`storage '${oneLine(storage.key, 80)}' does not have the length that is stated`);
  const made: [string, Tensor][] = [];
  tidy(() => {
    const numbers = fromBytes(bytes, storage.dtype);
    for (const [name, { shape, strides, offset }] of windows) {
      const window = aten.as_strided(numbers, shape, strides, offset);
      // A window of its own storage, whole and in order, needs no copy.
      const whole = windows.length === 1 && window.numel === storage.numel;
      const own = whole ? window.contiguous() : aten.clone(window, { memory_format: 'contiguous' });
      made.push([name, own]);
    }
    return made.map(([, own]) => own);
  });
  return made;
}

export interface PthOptions {
  /** Path of the state dict where the file holds several, such as `model_ema`, or of a part of its names. */
  part?: string | undefined;
  /** Tells the names of the network that the weights are for; see `wrapped-names.ts`. */
  knows?: Knows | undefined;
  /** How the user chooses one of several; default `choose one with --part`. */
  remedy?: string | undefined;
}

/**
 * Reads a state dict that PyTorch saved, on the CPU: zip or legacy stream, a dict or OrderedDict of tensors, also where
 * it is the only one in a dict of other things (`{'state_dict': …, 'epoch': 3}`). What DataParallel, `torch.compile` and
 * averages wrap names in goes; 16-bit floats become float32. One storage at a time is held beside the tensors.
 *
 * @throws DataError naming the file when it is truncated or damaged, names functions that run code, takes more memory or
 *   work than its size allows, or holds no state dict, or several and `part` does not choose
 */
export function loadPth(path: string, options: PthOptions = {}): { tensors: Record<string, Tensor> } {
  return readFrom(path, (file) => {
    const { part, knows, remedy } = options;
    const archive = readAt(file, 0, 4).readUInt32LE() === ZIP_MAGIC ? openZip(file) : openStream(file);
    const map = unwrapNames(chooseStateDict(archive.value, part, remedy), knows, remedy);
    requireMeasure(map, fstatSync(file).size);
    const windows = new Map<string, [string, StoredTensor][]>();
    for (const entry of map) {
      const { key } = entry[1].storage;
      const others = windows.get(key);
      if (others) others.push(entry);
      else windows.set(key, [entry]);
    }
    const made = new Map<string, Tensor>();
    for (const ours of windows.values()) {
      const { storage } = ours[0]![1];
      if (
        ours.some(
          ([, other]) => other.storage.dtype !== storage.dtype || other.storage.numel !== storage.numel,
        )
      )
        throw new DataError(`storage '${oneLine(storage.key, 80)}' is described in two ways`);
      for (const [name, tensor] of unpackStorage(storage, archive.bytes(storage), ours))
        made.set(name, tensor);
    }
    // In the file's order; built from entries, so that a tensor may be called __proto__.
    return { tensors: Object.fromEntries([...map.keys()].map((name) => [name, made.get(name)!])) };
  });
}

/** Opens a file for a reader; its errors then name the file. */
export function readFrom<T>(path: string, read: (file: number) => T): T {
  const file = openFile(path);
  try {
    return read(file);
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${path}: ${error.message}`);
    if (error instanceof TorchError)
      throw new DataError(`${path}: libtorch refuses a tensor of it (${error.message})`);
    throw error;
  } finally {
    closeSync(file);
  }
}
