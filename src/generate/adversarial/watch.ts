/**
 * Watching a run: every so many steps the monitor measures, the doctor looks at what has been measured so far, and both
 * go into the event log. Nothing here changes what is trained: it draws from generators of its own.
 */

import { cat, dispose, Generator, gatherRows, keep, noGrad, randn, type Tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { type Backbone, openBackbone } from '../../metrics/backbone/index.js';
import { measureDistribution } from '../../metrics/distribution/index.js';
import type { MetricRecord } from '../../metrics/sets/index.js';
import { readEvents, runFiles } from '../../run/index.js';
import { toLabels, toNetworkRange, toPixels } from '../data.js';
import { diagnose, type Finding, freshFindings } from '../doctor.js';
import { ganRules } from './doctor-rules.js';
import { gradientNorm, type MonitoringRecord, recordsOf, sampleDiversity, spectralNorms } from './monitor.js';
import { generateWith, type StepFigures, type Training, type TrainingState } from './training.js';

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

/** What a run is measured against. */
interface Reference {
  trained: Sample;
  heldOut: Sample | null;
  backbone: { network: Backbone; real: Tensor } | null;
  /** Of the real images. */
  diversity: number;
}

export class Watch {
  readonly #random: Random;
  #records: MonitoringRecord[];
  #findings: Finding[];

  constructor(
    private readonly training: Training,
    private readonly reference: Reference,
  ) {
    const { config, run } = training;
    this.#random = new Random(config.seed).fork('watch');
    this.#records = recordsOf(readEvents(run.path(runFiles.events)));
    this.#findings = this.#diagnose();
  }

  #diagnose(): Finding[] {
    const { config, state } = this.training;
    return diagnose(this.#records, ganRules({ logits: state.objective.logits, config }));
  }

  /**
   * Measures, and logs.
   * @returns what the doctor finds that is new, the gravest first
   */
  measure(figures: StepFigures): Finding[] {
    const { run } = this.training;
    const { record, fdFloor } = this.#record(figures);
    this.#records.push(record);
    const { step, ...fields } = record;
    run.event('monitor', step, { ...fields, fdFloor });
    const now = this.#diagnose();
    const fresh = freshFindings(this.#findings, now);
    this.#findings = now;
    for (const { kind, severity, evidence, remedy } of fresh) {
      run.event('finding', step, { kind, severity, evidence, remedy });
      run.log(`step ${step}: ${severity}: ${kind}: ${evidence}; ${remedy}`);
    }
    return fresh;
  }

  #record(figures: StepFigures): { record: MonitoringRecord; fdFloor: number | null } {
    const { state, config } = this.training;
    const { trained, heldOut, backbone, diversity: realDiversity } = this.reference;
    return tidy(() => {
      // What the last step left: its own gradients.
      const generatorGradientNorm = gradientNorm(state.generator);
      const discriminatorGradientNorm = gradientNorm(state.discriminator);
      const spectral = spectralNorms(state.discriminator);
      const fakes = this.#generate();
      const { diversity, std } = sampleDiversity(fakes.pixels, this.#random.fork('pairs'));
      const records = backbone
        ? measureDistribution(
            backbone.network,
            { real: backbone.real, synthetic: backbone.network.features(fakes.pixels) },
            { seed: config.seed, metrics: ['frechet', 'kernel', 'precision', 'recall'], replicates: 0 },
          )
        : [];
      const measured = (id: string): MetricRecord | undefined => records.find(({ metric }) => metric === id);
      const frechet = measured('frechet');
      const record: MonitoringRecord = {
        step: state.step,
        discriminatorLoss: figures.discriminatorLoss,
        generatorLoss: figures.generatorLoss,
        realScore: scoreOf(state, trained),
        fakeScore: scoreOf(state, fakes),
        heldOutScore: heldOut && scoreOf(state, heldOut),
        generatorGradientNorm,
        discriminatorGradientNorm,
        spectralNormMax: spectral.max,
        spectralNormMean: spectral.mean,
        diversity,
        realDiversity,
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
  #generate(): Sample {
    const { state, config } = this.training;
    const { monitorSamples, seed } = config;
    const { labels: known } = this.reference.trained;
    const noise = Generator.seeded(seed + 1);
    const labels = Array.from({ length: monitorSamples }, (_, i) => known[i % known.length]!);
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
  isBest(): boolean {
    const { state, config } = this.training;
    const { bestBy } = config;
    const last = this.#records.at(-1);
    const value = bestBy && last?.[bestBy];
    if (!last || typeof value !== 'number' || !(value < (state.best?.value ?? Number.POSITIVE_INFINITY)))
      return false;
    state.best = { step: last.step, metric: bestBy!, value };
    return true;
  }

  /** Forgets what came after the step that the run has gone back to. */
  forget(): void {
    this.#records = this.#records.filter(({ step }) => step <= this.training.state.step);
    this.#findings = this.#diagnose();
  }

  dispose(): void {
    const { trained, heldOut, backbone } = this.reference;
    dispose([trained.pixels, heldOut?.pixels, backbone?.real]);
    backbone?.network.dispose();
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
export async function openWatch(training: Training): Promise<Watch> {
  const { config, data, state } = training;
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
  let backbone: Reference['backbone'] = null;
  if (config.backbone !== null) {
    const { pixels } = await sample(data.indices, MOST_REAL, 'features');
    const network = openBackbone(config.backbone, { device: state.device, calibrate: pixels });
    backbone = { network, real: keep(network.features(pixels)) };
    pixels.dispose();
  }
  return new Watch(training, { trained, heldOut, backbone, diversity });
}
