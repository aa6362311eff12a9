/**
 * `node dist/bench/backbones.js --data DIR --backbone A --backbone B`: which backbone follows what is done to real images?
 *
 * Images of one class are cut into random halves. The first half against the second is the floor; the second is then made
 * worse in known amounts (`degradations.ts`) and measured against the first again, by each backbone on the same halves.
 * Three figures say how good a score is at a change:
 *
 * - **ρ**: Spearman's rank correlation of level and badness (the score, turned so that more is worse), the floor being level
 *   0; the mean over halves. 1: it orders the levels rightly.
 * - **separation**: mean difference to the floor of the same halves, in standard deviations of the floor over halves.
 * - **from**: the smallest level from which on all separations are above 3.
 *
 * `--generated LABEL=DIR` (repeatable, in the order from good to bad) takes images of generators beside them.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cat, dispose, gatherRows, setThreads, type Tensor, tensor, tidy } from 'graft-torch';
import { ConfigError, Random, writeFileAtomic } from 'graft-torch/base';
import { openDataset } from '../src/data/dataset/index.js';
import { openPixelCache } from '../src/data/pixels/index.js';
import { loadFolder } from '../src/image/index.js';
import { cachedFeatures, openExtractor } from '../src/metrics/backbone/index.js';
import { frechetDistance, kernelDistance, prdc, rowsOf } from '../src/metrics/distribution/index.js';
import { writeReportFiles } from '../src/report/index.js';
import { meanAndDeviation, spearman } from '../src/stats/index.js';
import {
  type Answer,
  composePage,
  type Levels,
  type Looked,
  SCORES,
  type Scores,
  TOLD,
} from './backbones-page.js';
import { type Chosen, PIXEL_CHANGES, SET_CHANGES } from './degradations.js';
import { note } from './peer.js';

const { values: args } = parseArgs({
  options: {
    data: { type: 'string', default: '' },
    /** As `metrics/backbone/spec.ts` has it; `@SIDE` behind it declares its side. */
    backbone: { type: 'string', multiple: true, default: ['random'] },
    /** Class that is looked at; default the positive one. `--other`: default the largest of the rest. */
    class: { type: 'string' },
    other: { type: 'string' },
    /** Images, and their side. */
    count: { type: 'string', default: '400' },
    size: { type: 'string', default: '128' },
    /** Random halves. */
    halves: { type: 'string', default: '20' },
    seed: { type: 'string', default: '0' },
    generated: { type: 'string', multiple: true, default: [] },
    /** Only changes whose name contains it; `none`: those of `--generated` alone. */
    only: { type: 'string', default: '' },
    threads: { type: 'string', default: '0' },
    /** `report.html`, `report.md`, `figures/`, `scores.json`. */
    out: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

/** Images of every kind that features are taken of. */
interface Images {
  real: Tensor;
  other: Tensor;
  /** By change and level. */
  changed: Map<string, Tensor>;
  generated: Map<string, Tensor>;
}

const shown = ({ name }: { name: string }): boolean => name.includes(args.only);
const pixelChanges = PIXEL_CHANGES.filter(shown);
const setChanges = SET_CHANGES.filter(shown);
const keyOf = (name: string, level: number): string => `${name} ${level}`;

async function readImages(): Promise<Images & { about: string }> {
  const [count, sizePx] = [Number(args.count), Number(args.size)];
  const dataset = openDataset(args.data);
  const cache = await openPixelCache(dataset, sizePx, { channels: 3 });
  try {
    const positive = args.class ?? dataset.positive ?? dataset.classes[0]!;
    const of = (label: string): number[] => cache.rows.flatMap((row, i) => (row.label === label ? [i] : []));
    const rest = dataset.classes.filter((label) => label !== positive);
    const other = args.other ?? rest.sort((a, b) => of(b).length - of(a).length)[0];
    const random = new Random(Number(args.seed)).fork('images');
    const rows = random.shuffle(of(positive)).slice(0, count);
    const n = rows.length - (rows.length % 2);
    const others = random.shuffle(of(other ?? '')).slice(0, n / 2);
    if (n < 40 || others.length < n / 2)
      throw new ConfigError(
        `${args.data}: ${rows.length} images of ${positive} and ${others.length} of ${other}: give classes with 40 and 20 or more (--class, --other)`,
      );
    const real = await gatherRows(cache.images, rows.slice(0, n));
    const changed = new Map<string, Tensor>();
    for (const change of pixelChanges)
      for (const level of change.levels)
        changed.set(keyOf(change.name, level), await change.apply(real, level));
    if (!changed.has(keyOf('JPEG', 90)) && setChanges.length > 0) {
      const { apply } = PIXEL_CHANGES.find(({ name }) => name === 'JPEG')!;
      changed.set(keyOf('JPEG', 90), await apply(real, 90));
    }
    return {
      ...{ real, changed, other: await gatherRows(cache.images, others) },
      generated: await readGenerated(sizePx),
      about: `${dataset.name}: ${n} images of ${positive} in halves of ${n / 2}, ${others.length} of ${other}, ${sizePx} px, ${args.halves} random halves, seed ${args.seed}`,
    };
  } finally {
    cache.images.dispose();
  }
}

async function readGenerated(sizePx: number): Promise<Map<string, Tensor>> {
  const read = new Map<string, Tensor>();
  for (const given of args.generated) {
    const at = given.indexOf('=');
    if (at < 1) throw new ConfigError(`--generated ${given}: expected LABEL=DIR`);
    const { data, files } = await loadFolder(given.slice(at + 1), { sizePx });
    read.set(given.slice(0, at), tensor(data, [files.length, 3, sizePx, sizePx]));
  }
  return read;
}

/** Features of everything, by one backbone. */
interface Features extends Looked {
  real: Tensor;
  other: Tensor;
  changed: Map<string, Tensor>;
  generated: Map<string, Tensor>;
}

async function look(images: Images, given: string): Promise<Features> {
  const [, spec = given, side] = /^(.*)@(\d+)$/.exec(given) ?? [];
  const sizePx = side === undefined ? {} : { input: { sizePx: Number(side) }, sizePx: Number(side) };
  const extractor = await openExtractor(spec, { calibrate: images.real, ...sizePx });
  const start = performance.now();
  let looked = 0;
  const of = async (pixels: Tensor): Promise<Tensor> => {
    looked += pixels.shape[0]!;
    return cachedFeatures(extractor, pixels);
  };
  const all = async (sets: Map<string, Tensor>): Promise<Map<string, Tensor>> => {
    const found = new Map<string, Tensor>();
    for (const [key, pixels] of sets) found.set(key, await of(pixels));
    return found;
  };
  try {
    const features = { real: await of(images.real), other: await of(images.other) };
    const changed = await all(images.changed);
    const generated = await all(images.generated);
    const seconds = (performance.now() - start) / 1000;
    const name = `${extractor.name}, ${extractor.sizePx} px`;
    note(`${name}: ${looked} images in ${seconds.toFixed(0)} s (or from the cache)`);
    return {
      ...features,
      changed,
      generated,
      name,
      about: `${extractor.description}, hash ${extractor.hash.slice(0, 12)}`,
    };
  } finally {
    await extractor.dispose();
  }
}

/** All six against the reference; KID is the unbiased estimate of the whole sets. */
function scoresOf(reference: Tensor, other: Tensor): Scores {
  const options = { random: new Random(0), subsets: 1, subsetSize: reference.shape[0]! };
  const { precision, recall, density, coverage } = prdc(reference, other);
  return {
    FD: frechetDistance(reference, other),
    KID: kernelDistance(reference, other, options).mean,
    ...{ precision, recall, density, coverage },
  };
}

/** Scores of every change and level on one pair of halves. */
function measure(
  features: Features,
  halves: { first: number[]; second: number[]; other: number[] },
  random: Random,
): { floor: Scores; changes: (Levels & { scores: Scores[] })[] } {
  const rows = (of: Tensor, places: readonly number[]): Tensor => rowsOf(of, Int32Array.from(places));
  return tidy(() => {
    const reference = rows(features.real, halves.first);
    const against = (set: Tensor): Scores => scoresOf(reference, set);
    const sources = {
      real: features.real,
      other: features.other,
      nearlyReal: features.changed.get(keyOf('JPEG', 90)),
    };
    const built = (chosen: readonly Chosen[]): Tensor => {
      const kinds = Object.entries(sources).flatMap(([source, of]) => {
        const places = chosen.filter((one) => one.source === source).map(({ index }) => index);
        return places.length > 0 ? [rows(of!, places)] : [];
      });
      return cat(kinds);
    };
    const levelsOf = ({ name, unit }: { name: string; unit: string }, levels: readonly number[]): Levels => ({
      ...{ name, unit, levels: levels.map(String) },
    });
    const generated = [...features.generated.entries()].map(([label, of]) => {
      const count = Math.min(halves.first.length, of.shape[0]!);
      const places = random.shuffle(Array.from({ length: of.shape[0]! }, (_, i) => i)).slice(0, count);
      return { label, scores: against(rows(of, places)) };
    });
    return {
      floor: against(rows(features.real, halves.second)),
      changes: [
        ...pixelChanges.map((change) => ({
          ...levelsOf(change, change.levels),
          scores: change.levels.map((level) =>
            against(rows(features.changed.get(keyOf(change.name, level))!, halves.second)),
          ),
        })),
        ...setChanges.map((change) => ({
          ...levelsOf(change, change.levels),
          scores: change.levels.map((level) => against(built(change.choose(halves, level)))),
        })),
        ...(generated.length > 0
          ? [
              {
                ...{ name: 'generated', unit: 'generator' },
                levels: generated.map(({ label }) => label),
                scores: generated.map(({ scores }) => scores),
              },
            ]
          : []),
      ],
    };
  });
}

function judge(features: Features): Answer[] {
  const n = features.real.shape[0]!;
  const random = new Random(Number(args.seed)).fork('halves');
  const measured = Array.from({ length: Number(args.halves) }, () => {
    const order = random.shuffle(Array.from({ length: n }, (_, i) => i));
    const other = random.shuffle(Array.from({ length: features.other.shape[0]! }, (_, i) => i));
    return measure(features, { first: order.slice(0, n / 2), second: order.slice(n / 2), other }, random);
  });
  const changes = measured[0]!.changes;
  return changes.flatMap(({ name, unit, levels }, c) =>
    SCORES.map(({ id, worse }): Answer => {
      const floors = measured.map(({ floor }) => floor[id]);
      const floor = moments(floors);
      const values = levels.map((_, l) => measured.map((one) => one.changes[c]!.scores[l]![id]));
      const separations = values.map((ofLevel) =>
        inUnits(worse * moments(ofLevel.map((value, r) => value - floors[r]!)).mean, floor.sd),
      );
      const order = [0, ...levels.map((_, l) => l + 1)];
      const rhos = measured.map((one, r) =>
        spearman(order, [worse * floors[r]!, ...one.changes[c]!.scores.map((scores) => worse * scores[id])]),
      );
      const isTold = separations.map((value) => value > TOLD);
      const first = isTold.findIndex((_, l) => isTold.slice(l).every(Boolean));
      return {
        ...{ backbone: features.name, name, unit, levels, score: id, floor, separations },
        means: values.map((ofLevel) => moments(ofLevel).mean),
        // Where a score stands still there is no order to it: it follows nothing.
        rho: moments(rhos.map((rho) => (Number.isNaN(rho) ? 0 : rho))).mean,
        from: first < 0 ? null : levels[first]!,
      };
    }),
  );
}

/** A floor without spread: any difference is beyond it. */
const inUnits = (difference: number, sd: number): number => (difference === 0 ? 0 : difference / sd);

const moments = (values: readonly number[]): { mean: number; sd: number } => {
  const { mean, deviation } = meanAndDeviation(Float64Array.from(values));
  return { mean, sd: deviation };
};

async function main(): Promise<void> {
  if (args.data === '') throw new ConfigError('--data DIR: name a dataset folder (`graft data import`)');
  if (Number(args.threads) > 0) setThreads(Number(args.threads));
  const { about, ...images } = await readImages();
  note(about);
  const backbones: Features[] = [];
  for (const given of args.backbone) backbones.push(await look(images, given));
  const answers = backbones.flatMap(judge);
  const page = composePage(answers, { about, backbones });
  if (args.json) process.stdout.write(`${JSON.stringify({ about, answers }, null, 1)}\n`);
  else
    for (const { title, rows } of page.sections[0]!.blocks as { title: string; rows: string[][] }[])
      process.stdout.write(`${title}\n${rows.map((row) => `  ${row.join('  |  ')}`).join('\n')}\n`);
  if (args.out !== undefined) {
    mkdirSync(args.out, { recursive: true });
    writeReportFiles(page, args.out);
    writeFileAtomic(join(args.out, 'scores.json'), JSON.stringify({ about, answers }, null, 1));
  }
  dispose([images.real, images.other, ...images.changed.values(), ...images.generated.values()]);
}

await main().catch((error: unknown) => {
  note(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
