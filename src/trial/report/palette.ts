/**
 * One look for each arm in every figure: a colour of Okabe and Ito's palette (told apart with every common
 * colour blindness) and, for print in grey, a symbol. Colours are CSS variables, so that a figure follows the
 * page into dark mode; `LIGHT` has their values for files that stand alone.
 */
import type { TrialArm } from '../summary.js';

export interface ArmStyle {
  name: string;
  label: string;
  /** CSS colour, `var(--…)`. */
  color: string;
  symbol: 'circle' | 'square' | 'triangle' | 'diamond2' | 'star' | 'wye';
}

export const LIGHT: Record<string, string> = {
  '--ink': '#1d1f22',
  '--muted': '#5c6269',
  '--rule': '#d8d7d0',
  '--soft': '#f4f3ee',
  '--paper': '#fefefc',
  '--arm-real': '#6c727a',
  '--arm-standard': '#0072b2',
  '--arm-synthetic': '#d55e00',
  '--arm-both': '#00845f',
  '--arm-5': '#a6558a',
  '--arm-6': '#8a6d00',
};

export const DARK: Record<string, string> = {
  '--ink': '#e7e5e0',
  '--muted': '#9da3ab',
  '--rule': '#33373e',
  '--soft': '#1d2025',
  '--paper': '#141619',
  '--arm-real': '#a9afb8',
  '--arm-standard': '#56b4e9',
  '--arm-synthetic': '#f0874a',
  '--arm-both': '#35c796',
  '--arm-5': '#d795bd',
  '--arm-6': '#d9b93b',
};

/** 'real+standard' → 'real + standard', which may break over lines. */
export const armLabel = (name: string): string => name.replace(/\s*\+\s*/g, ' + ');

export function armStyles(arms: readonly TrialArm[]): ArmStyle[] {
  const spare = ['--arm-5', '--arm-6', '--arm-synthetic', '--arm-both'];
  const spareSymbols = ['star', 'wye'] as const;
  const taken = new Set<string>();
  let extra = 0;
  return arms.map(({ name, standard, synthetic }) => {
    const [variable, symbol] = synthetic
      ? standard
        ? (['--arm-both', 'diamond2'] as const)
        : (['--arm-synthetic', 'triangle'] as const)
      : standard
        ? (['--arm-standard', 'square'] as const)
        : (['--arm-real', 'circle'] as const);
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
