/**
 * The kinds of file that Graft reads: how sound ones are made, what somebody who means harm would write, and how each is
 * read as a command does. Runs in a process of its own (reader.ts): what crashes or hangs is seen from outside.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dispose, loadWeights, randn, saveSafetensors, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { openDataset } from '../../src/data/dataset/dataset.js';
import { readDicom } from '../../src/data/dicom/index.js';
import { readLineage } from '../../src/data/lineage/lineage.js';
import { readMetadata } from '../../src/data/metadata/read.js';
import { createPhantomDataset } from '../../src/data/phantom/dataset.js';
import { openPixelCache } from '../../src/data/pixels/cache.js';
import { ganConfigSchema } from '../../src/generate/adversarial/config.js';
import { decodeImage, decodeSmall } from '../../src/image/decode.js';
import { readRecords } from '../../src/metrics/sets/record.js';
import { loadCheckpoint, saveCheckpoint } from '../../src/run/checkpoint.js';
import { resolveConfig } from '../../src/run/config.js';
import { createRun, readRun } from '../../src/run/run-folder.js';
import { picklesFromHell, soundPth } from './archive.js';
import { dicomFile } from './dicom-file.js';

/** What must not happen, seen while a file was read. */
export class Fault extends Error {}

export interface FileKind {
  name: string;
  isText?: boolean;
  /** Files of Graft's own with a checksum: a changed one that is read as if it were sound is a fault. */
  isSealed?: boolean;
  /** Sound files by name, made once in a folder of the kind's own. */
  seeds(dir: string): Promise<Record<string, Buffer>>;
  /** Files made to do harm; those whose name begins with `!` must be refused. */
  hostile?(random: Random): Record<string, Buffer>;
  /** @throws what the user would see; Fault for what must not be */
  read(path: string): Promise<void>;
}

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

const image: FileKind = {
  name: 'image',
  async seeds() {
    const pixels = Buffer.from(Array.from({ length: 48 * 40 * 3 }, (_, i) => (i * 31) & 255));
    const picture = () => sharp(pixels, { raw: { width: 48, height: 40, channels: 3 } });
    return {
      'a.png': await picture().png().toBuffer(),
      'a.jpg': await picture()
        .jpeg()
        .withExif({ IFD0: { Copyright: 'x' } })
        .toBuffer(),
      'b.jpg': await picture().jpeg({ progressive: true }).toBuffer(),
      'a.webp': await picture().webp().toBuffer(),
      'a.tif': await picture().tiff({ compression: 'lzw' }).toBuffer(),
      'b.tif': await picture().greyscale().toColourspace('grey16').tiff().toBuffer(),
      'a.gif': await picture().gif().toBuffer(),
    };
  },
  async read(path) {
    await decodeImage(path);
    await decodeSmall(path, 32);
  },
};

const dicom: FileKind = {
  name: 'dicom',
  async seeds() {
    return { 'a.dcm': dicomFile(16, 8), 'b.dcm': dicomFile(16, 12), 'c.dcm': dicomFile(8, 16) };
  },
  read: async (path) => void (await readDicom(readFileSync(path), path)),
};

const rows = Array.from({ length: 12 }, (_, i) => ({
  image: `img_${i}`,
  patient: `p${i % 5}`,
  diagnosis: i % 3 === 0 ? 'melanoma' : 'nevus',
  age: 20 + i,
}));
const csv = Buffer.from(
  ['image,patient,diagnosis,age', ...rows.map((row) => Object.values(row).join(','))].join('\n'),
);

const table: FileKind = {
  name: 'table',
  isText: true,
  seeds: async () => ({
    'a.csv': csv,
    'a.tsv': Buffer.from(csv.toString().replaceAll(',', '\t')),
    'b.csv': Buffer.from(`sep=;\n${csv.toString().replaceAll(',', ';')}`),
    'a.json': json(rows),
    'a.jsonl': Buffer.from(rows.map((row) => JSON.stringify(row)).join('\n')),
  }),
  hostile: () => ({
    'nested.json': Buffer.from('['.repeat(5000) + ']'.repeat(5000)),
    'nested.jsonl': Buffer.from(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}\n`),
    '!zeros.csv': Buffer.from('im\0age,b\nx,y\n'),
    'formula.csv': Buffer.from('image,diagnosis\n=cmd|calc,@x\n'),
    'wide.csv': Buffer.from(`${Array.from({ length: 3000 }, (_, i) => `c${i}`).join(',')}\n`),
  }),
  read: async (path) => void (await readMetadata([path])),
};

/** Statements that never end, fill memory, read files, or ask the engine for its secrets. */
const statements = (random: Random): string[] => [
  `repeat(chr(120), ${3_000_000_000 + random.int(1000)})`,
  '(with recursive r as (select 1 i union all select i + 1 from r) select count(*) from r)',
  `(select count(*) from range(1000000000000) a, range(${1000 + random.int(1000)}) b)`,
  '(select 1 from duckdb_secrets())',
  "(select content from read_text('/etc/passwd'))",
  'list_sum(range(100000000000))',
  "getenv('HOME')",
  'diagnosis || ',
  '(select 1; drop table x)',
];
const mappingOf = (expression: string): Buffer =>
  Buffer.from(
    `description: a\ntables:\n  t:\n    recognise: [image, patient, diagnosis, age]\n    id: image\n    columns:\n      diagnosis: { sql: ${JSON.stringify(expression)} }\nroles: { label: diagnosis }\n`,
  );

const mapping: FileKind = {
  name: 'mapping',
  isText: true,
  async seeds(dir) {
    writeFileSync(join(dir, 'table.csv'), csv);
    return { 'a.yaml': mappingOf("upper(diagnosis) || ''") };
  },
  hostile: (random) => Object.fromEntries(statements(random).map((sql, i) => [`${i}.yaml`, mappingOf(sql)])),
  async read(path) {
    const beside = join(dirname(path), 'table.csv');
    if (!existsSync(beside)) writeFileSync(beside, csv);
    await readMetadata([beside], { mapping: path });
  },
};

/** Aliases that a few bytes make 9^n of, or that lead nowhere, or to themselves. */
const bombs = (random: Random): Record<string, Buffer> => {
  const depth = 8 + random.int(8);
  const levels = Array.from(
    { length: depth },
    (_, i) =>
      `a${i}: &a${i} [${Array(9)
        .fill(i === 0 ? 'lol' : `*a${i - 1}`)
        .join(',')}]`,
  );
  return {
    '!laughs.yaml': Buffer.from(`${levels.join('\n')}\nsteps: 5\n`),
    '!self.yaml': Buffer.from('steps: &a\n  b: *a\n'),
    '!unresolved.yaml': Buffer.from(`steps: *nowhere${random.int(100)}\n`),
    '!merged.yaml': Buffer.from('<<: *x\nsteps: 5\n'),
    'deep.yaml': Buffer.from(`${'['.repeat(4000 + random.int(4000))}\n`),
    'flow.yaml': Buffer.from(`a: ${'{a: '.repeat(2000)}1${'}'.repeat(2000)}\n`),
    '!zero.yaml': Buffer.from('steps: 5\nclass: "a\\0b\\nc"\nst\0eps: 3\n'),
    '!proto.yaml': Buffer.from('__proto__: { steps: 3 }\nconstructor: { prototype: { x: 1 } }\n'),
  };
};

const recipe: FileKind = {
  name: 'recipe',
  isText: true,
  seeds: async () => ({
    'a.yaml': Buffer.from(
      'data: phantoms\nclass: malignant\nsteps: 5\nlearningRate:\n  generator: 2e-4\nfixed: &x [1]\n'.replace(
        'fixed: &x [1]\n',
        '',
      ),
    ),
  }),
  hostile: bombs,
  read: async (path) => void resolveConfig(ganConfigSchema, { file: path }),
};

const lineage = {
  graft: '0.1.0',
  run: 'r',
  checkpoint: { file: 'step-1.safetensors', step: 1, sha256: 'a'.repeat(64) },
  weights: 'ema',
  seed: 0,
  count: 3,
  imageSize: 32,
  class: 'malignant',
  dataset: { name: 'd', hash: 'b'.repeat(64) },
  trainingGroups: ['p1', 'p2'],
};
const nestedJson: Record<string, Buffer> = {
  '!nested.json': Buffer.from('[\n'.repeat(5000) + ']'.repeat(5000)),
  '!nan.json': Buffer.from('{\n  "trainingGroups": [\n    0.25,\n    NaN,\n    1\n  ]\n}\n'),
  '!long.json': Buffer.from(`{"a": ${'x'.repeat(30_000)}}`),
};

const lineages: FileKind = {
  name: 'lineage',
  isText: true,
  seeds: async () => ({ 'lineage.json': json(lineage) }),
  hostile: () => nestedJson,
  async read(path) {
    const folder = `${path}.folder`;
    mkdirSync(folder, { recursive: true });
    cpSync(path, join(folder, 'lineage.json'));
    readLineage(folder);
  },
};

const summaries: FileKind = {
  name: 'run folder',
  isText: true,
  seeds: async () => ({
    'summary.json': json({ kind: 'gan', steps: 3, values: [0.025, 0.5], best: null }),
    'config.yaml': Buffer.from('kind: gan\ngraft: 0.1.0\nfolder: /x\nsteps: 3\ndata: phantoms\n'),
    'events.jsonl': Buffer.from(
      '{"type":"losses","step":1,"wall":{"time":"x"}}\n{"type":"losses","step":2,"wall":{}}\n',
    ),
  }),
  hostile: () => ({
    ...Object.fromEntries(Object.entries(nestedJson).map(([name, text]) => [`${name}.summary.json`, text])),
    'deep.config.yaml': Buffer.from(`kind: gan\n${'['.repeat(5000)}\n`),
  }),
  async read(path) {
    const folder = `${path}.folder`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'config.yaml'), 'kind: gan\ngraft: 0.1.0\nsteps: 3\n');
    const name =
      ['summary.json', 'config.yaml', 'events.jsonl'].find((one) => path.endsWith(one)) ?? 'summary.json';
    cpSync(path, join(folder, name));
    readRun(folder);
  },
};

const record = {
  ...{ metric: 'ssim', name: 'SSIM', unit: '', better: 'higher', class: null, value: 0.5, sd: 0.1 },
  ...{ interval: [0.4, 0.6], floor: { value: 0.5, interval: null, matched: null } },
  ...{ n: { real: 3, synthetic: 4 }, protocol: { resizer: 'lanczos3', size: 64 } },
};
const records: FileKind = {
  name: 'records',
  isText: true,
  seeds: async () => ({
    'a.json': json({ records: [record] }),
  }),
  hostile: () => nestedJson,
  read: async (path) => void readRecords(path),
};

const dataset: FileKind = {
  name: 'dataset',
  isText: true,
  async seeds(dir) {
    await createPhantomDataset(join(dir, 'sound'), { count: 12, sizePx: 16, prevalence: 0.5, seed: 1 });
    const at = (name: string): Buffer => readFileSync(join(dir, 'sound', name));
    return { 'manifest.csv': at('manifest.csv'), 'dataset.yaml': at('dataset.yaml') };
  },
  hostile: (random) =>
    Object.fromEntries(Object.entries(bombs(random)).map(([name, text]) => [`${name}.dataset.yaml`, text])),
  async read(path) {
    const folder = `${path}.folder`;
    cpSync(join(dirname(path), 'sound'), folder, { recursive: true });
    cpSync(path, join(folder, path.endsWith('manifest.csv') ? 'manifest.csv' : 'dataset.yaml'));
    openDataset(folder);
  },
};

const frame = (header: string, data = Buffer.alloc(16)): Buffer => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), data]);
};
const F = (shape: string, from: number, to: number): string =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${from},${to}]}`;

const safetensors: FileKind = {
  name: 'safetensors',
  seeds: async () => ({
    'a.safetensors': frame(`{"a":${F('[2]', 0, 8)},"b":${F('[2]', 8, 16)}}`),
    'b.safetensors': frame(`{"__metadata__":{"x":"y"},"a":${F('[4]', 0, 16)}}`),
  }),
  hostile: () => ({
    '!duplicate.safetensors': frame(`{"a":${F('[2]', 0, 8)},"a":${F('[2]', 8, 16)}}`),
    '!overlap.safetensors': frame(`{"a":${F('[3]', 0, 12)},"b":${F('[2]', 8, 16)}}`),
    '!hole.safetensors': frame(`{"a":${F('[1]', 0, 4)},"b":${F('[2]', 8, 16)}}`),
    '!reversed.safetensors': frame(`{"a":${F('[2]', 16, 8)},"b":${F('[2]', 8, 16)}}`),
    '!negative.safetensors': frame(`{"a":${F('[-4]', 0, 16)}}`),
    '!text.safetensors': frame(`{"a":${F('["4"]', 0, 16)}}`),
    '!huge.safetensors': frame(`{"a":${F('[4503599627370496,4503599627370496]', 0, 16)}}`),
    'null.safetensors': frame(`{"__metadata__":null,"a":${F('[4]', 0, 16)}}`),
    '!deep.safetensors': frame(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`),
    'proto.safetensors': frame(`{"__proto__":${F('[4]', 0, 16)}}`),
  }),
  async read(path) {
    const { tensors } = loadWeights(path);
    const count = Object.keys(tensors).length;
    dispose(tensors);
    if (count === 0) throw new Fault('read, and its tensors are gone');
  },
};

const pth: FileKind = {
  name: 'pth',
  seeds: async () => ({ 'a.pth': soundPth() }),
  hostile: (random) => picklesFromHell(random.int(1000)),
  read: async (path) => dispose(loadWeights(path).tensors),
};

const checkpoint: FileKind = {
  name: 'checkpoint',
  isSealed: true,
  async seeds(dir) {
    const run = createRun(join(dir, 'run'), { kind: 'gan', config: { steps: 3 } });
    const path = tidy(() =>
      saveCheckpoint(run, 1, { tensors: { a: randn([8, 8]), b: randn([5]) }, meta: { seconds: 1 } }),
    );
    run.close();
    return { 'step-000001.safetensors': readFileSync(path) };
  },
  read: async (path) => dispose(loadCheckpoint(path).tensors),
};

const weights: FileKind = {
  name: 'weights',
  isSealed: true,
  async seeds(dir) {
    const path = join(dir, 'made.safetensors');
    tidy(() => saveSafetensors(path, { a: randn([8, 8]) }, { architecture: 'x' }));
    return { 'weights.safetensors': readFileSync(path) };
  },
  read: async (path) => dispose(loadWeights(path).tensors),
};

/** The pixels of the sound cache, to compare with. */
let soundPixels: Buffer | undefined;

const pixelCache: FileKind = {
  name: 'pixel cache',
  async seeds(dir) {
    const folder = join(dir, 'sound');
    await createPhantomDataset(folder, { count: 8, sizePx: 16, prevalence: 0.5, seed: 1 });
    const { images } = await openPixelCache(openDataset(folder), 16);
    soundPixels = Buffer.from(images.toArray() as Uint8Array);
    images.dispose();
    const files = (await import('node:fs'))
      .readdirSync(join(folder, 'cache'))
      .filter((name) => !name.startsWith('.'));
    return Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, 'cache', name))]));
  },
  async read(path) {
    const sound = join(dirname(path), 'sound');
    const folder = `${path}.folder`;
    cpSync(sound, folder, { recursive: true });
    const name = path.slice(path.lastIndexOf('/') + 1).replace(/^\d+-/, '');
    cpSync(path, join(folder, 'cache', name));
    const { images } = await openPixelCache(openDataset(folder), 16);
    const found = Buffer.from(images.toArray() as Uint8Array);
    images.dispose();
    soundPixels ??= await (async () => {
      const again = `${path}.sound`;
      cpSync(sound, again, { recursive: true });
      rmSync(join(again, 'cache'), { recursive: true });
      const opened = await openPixelCache(openDataset(again), 16);
      const pixels = Buffer.from(opened.images.toArray() as Uint8Array);
      opened.images.dispose();
      rmSync(again, { recursive: true });
      return pixels;
    })();
    if (!found.equals(soundPixels)) throw new Fault('the pixels are others, and nobody said so');
  },
};

export const fileKinds: readonly FileKind[] = [
  ...[image, dicom, table, mapping, dataset, recipe, lineages, summaries, records],
  ...[safetensors, pth, checkpoint, weights, pixelCache],
];
