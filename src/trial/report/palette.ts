/**
 * One look for each arm in every figure. The four arms of a plain trial have a colour and a symbol of their own; others
 * take what is left, then the same colours dashed with other symbols, so that a dozen arms stay apart, also in print
 * without colours.
 */
import type { LegendItem } from '../../report/document.js';
import type { TrialArm } from '../summary.js';

const SYMBOLS = ['circle', 'square', 'triangle', 'diamond2', 'star', 'wye'] as const;

interface Look {
  /** CSS colour, `var(--…)`. */
  color: string;
  symbol: (typeof SYMBOLS)[number];
  /** Of lines, as SVG's stroke-dasharray. */
  dash?: string;
}

export interface ArmStyle extends Look {
  name: string;
  label: string;
  /** Class of what is drawn for it, and its key in the legend. */
  series: string;
}

/** 'real+standard' → 'real + standard', which may break over lines. */
export const armLabel = (name: string): string => name.replace(/\s*\+\s*(?![\d.]+%)/g, ' + ');

const COLOURS = ['--grey', '--blue', '--orange', '--green', '--purple', '--ochre'];
const DASHES = [undefined, '5 3', '1.5 3'];

/** Every colour with its symbol; then every colour dashed, with the symbols moved on by one; then dotted, by two. */
const LOOKS: Look[] = DASHES.flatMap((dash, round) =>
  COLOURS.map((name, i) => ({
    color: `var(${name})`,
    symbol: SYMBOLS[(i + round) % SYMBOLS.length]!,
    ...(dash === undefined ? {} : { dash }),
  })),
);

/** The look that a plain arm has in every trial: none, standard, synthetic, both. */
const ownLook = ({ synthetic, augmentation }: TrialArm): number =>
  (synthetic ? 2 : 0) + (augmentation === 'standard' ? 1 : 0);

const lookOf = (index: number): Look => LOOKS[index % LOOKS.length]!;

export function armStyles(arms: readonly TrialArm[]): ArmStyle[] {
  const own = new Map<number, TrialArm>();
  for (const arm of arms) if (!own.has(ownLook(arm))) own.set(ownLook(arm), arm);
  // Purple and ochre first; then what no plain arm has taken; then the dashed ones.
  const free = [4, 5, 0, 1, 2, 3].filter((look) => !own.has(look));
  const spare = [...free, ...LOOKS.keys()].filter((look, i) => i < free.length || look >= COLOURS.length);
  let taken = 0;
  return arms.map((arm, index) => {
    const look = ownLook(arm);
    const chosen = own.get(look) === arm ? look : spare[taken++ % spare.length]!;
    return { name: arm.name, label: armLabel(arm.name), series: `arm-${index}`, ...lookOf(chosen) };
  });
}

/** The arms as entries of a figure's legend. */
export const legendOf = (styles: readonly ArmStyle[]): LegendItem[] =>
  styles.map(({ label, color, symbol, dash, series }) => ({
    label,
    color,
    symbol,
    series,
    ...(dash === undefined ? {} : { dash }),
  }));
