/** Learning-rate schedules against PyTorch's (`test/goldens/torch/schedules.py`; base rate 0.1). */
import { readFileSync } from 'node:fs';
import { linearDecay, ReduceOnPlateau, type Schedule, stepDecay, warmupCosine } from 'graft-torch/optim';
import { expect, it } from 'vitest';

const golden = JSON.parse(
  readFileSync(new URL('../goldens/torch/schedules.json', import.meta.url), 'utf8'),
) as Record<string, number[]>;

it.each<[string, Schedule]>([
  ['step', stepDecay(7, 0.5)],
  ['linear', linearDecay(30)],
  ['cosine', warmupCosine(39, 0, 0.01)],
  ['warmupCosine', warmupCosine(39, 5)],
])('%s', (name, schedule) => {
  expect(golden[name]).toHaveLength(40);
  for (const [step, rate] of golden[name]!.entries()) {
    expect(Math.abs(0.1 * schedule(step) - rate), `step ${step}`).toBeLessThan(1e-12);
  }
});

it('plateau', () => {
  const rule = new ReduceOnPlateau({ factor: 0.5, patience: 3 });
  for (const [i, score] of golden.scores!.entries()) {
    expect(0.1 * rule.report(score), `report ${i}`).toBeCloseTo(golden.plateau![i]!, 12);
  }
  expect(new Set(golden.plateau).size).toBeGreaterThan(2); // the scores do make it act
});
