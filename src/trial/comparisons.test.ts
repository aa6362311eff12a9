import { describe, expect, test } from 'vitest';
import { resolveArms, sweepSchema } from './arms.js';
import { comparisonPairs, primaryIndex, referenceArm, requiredIndex, rolesOf } from './comparisons.js';

const armsOf = (listed: Parameters<typeof resolveArms>[0], sweep: object = {}) =>
  resolveArms(listed, sweepSchema.parse(sweep), { gans: ['gan'], amount: 'balance', choice: 'random' });
const told = (arms: ReturnType<typeof armsOf>): string[] =>
  comparisonPairs(arms).map(({ arm, baseline, question }) => `${question}: ${arm.name} − ${baseline.name}`);

describe('which arm is held against which', () => {
  test('synthetic arms: their own baseline, and standard augmentation where that is another', () => {
    const arms = armsOf([
      'real',
      'real+standard',
      'real+synthetic',
      'real+standard+synthetic',
      'synthetic',
      'standard+synthetic',
    ]);
    expect(told(arms)).toEqual([
      'adds: real+synthetic − real',
      'adds: real+standard+synthetic − real+standard',
      'replaces-real: synthetic − real',
      'replaces-real: standard+synthetic − real+standard',
      'replaces: real+synthetic − real+standard',
      'replaces: synthetic − real+standard',
      'control: real+standard − real',
    ]);
    expect(primaryIndex(comparisonPairs(arms))).toBe(1);
    expect(referenceArm(arms)?.name).toBe('real+standard');
  });

  test('oversampling, class weights and focal loss are alternatives, with synthetic images or without', () => {
    const arms = armsOf([
      'real+standard',
      'real+standard+oversampling',
      'real+standard+focal',
      'real+class-weights',
      'real+standard+synthetic',
      'real+standard+oversampling+synthetic',
      'real+standard+class-weights+synthetic',
    ]);
    expect(told(arms)).toEqual([
      'adds: real+standard+synthetic − real+standard',
      'adds: real+standard+oversampling+synthetic − real+standard+oversampling',
      'alternative: real+standard+oversampling+synthetic − real+standard',
      'alternative: real+standard+class-weights+synthetic − real+standard',
      'instead: real+standard+synthetic − real+standard+oversampling',
      'instead: real+standard+synthetic − real+standard+focal',
      'alternative: real+standard+oversampling − real+standard',
      'alternative: real+standard+focal − real+standard',
      'alternative: real+class-weights − real+standard',
    ]);
    expect(rolesOf(comparisonPairs(arms)).filter((role) => role !== 'secondary')).toEqual([
      'primary',
      'required',
    ]);
    const required = requiredIndex(comparisonPairs(arms))!;
    expect(told(arms)[required]).toBe('instead: real+standard+synthetic − real+standard+oversampling');
    const weights = armsOf(['real+standard', 'real+standard+class-weights', 'real+standard+synthetic']);
    expect(rolesOf(comparisonPairs(weights))).toContain('required');
    // An arm that balances besides gets nothing from the synthetic images' balance.
    const balanced = armsOf(['real+oversampling', 'real+oversampling+synthetic', 'real']);
    expect(rolesOf(comparisonPairs(balanced))).not.toContain('required');
  });

  test('fractions of the real images are compared within themselves; the primary one has all of them', () => {
    const arms = armsOf(
      [
        { arm: 'real+standard', realFraction: 0.25 },
        { arm: 'real+standard+synthetic', realFraction: 0.25 },
        'real',
        'real+standard',
        'real+standard+synthetic',
      ],
      { arms: ['real+standard+synthetic'], amount: ['2:1'] },
    );
    expect(told(arms)).toEqual([
      'adds: real+standard+synthetic (25% real) − real+standard (25% real)',
      'adds: real+standard+synthetic − real+standard',
      'adds: real+standard+synthetic (2:1) − real+standard',
      'control: real+standard − real',
    ]);
    expect(rolesOf(comparisonPairs(arms))).toEqual(['secondary', 'primary', 'secondary', 'control']);
  });

  test('what is primary where the usual arms are missing', () => {
    const primary = (listed: string[]): string | undefined => {
      const pairs = comparisonPairs(armsOf(listed));
      const index = primaryIndex(pairs);
      return index === null ? undefined : `${pairs[index]!.question}: ${pairs[index]!.arm.name}`;
    };
    expect(primary(['real', 'real+synthetic'])).toBe('adds: real+synthetic');
    expect(primary(['real', 'synthetic'])).toBe('replaces-real: synthetic');
    expect(primary(['real+standard', 'real+synthetic'])).toBe('replaces: real+synthetic');
    expect(primary(['real', 'real+standard', 'real+oversampling'])).toBeUndefined();
    expect(primary(['synthetic'])).toBeUndefined();
  });
});
