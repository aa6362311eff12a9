/**
 * What can go wrong with a GAN, as rules over one record of the monitor and those before it. Thresholds are constants
 * with their reason; where literature has one it is named, else they stand well beyond what healthy runs show
 * (docs/gan.md, "The doctor").
 */
import type { Rule, Severity } from '../doctor.js';
import type { GanRecipe } from './config.js';
import type { MonitoringRecord } from './monitor.js';
import type { Objective } from './objectives/objective.js';

export type FindingKind =
  | 'not-finite'
  | 'mode-collapse'
  | 'discriminator-domination'
  | 'uninformed-discriminator'
  | 'overfitting'
  | 'dead-generator'
  | 'exploding-gradients'
  | 'exploding-weights'
  | 'augmentation-leak'
  | 'worsening';

/** The keys of a run's configuration that remedies speak of. */
export type DoctorConfig = Pick<
  GanRecipe,
  'architecture' | 'learningRate' | 'realLabel' | 'diffAugment' | 'ada' | 'bestBy' | 'latentSize'
>;

interface GanRule extends Omit<Rule<MonitoringRecord>, 'remedy'> {
  kind: FindingKind;
  /** Needs D's scores to be probabilities: does not apply to critics and hinge losses. */
  needsProbabilities?: boolean;
  remedy(config: DoctorConfig): string;
}

export interface DiagnoseOptions {
  /** What D's scores are: rules about probabilities do not apply to a critic's. */
  logits: Objective['logits'];
  config: DoctorConfig;
}

/** The rules that hold for a run. */
export const ganRules = ({ logits, config }: DiagnoseOptions): Rule<MonitoringRecord>[] =>
  RULES.filter((rule) => logits === 'log-odds' || !rule.needsProbabilities).map((rule) => ({
    ...rule,
    remedy: () => rule.remedy(config),
  }));

/**
 * Share of the way from the real images' MS-SSIM to 1 that samples may be more alike. Odena et al. (2017) call a class
 * collapsed beyond 0.25 where ImageNet's classes lie between 0.05 and 0.25; lesions are more alike (0.28 at 64 px), so
 * it is measured from there. A healthy DCGAN on them lay at 0.15.
 */
const COLLAPSE = { warning: 0.4, critical: 0.7 };
/** Samples that differ by less than half a grey level are one image. */
const LEAST_STD = 0.5 / 255;
/** D(G(z)) below this while D(x) is above: of 223 logged steps of a healthy DCGAN after the 500th none was so. */
const DOMINATION = { fake: 0.01, criticalFake: 0.001, real: 0.8 };
/** D(x) and D(G(z)) this near are no signal. In the same run 5 of 223 steps were so, never two of them in a row. */
const LEAST_SIGNAL = 0.02;
/**
 * r_v of Karras et al. (2020, ADA): 0 where D scores images it never saw as those it trains on, 1 where it scores them
 * as generated ones. Without augmentation theirs rose towards 1 as FID fell apart.
 */
const OVERFITTING = { warning: 0.6, critical: 0.9 };
/** Below this distance of D(x) from D(G(z)) r_v divides by noise. */
const LEAST_SCORE_GAP = 0.05;
/** Times the median of earlier records; in the same run norms varied from batch to batch by 1.4 × (G) and 4 × (D). */
const GRADIENT = { warning: 50, critical: 1000, dead: 1e-3 };
/** Smaller than anything that moves a weight of 0.02 by Adam's ε = 1e-8. */
const LEAST_GRADIENT = 1e-8;
/** Times the median of earlier records: Brock et al. (BigGAN, 2019) saw norms leap just before a collapse. */
const SPECTRAL = { warning: 5, critical: 50 };
/** Beyond p = 0.8 augmentations leak into the samples (Karras et al. 2020, section 2.2). */
const LEAK = 0.8;
/** Times the best Fréchet distance so far; that of one generator varies by about a tenth between samples. */
const WORSENING = 1.5;
/** Records that make a median. */
const LEAST_BASELINE = 3;

const figure = (value: number): string => String(Number(value.toPrecision(3)));
const set = (key: string, value: number | string): string => `--set ${key}=${value}`;
const halved = (key: 'generator' | 'discriminator', { learningRate }: DoctorConfig): string =>
  set(`learningRate.${key}`, learningRate[key] / 2);

/** Median of a figure over records that have it; NaN where fewer than three do. */
function baseline(records: readonly MonitoringRecord[], key: 'generatorGradientNorm' | NormKey): number {
  const values = records
    .map((record) => record[key])
    .filter((value) => Number.isFinite(value))
    .sort((a, b) => a - b);
  return values.length < LEAST_BASELINE ? Number.NaN : values[values.length >> 1]!;
}
type NormKey = 'discriminatorGradientNorm' | 'spectralNormMax';

/** Severity of a figure that must not exceed thresholds; NaN exceeds none. */
function graded(value: number, thresholds: { warning: number; critical: number }): Severity | null {
  if (value >= thresholds.critical) return 'critical';
  return value >= thresholds.warning ? 'warning' : null;
}

const augmentation = ({ diffAugment, ada }: DoctorConfig): string => {
  if (ada) return `more augmentation: ${set('ada.target', Math.max(0.3, ada.target - 0.2).toFixed(1))}`;
  return diffAugment.length > 0
    ? `more images, or adaptive augmentation: ${set('diffAugment', '[]')} ${set('ada.target', 0.6)}`
    : `augmentation: ${set('diffAugment', '[colour,translation,cutout]')}`;
};

const spectralNorm = ({ architecture }: DoctorConfig): string =>
  architecture === 'dcgan' ? `, or spectral norm: ${set('architecture', 'sngan')}` : '';

const RULES: readonly GanRule[] = [
  {
    kind: 'not-finite',
    immediate: true,
    judge(record) {
      const broken = Object.entries(record).filter(
        ([, value]) => typeof value === 'number' && !Number.isFinite(value),
      );
      return broken.length === 0
        ? null
        : { severity: 'critical', evidence: broken.map(([key, value]) => `${key} is ${value}`).join(', ') };
    },
    remedy: (config) =>
      `lower both learning rates: ${halved('generator', config)} ${halved('discriminator', config)}${spectralNorm(config)}`,
  },
  {
    kind: 'mode-collapse',
    judge({ diversity, realDiversity, fakeStd }) {
      if (fakeStd < LEAST_STD) {
        return {
          severity: 'critical',
          evidence: `samples differ by ${figure(fakeStd * 255)} grey levels (least ${LEAST_STD * 255}): all are one image`,
        };
      }
      const excess = (diversity - realDiversity) / (1 - realDiversity);
      const severity = graded(excess, COLLAPSE);
      return (
        severity && {
          severity,
          evidence: `MS-SSIM between samples ${figure(diversity)}, between real images ${figure(realDiversity)}: ${figure(excess)} of the way to one image (limit ${COLLAPSE[severity]})`,
        }
      );
    },
    remedy: (config) =>
      `${augmentation(config)}; or a slower generator: ${halved('generator', config)}${spectralNorm(config)}`,
  },
  {
    kind: 'discriminator-domination',
    needsProbabilities: true,
    judge({ realScore, fakeScore }) {
      if (!(realScore >= DOMINATION.real && fakeScore < DOMINATION.fake)) return null;
      return {
        severity: fakeScore < DOMINATION.criticalFake ? 'critical' : 'warning',
        evidence: `D(G(z)) ${figure(fakeScore)} (limit ${DOMINATION.fake}) with D(x) ${figure(realScore)}: no sample passes`,
      };
    },
    remedy: (config) =>
      `a slower discriminator: ${halved('discriminator', config)}; or ${augmentation(config)}${config.realLabel > 0.9 ? `; or ${set('realLabel', 0.9)}` : ''}${spectralNorm(config)}`,
  },
  {
    kind: 'uninformed-discriminator',
    needsProbabilities: true,
    judge({ realScore, fakeScore }) {
      if (!(Math.abs(realScore - fakeScore) < LEAST_SIGNAL)) return null;
      return {
        severity: 'warning',
        evidence: `D(x) ${figure(realScore)} and D(G(z)) ${figure(fakeScore)} differ by less than ${LEAST_SIGNAL}: G learns nothing from D`,
      };
    },
    remedy: ({ learningRate }) =>
      `a faster discriminator: ${set('learningRate.discriminator', learningRate.discriminator * 2)}, or ${set('criticSteps', 2)}`,
  },
  {
    kind: 'overfitting',
    judge({ realScore, fakeScore, heldOutScore }) {
      const gap = realScore - fakeScore;
      if (heldOutScore === null || !(gap >= LEAST_SCORE_GAP)) return null;
      const share = (realScore - heldOutScore) / gap;
      const severity = graded(share, OVERFITTING);
      return (
        severity && {
          severity,
          evidence: `D scores training images ${figure(realScore)}, held-out ones ${figure(heldOutScore)}, generated ones ${figure(fakeScore)}: r_v ${figure(share)} (limit ${OVERFITTING[severity]})`,
        }
      );
    },
    remedy: (config) =>
      `${augmentation(config)}; or stop earlier, at the best checkpoint: ${config.bestBy ? `it is kept by ${config.bestBy}` : set('bestBy', 'kid')}`,
  },
  {
    kind: 'dead-generator',
    judge({ generatorGradientNorm: norm }, earlier) {
      const least = Math.max(
        LEAST_GRADIENT,
        GRADIENT.dead * (baseline(earlier, 'generatorGradientNorm') || 0),
      );
      return norm < least
        ? {
            severity: 'critical',
            evidence: `gradient norm of G ${figure(norm)} (limit ${figure(least)}): its weights stand still`,
          }
        : null;
    },
    remedy: (config) =>
      `begin again with another seed and slower networks: ${set('seed', 1)} ${halved('generator', config)} ${halved('discriminator', config)}`,
  },
  {
    kind: 'exploding-gradients',
    judge(record, earlier) {
      for (const [network, key] of [
        ['G', 'generatorGradientNorm'],
        ['D', 'discriminatorGradientNorm'],
      ] as const) {
        const usual = baseline(earlier, key);
        const severity = graded(record[key] / usual, GRADIENT);
        if (severity) {
          const times = record[key] / usual;
          return {
            severity,
            evidence: `gradient norm of ${network} ${figure(record[key])}, ${figure(times)} × its earlier ${figure(usual)} (limit ${GRADIENT[severity]} ×)`,
          };
        }
      }
      return null;
    },
    remedy: (config) =>
      `lower both learning rates: ${halved('generator', config)} ${halved('discriminator', config)}${spectralNorm(config)}`,
  },
  {
    kind: 'exploding-weights',
    judge({ spectralNormMax }, earlier) {
      const usual = baseline(earlier, 'spectralNormMax');
      const severity = graded(spectralNormMax / usual, SPECTRAL);
      return (
        severity && {
          severity,
          evidence: `largest spectral norm in D ${figure(spectralNormMax)}, earlier ${figure(usual)} (limit ${SPECTRAL[severity]} ×)`,
        }
      );
    },
    remedy: (config) => `a slower discriminator: ${halved('discriminator', config)}${spectralNorm(config)}`,
  },
  {
    kind: 'augmentation-leak',
    judge: ({ augmentProbability }) =>
      augmentProbability !== null && augmentProbability > LEAK
        ? {
            severity: 'warning',
            evidence: `augmentation probability ${figure(augmentProbability)} (limit ${LEAK}): samples may look augmented`,
          }
        : null,
    remedy: ({ ada }) =>
      `more training images, or less augmentation: ${set('ada.target', Math.min(0.9, (ada?.target ?? 0.6) + 0.2).toFixed(1))}`,
  },
  {
    kind: 'worsening',
    judge({ fd }, earlier) {
      const measured = earlier.flatMap((record) => (record.fd === null ? [] : [record.fd]));
      if (fd === null || measured.length < LEAST_BASELINE) return null;
      const best = Math.min(...measured);
      return fd >= WORSENING * best
        ? {
            severity: 'warning',
            evidence: `Fréchet distance ${figure(fd)}, best so far ${figure(best)} (limit ${WORSENING} ×)`,
          }
        : null;
    },
    remedy: (config) =>
      `keep the best checkpoint (${set('bestBy', config.bestBy ?? 'fd')}), go back by itself (${set('rollBacks', 1)}), or ${augmentation(config)}`,
  },
];
