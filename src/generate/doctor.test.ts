import { backward, manualSeed, noGrad, randn, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { Conv2d, Linear, Sequential } from 'graft-torch/nn';
import { describe, expect, it } from 'vitest';
import { ganRecipeSchema } from './adversarial/config.js';
import { type DiagnoseOptions, ganRules } from './adversarial/doctor-rules.js';
import type { MonitoringRecord } from './adversarial/monitor.js';
import { gradientNorm, sampleDiversity, spectralNorms } from './adversarial/monitor.js';
import { diagnose as diagnoseBy, type Finding, freshFindings, SETTLING_STEPS } from './doctor.js';

const config = ganRecipeSchema.parse({ architecture: 'dcgan' });
const options: DiagnoseOptions = { logits: 'log-odds', config };

const diagnose = (records: MonitoringRecord[], by: DiagnoseOptions): Finding[] =>
  diagnoseBy(records, ganRules(by));

/** A record as a healthy DCGAN on lesions gives it, with the swings that were measured there. */
function healthy(step: number, random: Random): MonitoringRecord {
  const early = step <= 200;
  const realScore = random.uniform(0.35, 0.95);
  const fakeScore = early ? random.uniform(0, 0.2) : random.uniform(0.05, 0.33);
  return {
    step,
    discriminatorLoss: random.uniform(0.5, 1.6),
    generatorLoss: random.uniform(1.2, early ? 15 : 4.4),
    realScore,
    fakeScore,
    heldOutScore: realScore - random.uniform(-0.1, 0.55) * (realScore - fakeScore),
    generatorGradientNorm: random.uniform(13, 20),
    discriminatorGradientNorm: random.uniform(8, 33),
    spectralNormMax: 1.8 + step / 2500 + random.uniform(0, 0.1),
    spectralNormMean: 1.2 + step / 5000,
    diversity: early ? random.uniform(0.7, 1) : random.uniform(0.3, 0.42),
    realDiversity: 0.28,
    fakeStd: early ? random.uniform(0, 0.1) : random.uniform(0.13, 0.16),
    fd: random.uniform(0.9, 1.1) * (0.4 + 1 / (1 + step / 300)),
    kid: random.uniform(-0.001, 0.01),
    augmentProbability: null,
  };
}

const EVERY = 100;

/** A healthy history of 20 records, the last `bent` of them changed. */
function history(
  change: Partial<MonitoringRecord> | ((i: number) => Partial<MonitoringRecord>) = {},
  bent = 4,
  seed = 1,
): MonitoringRecord[] {
  const random = new Random(seed);
  return Array.from({ length: 20 }, (_, i) => {
    const record = healthy((i + 1) * EVERY, random);
    const fromEnd = 19 - i;
    if (fromEnd >= bent) return record;
    return { ...record, ...(typeof change === 'function' ? change(bent - 1 - fromEnd) : change) };
  });
}

const kinds = (findings: Finding[]): string[] => findings.map(({ kind, severity }) => `${kind} ${severity}`);

describe('the doctor', () => {
  it('is silent on healthy runs, at every step, whatever the seed', () => {
    for (let seed = 0; seed < 50; seed++) {
      const records = history({}, 0, seed);
      for (let n = 0; n <= records.length; n++) {
        const found = diagnose(records.slice(0, n), options);
        expect(found, `seed ${seed}, ${n} records: ${JSON.stringify(found)}`).toEqual([]);
      }
    }
  });

  const diseases: [string, Partial<MonitoringRecord>, RegExp, RegExp][] = [
    ['mode-collapse critical', { diversity: 0.9 }, /0\.9, between real images 0\.28/, /diffAugment=\[colour/],
    [
      'mode-collapse warning',
      { diversity: 0.62 },
      /0\.472 of the way.*limit 0\.4/,
      /learningRate\.generator=0\.0001/,
    ],
    ['mode-collapse critical', { diversity: 1, fakeStd: 0 }, /all are one image/, /architecture=sngan/],
    [
      'discriminator-domination warning',
      { realScore: 0.95, fakeScore: 0.004 },
      /D\(G\(z\)\) 0\.004 \(limit 0\.01\)/,
      /learningRate\.discriminator=0\.0001/,
    ],
    ['discriminator-domination critical', { realScore: 0.95, fakeScore: 1e-5 }, /0\.00001/, /sngan/],
    [
      'uninformed-discriminator warning',
      { realScore: 0.5, fakeScore: 0.49, heldOutScore: 0.5 },
      /0\.02/,
      /discriminator=0\.0004/,
    ],
    [
      'overfitting critical',
      { realScore: 0.9, heldOutScore: 0.12, fakeScore: 0.1 },
      /r_v 0\.975 \(limit 0\.9\)/,
      /diffAugment=.*bestBy=kid/,
    ],
    [
      'overfitting warning',
      { realScore: 0.8, heldOutScore: 0.3, fakeScore: 0.1 },
      /r_v 0\.714 \(limit 0\.6\)/,
      /bestBy/,
    ],
    ['dead-generator critical', { generatorGradientNorm: 0 }, /stand still/, /seed=1/],
    ['dead-generator critical', { generatorGradientNorm: 0.01 }, /gradient norm of G 0\.01/, /seed=1/],
    [
      'exploding-gradients warning',
      { discriminatorGradientNorm: 2500 },
      /of D 2500.*limit 50 ×/,
      /generator=0\.0001/,
    ],
    ['exploding-gradients critical', { generatorGradientNorm: 1e6 }, /of G 1000000.*limit 1000 ×/, /sngan/],
    ['exploding-weights warning', { spectralNormMax: 20 }, /spectral norm in D 20/, /discriminator=0\.0001/],
    ['augmentation-leak warning', { augmentProbability: 0.93 }, /0\.93 \(limit 0\.8\)/, /ada\.target=0\.8/],
    ['worsening warning', { fd: 2 }, /Fréchet distance 2, best so far/, /rollBacks=1/],
  ];

  it.each(diseases)('names %s from %j', (name, change, evidence, remedy) => {
    const findings = diagnose(history(change), options);
    expect(kinds(findings)).toEqual([name]);
    expect(findings[0]).toMatchObject({ step: 20 * EVERY });
    expect(findings[0]!.evidence).toMatch(evidence);
    expect(findings[0]!.evidence).toMatch(/so in 4 of the last 4 measurements/);
    expect(findings[0]!.remedy).toMatch(remedy);
    expect(findings[0]!.remedy).not.toMatch(/undefined|NaN|\n/);
  });

  it.each(diseases)('needs three of the last four, the last one among them, for %s', (name, change) => {
    expect(diagnose(history(change, 2), options)).toEqual([]);
    expect(kinds(diagnose(history(change, 3), options))).toEqual([name]);
    const pattern = (sick: boolean[]) =>
      diagnose(
        history((i) => (sick[i] ? change : {})),
        options,
      );
    expect(kinds(pattern([true, false, true, true]))).toEqual([name]);
    expect(pattern([true, true, true, false])).toEqual([]);
  });

  it('takes one not finite figure for a finding, at any step', () => {
    const records = history({}, 0).slice(0, 1);
    const broken = {
      ...records[0]!,
      generatorLoss: Number.NaN,
      discriminatorGradientNorm: Number.POSITIVE_INFINITY,
    };
    const [finding] = diagnose([broken], options);
    expect(finding).toMatchObject({ kind: 'not-finite', severity: 'critical', step: EVERY });
    expect(finding!.evidence).toBe('generatorLoss is NaN, discriminatorGradientNorm is Infinity');
    // Gone again: the next record is finite.
    expect(diagnose([broken, ...history({}, 0).slice(1, 2)], options)).toEqual([]);
  });

  it('puts the gravest first, and calls critical only what was so three times', () => {
    const both = diagnose(history({ augmentProbability: 0.9, diversity: 0.95 }), options);
    expect(kinds(both)).toEqual(['mode-collapse critical', 'augmentation-leak warning']);
    const rising = diagnose(
      history((i) => ({ diversity: i < 2 ? 0.65 : 0.95 })),
      options,
    );
    expect(kinds(rising)).toEqual(['mode-collapse warning']);
  });

  it('leaves the first steps alone, where every run looks collapsed', () => {
    const sick = history({ diversity: 0.95, realScore: 0.99, fakeScore: 1e-4 }, 20);
    const until = sick.filter(({ step }) => step <= SETTLING_STEPS);
    expect(until).toHaveLength(5);
    expect(diagnose(until, options)).toEqual([]);
    expect(kinds(diagnose(sick.slice(0, 8), options))).toEqual([
      'mode-collapse critical',
      'discriminator-domination critical',
    ]);
  });

  it('does not judge a critic by probabilities, but by differences', () => {
    const critic: DiagnoseOptions = { logits: 'score', config };
    expect(diagnose(history({ realScore: 40, fakeScore: -60, heldOutScore: 35 }), critic)).toEqual([]);
    expect(diagnose(history({ realScore: 0.5, fakeScore: 0.49, heldOutScore: 0.5 }), critic)).toEqual([]);
    expect(kinds(diagnose(history({ realScore: 40, fakeScore: -60, heldOutScore: -55 }), critic))).toEqual([
      'overfitting critical',
    ]);
  });

  it('judges nothing that was not measured', () => {
    const unmeasured = { heldOutScore: null, fd: null, kid: null, augmentProbability: null };
    expect(diagnose(history({ ...unmeasured, realScore: 0.9, fakeScore: 0.1 }), options)).toEqual([]);
    expect(diagnose([], options)).toEqual([]);
  });

  it('speaks of what the configuration has', () => {
    const withAda = ganRecipeSchema.parse({ architecture: 'sngan', ada: {} });
    const [finding] = diagnose(history({ diversity: 0.95 }), { logits: 'log-odds', config: withAda });
    expect(finding!.remedy).toMatch(/ada\.target=0\.4/);
    expect(finding!.remedy).not.toMatch(/architecture=sngan/);
  });

  it('tells what is new, or graver', () => {
    const warning = diagnose(history({ diversity: 0.62 }), options);
    const critical = diagnose(history({ diversity: 0.95 }), options);
    expect(freshFindings([], warning)).toEqual(warning);
    expect(freshFindings(warning, warning)).toEqual([]);
    expect(freshFindings(warning, critical)).toEqual(critical);
    expect(freshFindings(critical, warning)).toEqual([]);
  });
});

describe('a GAN that has really collapsed', () => {
  it('is found through the monitor: a generator that no longer looks at z', () => {
    tidy(() => {
      manualSeed(1);
      const side = 32;
      const generator = new Linear(4, 3 * side * side);
      const discriminator = new Sequential(new Conv2d(3, 4, 4, { stride: 4 }), new Conv2d(4, 1, 8));
      const draw = (n: number) =>
        generator
          .forward(randn([n, 4]))
          .tanh()
          .reshape([n, 3, side, side]);
      const random = new Random(2);
      const real = tensor(
        Uint8Array.from({ length: 16 * 3 * side * side }, () => random.int(256)),
        [16, 3, side, side],
      );
      const { diversity: realDiversity } = sampleDiversity(real, random);

      const measure = (step: number): MonitoringRecord =>
        tidy(() => {
          generator.zeroGrad();
          const loss = discriminator.forward(draw(8)).mean();
          backward(loss);
          const samples = noGrad(() => draw(16));
          const { diversity, std } = sampleDiversity(samples, random);
          const { max, mean } = spectralNorms(discriminator);
          return {
            ...healthy(step, random),
            generatorLoss: loss.item(),
            generatorGradientNorm: gradientNorm(generator),
            spectralNormMax: max,
            spectralNormMean: mean,
            diversity,
            realDiversity,
            fakeStd: std,
          };
        });

      noGrad(() => generator.weight.mul_(4)); // z decides the image
      const records = Array.from({ length: 6 }, (_, i) => measure(600 + i * EVERY));
      expect(diagnose(records, options)).toEqual([]);
      noGrad(() => generator.weight.zero_());
      for (let i = 6; i < 9; i++) records.push(measure(600 + i * EVERY));
      const findings = diagnose(records, options);
      expect(kinds(findings)).toEqual(['mode-collapse critical']);
      expect(findings[0]!.evidence).toMatch(/differ by 0 grey levels.*one image/);

      // A generator whose output is saturated gets no gradient at all.
      noGrad(() => generator.bias!.fill_(40));
      for (let i = 9; i < 12; i++) records.push(measure(600 + i * EVERY));
      expect(kinds(diagnose(records, options))).toEqual([
        'mode-collapse critical',
        'dead-generator critical',
      ]);
      generator.zeroGrad();
      discriminator.zeroGrad();
      generator.dispose();
      discriminator.dispose();
    });
  });
});
