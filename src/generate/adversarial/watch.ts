/**
 * Watching a run: every so many steps the monitor measures, the doctor looks at what has been measured so far, and both
 * go into the event log. Nothing here changes what is trained: it draws from generators of its own.
 */

import {
  cat,
  type Device,
  dispose,
  Generator,
  gatherRows,
  keep,
  noGrad,
  randn,
  type Tensor,
  tidy,
} from 'graft-torch';
import { Random } from 'graft-torch/base';
import { type Backbone, openBackbone } from '../../metrics/backbone/index.js';
import { measureDistribution } from '../../metrics/distribution/index.js';
import type { MetricRecord } from '../../metrics/sets/index.js';
import { type Run, type RunEvent, readEvents, runFiles } from '../../run/index.js';
import type { GanConfig } from './config.js';
import { type GanData, toLabels, toNetworkRange, toPixels } from '../data.js';
import { diagnose, type Finding, freshFindings } from '../doctor.js';
import { gradientNorm, type MonitoringRecord, sampleDiversity, spectralNorms } from './monitor.js';
import { generateWith, type TrainingState } from './state.js';
import type { StepFigures } from './summary.js';

/** Real images that FD and KID compare with, at most; more would make a measurement cost more than what it tells. */
const MOST_REAL = 2000;
/** Images a pass through the networks. */
const BATCH = 64;

/** Real images and what they are. */
interface Sample {
  /** uint8 `[N, C, H, W]` on the CPU. */
  pixels: Tensor;
  labels: number[];
}

export class Watch {
  readonly #random: Random;
  #records: MonitoringRecord[];
  #findings: Finding[];

  constructor(
    private readonly run: Run,
    private readonly config: GanConfig,
    private readonly trained: Sample,
    private readonly heldOut: Sample | null,
    private readonly backbone: { network: Backbone; real: Tensor } | null,
    private readonly realDiversity: number,
    records: MonitoringRecord[],
    private readonly logits: TrainingState['objective']['logits'],
  ) {
    this.#random = new Random(config.seed).fork('watch');
    this.#records = records;
    this.#findings = this.#diagnose();
  }

  #diagnose(): Finding[] {
    return diagnose(this.#records, { logits: this.logits, config: this.config });
  }

  /**
   * Measures, and logs.
   * @returns what the doctor finds that is new, the gravest first
   */
  measure(step: number, state: TrainingState, figures: StepFigures): Finding[] {
    const { record, fdFloor } = this.#record(step, state, figures);
    this.#records.push(record);
    const { step: _, ...fields } = record;
    this.run.event('monitor', step, { ...fields, fdFloor });
    const now = this.#diagnose();
    const fresh = freshFindings(this.#findings, now);
    this.#findings = now;
    for (const { kind, severity, evidence, remedy } of fresh) {
      this.run.event('finding', step, { kind, severity, evidence, remedy });
      this.run.log(`step ${step}: ${severity}: ${kind}: ${evidence}; ${remedy}`);
    }
    return fresh;
  }

  #record(
    step: number,
    state: TrainingState,
    figures: StepFigures,
  ): { record: MonitoringRecord; fdFloor: number | null } {
    return tidy(() => {
      // What the last step left: its own gradients.
      const generatorGradientNorm = gradientNorm(state.generator);
      const discriminatorGradientNorm = gradientNorm(state.discriminator);
      const spectral = spectralNorms(state.discriminator);
      const fakes = this.#generate(state);
      const { diversity, std } = sampleDiversity(fakes.pixels, this.#random.fork('pairs'));
      const records = this.backbone
        ? measureDistribution(
            this.backbone.network,
            { real: this.backbone.real, synthetic: this.backbone.network.features(fakes.pixels) },
            { seed: this.config.seed, metrics: ['frechet', 'kernel', 'precision', 'recall'], replicates: 0 },
          )
        : [];
      const measured = (id: string): MetricRecord | undefined => records.find(({ metric }) => metric === id);
      const frechet = measured('frechet');
      const record: MonitoringRecord = {
        step,
        discriminatorLoss: figures.discriminatorLoss,
        generatorLoss: figures.generatorLoss,
        realScore: scoreOf(state, this.trained),
        fakeScore: scoreOf(state, fakes),
        heldOutScore: this.heldOut && scoreOf(state, this.heldOut),
        generatorGradientNorm,
        discriminatorGradientNorm,
        spectralNormMax: spectral.max,
        spectralNormMean: spectral.mean,
        diversity,
        realDiversity: this.realDiversity,
        fakeStd: std,
        fd: frechet?.value ?? null,
        kid: measured('kernel')?.value ?? null,
        precision: measured('precision')?.value ?? null,
        recall: measured('recall')?.value ?? null,
        augmentProbability: state.controller?.p ?? null,
      };
      return { record, fdFloor: frechet?.floor?.value ?? null };
    });
  }

  /** Images of the sampled generator, the same latents each time; classes as often as among the real ones. */
  #generate(state: TrainingState): Sample {
    const { monitorSamples, seed } = this.config;
    const noise = Generator.seeded(seed + 1);
    const labels = Array.from(
      { length: monitorSamples },
      (_, i) => this.trained.labels[i % this.trained.labels.length]!,
    );
    const z = randn([monitorSamples, state.average.latent], { generator: noise }).to({
      device: state.device,
    });
    const parts: Tensor[] = [];
    for (let from = 0; from < monitorSamples; from += BATCH) {
      const count = Math.min(BATCH, monitorSamples - from);
      const part = state.average.classCount > 0 ? labels.slice(from, from + count) : null;
      const images = generateWith(state, z.narrow(0, from, count), part && toLabels(part, state.device));
      parts.push(toPixels(images));
    }
    return { pixels: cat(parts), labels };
  }

  /** Whether the last measurement showed nothing critical, new or known. */
  get isHealthy(): boolean {
    return !this.#findings.some(({ severity }) => severity === 'critical');
  }

  /** Whether the last measurement is the best so far by `bestBy`; notes it in the state. */
  isBest(state: TrainingState): boolean {
    const { bestBy } = this.config;
    const last = this.#records.at(-1);
    const value = bestBy && last?.[bestBy];
    if (!last || typeof value !== 'number' || !(value < (state.best?.value ?? Number.POSITIVE_INFINITY)))
      return false;
    state.best = { step: last.step, metric: bestBy!, value };
    return true;
  }

  /** Forgets what came after a step that the run goes back to. */
  forget(step: number): void {
    this.#records = this.#records.filter((record) => record.step <= step);
    this.#findings = this.#diagnose();
  }

  dispose(): void {
    dispose([this.trained.pixels, this.heldOut?.pixels, this.backbone?.real]);
    this.backbone?.network.dispose();
  }
}

/** Mean of D over images as they are, in evaluation mode: a probability, or a critic's score. */
function scoreOf(state: TrainingState, { pixels, labels }: Sample): number {
  const { discriminator, device, objective } = state;
  return tidy(() =>
    noGrad(() => {
      discriminator.eval();
      const parts: Tensor[] = [];
      for (let from = 0; from < labels.length; from += BATCH) {
        const count = Math.min(BATCH, labels.length - from);
        const images = toNetworkRange(pixels.narrow(0, from, count), device, null);
        const classes = labels.slice(from, from + count);
        const { logits } = discriminator.judge(
          images,
          discriminator.classCount > 0 ? toLabels(classes, device) : null,
        );
        parts.push(objective.logits === 'log-odds' ? logits.sigmoid() : logits);
      }
      discriminator.train();
      return cat(parts).mean().item();
    }),
  );
}

/** Makes ready what is measured against, and takes up what an interrupted run has measured. */
export async function openWatch(
  run: Run,
  config: GanConfig,
  data: GanData,
  state: TrainingState,
): Promise<Watch> {
  const random = new Random(config.seed).fork('watched');
  const sample = async (rows: number[], most: number, stream: string): Promise<Sample> => {
    const chosen = random
      .fork(stream)
      .shuffle([...rows])
      .slice(0, most);
    return { pixels: await gatherRows(data.images, chosen), labels: chosen.map((row) => data.labels[row]!) };
  };
  const trained = await sample(data.indices, config.monitorSamples, 'trained');
  const heldOut =
    data.heldOut.length > 1 ? await sample(data.heldOut, config.monitorSamples, 'held out') : null;
  const { diversity } = sampleDiversity(trained.pixels, random.fork('pairs'));
  const backbone = config.backbone === null ? null : await openFeatures(config, data, sample, state.device);
  const records = recordsOf(readEvents(run.path(runFiles.events)));
  const { logits } = state.objective;
  return new Watch(run, config, trained, heldOut, backbone, diversity, records, logits);
}

async function openFeatures(
  config: GanConfig,
  data: GanData,
  sample: (rows: number[], most: number, stream: string) => Promise<Sample>,
  device: Device,
): Promise<{ network: Backbone; real: Tensor }> {
  const { pixels } = await sample(data.indices, MOST_REAL, 'features');
  const network = openBackbone(config.backbone!, { device, calibrate: pixels });
  const real = keep(network.features(pixels));
  pixels.dispose();
  return { network, real };
}

/** Measurements of the path that led to the present state: what was rolled back is not on it. */
export function recordsOf(events: readonly RunEvent[]): MonitoringRecord[] {
  let records: MonitoringRecord[] = [];
  for (const { type, wall: _, ...fields } of events) {
    if (type === 'monitor') records.push(fields as unknown as MonitoringRecord);
    if (type === 'rolled-back') records = records.filter(({ step }) => step <= (fields.to as number));
  }
  return records;
}
