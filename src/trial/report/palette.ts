/** One look for each arm in every figure: a colour of the reports' palette and, for print in grey, a symbol. */
import type { TrialArm } from '../summary.js';

export interface ArmStyle {
  name: string;
  label: string;
  /** CSS colour, `var(--…)`. */
  color: string;
  symbol: 'circle' | 'square' | 'triangle' | 'diamond2' | 'star' | 'wye';
}

/** 'real+standard' → 'real + standard', which may break over lines. */
export const armLabel = (name: string): string => name.replace(/\s*\+\s*/g, ' + ');

export function armStyles(arms: readonly TrialArm[]): ArmStyle[] {
  const spare = ['--purple', '--ochre', '--orange', '--green'];
  const spareSymbols = ['star', 'wye'] as const;
  const taken = new Set<string>();
  let extra = 0;
  return arms.map(({ name, standard, synthetic }) => {
    const [variable, symbol] = synthetic
      ? standard
        ? (['--green', 'diamond2'] as const)
        : (['--orange', 'triangle'] as const)
      : standard
        ? (['--blue', 'square'] as const)
        : (['--grey', 'circle'] as const);
    const first = !taken.has(variable);
    taken.add(variable);
    const own = first ? variable : spare[extra % spare.length]!;
    const shape = first ? symbol : spareSymbols[extra++ % spareSymbols.length]!;
    return { name, label: armLabel(name), color: `var(${own})`, symbol: shape };
  });
}

/** The arms as entries of a figure's legend. */
export const legendOf = (styles: readonly ArmStyle[]) =>
  styles.map(({ label, color, symbol }) => ({ label, color, symbol }));
