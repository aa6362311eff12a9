/** What is agreed on before anybody looks at the scores: `verdict.yaml`, or the options of the command line. */

import { ConfigError } from 'graft-torch/base';
import { z } from 'zod';
import { list } from '../../report/index.js';
import type { Names, PlannedComparison } from '../scores.js';
import { columnRoles, instead } from './columns.js';
import { designSchema } from './shape.js';

const text = z.string().min(1);

export const verdictPlanSchema = z.strictObject({
  name: text.default('verdict').describe('stands above the report'),
  baseline: text.optional().describe('the arm that the others are held against'),
  arm: text.optional().describe('the arm that the verdict is about'),
  balanceControls: z
    .array(text)
    .default([])
    .describe(
      'arms that re-balance the real images (oversampling, class weights); "helps" must hold against these too',
    ),
  synthetic: z
    .boolean()
    .default(true)
    .describe('whether the arm adds synthetic images; false for any two training recipes'),
  margin: z
    .number()
    .positive()
    .refine((margin) => margin <= 0.1, 'at most 0.1: a larger difference in AUC matters to anybody')
    .default(0.02)
    .describe('AUC difference too small to matter, fixed beforehand'),
  marginReason: text.optional().describe('why that margin'),
  testToTrain: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe('test over training images; 0 where folds share no training image'),
  level: z
    .number()
    .lt(1)
    .refine(
      (level) => level >= 0.9,
      'at least 0.9: a narrower interval calls chance a finding more than one time in ten',
    )
    .default(0.95)
    .describe('of intervals'),
  power: z.number().min(0.5).lt(1).default(0.8).describe('that detectable differences are stated for'),
  looks: z
    .array(z.number().int().min(2))
    .refine((looks) => looks.every((look, i) => i === 0 || look > looks[i - 1]!), 'growing numbers of seeds')
    .optional()
    .describe('numbers of seeds at which the scores are looked at, where seeds are added step by step'),
  positive: text.optional().describe('label of the positive class'),
  columns: z
    .partialRecord(z.enum(columnRoles), text)
    .default({})
    .describe('columns whose names are not the usual ones'),
  wide: z
    .union([z.literal(true), text])
    .optional()
    .describe("one row an image: pattern of the runs' columns, '{arm}_f{fold}_s{seed}'"),
  files: text.optional().describe("a file a run: pattern of the files' names"),
  subgroups: z.array(text).default([]).describe('columns by whose values the result is told as well'),
  design: designSchema,
});
export type VerdictPlan = z.output<typeof verdictPlanSchema>;

/** Names that only a baseline has. */
const baselineName =
  /^(real|baseline|base|control|reference|none|plain|vanilla|no[ _-]?(gan|aug|augmentation|synthetic))$/i;

export interface Design {
  comparisons: PlannedComparison[];
  reference: string;
  /** Baseline, arm of the verdict, controls, then the others by name: no order of rows decides anything. */
  arms: string[];
  names: Omit<Names, 'group' | 'positive'>;
  notes: string[];
}

/**
 * Which arm is held against which. The verdict is about `arm` against `baseline`; every other arm is a secondary comparison.
 * @param arms as the table has them
 * @throws ConfigError for a name that the table lacks, and where nothing says which arm the baseline is
 */
export function designOf(arms: readonly string[], plan: VerdictPlan, path: string): Design {
  const notes: string[] = [];
  const named = (name: string, flag: string): string => {
    if (!arms.includes(name))
      throw new ConfigError(`${path}: no arm '${name}' (${flag})${instead(name, arms)}`);
    return name;
  };
  const sorted = [...arms].sort();
  if (sorted.length < 2)
    throw new ConfigError(
      `${path}: one arm, '${sorted[0]}'; a verdict needs two at least: the same images scored by classifiers trained in two ways`,
    );
  const baseline =
    plan.baseline === undefined
      ? guessBaseline(sorted, plan, { path, notes })
      : named(plan.baseline, '--baseline');
  const controls = plan.balanceControls.map((name) => named(name, '--balance-control'));
  const rest = sorted.filter((arm) => arm !== baseline && !controls.includes(arm));
  const arm = plan.arm === undefined ? (rest.length === 1 ? rest[0]! : undefined) : named(plan.arm, '--arm');
  if (arm === undefined)
    throw new ConfigError(
      `${path}: ${list(rest.map((name) => `'${name}'`))} stand beside the baseline '${baseline}'; say which the verdict is about, as in --arm '${rest.at(-1) ?? 'NAME'}'`,
    );
  if (arm === baseline) throw new ConfigError(`${path}: '${arm}' is both --arm and --baseline`);
  if (controls.includes(arm) || controls.includes(baseline))
    throw new ConfigError(
      `${path}: --balance-control names '${controls.includes(arm) ? arm : baseline}', which is the ${controls.includes(arm) ? 'arm of the verdict' : 'baseline'} already`,
    );
  const others = rest.filter((name) => name !== arm);
  const { synthetic } = plan;
  if (!synthetic && controls.length > 0)
    throw new ConfigError(
      `${path}: --balance-control is for synthetic images, which --no-generator says there are none of; hold '${arm}' against '${controls[0]}' with --baseline`,
    );
  const comparisons: PlannedComparison[] = [
    {
      arm,
      baseline,
      question: synthetic ? 'adds' : 'alternative',
      phrase: synthetic ? topOf(baseline) : `against ‘${baseline}’`,
      role: 'primary',
    },
    ...controls.map(
      (control): PlannedComparison => ({
        arm,
        baseline: control,
        question: 'instead',
        phrase: `in place of ‘${control}’`,
        role: 'required',
      }),
    ),
    ...controls.map(
      (control): PlannedComparison => ({
        arm: control,
        baseline,
        question: 'alternative',
        phrase: `against ‘${baseline}’`,
        role: 'secondary',
      }),
    ),
    ...others.map(
      (other): PlannedComparison => ({
        arm: other,
        baseline,
        question: 'alternative',
        phrase: `against ‘${baseline}’`,
        role: 'secondary',
      }),
    ),
  ];
  return {
    comparisons,
    reference: baseline,
    arms: [baseline, arm, ...controls, ...others],
    names: synthetic
      ? {
          subject: 'synthetic images of this recipe',
          short: 'synthetic images',
          one: 'the synthetic images of this one generator',
          plural: true,
        }
      : { subject: `training as ‘${arm}’`, short: `‘${arm}’`, one: `training as ‘${arm}’`, plural: false },
    notes,
  };
}

const topOf = (baseline: string): string =>
  /^real$/i.test(baseline) ? 'on top of the real images' : `on top of ‘${baseline}’`;

/** Only with two arms, and only by a name that leaves no doubt. */
function guessBaseline(
  arms: readonly string[],
  plan: VerdictPlan,
  { path, notes }: { path: string; notes: string[] },
): string {
  const own = arms.filter((arm) => baselineName.test(arm));
  if (arms.length === 2 && own.length === 1) {
    if (plan.arm === own[0])
      throw new ConfigError(
        `${path}: --arm '${plan.arm}' has a baseline's name; say which arm is the --baseline`,
      );
    notes.push(`‘${own[0]}’ is taken for the baseline by its name; --baseline says so beforehand.`);
    return own[0]!;
  }
  throw new ConfigError(
    `${path}: arms ${list(arms.map((arm) => `'${arm}'`))}; say which is the baseline, as in --baseline '${own[0] ?? arms[0]}'`,
  );
}
