/**
 * One look for each arm in every figure. Arms may have a colour and a symbol of their own; others take what is left, then
 * the same colours dashed with other symbols, so that a dozen arms stay apart, also in print without colours.
 */
import { BLUE, GREEN, GREY, OCHRE, ORANGE, PURPLE, type SeriesStyle } from '../../report/index.js';

const SYMBOLS = ['circle', 'square', 'triangle', 'diamond2', 'star', 'wye'] as const;

type Look = Pick<SeriesStyle, 'color' | 'dash'> & { symbol: (typeof SYMBOLS)[number] };

export type ArmStyle = Look & { name: string; label: string; series: string };

/** 'real+standard' → 'real + standard', which may break over lines. */
export const armLabel = (name: string): string => name.replace(/\s*\+\s*(?![\d.]+%)/g, ' + ');

const COLOURS = [GREY, BLUE, ORANGE, GREEN, PURPLE, OCHRE];
const DASHES = [undefined, '5 3', '1.5 3'];

/** Every colour with its symbol; then every colour dashed, with the symbols moved on by one; then dotted, by two. */
const LOOKS: Look[] = DASHES.flatMap((dash, round) =>
  COLOURS.map((color, i) => ({
    color,
    symbol: SYMBOLS[(i + round) % SYMBOLS.length]!,
    ...(dash === undefined ? {} : { dash }),
  })),
);

const lookAt = (index: number): Look => LOOKS[index % LOOKS.length]!;

/**
 * @param names of all arms, in their order
 * @param wanted the look, from 0, that an arm has in every report of its kind; of several that want one the first gets it
 */
export function armStyles(
  names: readonly string[],
  wanted: (name: string) => number | null = () => null,
): ArmStyle[] {
  const own = new Map<number, string>();
  for (const name of names) {
    const look = wanted(name);
    if (look !== null && !own.has(look)) own.set(look, name);
  }
  // Purple and ochre first; then what no plain arm has taken; then the dashed ones.
  const free = [4, 5, 0, 1, 2, 3].filter((look) => !own.has(look));
  const spare = [...free, ...LOOKS.keys()].filter((look, i) => i < free.length || look >= COLOURS.length);
  let taken = 0;
  return names.map((name, index) => {
    const look = wanted(name);
    const chosen = look !== null && own.get(look) === name ? look : spare[taken++ % spare.length]!;
    return { name, label: armLabel(name), series: `arm-${index}`, ...lookAt(chosen) };
  });
}

export const styleOf = (styles: readonly ArmStyle[], arm: string): ArmStyle =>
  styles.find(({ name }) => name === arm)!;
