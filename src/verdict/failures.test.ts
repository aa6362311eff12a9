import { describe, expect, test } from 'vitest';
import { exampleSummary } from '../trial/example.test-data.js';
import { scoresOf } from '../trial/scores.js';
import { failedImages, failuresOf } from './failures.js';
import { failuresSection, failuresText } from './report/failures.js';
import type { TrialScores } from './scores.js';

/** Ten images; two seeds an arm. Image 0 is missed by the arm alone, image 9 is a false alarm of both. */
const ids = Array.from({ length: 10 }, (_, i) => `I${i}`);
const labels = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0] as const;
const baseline = [0.9, 0.8, 0.3, 0.7, 0.1, 0.2, 0.15, 0.05, 0.4, 0.95];
const arm = [0.02, 0.8, 0.9, 0.7, 0.1, 0.2, 0.15, 0.05, 0.4, 0.97];
const template = scoresOf(exampleSummary({ seeds: 2 }));
const run = (name: string, seed: number, testScores: number[], threshold: number | null = 0.5) => ({
  arm: name,
  fold: 1,
  seed,
  generator: null,
  testScores,
  externalScores: {},
  threshold,
  validationAuc: null,
});
const scores: TrialScores = {
  ...template,
  folds: [{ fold: 1, test: { ids, groups: ids.map((id) => `p${id}`), labels }, trainingImages: null }],
  runs: [1, 2].flatMap((seed) => [
    run('real+standard', seed, baseline),
    run('real+standard+synthetic', seed, arm),
  ]),
};
const names = (list: readonly { id: string }[]) => list.map(({ id }) => id);

describe('failures', () => {
  const failures = failuresOf(scores)!;

  test('are those that most runs of the arm call wrong, the surest first', () => {
    expect(failures.arm).toBe('real+standard+synthetic');
    expect(names(failures.missed)).toEqual(['I0']);
    expect(names(failures.falseAlarms)).toEqual(['I9']);
    expect(failures.missed[0]).toMatchObject({ wrong: 2, runs: 2, label: 1, group: 'pI0', fold: 1 });
    expect(failures.missed[0]!.places).toEqual({ arm: 0, baseline: 8 / 9 });
    expect(failures.missed[0]!.scores.arm).toBeCloseTo(0.02, 12);
  });

  test('differences are by place: what the arm moved to its side, and what it moved away', () => {
    expect(failures.better[0]).toMatchObject({ id: 'I2' });
    expect(failures.worse[0]).toMatchObject({ id: 'I0' });
    // A monotone map of one arm's scores changes no place.
    const mapped = scores.runs.map((own) =>
      own.arm === failures.arm ? { ...own, testScores: own.testScores.map((s) => s ** 3 / 2) } : own,
    );
    const again = failuresOf({ ...scores, runs: mapped })!;
    expect(names(again.better)).toEqual(names(failures.better));
    expect(names(again.worse)).toEqual(names(failures.worse));
  });

  test('without thresholds the furthest stand there; without a comparison nothing', () => {
    const unknown = scores.runs.map((own) => ({ ...own, threshold: null }));
    const own = failuresOf({ ...scores, runs: unknown }, 2)!;
    expect(names(own.missed)).toEqual(['I0', 'I3']);
    expect(own.missed[0]!.wrong).toBeNull();
    expect(failuresOf({ ...scores, comparisons: [] })).toBeNull();
    expect(failuresSection({ ...scores, comparisons: [] }).blocks).toEqual([]);
  });

  test('the section has a gallery where there are pictures, and the names always', () => {
    expect(failuresSection(scores).blocks.map(({ kind }) => kind)).toEqual(['table']);
    const pictures = new Map([['I0', Uint8Array.of(1)]]);
    const [gallery, table] = failuresSection(scores, pictures).blocks;
    expect(gallery).toMatchObject({ kind: 'gallery' });
    if (gallery?.kind !== 'gallery' || table?.kind !== 'table') throw new Error('other blocks');
    expect(gallery.rows.flatMap(({ tiles }) => tiles.map(({ caption }) => caption))).toEqual([
      '0.90 → 0.02',
      'malignant 0.90 → 0.02',
    ]);
    expect(table.rows[0]!.slice(0, 4)).toEqual(['missed', 'I0', 'pI0', 'malignant']);
    expect(failedImages(failures)).toContain('I0');
    expect(failuresText(failures, 'malignant')).toContain('most confidently missed: I0');
  });
});
