/** The signs of a figure's legend. */
import type { LegendItem } from './document.js';

const SYMBOLS: Record<string, string> = {
  circle: '<circle cx="11" cy="5" r="4.2"/>',
  square: '<rect x="7.3" y="1.3" width="7.4" height="7.4"/>',
  triangle: '<path d="M11 .2 15.8 8.8H6.2Z"/>',
  diamond2: '<path d="M11 -.4 16.4 5 11 10.4 5.6 5Z"/>',
  star: '<path d="M11 0l1.5 3.4 3.7.4-2.8 2.5.8 3.7L11 8.1 7.8 10l.8-3.7L5.8 3.8l3.7-.4Z"/>',
  wye: '<path d="M9.6 10V6.2L6.2 3.8 7.7 1.4 11 3.4l3.3-2 1.5 2.4-3.4 2.4V10Z"/>',
};

/**
 * An item's sign as an SVG group: a filled box for areas, a dot; else a line, with a symbol on it where one is named.
 * It is 10 high and `width` wide.
 */
export function legendSign({ color, symbol, dash }: LegendItem): { svg: string; width: number } {
  const group = (shape: string): string => `<g fill="${color}">${shape}</g>`;
  if (symbol === 'area')
    return { svg: group('<rect x="0" y="-.5" width="11" height="11" rx="1.5"/>'), width: 11 };
  if (symbol === 'dot') return { svg: group('<circle cx="5" cy="5" r="5"/>'), width: 10 };
  const dashes = dash ? ` stroke-dasharray="${dash}"` : '';
  const line = `<path d="M0 5H22" stroke="${color}" stroke-width="2.4"${dashes}/>`;
  return { svg: group(`${line}${SYMBOLS[symbol] ?? ''}`), width: 22 };
}
