/**
 * Which arm is held against which, and which comparison the verdict is about. All of it follows from the arms, before
 * anything is trained.
 */
import type { PlannedComparison, Question, Role } from '../verdict/index.js';
import type { TrialArm } from './arms.js';

export interface Pair {
  arm: TrialArm;
  baseline: TrialArm;
  question: Question;
}

/**
 * All pairs: first what synthetic images add to their own baseline, then everything else about them, alternatives to them,
 * and the controls.
 */
export function comparisonPairs(arms: readonly TrialArm[]): Pair[] {
  /** The arm without synthetic images that is otherwise like this one, but for what is given. */
  const plain = (like: TrialArm, change: Partial<TrialArm> = {}): TrialArm | undefined =>
    arms.find(
      (arm) =>
        arm.synthetic === null &&
        arm.real === 'all' &&
        arm.realFraction === like.realFraction &&
        arm.augmentation === (change.augmentation ?? like.augmentation) &&
        arm.balance === (change.balance ?? like.balance),
    );
  const standardOf = (like: TrialArm) => plain(like, { augmentation: 'standard', balance: 'none' });
  const synthetic = arms.filter((arm) => arm.synthetic !== null);
  const own: Pair[] = [];
  const against: Pair[] = [];
  for (const arm of synthetic) {
    const baseline = plain(arm);
    if (baseline) own.push({ arm, baseline, question: arm.real === 'all' ? 'adds' : 'replaces-real' });
    const standard = standardOf(arm);
    if (standard && standard !== baseline) {
      const sameButBalance = arm.balance !== 'none' && arm.augmentation === 'standard';
      against.push({ arm, baseline: standard, question: sameButBalance ? 'alternative' : 'replaces' });
    }
  }
  const alternatives = arms.flatMap((arm): Pair[] => {
    if (arm.synthetic !== null || arm.balance === 'none') return [];
    const baseline = plain(arm, { balance: 'none' }) ?? standardOf(arm);
    return baseline ? [{ arm, baseline, question: 'alternative' }] : [];
  });
  // What a reviewer asks next: would the cheap remedy have done as well?
  const instead = synthetic.flatMap((arm): Pair[] =>
    arm.real === 'all' && arm.balance === 'none'
      ? arms
          .filter((other) => other.balance !== 'none' && plain(arm, { balance: other.balance }) === other)
          .map((baseline) => ({ arm, baseline, question: 'instead' }))
      : [],
  );
  const controls = arms.flatMap((arm): Pair[] => {
    if (arm.synthetic !== null || arm.augmentation !== 'standard' || arm.balance !== 'none') return [];
    const baseline = plain(arm, { augmentation: 'none' });
    return baseline ? [{ arm, baseline, question: 'control' }] : [];
  });
  return [...own, ...against, ...instead, ...alternatives, ...controls];
}

/**
 * The comparison that answers "do these synthetic images help?": on top of standard augmentation where that was run (nobody
 * would do without it), else on top of the real images; with all real images where that was run; the first such arm of the
 * trial file. Fixed by the design, never by the results.
 * @returns index; null where no arm has synthetic images and a baseline
 */
export function primaryIndex(pairs: readonly Pair[]): number | null {
  const whole = ({ arm }: Pair): boolean => arm.realFraction === 1;
  const standard = ({ arm }: Pair): boolean => arm.augmentation === 'standard';
  const asks =
    (question: Question) =>
    (pair: Pair): boolean =>
      pair.question === question;
  const orders: ((pair: Pair) => boolean)[] = [
    (pair) => asks('adds')(pair) && standard(pair) && whole(pair),
    (pair) => asks('adds')(pair) && whole(pair),
    (pair) => asks('adds')(pair) && standard(pair),
    asks('adds'),
    (pair) => asks('replaces-real')(pair) && standard(pair) && whole(pair),
    asks('replaces-real'),
    (pair) => asks('replaces')(pair) && whole(pair),
    asks('replaces'),
  ];
  for (const accept of orders) {
    const index = pairs.findIndex(accept);
    if (index >= 0) return index;
  }
  return null;
}

/**
 * Synthetic images of the rare class also re-balance the training set, which oversampling or class weights do for nothing.
 * Where the primary arm does so, "helps" needs the same arm to beat one of these too, at the same budget.
 * @returns index of that comparison; null where the arm balances otherwise, or no such arm was run
 */
export function requiredIndex(pairs: readonly Pair[]): number | null {
  const primary = primaryIndex(pairs);
  if (primary === null) return null;
  for (const balance of ['oversampling', 'class-weights'] as const) {
    const index = pairs.findIndex(
      ({ arm, baseline, question }) =>
        question === 'instead' && arm === pairs[primary]!.arm && baseline.balance === balance,
    );
    if (index >= 0) return index;
  }
  return null;
}

/** Whether the verdict's arm re-balances the classes by its synthetic images alone. */
export function rebalances(pairs: readonly Pair[]): boolean {
  const primary = primaryIndex(pairs);
  return primary !== null && pairs[primary]!.question === 'adds' && pairs[primary]!.arm.balance === 'none';
}

/** The role of every pair. */
export function rolesOf(pairs: readonly Pair[]): Role[] {
  const primary = primaryIndex(pairs);
  const required = requiredIndex(pairs);
  return pairs.map(({ question }, index) => {
    if (question === 'control') return 'control';
    if (index === primary) return 'primary';
    return index === required ? 'required' : 'secondary';
  });
}

/** All comparisons of a trial, as the verdict knows them: by name, with their role. */
export function plannedComparisons(arms: readonly TrialArm[]): PlannedComparison[] {
  const pairs = comparisonPairs(arms);
  const roles = rolesOf(pairs);
  return pairs.map((pair, i) => ({
    arm: pair.arm.name,
    baseline: pair.baseline.name,
    question: pair.question,
    phrase: phraseOf(pair),
    role: roles[i]!,
  }));
}

/** What everything else is measured against: standard augmentation with all real images, else the real images alone. */
export function referenceArm(arms: readonly TrialArm[]): TrialArm | undefined {
  const plain = (augmentation: TrialArm['augmentation']) =>
    arms.find(
      (arm) =>
        arm.real === 'all' &&
        arm.realFraction === 1 &&
        arm.augmentation === augmentation &&
        arm.balance === 'none' &&
        arm.synthetic === null,
    );
  return plain('standard') ?? plain('none');
}

/** What a comparison sets its arm against, as the end of a sentence about synthetic images. */
export function phraseOf({ arm, baseline, question }: Pair): string {
  switch (question) {
    case 'adds':
      return baseline.augmentation === 'standard'
        ? 'on top of standard augmentation'
        : 'on top of the real images';
    case 'replaces-real':
      return 'in place of the real positive images';
    case 'replaces':
      return 'in place of standard augmentation';
    case 'alternative':
      return `${arm.synthetic ? 'together with' : 'as'} another way to make up for the rare class`;
    case 'instead':
      return `in place of ${baseline.balance.replace('focal', 'focal loss').replace('-', ' ')}`;
    case 'control':
      return 'as a control';
  }
}
