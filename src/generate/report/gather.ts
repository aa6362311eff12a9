/** Gathers a GAN run's report from its folder: events, settings, and pictures made by its generator. */
import { basename, resolve } from 'node:path';
import { type Device, Generator, noGrad, randn, tensor, tidy } from 'graft-torch';
import { ConfigError, DataError, Random } from 'graft-torch/base';
import sharp from 'sharp';
import { graftVersion } from '../../base/index.js';
import { reopenDataset } from '../../data/dataset/index.js';
import { encodeAnimation, gridPng } from '../../image/index.js';
import type { EncodedPicture } from '../../report/index.js';
import { pngPicture } from '../../report/index.js';
import { type RunRecord, readRun, trainedOn } from '../../run/index.js';
import { type GanConfig, ganConfigSchema, ganRecipeSchema } from '../adversarial/config.js';
import type { GanSummary } from '../adversarial/summary.js';
import { classesOf, classTitle } from '../config.js';
import { type GeneratorData, openGeneratorData, toLabels } from '../data.js';
import { openGenerator } from '../open-generator.js';
import { classGridPng } from '../pictures/class-grid.js';
import { enlargement, generateFrom, planar } from '../pictures/generate.js';
import { interpolationPng } from '../pictures/interpolation.js';
import { nearestGrid } from '../pictures/nearest.js';
import { spread, trainingFrames } from '../pictures/training.js';
import type { TrainedGenerator } from '../trained-generator.js';
import { configEntries } from './configuration.js';
import { type GanReportInput, type GanReportPictures, type LineageEntry, noPictures } from './input.js';

export interface GatherOptions {
  /** Draws latents, and lots for the real images; default 0. */
  seed?: number;
  device?: Device;
  threads?: number;
  /** Where the run's dataset is now; default: where the run says. */
  data?: string | undefined;
  /** When the report is made; default now. */
  madeAt?: Date;
  /** What is being made ready, of how many things. */
  onProgress?: (done: number, total: number) => void;
  /** Told what the report must do without, and why. */
  warn?: (message: string) => void;
}

/** Images in the real and in the generated grid. */
const GRID_IMAGES = 36;
/** Generated images whose nearest training images are shown. */
const NEAREST_ROWS = 8;
const NEAREST_COLUMNS = 3;
/** Grids shown of the training. */
const TIMELINE_GRIDS = 6;
/** An animation heavier than this is not put into a page. */
const ANIMATION_BYTES = 3 << 20;
const PARTS = 7;

/**
 * Reads a run folder, also of a run that has not finished: it then has no pictures that need its generator.
 * @throws DataError where the folder holds no GAN run; ConfigError where its settings are not those of this version
 */
export async function gatherGanReport(runDir: string, options: GatherOptions = {}): Promise<GanReportInput> {
  const { madeAt = new Date(), warn = () => {}, device, threads } = options;
  const run = readRun(runDir);
  if (run.kind !== 'gan') throw new DataError(`${runDir}: is a ${run.kind} run, expected a gan run`);
  const config = configOf(run);
  const summary = run.summary as unknown as GanSummary | undefined;
  const advance = progress(options);

  const data = await openData({ ...config, data: options.data ?? config.data }, runDir, warn);
  advance();
  try {
    const generator = summary === undefined ? null : await openGenerator(runDir, { device, threads });
    try {
      return {
        name: basename(resolve(runDir)),
        graft: graftVersion(),
        madeAt: madeAt.toISOString(),
        summary: {
          architecture: config.architecture,
          sizePx: config.imageSize,
          classes: classesOf(config),
          dataset: data?.about ?? null,
          frames: data?.gan.frames ?? summary?.frames ?? [],
          trainingImages: data?.gan.indices.length ?? summary?.trainingImages ?? null,
          trainingGroups: data?.gan.groups.length ?? null,
          steps: run.step,
          plannedSteps: config.steps,
          batchSize: config.batchSize,
          finished: summary !== undefined,
          seconds: summary?.seconds ?? secondsOf(run),
          device: summary?.device ?? null,
        },
        events: run.events,
        config: configEntries(config, ganRecipeSchema.parse({})),
        lineage: generator ? lineageOf(generator) : null,
        pictures: await makePictures(
          { run, trained: generator, data: data?.gan ?? null },
          { ...options, advance },
        ),
      };
    } finally {
      generator?.network.dispose();
    }
  } finally {
    data?.gan.images.dispose();
  }
}

function configOf(run: RunRecord): GanConfig {
  const parsed = ganConfigSchema.safeParse(run.config);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new ConfigError(
    `${run.dir}/config.yaml: ${issue.path.join('.') || 'config'}: ${issue.message}; the run was made by Graft ${run.graft}, this is ${graftVersion()}`,
  );
}

/** Training seconds so far, as the last `losses` event has them. */
function secondsOf(run: RunRecord): number | null {
  const seconds = run.events.findLast(({ type }) => type === 'losses')?.wall.seconds;
  return typeof seconds === 'number' ? seconds : null;
}

interface OpenedData {
  gan: GeneratorData;
  about: NonNullable<GanReportInput['summary']['dataset']>;
}

/** The images that were trained on; null, with a warning, where they are not there any more, or are others. */
async function openData(
  config: GanConfig,
  runDir: string,
  warn: (message: string) => void,
): Promise<OpenedData | null> {
  try {
    const { name, groupedBy, kind } = reopenDataset(config.data, trainedOn(runDir));
    return { gan: await openGeneratorData(config), about: { name, groupedBy, kind } };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    warn(`the report shows no real images: ${error.message}`);
    return null;
  }
}

function lineageOf({ origin, config }: TrainedGenerator): LineageEntry[] {
  const { run, checkpoint, weights, dataset, trainingGroups, graft } = origin;
  return [
    { name: 'Run', value: run },
    { name: 'Checkpoint', value: `${checkpoint.file}, step ${checkpoint.step}` },
    { name: 'SHA-256 of the checkpoint', value: checkpoint.sha256 },
    { name: 'Weights', value: weights === 'ema' ? 'moving average (EMA)' : 'as trained (raw)' },
    { name: 'Dataset', value: `${dataset.name}, hash ${dataset.hash}` },
    { name: 'Class', value: classTitle(config) },
    { name: 'Groups trained on', value: trainingGroups.length.toLocaleString('en-GB') },
    { name: 'Seed', value: String(config.seed) },
    { name: 'Graft', value: graft },
  ];
}

async function makePictures(
  { run, trained, data }: { run: RunRecord; trained: TrainedGenerator | null; data: GeneratorData | null },
  options: GatherOptions & { advance: () => void },
): Promise<GanReportPictures> {
  const { seed = 0, advance } = options;
  const ofTraining = { timeline: await timeline(run), animation: await animation(run) };
  advance();
  const lots = data
    ? new Random(seed)
        .fork('report')
        .shuffle([...data.indices])
        .slice(0, GRID_IMAGES)
    : [];
  const real = data && lots.length > 0 ? await realGrid(data, lots) : null;
  advance();
  if (!trained) {
    options.onProgress?.(PARTS, PARTS);
    return { ...noPictures, ...ofTraining, real };
  }

  const { config, network, device } = trained;
  const generate = generateFrom(network, device);
  const { latent } = network;
  const random = Generator.seeded(seed);
  const classes = classesOf(config);
  const isConditional = network.classCount > 0;
  // Classes as they fell among the real images, so that the two grids can be compared.
  const labelAt = (i: number): number =>
    (data && lots.length > 0 ? data.labels[lots[i % lots.length]!]! : i) % classes.length;
  const images = tidy(() =>
    noGrad(() => {
      const labels = Array.from({ length: GRID_IMAGES }, (_, i) => labelAt(i));
      const z = randn([GRID_IMAGES, latent], { generator: random });
      return generate(z, isConditional ? toLabels(labels, 'cpu') : null);
    }),
  );
  try {
    const generated = picture(await gridPng(planar(images), { scale: enlargement(config.imageSize, 64) }));
    advance();
    const strips = picture(
      await interpolationPng(generate, { latent, random, label: isConditional ? 0 : null }),
    );
    advance();
    const byClass = isConditional ? picture(await classGridPng(generate, { classes, latent, random })) : null;
    advance();
    const nearest = data && data.indices.length > NEAREST_COLUMNS ? await nearestOf(images, data) : null;
    advance();
    return { ...ofTraining, real, generated, interpolation: strips, classes: byClass, nearest };
  } finally {
    images.dispose();
  }
}

async function nearestOf(
  images: Parameters<typeof nearestGrid>[0],
  data: GeneratorData,
): Promise<GanReportPictures['nearest']> {
  const queries = tidy(() => images.narrow(0, 0, NEAREST_ROWS));
  try {
    const { png, distances, ...measured } = await nearestGrid(queries, data.images, {
      rows: data.indices,
      k: NEAREST_COLUMNS,
      labelSizePx: 15, // read on a phone, too
    });
    const { distance, nearer, real } = measured;
    return { ...picture(png), distance, nearer, real, nearest: distances.map(([d]) => d!) };
  } finally {
    queries.dispose();
  }
}

async function realGrid(data: GeneratorData, rows: readonly number[]): Promise<EncodedPicture> {
  const images = tidy(() =>
    planar(data.images.indexSelect(0, tensor([...rows], [rows.length], { dtype: 'int64' }))),
  );
  return picture(
    await gridPng(images, { columns: Math.sqrt(GRID_IMAGES), scale: enlargement(images.width, 64) }),
  );
}

/** Some sample grids as WebP: as PNG they would make the page heavy, and they are seen small. */
async function timeline(run: RunRecord): Promise<GanReportPictures['timeline']> {
  return Promise.all(
    spread(run.samples, TIMELINE_GRIDS).map(async ({ step, path }) => {
      try {
        const { data, info } = await sharp(path)
          .webp({ quality: 90, smartSubsample: true })
          .toBuffer({ resolveWithObject: true });
        return { step, webp: data, width: info.width, height: info.height };
      } catch (cause) {
        throw new DataError(`${path}: the sample grid cannot be read: ${(cause as Error).message}`, {
          cause,
        });
      }
    }),
  );
}

/** The largest animation that is light enough for a page; null where there is but one grid, or none is. */
async function animation(run: RunRecord): Promise<GanReportPictures['animation']> {
  if (run.samples.length < 2) return null;
  for (const { most, maxWidthPx, quality } of [
    { most: 60, maxWidthPx: 530, quality: 75 },
    { most: 60, maxWidthPx: 400, quality: 60 },
    { most: 30, maxWidthPx: 320, quality: 50 },
  ]) {
    const { frames, labels } = trainingFrames(run.samples, most);
    const webp = await encodeAnimation(frames, 'webp', {
      labels,
      maxWidthPx,
      quality,
      delayMs: 250,
      lastDelayMs: 2000,
    });
    if (webp.length > ANIMATION_BYTES) continue;
    const { width = 0, pageHeight = 0 } = await sharp(webp, { pages: -1 }).metadata();
    return { webp, width, height: pageHeight, frames: frames.length };
  }
  return null;
}

function picture(png: Uint8Array): EncodedPicture {
  const encoded = pngPicture(png);
  if (!encoded) throw new TypeError('expected a PNG');
  return encoded;
}

function progress({ onProgress }: GatherOptions): () => void {
  let done = 0;
  onProgress?.(0, PARTS);
  return () => onProgress?.(++done, PARTS);
}
