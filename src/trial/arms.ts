/**
 * Arms: what a training set consists of. A short name says it by its parts, joined with '+':
 *
 *   real             every real training image; without it only the negatives stay, and synthetic images must
 *                    take the positives' place
 *   standard         standard augmentation
 *   oversampling     both classes drawn equally often
 *   class-weights    the loss weighs classes by their inverse frequency
 *   focal            focal loss
 *   synthetic        synthetic images of the first GAN; `synthetic:NAME` of another
 *
 * An object adds how many synthetic images, how they are chosen, and which fraction of the real training groups there
 * is. Sweeps multiply arms along one of these axes.
 */

import { ConfigError } from 'graft-torch/base';
import { z } from 'zod';

/** How synthetic images are chosen from those a GAN can make, in the words of ../generate/choice/policies.ts. */
export const choicePolicies = [
  'random',
  'best',
  'diverse',
  'filtered',
  'filtered,best',
  'filtered,diverse',
] as const;

/** One arm: what the training set consists of. */
export const armSchema = z.strictObject({
  /** 'real', 'real+standard', 'real+synthetic (2:1, 25% real)', or its own. */
  name: z.string().min(1),
  /** All real training images, or the negatives alone (synthetic images take the positives' place). */
  real: z.enum(['all', 'negatives']),
  /** Of the real training groups, the same for the GAN and the classifier. */
  realFraction: z.number().positive().max(1),
  augmentation: z.enum(['none', 'standard']),
  /** How a rare class is made up for in training. */
  balance: z.enum(['none', 'oversampling', 'class-weights', 'focal']),
  synthetic: z
    .strictObject({
      gan: z.string(),
      /** 'balance', a number, '+10%', '2:1'. */
      amount: z.union([z.string(), z.number().int().nonnegative()]),
      choice: z.enum(choicePolicies),
    })
    .nullable(),
});
export type TrialArm = z.infer<typeof armSchema>;

/**
 * How many: 'balance' (until the classes are equal), a number, '+10%' (of the real training images), '2:1' (synthetic
 * to real images of the positive class).
 */
export const amountSchema = z.union([
  z.literal('balance'),
  z.int().min(1),
  z.string().regex(/^(\+\d+(\.\d+)?%|\d+(\.\d+)?:1)$/, "expected balance, a number, '+10%' or '2:1'"),
]);
export type Amount = z.output<typeof amountSchema>;

export const armSettingsSchema = z.union([
  z.string(),
  z.strictObject({
    arm: z.string().describe('its parts, joined with +'),
    name: z.string().min(1).optional().describe('default: the parts, and what differs from the defaults'),
    amount: amountSchema.optional(),
    choice: z.enum(choicePolicies).optional(),
    realFraction: z.number().positive().max(1).optional(),
  }),
]);
export type ArmSettings = z.output<typeof armSettingsSchema>;

export const sweepSchema = z
  .strictObject({
    arms: z
      .array(z.string())
      .default([])
      .describe('names of the arms that are multiplied; empty: all it can touch'),
    amount: z.array(amountSchema).default([]).describe('of synthetic images'),
    realFraction: z.array(z.number().positive().max(1)).default([]).describe('of the real training groups'),
    choice: z.array(z.enum(choicePolicies)).default([]).describe('of synthetic images'),
  })
  .describe('each list multiplies the arms by its values, the other axes at their defaults');
export type Sweep = z.output<typeof sweepSchema>;

/** What an arm gets where it says nothing. */
export interface ArmDefaults {
  /** Names of the GANs, the first one is meant by plain `synthetic`. */
  gans: readonly string[];
  amount: Amount;
  choice: (typeof choicePolicies)[number];
}

const balances = ['oversampling', 'class-weights', 'focal'] as const;

/** @throws ConfigError naming the part */
export function parseArm(settings: ArmSettings, defaults: ArmDefaults): TrialArm {
  const given = typeof settings === 'string' ? { arm: settings } : settings;
  const fail = (problem: string): never => {
    throw new ConfigError(`arms: ${given.arm}: ${problem}`);
  };
  const arm: TrialArm = {
    name: '',
    real: 'negatives',
    realFraction: given.realFraction ?? 1,
    augmentation: 'none',
    balance: 'none',
    synthetic: null,
  };
  const seen = new Set<string>();
  for (const part of given.arm.split('+').map((word) => word.trim())) {
    const [kind = '', gan] = part.split(':');
    if (seen.has(kind)) fail(`${kind} stands twice`);
    seen.add(kind);
    if (kind !== 'synthetic' && gan !== undefined) fail(`only synthetic takes a name, not ${kind}`);
    if (kind === 'real') arm.real = 'all';
    else if (kind === 'standard') arm.augmentation = 'standard';
    else if ((balances as readonly string[]).includes(kind)) {
      if (arm.balance !== 'none')
        fail(`${arm.balance} and ${kind} both make up for the rare class; keep one`);
      arm.balance = kind as TrialArm['balance'];
    } else if (kind === 'synthetic') {
      const name = gan ?? defaults.gans[0] ?? fail('no GAN is named under gans');
      if (!defaults.gans.includes(name))
        fail(`there is no GAN '${name}' under gans (${defaults.gans.join(', ')})`);
      arm.synthetic = {
        gan: name,
        amount: given.amount ?? defaults.amount,
        choice: given.choice ?? defaults.choice,
      };
    } else
      fail(
        `'${part}' is no part; there are real, standard, ${balances.join(', ')}, synthetic, synthetic:NAME`,
      );
  }
  if (arm.synthetic === null) {
    if (arm.real === 'negatives') fail('has no positive images; add real or synthetic');
    if (given.amount !== undefined || given.choice !== undefined)
      fail('amount and choice are of synthetic images, and it has none');
  }
  arm.name = given.name ?? armName(given.arm, arm, defaults);
  return arm;
}

/** The parts, and in brackets what is not the default: 'real+synthetic (2:1, diverse)'. */
function armName(parts: string, arm: TrialArm, defaults: ArmDefaults): string {
  const details = [
    arm.synthetic && arm.synthetic.amount !== defaults.amount ? String(arm.synthetic.amount) : '',
    arm.synthetic && arm.synthetic.choice !== defaults.choice ? arm.synthetic.choice : '',
    arm.realFraction < 1 ? `${Number((100 * arm.realFraction).toFixed(2))}% real` : '',
  ].filter((detail) => detail !== '');
  const own = parts
    .split('+')
    .map((word) => word.trim())
    .join('+');
  return details.length > 0 ? `${own} (${details.join(', ')})` : own;
}

/**
 * All arms of a trial: those that are listed, and those that the sweep adds.
 * @throws ConfigError for two arms of one name, or that are the same
 */
export function resolveArms(listed: readonly ArmSettings[], sweep: Sweep, defaults: ArmDefaults): TrialArm[] {
  const base = listed.map((settings) => ({ settings, arm: parseArm(settings, defaults) }));
  const unknown = sweep.arms.find((name) => !base.some(({ arm }) => arm.name === name));
  if (unknown !== undefined) {
    throw new ConfigError(
      `sweep.arms: there is no arm '${unknown}' (${base.map(({ arm }) => arm.name).join(', ')})`,
    );
  }
  const arms = base.map(({ arm }) => arm);
  const add = (settings: ArmSettings): void => {
    const arm = parseArm(settings, defaults);
    if (!arms.some((other) => sameArm(other, arm))) arms.push(arm);
  };
  for (const { settings, arm } of base) {
    if (sweep.arms.length > 0 && !sweep.arms.includes(arm.name)) continue;
    const { name: _name, ...given } = typeof settings === 'string' ? { arm: settings, name: '' } : settings;
    if (arm.synthetic) {
      for (const amount of sweep.amount) add({ ...given, amount });
      for (const choice of sweep.choice) add({ ...given, choice });
    }
    for (const realFraction of sweep.realFraction) add({ ...given, realFraction });
  }
  arms.forEach((arm, i) => {
    const twin = arms.slice(0, i).find((other) => other.name === arm.name || sameArm(other, arm));
    if (twin) throw new ConfigError(`arms: ${arm.name} and ${twin.name} are one and the same; leave one out`);
  });
  return arms;
}

/** The same training set, whatever the name. */
export function sameArm(a: TrialArm, b: TrialArm): boolean {
  return (
    a.real === b.real &&
    a.realFraction === b.realFraction &&
    a.augmentation === b.augmentation &&
    a.balance === b.balance &&
    JSON.stringify(a.synthetic) === JSON.stringify(b.synthetic)
  );
}

/**
 * Number of synthetic images.
 * @param images of the training split, real ones: all, and of the positive class
 * @throws ConfigError when `balance` has nothing to balance
 */
export function syntheticCount(amount: Amount, images: { all: number; positives: number }): number {
  if (typeof amount === 'number') return amount;
  if (amount === 'balance') {
    const count = images.all - 2 * images.positives;
    if (count >= 1) return count;
    throw new ConfigError(
      `amount: balance: the positive class is not the rarer one of the training split (${images.positives} of ${images.all}); give a number`,
    );
  }
  const value = Number.parseFloat(amount);
  const count = amount.endsWith('%') ? (value / 100) * images.all : value * images.positives;
  return Math.max(1, Math.round(count));
}
