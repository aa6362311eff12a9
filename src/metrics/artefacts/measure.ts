/**
 * What gives synthetic images away, apart from what they show: power spectrum, checkerboards, colours, and how many have
 * hair, rulers and dark corners; each against real images, with an interval and the floor of real against real.
 */

import { dispose, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { type CheckerboardResult, checkerboardRows, compareCheckerboards } from './checkerboard.js';
import { type ColourResult, colourRows, compareColours } from './colour-histogram.js';
import type { CompareOptions, RowSets } from './compare.js';
import { type BatchOptions, requireImages, requireSameSize } from './images.js';
import { comparePowerSpectra, type PowerSpectrumResult, spectrumRows } from './power-spectrum.js';
import { compareTraits, type Trait, type TraitResult, traitRows } from './traits.js';

/** A set of images, with a label and a group an image where there are any. */
export interface ArtefactSet {
  /** uint8 `[N, 3, H, W]` on the CPU; may be memory-mapped. */
  images: Tensor;
  labels?: readonly string[];
  /** Patient or lesion: drawn and halved as a whole. */
  groups?: readonly string[];
}

export interface ArtefactOptions extends BatchOptions {
  /** Decides bootstrap and halves, default 0. */
  seed?: number;
  /** Bootstrap replicates, default 1000. */
  replicates?: number;
  /** Whether to look for hair, rulers and dark corners, the slowest part; default true. */
  traits?: boolean;
}

/** Of a class, or of all images that are compared. */
export interface ArtefactScores {
  counts: { real: number; synthetic: number };
  spectrum: PowerSpectrumResult;
  checkerboard: CheckerboardResult;
  colour: ColourResult;
  /** Null where it was not asked for. */
  traits: Record<Trait, TraitResult> | null;
}

export interface ArtefactReport extends ArtefactScores {
  /** By label, where both sets have labels; empty otherwise. */
  byClass: Record<string, ArtefactScores>;
  /** Labels of real images of which there are no two synthetic ones: these images are compared with nothing. */
  leftOut: string[];
  protocol: { heightPx: number; widthPx: number; seed: number; interval: string; floor: string };
}

/** Rows of figures of all images of a set; rows of a class are taken from them. */
type RowsByMeasure = Record<'spectrum' | 'checkerboard' | 'colour', Tensor> & { traits: Tensor | null };

const measureRows = (images: Tensor, options: ArtefactOptions): RowsByMeasure => ({
  spectrum: spectrumRows(images, options),
  checkerboard: checkerboardRows(images, options),
  colour: colourRows(images, options),
  traits: options.traits === false ? null : traitRows(images),
});

function requireAnnotations(what: string, { images, labels, groups }: ArtefactSet): void {
  const n = images.shape[0]!;
  for (const [name, list] of [
    ['labels', labels],
    ['groups', groups],
  ] as const) {
    if (list && list.length !== n) {
      throw new DataError(`artefacts: ${list.length} ${name} for ${n} ${what} images: give one an image`);
    }
  }
}

/**
 * Compares a synthetic with a real set. With labels on both, only classes of which there are two or more images in both
 * sets are compared, together and each for itself: a generator of one class is not blamed for lacking the other.
 *
 * @param real bytes of one size, of 48 px or more (32 without traits)
 * @param synthetic of the same size
 * @throws DataError if a set has fewer than two images, sizes differ, there are fewer labels or groups than images, or
 *   the sets have no class in common
 */
export function measureArtefacts(
  real: ArtefactSet,
  synthetic: ArtefactSet,
  options: ArtefactOptions = {},
): ArtefactReport {
  requireImages('real', real.images);
  requireImages('synthetic', synthetic.images);
  requireSameSize(real.images, synthetic.images);
  requireAnnotations('real', real);
  requireAnnotations('synthetic', synthetic);
  const { seed = 0, replicates = 1000 } = options;
  const [, , height, width] = real.images.shape as [number, number, number, number];
  const classes = commonClasses(real.labels, synthetic.labels);
  if (classes && classes.both.length === 0) {
    throw new DataError(
      'artefacts: no class has two images in both sets: give both the same labels, or none',
    );
  }
  return tidy(() => {
    const rows = {
      real: measureRows(real.images, options),
      synthetic: measureRows(synthetic.images, options),
    };
    const compare = (labels: readonly string[] | null): ArtefactScores => {
      const indices = {
        real: indicesOf(real, labels),
        synthetic: indicesOf(synthetic, labels),
      };
      const random = new Random(seed).fork('artefacts');
      const setsOf = (measure: keyof RowsByMeasure): RowSets => ({
        real: takeRows(rows.real[measure]!, indices.real, real.groups),
        synthetic: takeRows(rows.synthetic[measure]!, indices.synthetic, synthetic.groups),
      });
      const size = { height, width };
      const how: CompareOptions = { random, replicates };
      const using = <T>(measure: keyof RowsByMeasure, score: (sets: RowSets) => T): T =>
        tidy(() => score(setsOf(measure)));
      return {
        counts: { real: indices.real.length, synthetic: indices.synthetic.length },
        spectrum: using('spectrum', (sets) => comparePowerSpectra(sets, size, how)),
        checkerboard: using('checkerboard', (sets) => compareCheckerboards(sets, size, how)),
        colour: using('colour', (sets) => compareColours(sets, how)),
        traits: rows.real.traits && using('traits', (sets) => compareTraits(sets, how)),
      };
    };
    const all = compare(classes?.both ?? null);
    const byClass = Object.fromEntries((classes?.both ?? []).map((label) => [label, compare([label])]));
    dispose(rows);
    return {
      ...all,
      byClass,
      leftOut: classes?.leftOut ?? [],
      protocol: {
        heightPx: height,
        widthPx: width,
        seed,
        interval: `95 %, bootstrap over images or groups of both sets, ${replicates} replicates; distances reflected; shares Wilson's, their difference Newcombe's`,
        floor: 'random halves of the real images against each other, 100 times: mean and middle 95 %',
      },
    };
  });
}

/** Null where a set has no labels. */
function commonClasses(
  real: readonly string[] | undefined,
  synthetic: readonly string[] | undefined,
): { both: string[]; leftOut: string[] } | null {
  if (!real || !synthetic) return null;
  const count = (labels: readonly string[], label: string) => labels.filter((own) => own === label).length;
  const names = [...new Set(real)].sort();
  const inBoth = (label: string) => count(real, label) >= 2 && count(synthetic, label) >= 2;
  return { both: names.filter(inBoth), leftOut: names.filter((label) => !inBoth(label)) };
}

function indicesOf({ images, labels }: ArtefactSet, wanted: readonly string[] | null): number[] {
  const all = Array.from({ length: images.shape[0]! }, (_, i) => i);
  return wanted && labels ? all.filter((i) => wanted.includes(labels[i]!)) : all;
}

function takeRows(rows: Tensor, indices: readonly number[], groups: readonly string[] | undefined) {
  return {
    rows: rows.indexSelect(0, tensor(indices, [indices.length], { dtype: 'int64' })),
    groups: groups && indices.map((i) => groups[i]!),
  };
}
