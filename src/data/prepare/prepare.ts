/**
 * `graft data prepare`: a new dataset of an old one, without the pictures of another, with fewer images, other sizes,
 * hair removed, lesions cut out, split anew or in folds. Groups are kept: nothing that belongs together is torn apart.
 *
 * The pixel work goes to a scratch folder beside the target, an image at a time, and is taken up again there when it
 * was interrupted; the datasets are made of it at the end, each whole or not at all.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  ConfigError,
  DataError,
  readBytesAsync,
  readJson,
  sha256,
  writeFileAtomic,
  writeJson,
} from 'graft-torch/base';
import { forEachParallel, inWorkplace, requireFree, type Workplace } from '../../base/index.js';
import {
  type Box,
  type DecodedImage,
  decodeImage,
  decoderId,
  encodeImage,
  indexMasks,
  maskBox,
  removeHair,
  resizeImage,
  trainingFraming,
} from '../../image/index.js';
import { createDataset } from '../build/create.js';
import type { DatasetItem } from '../build/item.js';
import {
  changedError,
  channelsOf,
  type Dataset,
  type DatasetRow,
  datasetFile,
  framingOf,
  imagePath,
  isSquare,
  openDataset,
  type Split,
} from '../dataset/dataset.js';
import { masksFolder } from '../dataset/dataset-masks.js';
import { type Problem, problem } from '../dataset/problems.js';
import { type ImportReport, reportFile } from '../dataset/report.js';
import { select } from '../dataset/select.js';
import { assignFolds, assignSplits, type Fractions, strataOf } from '../dataset/split.js';
import { checked } from '../options.js';
import { type PrepareOptions, type PrepareSettings, prepareSchema } from './options.js';
import { sharedPictures } from './shared-pictures.js';

export interface Prepared {
  dataset: Dataset;
  report: ImportReport;
}

/** Hair is looked for at this size at least, where the image has it: thinner than a pixel it is not seen. */
const hairSizePx = 512;

/** Figures that go into the manifest, by image. */
interface Figures {
  hairShare?: number;
}

/**
 * Prepares a dataset.
 * @param out folder to make; with several sizes or folds the datasets lie in it: `64px/`, `fold-1/`, `64px/fold-1/`
 * @returns what was made, or was there already from the same call
 * @throws ConfigError for options out of range; DataError naming the image or mask at fault, or a folder in use
 */
export async function prepareDataset(
  source: Dataset,
  out: string,
  asked: PrepareOptions = {},
): Promise<Prepared[]> {
  const options = settled(source, asked);
  const without = options.without.map((dir) => openDataset(dir));
  return inWorkplace(out, (place) => prepareInto(out, source, { ...options, place, others: without }), {
    ending: 'preparing',
    marks: ['key.json', 'done.jsonl'],
    keepAfter: () => options.signal?.aborted === true, // the same call goes on from here
  });
}

/** Options as they count, and what was opened for them. */
type Preparation = PrepareSettings & { masks?: string; others: readonly Dataset[] };

async function prepareInto(
  out: string,
  source: Dataset,
  { place, ...options }: Preparation & { place: Workplace },
): Promise<Prepared[]> {
  const { rows, problems, boxes } = await choose(source, options);
  const cut = rows.map(({ id }) => boxes.get(id) ?? null);
  const key = sha256(JSON.stringify([source.hash, decisive(options), cut, decoderId]));
  const targets = targetsOf(out, partsOf(source, rows, options), options).map((target) => ({
    ...target,
    before: madeBefore(target.dir, key),
  }));
  for (const { dir, before } of targets) if (!before) requireFree(dir);
  if (targets.length > 1 && existsSync(join(out, datasetFile)))
    throw new DataError(`${out} is a dataset, not a folder for several; give another folder with --out`);

  const left = targets.some(({ before }) => !before);
  const figures = left ? await work(source, rows, { place, key, boxes, ...options }) : new Map();
  const made: Prepared[] = [];
  /** Images decoded by size and id: folds share them. */
  const known = new Map<number | null, Map<string, DatasetRow>>();
  if (!changesPixels(options)) known.set(null, new Map(rows.map((row) => [row.id, row])));
  for (const { dir, before, sizePx, fold, splits, fractions, dealt } of targets) {
    if (before) {
      made.push(before);
      continue;
    }
    const header = {
      ...headerOf(source),
      ...(dealt ? { splitBy: 'dealt' as const, strata: options.strata } : {}),
      name: [options.name ?? source.name, sizePx && `${sizePx}px`, fold && `fold${fold}`]
        .filter(Boolean)
        .join('-'),
      ...framingOfTarget(source, sizePx, options),
      provenance: {
        importer: options.importer ?? 'graft data prepare',
        preparedAt: new Date().toISOString(),
        key,
        source: { name: source.name, hash: source.hash, provenance: source.provenance },
        ...(sizePx === null ? {} : { sizePx, fit: options.fit, kernel: options.kernel }),
        ...(options.hair ? { hairRemoved: true } : {}),
        ...(options.masks === undefined
          ? {}
          : { masks: resolve(options.masks), marginShare: options.marginShare }),
        ...(fold === undefined ? {} : { fold, folds: options.folds }),
      },
    };
    const items = rows.map(
      (row, i): DatasetItem => ({
        ...itemOf(row, figures.get(row.id)),
        known: known.get(sizePx)?.get(row.id),
        source: {
          path: changesPixels(options)
            ? scratchPath(place.dir, row, { ...options, sizePx })
            : imagePath(source, row),
        },
        split: splits[i]!,
      }),
    );
    const prepared = await createDataset(
      dir,
      { header, items },
      {
        seed: options.seed,
        fractions,
        images: 'share',
        oneClass: source.classes.length === 1,
        problems: () => problems,
        pairs: duplicatesOf(source),
        found: { images: source.rows.length },
        onProgress: options.onProgress,
        signal: options.signal,
      },
    );
    if (!known.has(sizePx)) known.set(sizePx, new Map(prepared.dataset.rows.map((row) => [row.id, row])));
    made.push(prepared);
  }
  return made;
}

/** A dataset to make. */
interface Target extends Part {
  dir: string;
  /** Null: the images keep their size. */
  sizePx: number | null;
}

function targetsOf(out: string, parts: readonly Part[], { sizesPx }: PrepareSettings): Target[] {
  return (sizesPx.length > 0 ? sizesPx : [null]).flatMap((sizePx) =>
    parts.map((part) => ({
      ...part,
      sizePx,
      dir: join(
        out,
        ...(sizesPx.length > 1 ? [`${sizePx}px`] : []),
        ...(part.fold === undefined ? [] : [`fold-${part.fold}`]),
      ),
    })),
  );
}

/**
 * What decides the result, as the key of an unfinished one has it; what is not asked for is not in it. The boxes stand
 * for the masks, whose content may change while their folder's name stays.
 */
const decisive = ({ sizesPx, kernel, hair, cutEverywhere, others, ...options }: Preparation) => ({
  sizesPx: sizesPx.length > 0 ? sizesPx : undefined,
  fit: options.fit,
  format: options.format,
  hair: hair || undefined,
  marginShare: options.marginShare,
  without: others.length > 0 ? others.map(({ hash }) => hash) : undefined,
  majorityRatio: options.majorityRatio,
  cutEverywhere: cutEverywhere || undefined,
  reduceTo: options.reduceTo,
  fractions: options.fractions,
  folds: options.folds,
  strata: options.strata,
  seed: options.seed || undefined,
  name: options.name,
  kernel: kernel === 'lanczos3' ? undefined : kernel,
});

/** @throws ConfigError for options that are out of range, or do not fit each other or the source */
function settled(
  source: Dataset,
  { importer, onProgress, signal, ...asked }: PrepareOptions,
): PrepareSettings & { masks?: string } {
  const settings = checked(prepareSchema, asked);
  const { majorityRatio, cutEverywhere, folds, strata = [], fractions } = settings;
  if (cutEverywhere && majorityRatio === undefined)
    throw new ConfigError('the majority is cut everywhere: give the ratio to cut it to as well');
  if (strata.length > 0 && !fractions && folds === undefined)
    throw new ConfigError('strata are shared out when splitting anew: give a split or folds as well');
  const columns = Object.keys(source.rows[0]?.extra ?? {});
  for (const column of strata)
    if (!columns.includes(column))
      throw new ConfigError(
        `stratum ${column}: ${source.dir} has no such column; it has ${columns.join(', ')}`,
      );
  const own = join(source.dir, masksFolder);
  if (settings.masks === true && !existsSync(own))
    throw new ConfigError(
      `--masks: ${source.dir} keeps no masks; name their folder, or import again with --masks keep`,
    );
  const masks = settings.masks === true ? own : settings.masks;
  return { ...settings, masks, importer, onProgress, signal };
}

/** Which rows are taken, and the box that each is cut to. */
async function choose(
  source: Dataset,
  options: Preparation,
): Promise<{ rows: DatasetRow[]; problems: Problem[]; boxes: Map<string, Box> }> {
  const boxes = new Map<string, Box>();
  const problems: Problem[] = [];
  let rows = source.rows;
  for (const other of options.others) {
    const shared = await sharedPictures({ dir: source.dir, rows }, other, {
      onProgress: (done, total) => options.onProgress?.('shared', done, total),
      signal: options.signal,
    });
    for (const { image, twin, kind, correlation } of shared) {
      const { id, file, label } = image;
      const likeness = kind === 'exact' ? 'the same file as' : `alike to ${correlation.toFixed(3)}:`;
      const detail = `${likeness} ${twin.id} of ${other.name}`;
      problems.push(problem('in-another-set', { id, file, label, detail }));
    }
    const gone = new Set(shared.map(({ image }) => image.id));
    rows = rows.filter(({ id }) => !gone.has(id));
    if (rows.length === 0)
      throw new DataError(`${source.dir}: ${other.dir} has all of its pictures; nothing is left`);
  }
  if (options.masks !== undefined) {
    const masks = await indexMasks(options.masks);
    // A dataset's own masks are called like its files, whose names are the ids but for odd letters.
    const maskOf = ({ id, file }: DatasetRow): readonly string[] => {
      const own = masks.find(id);
      return own.length > 0 ? own : masks.find(basename(file));
    };
    const without: string[] = [];
    let done = 0;
    await forEachParallel(
      rows.length,
      async (i) => {
        const { id, width, height } = rows[i]!;
        const paths = maskOf(rows[i]!);
        const box =
          paths.length === 0
            ? null
            : await maskBox(paths, { marginShare: options.marginShare, size: { width, height } });
        if (box) boxes.set(id, box);
        else without.push(id);
        options.onProgress?.('mask', ++done, rows.length);
      },
      { signal: options.signal },
    );
    if (boxes.size === 0)
      throw new DataError(
        `${options.masks}: no mask of ${masks.count} bears the name of an image; expected names such as ${rows[0]!.id}_segmentation.png`,
      );
    const missing = new Set(without);
    for (const row of rows) {
      const { id, file, label } = row;
      if (missing.has(id))
        problems.push(
          problem('empty-mask', {
            id,
            file,
            label,
            detail: maskOf(row).length === 0 ? 'no mask of this name' : 'the mask is empty',
          }),
        );
    }
    rows = rows.filter(({ id }) => !missing.has(id));
  }
  const selection = select(rows, {
    majorityRatio: options.majorityRatio,
    ...(options.cutEverywhere ? { cutSplits: ['train', 'val', 'test'] } : {}),
    reduceTo: options.reduceTo,
    seed: options.seed,
  });
  return {
    rows: selection.kept.map((i) => rows[i]!),
    problems: [...problems, ...selection.problems],
    boxes,
  };
}

/** Where the pixels of a row are kept until the datasets are made. */
const scratchPath = (
  scratch: string,
  { id }: DatasetRow,
  { sizePx, format }: Pick<PrepareSettings, 'format'> & { sizePx: number | null },
): string =>
  join(
    scratch,
    String(sizePx ?? 'own'),
    `${sha256(id).slice(0, 32)}${format === 'jpeg' ? '.jpg' : '.png'}`, // names of files may differ in their folder alone
  );

const changesPixels = ({ sizesPx, hair, masks }: PrepareSettings): boolean =>
  sizesPx.length > 0 || hair || masks !== undefined;

/** Makes every image at every size in the scratch folder; what is there from the same call is kept. */
async function work(
  source: Dataset,
  rows: readonly DatasetRow[],
  options: PrepareSettings & { place: Workplace; key: string; boxes: ReadonlyMap<string, Box> },
): Promise<Map<string, Figures>> {
  const figures = new Map<string, Figures>();
  if (!changesPixels(options)) return figures;
  const { place, key, sizesPx, onProgress, signal } = options;
  const keyPath = join(place.dir, 'key.json');
  const donePath = join(place.dir, 'done.jsonl');
  if (!existsSync(keyPath) || readJson(keyPath) !== key) {
    place.clear();
    writeJson(keyPath, key);
  }
  if (existsSync(donePath))
    for (const line of readFileSync(donePath, 'utf8').split('\n').slice(0, -1)) {
      const { id, ...own } = JSON.parse(line) as Figures & { id: string };
      figures.set(id, own);
    }
  // A line that a kill cut off is dropped.
  writeFileAtomic(donePath, [...figures].map(([id, own]) => `${JSON.stringify({ id, ...own })}\n`).join(''));

  let done = 0;
  onProgress?.('prepare', done, rows.length);
  await forEachParallel(
    rows.length,
    async (i) => {
      const row = rows[i]!;
      if (!figures.has(row.id)) {
        const from = imagePath(source, row);
        const bytes = await readBytesAsync(from);
        if (sha256(bytes) !== row.sha256) throw changedError(from);
        const { images, ...own } = await prepareImage(bytes, row, { ...options, from });
        for (const [k, image] of images.entries()) {
          const path = scratchPath(place.dir, row, { ...options, sizePx: sizesPx[k] ?? null });
          const encoded = await encodeImage(image, options.format, {
            grey: channelsOf(source) === 1,
          });
          mkdirSync(dirname(path), { recursive: true });
          await writeFile(path, encoded); // counts only once done.jsonl names it
        }
        figures.set(row.id, own);
        appendFileSync(donePath, `${JSON.stringify({ id: row.id, ...own })}\n`);
      }
      onProgress?.('prepare', ++done, rows.length);
    },
    { signal },
  );
  return figures;
}

/** One image, cut, freed of hair, at every size. */
async function prepareImage(
  bytes: Uint8Array,
  row: DatasetRow,
  options: PrepareSettings & { boxes: ReadonlyMap<string, Box>; from: string },
): Promise<{ images: DecodedImage[] } & Figures> {
  const { sizesPx, fit, kernel, boxes, from } = options;
  const crop = boxes.get(row.id);
  const decode = (sizePx?: number): Promise<DecodedImage> =>
    decodeImage(
      bytes,
      { ...(sizePx === undefined ? {} : { sizePx, fit, kernel }), ...(crop ? { crop } : {}) },
      from,
    );
  if (!options.hair)
    return {
      images:
        sizesPx.length === 0 ? [await decode()] : await Promise.all(sizesPx.map((sizePx) => decode(sizePx))),
    };
  const shorter = Math.min(crop?.width ?? row.width, crop?.height ?? row.height);
  const whole = await decode(
    sizesPx.length === 0 ? undefined : Math.max(...sizesPx, Math.min(hairSizePx, shorter)),
  );
  const { image, hairShare } = removeHair(whole);
  return {
    images:
      sizesPx.length === 0
        ? [image]
        : await Promise.all(sizesPx.map((sizePx) => resizeImage(image, sizePx, kernel))),
    hairShare,
  };
}

/** A row of the source as an item, without its new image and split. */
function itemOf(row: DatasetRow, figures: Figures | undefined): Omit<DatasetItem, 'source'> {
  return {
    id: row.id,
    label: row.label,
    patients: [],
    lesions: [],
    extra: {
      ...row.extra,
      ...(figures
        ? {
            original_width: row.extra.original_width ?? String(row.width),
            original_height: row.extra.original_height ?? String(row.height),
          }
        : {}),
      ...(figures?.hairShare === undefined ? {} : { hair_share: figures.hairShare.toFixed(5) }),
    },
    name: row.file,
    table: '',
    line: 0,
    group: row.group,
  };
}

const headerOf = ({
  kind,
  label,
  positive,
  negative,
  licence,
  groupedBy,
  bayesAuc,
  intensity,
  channels = 3,
  ...split
}: Dataset) => ({
  kind,
  label,
  positive,
  negative,
  licence,
  groupedBy,
  splitBy: split.splitBy,
  strata: split.strata,
  intensity,
  channels,
  ...(bayesAuc === undefined ? {} : { bayesAuc }),
});

/** How the images of a target became squares, where they did: those that were square before keep what made them so. */
function framingOfTarget(
  source: Dataset,
  sizePx: number | null,
  { fit, kernel, masks }: PrepareSettings,
): Pick<Dataset, 'framing'> {
  if (masks === undefined && (sizePx === null || isSquare(source))) {
    const before = framingOf(source);
    return before === trainingFraming ? {} : { framing: before };
  }
  return sizePx === null ? {} : { framing: { fit, kernel, exact: true } };
}

interface Part {
  fold?: number;
  /** Of each row. */
  splits: Split[];
  fractions: Fractions;
  dealt: boolean;
}

/** The splits of the rows: as they were, anew, or one way for each fold. */
function partsOf(source: Dataset, rows: readonly DatasetRow[], options: PrepareSettings): Part[] {
  const { fractions = source.fractions, folds, strata = [], seed } = options;
  const further = strataOf(
    rows.map(({ extra }) => extra),
    strata,
  );
  const dealt = rows.map(({ group, label }, i) => ({ group, label, strata: further[i]! }));
  if (folds === undefined)
    return [
      {
        splits: options.fractions ? assignSplits(dealt, fractions, seed) : rows.map(({ split }) => split),
        fractions,
        dealt: options.fractions !== undefined,
      },
    ];
  const foldOf = assignFolds(dealt, folds, seed);
  const sum = fractions.train + fractions.val;
  const inner: Fractions = { train: fractions.train / sum, val: fractions.val / sum, test: 0 };
  return Array.from({ length: folds }, (_, k) => {
    const rest = rows.map((_, i) => i).filter((i) => foldOf[i] !== k + 1);
    const parts = assignSplits(
      rest.map((i) => dealt[i]!),
      inner,
      seed,
    );
    const splits: Split[] = rows.map(() => 'test');
    rest.forEach((i, at) => {
      splits[i] = parts[at]!;
    });
    const test = 1 / folds;
    return {
      fold: k + 1,
      splits,
      dealt: true,
      fractions: { train: inner.train * (1 - test), val: inner.val * (1 - test), test },
    };
  });
}

/** The pairs of duplicates that the source's import found. */
function duplicatesOf(source: Dataset): ImportReport['duplicates'] {
  const path = join(source.dir, reportFile);
  return existsSync(path) ? readJson<ImportReport>(path).duplicates : [];
}

/** The dataset of an earlier, interrupted call of the same kind. */
function madeBefore(dir: string, key: string): Prepared | undefined {
  if (!existsSync(join(dir, datasetFile))) return undefined;
  const dataset = openDataset(dir);
  if (dataset.provenance.key !== key) return undefined;
  return { dataset, report: readJson<ImportReport>(join(dir, reportFile)) };
}
