/** The scores of artefacts as records, which compare like any other metric's. */
import type { MetricRecord, Protocol } from '../sets/record.js';
import type { Channel } from './colour-histogram.js';
import type { Score } from './compare.js';
import type { ArtefactScores } from './measure.js';
import type { Trait } from './traits.js';

const CHANNEL_NAMES: Readonly<Record<Channel, string>> = {
  red: 'Red, Wasserstein',
  green: 'Green, Wasserstein',
  blue: 'Blue, Wasserstein',
  saturation: 'Saturation, Wasserstein',
};

const TRAIT_NAMES: Readonly<Record<Trait, string>> = {
  hair: 'Images with hair',
  ruler: 'Images with a ruler',
  darkCorners: 'Images with dark corners',
};

/**
 * @param label class of the scores, null for all images
 * @param protocol what decides the figures besides
 */
export function artefactRecords(
  { counts, spectrum, checkerboard, colour, traits }: ArtefactScores,
  label: string | null,
  protocol: Protocol,
): MetricRecord[] {
  const record = (
    about: Pick<MetricRecord, 'metric' | 'name' | 'unit' | 'better'>,
    figures: Pick<MetricRecord, 'value' | 'interval' | 'floor'>,
    settings: string,
  ): MetricRecord => ({
    ...about,
    class: label,
    ...figures,
    sd: null,
    n: counts,
    // Distances of means are too large by chance, the more so the fewer images there are.
    protocol: { ...protocol, settings, realImages: counts.real, syntheticImages: counts.synthetic },
  });
  const figuresOf = ({ value, low, high, floor }: Score) => ({
    value,
    interval: [low, high] as [number, number],
    floor: floor && {
      value: floor.value,
      interval: [floor.low, floor.high] as [number, number],
      matched: null,
    },
  });
  const distances = [
    {
      about: { metric: 'spectrum', name: 'Power spectrum, high band', unit: 'dB' },
      score: spectrum.distance,
      settings: `luma, Hann window, mean over images, from ${spectrum.highFrom} cycles/px`,
    },
    {
      about: { metric: 'checkerboard', name: 'Checkerboard', unit: 'dB' },
      score: checkerboard.score,
      settings: 'largest excess over the real images’ at 1/2, 1/4, 1/8 cycles/px in x, y and both',
    },
    {
      about: { metric: 'colour', name: 'Colours, Jensen–Shannon', unit: '' },
      score: colour.joint,
      settings: 'joint histogram of L*a*b*, pooled over all pixels',
    },
    ...(Object.keys(CHANNEL_NAMES) as Channel[]).map((channel) => ({
      about: {
        metric: channel,
        name: CHANNEL_NAMES[channel],
        unit: channel === 'saturation' ? 'points' : 'grey levels',
      },
      score: colour.channels[channel],
      settings: 'histogram pooled over all pixels',
    })),
  ];
  return [
    ...distances.map(({ about, score, settings }) =>
      record({ ...about, better: 'lower' }, figuresOf(score), settings),
    ),
    ...(Object.keys(traits ?? {}) as Trait[]).map((trait) => {
      const { real, synthetic } = traits![trait];
      return record(
        { metric: trait, name: TRAIT_NAMES[trait], unit: 'share', better: 'real' },
        figuresOf({ ...synthetic, floor: real }),
        'simple detector; Wilson intervals; the floor is the share of real images',
      );
    }),
  ];
}
