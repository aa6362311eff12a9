/**
 * How the images of a comparison become squares: as the generator saw those it learned from, which its lineage says. A
 * distance, and far more a search for copies, between a squashed frame and the middle of the same one sees two pictures.
 */
import { ConfigError } from 'graft-torch/base';
import type { Fit } from '../../image/index.js';
import { type Framing, framingWords, trainingFraming } from '../../image/index.js';

export interface FramingChoice {
  framing: Framing;
  /** What decided: the synthetic images' lineage, the option, frames that are squares anyway; `tried`: nobody knows. */
  from: 'lineage' | 'option' | 'squares' | 'tried';
}

export interface FramingQuestion {
  /** Folder of the synthetic images, for messages. */
  synthetic: string;
  /** What their lineage says; null where it does not, or is not there. */
  seen: Framing | null;
  /** What the user asks for. */
  asked: Fit | undefined;
  /** Some image that is no square; undefined: no framing changes anything. */
  odd: { file: string; width: number; height: number } | undefined;
  /** How the frames of the real dataset were made squares before; undefined: they were not. */
  made: Framing | undefined;
}

export interface FramingAnswer {
  /** Most likely first; more than one only where several are to be tried. */
  choices: FramingChoice[];
  /** What the user should know, a line each. */
  warnings: string[];
}

/** Where nobody knows, pictures may have been framed in either way. */
const USUAL_FITS: readonly Fit[] = ['cover', 'fill'];

const framed = (fit: Fit): Framing => ({ fit, kernel: trainingFraming.kernel, exact: true });

/**
 * @param every all framings in which a copy may be found, instead of the one in which figures are taken
 * @throws ConfigError where it hangs on the framing, and nobody says which it was
 */
export function chooseFraming(question: FramingQuestion, { every = false } = {}): FramingAnswer {
  const { synthetic, seen, asked, odd, made } = question;
  const warnings =
    seen && made && seen.fit !== made.fit
      ? [
          `the generator of ${synthetic} saw ${framingWords(seen)}, the real dataset was prepared as ${framingWords(made)}: name the dataset that the generator learned from`,
        ]
      : [];
  // Nothing to decide; large JPEGs are decoded as for training.
  if (!odd)
    return {
      choices: [{ framing: seen ? trainingFraming : framed(asked ?? 'cover'), from: 'squares' }],
      warnings,
    };
  if (asked !== undefined && seen !== null && asked !== seen.fit) {
    warnings.push(
      `--fit ${asked}: the generator of ${synthetic} saw ${framingWords(seen)}; these are other pictures than it learned from`,
    );
    const own: FramingChoice = { framing: framed(asked), from: 'option' };
    return { choices: every ? [own, { framing: seen, from: 'lineage' }] : [own], warnings };
  }
  if (seen !== null) return { choices: [{ framing: seen, from: 'lineage' }], warnings };
  if (asked !== undefined) return { choices: [{ framing: framed(asked), from: 'option' }], warnings };
  if (every) return { choices: USUAL_FITS.map((fit) => ({ framing: framed(fit), from: 'tried' })), warnings };
  throw new ConfigError(
    `${odd.file}: is ${odd.width}×${odd.height} pixels, and ${synthetic} has no lineage that says how its generator saw such frames: say --fit cover (the centre square, as graft generator train) or --fit fill (the whole frame, squashed)`,
  );
}

/** A sentence for the screen and the page. */
export function framingSentence({ framing, from }: FramingChoice): string {
  const why = {
    lineage: ', as the generator saw it',
    option: ', as asked for',
    squares: '',
    tried: ', tried since nobody says how the generator saw it',
  }[from];
  return from === 'squares' ? 'Frames are squares.' : `Compared: ${framingWords(framing)}${why}.`;
}
