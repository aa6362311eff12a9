/**
 * `npm run bench:near-duplicates`: what the search for near-duplicates finds, what it joins that it should not, and how
 * long it takes. The first two need real images, which are no part of the project (`--data`, `--ham`); where they are
 * not, they are passed over and that is said.
 *
 * 1. Distinct pictures behind the surrounds of `near-pictures.ts`: pairs among them.
 * 2. Copies of real pictures, changed, among all the others: how many are found, and how many pairs of different lesions
 *    are joined.
 * 3. Many images: seconds (of the clock, of the processor), memory.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from 'graft-torch/base';
import { forEachParallel } from '../src/base/parallel.js';
import {
  type ContentMaps,
  contentArea,
  createContentMaps,
  gatherContents,
  readContent,
  setContent,
} from '../src/data/duplicates/content.js';
import { type DuplicatePair, findDuplicates } from '../src/data/duplicates/duplicates.js';
import { defaultEvidence, evidenceOf } from '../src/data/duplicates/near.js';
import { changes, surrounds } from './near-pictures.js';
import { note } from './peer.js';

const bars = { surround: 1, found: 0.99, falseJoins: 1e-7, seconds: 60 };

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** ISIC 2017: `images/`, `metadata.csv`. */
    data: { type: 'string', default: '../shared/data/isic2017' },
    /** HAM10000: `images/`; its table. */
    ham: { type: 'string', default: '../shared/data/ham10000' },
    'ham-table': { type: 'string', default: '../shared/data/metadata/ham10000-metadata.csv' },
    /** Copies of each kind. */
    copies: { type: 'string', default: '300' },
    /** Of parts 1, 2, 3. */
    parts: { type: 'string', default: '1,2,3' },
    /** Images of part 3. */
    images: { type: 'string', default: '25000,50000,100000' },
    /** Threads of part 3. */
    threads: { type: 'string', default: '2' },
    check: { type: 'boolean', default: false },
  },
});
const parts = new Set(args.parts.split(','));
const found: Record<string, unknown> = {};
const missed: string[] = [];

const namesIn = (folder: string): string[] =>
  readdirSync(join(folder, 'images'))
    .filter((name) => /\.jpe?g$|\.png$/.test(name))
    .sort();

/** Content maps of files, each perhaps changed first. */
async function read(
  files: readonly { path: string; change?: (file: Uint8Array) => Promise<Uint8Array> }[],
): Promise<ContentMaps> {
  const contents = createContentMaps(files.length);
  await forEachParallel(files.length, async (i) => {
    const { path, change } = files[i]!;
    const bytes = await readFile(path);
    setContent(
      contents,
      i,
      (await readContent(change ? await change(bytes) : bytes, { name: path })).content,
    );
  });
  return contents;
}

const search = (contents: ContentMaps): Promise<DuplicatePair[]> =>
  findDuplicates(
    Array.from(contents.aspects, (_, i) => String(i)),
    contents,
    {},
  );

/** Pairs of ISIC 2017 of which both show one lesion, as far as they were found and looked at; docs/data.md. */
const distinctOf = (names: readonly string[], known: ReadonlySet<string>): string[] =>
  names.filter((name) => !known.has(name));

async function behindSurrounds(): Promise<void> {
  const names = namesIn(args.data);
  const all = await read(names.map((name) => ({ path: join(args.data, 'images', name) })));
  const twins = new Set((await search(all)).map(({ b }) => names[b]!));
  const distinct = distinctOf(names, twins);
  const some = Array.from({ length: 300 }, (_, k) => distinct[Math.floor((k * distinct.length) / 300)]!);
  const results: Record<string, number> = {};
  for (const [name, surround] of Object.entries(surrounds)) {
    const random = new Random(17);
    const files = some.map((file) => {
      const own = random.fork(file);
      return { path: join(args.data, 'images', file), change: (bytes: Uint8Array) => surround(bytes, own) };
    });
    const pairs = await search(await read(files));
    results[name] = pairs.length;
    note(`${name.padEnd(26)} ${pairs.length} of ${(300 * 299) / 2} pairs joined`);
    if (pairs.length > bars.surround) missed.push(`${name}: ${pairs.length} pairs`);
  }
  found.surrounds = results;
}

interface RealSet {
  name: string;
  folder: string;
  /** Lesion of each file, where it is known. */
  lesionOf: (file: string) => string;
}

function hamLesions(): Map<string, string> {
  const lines = readFileSync(args['ham-table'], 'utf8').trim().split(/\r?\n/).slice(1);
  return new Map(lines.map((line) => line.split(',')).map(([lesion, image]) => [`${image}.jpg`, lesion!]));
}

async function copiesAmongOthers({ name: set, folder, lesionOf }: RealSet): Promise<void> {
  const names = namesIn(folder);
  const kinds = Object.keys(changes);
  const random = new Random(23);
  // Each picture is copied once, so that copies do not stand in each other's way.
  const order = random.shuffle([...names.keys()]);
  const count = Math.min(names.length, kinds.length * Number(args.copies));
  const copies = Array.from({ length: count }, (_, k) => ({
    of: order[k]!,
    kind: kinds[k % kinds.length]!,
    random: random.fork(String(k)),
  }));
  const originals = names.map((name) => ({ path: join(folder, 'images', name) }));
  const changed = copies.map(({ of, kind, random: own }) => ({
    ...originals[of]!,
    change: (bytes: Uint8Array) => changes[kind]!(bytes, own),
  }));
  note(`${set}: ${names.length} pictures, ${copies.length} copies`);
  const pairs = await search(await read([...originals, ...changed]));
  const lesions = [...names, ...copies.map(({ of }) => names[of]!)].map(lesionOf);
  const joined = new Set(pairs.map(({ a, b }) => `${a} ${b}`));
  const results: Record<string, { found: number; of: number }> = {};
  for (const kind of kinds) {
    const own = copies.map((copy, k) => ({ ...copy, k })).filter((copy) => copy.kind === kind);
    const hits = own.filter(({ of, k }) => joined.has(`${of} ${names.length + k}`)).length;
    results[kind] = { found: hits, of: own.length };
    const share = hits / own.length;
    note(`  ${kind.padEnd(36)} ${hits} of ${own.length} found (${share.toFixed(3)})`);
    if (share < bars.found) missed.push(`${set}, ${kind}: ${share.toFixed(3)} found`);
  }
  const wrong = pairs.filter(({ a, b }) => lesions[a] !== lesions[b] && b < names.length);
  const all = (names.length * (names.length - 1)) / 2;
  const list = wrong
    .sort((p, q) => evidenceOf(p) - evidenceOf(q))
    .map((pair) => `${names[pair.a]} ${names[pair.b]} ${evidenceOf(pair).toFixed(2)}`);
  note(`  ${wrong.length} of ${all} pairs joined across lesions: look at them\n    ${list.join('\n    ')}`);
  found[set] = { kinds: results, across: list, pairs: all };
}

/**
 * Content maps of as many different pictures of one kind as are wanted: a dark oval with an uneven border on a lighter
 * ground, both with structure at all scales (value noise, each octave 0.85 of the one before).
 */
function manyContents(count: number): ContentMaps {
  const random = new Random(5);
  const contents = createContentMaps(count);
  contents.aspects.fill(4 / 3);
  contents.fills.fill(1);
  const side = Math.sqrt(contentArea);
  const noise = new Float64Array(contentArea);
  const addOctave = (cells: number, strength: number): void => {
    const knots = Float64Array.from({ length: (cells + 2) ** 2 }, () => random.normal(0, strength));
    const [left, top] = [random.uniform(0, 1), random.uniform(0, 1)];
    for (let y = 0, i = 0; y < side; y++) {
      const v = (y * cells) / side + top;
      for (let x = 0; x < side; x++, i++) {
        const u = (x * cells) / side + left;
        const at = Math.floor(v) * (cells + 2) + Math.floor(u);
        const [fx, fy] = [u % 1, v % 1];
        const upper = knots[at]! + fx * (knots[at + 1]! - knots[at]!);
        const lower = knots[at + cells + 2]! + fx * (knots[at + cells + 3]! - knots[at + cells + 2]!);
        noise[i]! += upper + fy * (lower - upper);
      }
    }
  };
  for (let n = 0; n < count; n++) {
    noise.fill(0);
    for (let octave = 0; octave < 5; octave++) addOctave(2 << octave, 0.85 ** octave);
    const [cx, cy] = [random.uniform(24, 40), random.uniform(24, 40)];
    const [rx, ry, turn] = [random.uniform(10, 26), random.uniform(10, 26), random.uniform(0, Math.PI)];
    const [ground, depth, grain] = [random.uniform(150, 210), random.uniform(20, 110), random.uniform(4, 18)];
    for (let y = 0, i = 0; y < side; y++)
      for (let x = 0; x < side; x++, i++) {
        const u = (Math.cos(turn) * (x - cx) + Math.sin(turn) * (y - cy)) / rx;
        const v = (Math.cos(turn) * (y - cy) - Math.sin(turn) * (x - cx)) / ry;
        const inside = 1 / (1 + Math.exp(8 * (u * u + v * v - 1 + 0.3 * noise[i]!)));
        const value = ground - depth * inside + grain * noise[i]!;
        contents.luma[n * contentArea + i] = Math.min(255, Math.max(1, value));
      }
  }
  return contents;
}

async function manyImages(): Promise<void> {
  const sizes = args.images.split(',').map(Number);
  const all = manyContents(Math.max(...sizes));
  const results: unknown[] = [];
  for (const n of sizes) {
    const contents = gatherContents(
      all,
      Array.from({ length: n }, (_, i) => i),
    );
    const phases: Record<string, { seconds: number; cpuSeconds: number }> = {};
    let [started, cpu] = [performance.now(), process.cpuUsage()];
    const pairs = await findDuplicates(
      Array.from({ length: n }, (_, i) => String(i)),
      contents,
      {
        threads: Number(args.threads),
        onPhase: (phase) => {
          const used = process.cpuUsage(cpu);
          phases[phase] = {
            seconds: (performance.now() - started) / 1000,
            cpuSeconds: (used.user + used.system) / 1e6,
          };
          [started, cpu] = [performance.now(), process.cpuUsage()];
        },
      },
    );
    const searched = ['index', 'search'].map((phase) => phases[phase]!);
    const seconds = searched.reduce((sum, phase) => sum + phase.seconds, 0);
    const cpuSeconds = searched.reduce((sum, phase) => sum + phase.cpuSeconds, 0);
    const gigabytes = process.memoryUsage().rss / 1e9;
    results.push({ n, phases, seconds, cpuSeconds, gigabytes, pairs: pairs.length });
    note(
      `${n} images: sketches ${phases.sketch!.cpuSeconds.toFixed(0)} s of the processor; search ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(0)} s of the processor; ${gigabytes.toFixed(2)} GB; ${pairs.length} pairs`,
    );
    if (n === 100_000 && seconds > bars.seconds) missed.push(`${n} images: ${seconds.toFixed(1)} s`);
  }
  found.many = results;
}

note(`evidence that joins: ${defaultEvidence}`);
const hasIsic = existsSync(join(args.data, 'images'));
const hasHam = existsSync(join(args.ham, 'images')) && existsSync(args['ham-table']);
if (parts.has('1')) {
  if (hasIsic) await behindSurrounds();
  else note(`part 1 passed over: no images in ${args.data}`);
}
if (parts.has('2')) {
  if (hasIsic) await copiesAmongOthers({ name: 'ISIC 2017', folder: args.data, lesionOf: (file) => file });
  else note(`part 2 passed over: no images in ${args.data}`);
  if (hasHam) {
    const lesions = hamLesions();
    await copiesAmongOthers({
      name: 'HAM10000',
      folder: args.ham,
      lesionOf: (file) => lesions.get(file) ?? file,
    });
  } else note(`part 2 passed over: no images in ${args.ham}`);
}
if (parts.has('3')) await manyImages();
for (const line of missed) note(`missed: ${line}`);
if (args.json) console.log(JSON.stringify({ bars, found, missed }, null, 2));
if (args.check && missed.length > 0) process.exitCode = 1;
