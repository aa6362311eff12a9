/**
 * PyTorch's own weight files (`torch.save` of a state dict): the zip format (since 1.6) and the stream before it. Their
 * pickle is read against a list of the few names that tensors need; nothing in a file is ever run.
 *
 * Zip: `<name>/data.pkl`, `<name>/data/<key>` (a storage's raw bytes), `<name>/version`. Stream: five pickles (magic
 * number, protocol, system, the object, storage keys), then each storage's length in elements (int64) and raw bytes.
 * Source: torch/serialization.py and torch/_utils.py of PyTorch 1.13 and 2.x.
 */
import { closeSync, fstatSync } from 'node:fs';
import { DataError } from '../errors.js';
import { openFile } from '../reading.js';
import { aten } from './aten.js';
import { type DType, WIDTHS } from './dtype.js';
import { fromBytes } from './from-bytes.js';
import { type PickleContext, readPickle } from './pickle.js';
import { tidy } from './scope.js';
import type { Tensor } from './tensor.js';
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

/** Elements that lie elsewhere in the file. */
interface Storage {
  key: string;
  dtype: DType;
  numel: number;
}

/** A tensor as the pickle describes it: a window of a storage. */
class StoredTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}

  /** One behind the last element that the window reaches. */
  get end(): number {
    if (this.shape.includes(0)) return this.offset;
    return this.shape.reduce((end, size, i) => end + (size - 1) * this.strides[i]!, this.offset) + 1;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);

function rebuildTensor(storage: unknown, offset: unknown, shape: unknown, strides: unknown): StoredTensor {
  const sound = isCount(offset) && isCounts(shape) && isCounts(strides) && shape.length === strides.length;
  if (!sound || !(storage as Storage)?.key) throw new DataError('a tensor is described in an unknown way');
  const stored = new StoredTensor(storage as Storage, offset, shape, strides);
  if (stored.end > stored.storage.numel) {
    throw new DataError(`a tensor [${shape}] reaches behind its storage of ${stored.storage.numel} elements`);
  }
  return stored;
}

function pairs(items: unknown): [unknown, unknown][] {
  if (!Array.isArray(items) || !items.every(Array.isArray))
    throw new DataError('an OrderedDict is described in an unknown way');
  return items as [unknown, unknown][];
}

/** All that a file may name. Storage classes are data: the persistent ids refer to them. */
const GLOBALS: PickleContext['globals'] = new Map<string, (...values: unknown[]) => unknown>([
  ['collections OrderedDict', (items = []) => new Map(pairs(items))],
  ['torch._utils _rebuild_tensor', rebuildTensor],
  ['torch._utils _rebuild_tensor_v2', rebuildTensor],
  ['torch._utils _rebuild_parameter', (data) => data],
  ['torch Size', (sizes) => sizes],
  ['torch device', (...parts) => parts.map(String).join(':')],
  ...Object.entries(STORAGES).map(([dtype, { name }]): [string, () => DType] => [
    `torch ${name}`,
    () => dtype as DType,
  ]),
]);

/** `('storage', class, key, device, numel, view)`; views of storages ended with PyTorch 0.4. */
function parseStorage(id: unknown): Storage {
  const [kind, type, key, , numel, view] = Array.isArray(id) ? (id as unknown[]) : [];
  const dtype = (type as { make?: () => unknown } | undefined)?.make?.() as DType;
  if (kind !== 'storage' || !(dtype in STORAGES) || typeof key !== 'string' || !isCount(numel) || view)
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

function openZip(file: number): Archive {
  const zip = new ZipReader(file);
  const pickle = zip.names.find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (!pickle) throw new DataError('a zip archive, but none of PyTorch: data.pkl is missing');
  const root = pickle.slice(0, -'data.pkl'.length);
  if (zip.names.includes(`${root}constants.pkl`))
    throw new DataError('a TorchScript archive; in Python, torch.save the state_dict() of the loaded module');
  if (zip.names.includes(`${root}byteorder`) && zip.read(`${root}byteorder`).toString() !== 'little')
    throw new DataError('its numbers are big-endian, which is not read');
  const { value } = readPickle(zip.read(pickle), 0, { globals: GLOBALS, persistent: parseStorage });
  return { value, bytes: ({ key }) => zip.read(`${root}data/${key}`) };
}

/** The first bytes of a zip archive. */
export const ZIP_MAGIC = 0x04034b50;
const MAGIC = 0x1950a86a20f9469cfc6cn;
/** A pickle of a legacy stream has to be found before it can be measured; real ones are far smaller. */
const MAX_PICKLES_BYTES = 64 << 20;

function openStream(file: number): Archive {
  const fileBytes = fstatSync(file).size;
  const head = readAt(file, 0, Math.min(fileBytes, MAX_PICKLES_BYTES));
  const storages = new Map<string, Storage>();
  const persistent = (id: unknown): Storage => {
    const storage = parseStorage(id);
    storages.set(storage.key, storage);
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
    if (!storage) throw new DataError(`storage '${key}' belongs to no tensor`);
    if (Number(readAt(file, at, 8).readBigInt64LE()) !== storage.numel)
      throw new DataError(`storage '${key}' does not have the length that is stated`);
    places.set(storage.key, at + 8);
    at += 8 + storage.numel * WIDTHS[storage.dtype];
  }
  return {
    value,
    bytes({ key, numel, dtype }) {
      const place = places.get(key);
      if (place === undefined) throw new DataError(`storage '${key}' is missing`);
      return readAt(file, place, numel * WIDTHS[dtype]);
    },
  };
}

const isTensorMap = (value: unknown): value is Map<string, StoredTensor> =>
  value instanceof Map &&
  value.size > 0 &&
  [...value].every(([key, item]) => typeof key === 'string' && item instanceof StoredTensor);

/** Every map of tensors by its path; an optimiser's state, which is keyed by numbers, is none. */
function tensorMaps(
  value: unknown,
  path = '',
  above: readonly unknown[] = [],
): [string, Map<string, StoredTensor>][] {
  if (isTensorMap(value)) return [[path, value]];
  // A pickle may hold itself.
  if (!(value instanceof Map) || above.includes(value)) return [];
  return [...value].flatMap(([key, item]) =>
    typeof key === 'string' ? tensorMaps(item, path ? `${path}.${key}` : key, [...above, value]) : [],
  );
}

function chooseMap(value: unknown, part: string | undefined): Map<string, StoredTensor> {
  const maps = tensorMaps(value);
  const chosen = part === undefined ? maps : maps.filter(([path]) => path === part);
  if (chosen.length === 1) return chosen[0]![1];
  const names = maps.map(([path]) => path || '(the whole)').join(', ');
  if (maps.length === 0)
    throw new DataError(
      `it holds no state dict (names → tensors); in Python, save the module's state_dict()`,
    );
  if (part !== undefined) throw new DataError(`it has no part '${part}'; choose one of: ${names}`);
  throw new DataError(`it holds several state dicts; choose one as part: ${names}`);
}

/** DataParallel and DistributedDataParallel put `module.` before every key. */
function withoutParallelPrefix(keys: readonly string[]): (key: string) => string {
  const prefixed = keys.every((key) => key.startsWith('module.'));
  return (key) => (prefixed ? key.slice('module.'.length) : key);
}

/** Makes the tensors that lie in one storage, from its bytes. */
function unpackStorage(
  storage: Storage,
  bytes: Buffer,
  windows: readonly (readonly [string, StoredTensor])[],
): Record<string, Tensor> {
  if (bytes.length !== storage.numel * WIDTHS[storage.dtype])
    throw new DataError(`storage '${storage.key}' does not have the length that is stated`);
  return tidy(() => {
    const numbers = fromBytes(bytes, storage.dtype);
    const made = windows.map(([name, { shape, strides, offset }]): [string, Tensor] => {
      const window = aten.as_strided(numbers, shape, strides, offset);
      // A window of its own storage, whole and in order, needs no copy.
      const whole = windows.length === 1 && window.numel === storage.numel;
      return [name, whole ? window.contiguous() : aten.clone(window, { memory_format: 'contiguous' })];
    });
    return Object.fromEntries(made);
  });
}

/**
 * Reads a state dict that PyTorch saved, on the CPU: zip or legacy stream, a dict or OrderedDict of tensors, also where
 * it is the only one in a dict of other things (`{'state_dict': …, 'epoch': 3}`). DataParallel's `module.` goes; 16-bit
 * floats become float32. One storage at a time is held beside the tensors.
 *
 * @param options.part path of the state dict where the file holds several, such as `model_ema`
 * @throws DataError naming the file when it is truncated or damaged, names anything but tensors, or holds no state dict
 */
export function loadPth(path: string, options: { part?: string } = {}): { tensors: Record<string, Tensor> } {
  return readFrom(path, (file) => {
    const archive = readAt(file, 0, 4).readUInt32LE() === ZIP_MAGIC ? openZip(file) : openStream(file);
    const map = chooseMap(archive.value, options.part);
    const named = withoutParallelPrefix([...map.keys()]);
    const made: Record<string, Tensor> = {};
    const storages = new Map([...map.values()].map(({ storage }) => [storage.key, storage]));
    for (const storage of storages.values()) {
      const windows = [...map].filter(([, stored]) => stored.storage.key === storage.key);
      Object.assign(made, unpackStorage(storage, archive.bytes(storage), windows));
    }
    const tensors = Object.fromEntries([...map.keys()].map((key) => [named(key), made[key]!]));
    return { tensors };
  });
}

/** Opens a file for a reader; its errors then name the file. */
export function readFrom<T>(path: string, read: (file: number) => T): T {
  const file = openFile(path);
  try {
    return read(file);
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${path}: ${error.message}`) : error;
  } finally {
    closeSync(file);
  }
}
