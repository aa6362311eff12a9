/**
 * Colours of every report: Okabe and Ito's palette, told apart with every common colour blindness, darkened for
 * paper and lightened for the dark page. They are CSS variables, so that a figure follows the page into dark mode;
 * `LIGHT` has their values for files that stand alone.
 */
import type { LegendItem } from './document.js';

export const LIGHT: Record<string, string> = {
  '--ink': '#1d1f22',
  '--muted': '#5c6269',
  '--rule': '#d8d7d0',
  '--soft': '#f4f3ee',
  '--paper': '#fefefc',
  '--grey': '#6c727a',
  '--blue': '#0072b2',
  '--orange': '#d55e00',
  '--green': '#00845f',
  '--purple': '#a6558a',
  '--ochre': '#8a6d00',
};

export const DARK: Record<string, string> = {
  '--ink': '#e7e5e0',
  '--muted': '#9da3ab',
  '--rule': '#33373e',
  '--soft': '#1d2025',
  '--paper': '#141619',
  '--grey': '#a9afb8',
  '--blue': '#56b4e9',
  '--orange': '#f0874a',
  '--green': '#35c796',
  '--purple': '#d795bd',
  '--ochre': '#d9b93b',
};

/** Colours of words that carry a judgement (a summary's headline): stronger than those of lines and areas. */
export const LIGHT_TONES: Record<string, string> = {
  '--tone-good': '#00744f',
  '--tone-bad': '#b84a00',
  '--tone-even': '#00629b',
  '--tone-open': '#6f6a5e',
};

export const DARK_TONES: Record<string, string> = {
  '--tone-good': '#35c796',
  '--tone-bad': '#f0874a',
  '--tone-even': '#56b4e9',
  '--tone-open': '#b9b2a3',
};

/** The page's own colours, as CSS. */
export const INK = 'var(--ink)';
export const MUTED = 'var(--muted)';
export const RULE = 'var(--rule)';
export const SOFT = 'var(--soft)';
export const PAPER = 'var(--paper)';

/** Those of what is drawn. Of two sets, what is real, seen or negative is blue, what is synthetic or positive orange. */
export const BLUE = 'var(--blue)';
export const ORANGE = 'var(--orange)';
export const GREEN = 'var(--green)';
export const PURPLE = 'var(--purple)';
export const OCHRE = 'var(--ochre)';
export const GREY = 'var(--grey)';

/** Colours of unordered series, in the order in which they are taken. */
export const SERIES = [BLUE, ORANGE, GREEN, PURPLE, OCHRE, GREY];

/** How one series is drawn, and what the legend calls it. */
export interface SeriesStyle {
  label: string;
  /** CSS colour, `var(--…)`. */
  color: string;
  symbol?: string;
  /** Of lines, as SVG's stroke-dasharray. */
  dash?: string;
  /** Class of what is drawn for it, and its key in the legend, which can then hide and show it. */
  series?: string;
}

/** @param symbol what stands for a series that has no symbol of its own */
export const legendOf = (styles: readonly SeriesStyle[], symbol = 'line'): LegendItem[] =>
  styles.map(({ label, color, dash, series, symbol: own = symbol }) => ({
    label,
    color,
    symbol: own,
    ...(series === undefined ? {} : { series }),
    ...(dash === undefined ? {} : { dash }),
  }));
