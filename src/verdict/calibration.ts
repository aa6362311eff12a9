/**
 * Does the verdict keep its promises? Whole trials are simulated with a known truth (./simulation/), analysed and judged by
 * the code that judges real ones, many times over. Of each scenario and design:
 *
 *   the recipe brings nothing       "helps" or "harms", said of the recipe, in at most 1 − level of trials
 *   it brings the effect            how often "helps" is found
 *   it brings just the margin       "no difference that matters" in at most (1 − level)/2 of trials
 *
 * A design too blunt to call anything equal at the margin that was asked for is given a wider one, which it can resolve, so
 * that the claim is made often enough to be wrong.
 */
import { ConfigError, Random } from 'graft-torch/base';
import { type Judge, type Judgement, judgeScores } from './judgement.js';
import type { TrialScores } from './scores.js';
import { type Scenario, type ScenarioDesign, scenarios, simulateScores } from './simulation/index.js';

/** Of so many trials; with the 95 % interval of the share (Clopper & Pearson would be wider, Wilson's is used). */
export interface Share {
  count: number;
  of: number;
  share: number;
  low: number;
  high: number;
}

export interface CalibrationRow {
  scenario: string;
  about: string;
  beyond: boolean;
  design: ScenarioDesign;
  /** Different generators in a trial. */
  generators: number;
  /** Without an effect: "helps" or "harms" of the recipe; the same with a narrower scope. */
  falseClaims: Share;
  narrowClaims: Share;
  /** Without an effect: each kind of verdict. */
  kinds: Record<string, number>;
  /** The interval holds what the recipe brings; what these generators bring on these training sets. */
  coverage: { recipe: Share; these: Share };
  /** Mean half width of the interval, over trials that have one. */
  halfWidth: number;
  /** The external set's interval misses the truth, without an effect; null without such a set. */
  externalMisses: Share | null;
  /** With the effect: "helps" (of the recipe or, with one generator, of it). */
  effect: number;
  power: Share;
  /** With an effect of just this margin: "no difference that matters". */
  falseEquivalence: Share;
  margin: number;
  /** Mean number of seeds that were run, without and with the effect. */
  seeds: { without: number; with: number };
}

export interface CalibrationOptions {
  scenarios?: readonly Scenario[];
  /** In place of the scenarios' own designs. */
  designs?: readonly ScenarioDesign[];
  /** Trials a row and truth. */
  repetitions?: number;
  effect?: number;
  margin?: number;
  seed?: number;
  /** Called after every trial, with the number of trials so far and in all. */
  onTrial?: (done: number, total: number) => void;
  onRow?: (row: CalibrationRow) => void;
  /** Only a test that the check can fail gives another one. */
  judge?: Judge;
}

export interface Calibration {
  repetitions: number;
  level: number;
  effect: number;
  margin: number;
  seed: number;
  rows: CalibrationRow[];
}

const LEVEL = 0.95;
/** Small enough never to turn an effect into "no difference that matters". */
const NO_MARGIN = 1e-9;
/** No true AUC above this. */
const CEILING = 0.985;
const TRUTHS = 3;
/** Half widths that make a margin which a design can resolve; margins are rounded up to steps of .005. */
const RESOLVED = 1.5;
const STEPS = 200;

/** The scenarios of these names. @throws ConfigError where there is no such scenario */
export function scenariosNamed(names: readonly string[]): Scenario[] {
  return names.map((name) => {
    const found = scenarios.find((one) => one.name === name);
    if (!found)
      throw new ConfigError(`calibration: there is no scenario '${name}'; --list names those that there are`);
    return found;
  });
}

export function calibrate(options: CalibrationOptions = {}): Calibration {
  const { repetitions = 200, effect = 0.05, margin = 0.02, seed = 1, judge = judgeScores } = options;
  const chosen = options.scenarios ?? scenarios;
  const rows = chosen.flatMap((scenario) =>
    (options.designs ?? scenario.designs).map((design) => ({ scenario, design })),
  );
  let done = 0;
  const total = rows.length * TRUTHS * repetitions;
  const tick = (): void => options.onTrial?.(++done, total);
  return {
    repetitions,
    level: LEVEL,
    effect,
    margin,
    seed,
    rows: rows.map(({ scenario, design }): CalibrationRow => {
      const row = calibrateRow({ scenario, design, repetitions, effect, margin, seed, judge, tick });
      options.onRow?.(row);
      return row;
    }),
  };
}

/** One row each of a dozen nulls: minutes, not hours. */
export function usualScenarios(): Scenario[] {
  return scenariosNamed(USUAL).map((one) => ({ ...one, designs: one.designs.slice(0, 1) }));
}

const USUAL = [
  'tau-0',
  'tau-02',
  'tau-05',
  'training-sets',
  'patients',
  'giant',
  'positives-20',
  'tails-t2',
  'ties-1',
  'small-10-99',
  'one-fold',
  'one-generator',
  'external',
  'looks',
];

interface RowOptions {
  scenario: Scenario;
  design: ScenarioDesign;
  repetitions: number;
  effect: number;
  margin: number;
  seed: number;
  judge: Judge;
  tick: () => void;
}

interface Outcome extends Judgement {
  truth: { recipe: number; these: number };
  seeds: number;
  generators: number;
}

function calibrateRow(options: RowOptions): CalibrationRow {
  const { scenario, design, repetitions, judge, tick } = options;
  const { chance } = scenario;
  /** Gains where there is room, losses where the baseline is nearly perfect already. */
  const signed = (size: number): number => (chance.auc + size > CEILING ? -size : size);
  const trials = (what: string, effect: number, atMargin: number): Outcome[] => {
    const random = new Random(options.seed).fork(`${scenario.name} ${JSON.stringify(design)} ${what}`);
    return Array.from({ length: repetitions }, () => {
      const { scores, truth } = simulateScores({
        ...scenario,
        design,
        effect: signed(effect),
        margin: atMargin,
        random,
      });
      tick();
      return { ...throughLooks(scores, design, judge), truth };
    });
  };
  const nothing = trials('nothing', 0, NO_MARGIN);
  const effective = trials('effect', options.effect, NO_MARGIN);
  const halfWidth = mean(nothing.map(({ low, high }) => (high - low) / 2).filter(Number.isFinite));
  const most = Math.max(CEILING - chance.auc, chance.auc - 0.55);
  const margin = Math.min(most, Math.max(options.margin, Math.ceil(STEPS * RESOLVED * halfWidth) / STEPS));
  const claims = ({ kind }: Judgement): boolean => kind === 'helps' || kind === 'harms';
  const holds = (of: 'recipe' | 'these'): Share =>
    shareOf(nothing, ({ low, high, truth }) => low <= truth[of] && truth[of] <= high);
  const kinds: Record<string, number> = {};
  for (const { kind } of nothing) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const wanted = signed(options.effect) > 0 ? 'helps' : 'harms';
  return {
    scenario: scenario.name,
    about: scenario.about,
    beyond: scenario.beyond,
    design,
    generators: nothing[0]!.generators,
    falseClaims: shareOf(nothing, (one) => claims(one) && one.ofRecipe),
    narrowClaims: shareOf(nothing, (one) => claims(one) && !one.ofRecipe),
    kinds,
    coverage: { recipe: holds('recipe'), these: holds('these') },
    halfWidth,
    externalMisses: scenario.external
      ? shareOf(
          nothing.filter(({ external }) => external !== null),
          ({ external, truth }) => !(external!.low <= truth.recipe && truth.recipe <= external!.high),
        )
      : null,
    effect: options.effect,
    power: shareOf(effective, ({ kind }) => kind === wanted),
    falseEquivalence: shareOf(trials('margin', margin, margin), ({ kind }) => kind === 'equivalent'),
    margin,
    seeds: {
      without: mean(nothing.map(({ seeds }) => seeds)),
      with: mean(effective.map(({ seeds }) => seeds)),
    },
  };
}

/** One trial to its verdict, look by look where it has looks. */
function throughLooks(
  scores: TrialScores,
  { looks, seeds }: ScenarioDesign,
  judge: Judge,
): Omit<Outcome, 'truth'> {
  const upTo = (count: number): TrialScores => ({
    ...scores,
    runs: scores.runs.filter((run) => run.seed < count),
  });
  const generatorsOf = ({ runs }: TrialScores): number =>
    new Set(runs.flatMap(({ generator }) => (generator === null ? [] : [generator]))).size;
  if (!looks) return { ...judge(scores), seeds, generators: generatorsOf(scores) };
  for (let look = 1; ; look++) {
    const soFar = upTo(looks[look - 1]!);
    const last = look === looks.length;
    const judged = judge({
      ...soFar,
      sequential: { looks: [...looks], reached: look, stopped: last ? 'budget' : 'decided' },
    });
    const decided = judged.kind === 'helps' || judged.kind === 'harms' || judged.kind === 'equivalent';
    if (decided || last) return { ...judged, seeds: looks[look - 1]!, generators: generatorsOf(soFar) };
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** With Wilson's 95 % interval. */
function shareOf(outcomes: readonly Outcome[], has: (outcome: Outcome) => boolean): Share {
  const of = outcomes.length;
  const count = outcomes.filter(has).length;
  const share = count / of;
  const z2 = 1.959964 ** 2;
  const centre = (share + z2 / (2 * of)) / (1 + z2 / of);
  const half = (Math.sqrt(z2) / (1 + z2 / of)) * Math.sqrt((share * (1 - share)) / of + z2 / (4 * of * of));
  return { count, of, share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
