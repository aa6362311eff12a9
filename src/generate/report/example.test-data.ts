/** A run's report as it might be, with every kind of figure: numbers and flat pictures made here. */

import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import type { EncodedPicture } from '../../report/document.js';
import type { RunEvent } from '../../run/events.js';
import type { GanReportInput } from './input.js';

const wall = (imagesPerSecond?: number) => ({
  time: '2026-11-20T09:15:02.120Z',
  imagesPerSecond,
  seconds: 1300,
});

async function flat(width: number, height: number, red: number): Promise<EncodedPicture> {
  const png = await sharp({ create: { width, height, channels: 3, background: { r: red, g: 120, b: 110 } } })
    .png()
    .toBuffer();
  return { png, width, height };
}

/** Events of 2,600 steps: losses, monitor, samples, a finding, and one way back from step 1,600 to 1,200. */
export function exampleEvents(): RunEvent[] {
  const random = new Random(11);
  const events: RunEvent[] = [];
  const between = (from: number, to: number): void => {
    for (let step = from + 10; step <= to; step += 10) {
      const progress = step / 2600;
      events.push({
        type: 'losses',
        step,
        discriminatorLoss: 0.9 + 0.25 * random.normal(),
        generatorLoss: 2 + 1.2 * progress + 0.6 * random.normal(),
        realScore: Math.min(1, Math.max(0, 0.7 + 0.12 * random.normal())),
        fakeScore: Math.min(1, Math.max(0, 0.28 + 0.1 * random.normal())),
        wall: wall(24 + random.normal()),
      });
      if (step % 200 !== 0) continue;
      events.push({ type: 'samples', step, file: `samples/step-${step}.png`, wall: wall() });
      events.push({
        type: 'monitor',
        step,
        realScore: 0.7 + 0.03 * random.normal(),
        fakeScore: 0.28 + 0.03 * random.normal(),
        heldOutScore: 0.68 - 0.3 * progress + 0.03 * random.normal(),
        generatorGradientNorm: 4 * Math.exp(0.4 * random.normal()),
        discriminatorGradientNorm: 1.5 * Math.exp(0.4 * random.normal()),
        spectralNormMax: 1 + 0.02 * random.normal(),
        spectralNormMean: 0.98,
        diversity: 0.45 - 0.2 * progress,
        realDiversity: 0.22,
        fakeStd: 0.11 + 0.05 * progress,
        fd: 80 * Math.exp(-2 * progress) + 20 + 3 * random.normal(),
        fdFloor: 14.2,
        kid: 0.08 * Math.exp(-2 * progress) + 0.01,
        augmentProbability: 0.4 * progress,
        wall: wall(),
      });
    }
  };
  events.push({ type: 'samples', step: 0, file: 'samples/step-0.png', wall: wall() });
  between(0, 1600);
  events.push({
    type: 'finding',
    step: 1600,
    kind: 'mode-collapse',
    severity: 'critical',
    evidence:
      'generated images are alike (MS-SSIM 0.61) where real ones are 0.22, in 3 of the last 4 measurements',
    remedy: '--set learningRate.generator=1e-4',
    wall: wall(),
  });
  events.push({ type: 'rolled-back', step: 1600, to: 1200, reason: 'mode-collapse', wall: wall() });
  between(1200, 2400);
  events.push({
    type: 'finding',
    step: 2400,
    kind: 'overfitting',
    severity: 'warning',
    evidence: 'r_v is 0.62, above 0.5',
    remedy: '--set diffAugment=[colour,translation,cutout]',
    wall: wall(),
  });
  between(2400, 2600);
  return events;
}

export async function exampleGanReport(): Promise<GanReportInput> {
  return {
    name: 'sngan-64-melanoma',
    graft: '0.1.0',
    madeAt: '2026-11-20T10:00:00.000Z',
    summary: {
      architecture: 'sngan',
      sizePx: 64,
      classes: ['melanoma'],
      dataset: { name: 'isic2017', groupedBy: 'lesion', kind: 'images' },
      frames: [],
      trainingImages: 374,
      trainingGroups: 352,
      steps: 2600,
      plannedSteps: 2600,
      batchSize: 16,
      finished: true,
      seconds: 1320,
      device: 'cpu',
    },
    events: exampleEvents(),
    config: [
      { key: 'data', value: 'isic2017', preset: null },
      { key: 'architecture', value: 'sngan', preset: 'sngan' },
      { key: 'flips', value: 'true', preset: 'false' },
      { key: 'learningRate.generator', value: '0.0002', preset: '0.0002' },
    ],
    lineage: [
      { name: 'Run', value: 'sngan-64-melanoma' },
      { name: 'Checkpoint', value: 'step-002600.safetensors, step 2600' },
      { name: 'SHA-256 of the checkpoint', value: 'ab'.repeat(32) },
    ],
    pictures: {
      timeline: await Promise.all(
        [0, 1200, 2600].map(async (step) => ({ ...(await flat(90, 90, step / 20)), step })),
      ),
      animation: { ...(await flat(90, 114, 50)), frames: 14 },
      real: await flat(90, 90, 200),
      generated: await flat(90, 90, 190),
      classes: await flat(180, 60, 180),
      interpolation: await flat(240, 90, 170),
      nearest: {
        ...(await flat(240, 120, 160)),
        distance: 'root mean square difference of pixels at 32 px, in grey levels',
        nearest: [21.3, 9.1, 30.2],
        nearer: 1,
        real: { median: 22.4, nearerShare: 0.44 },
      },
    },
  };
}
