/** The scores of artefacts as records, which compare like any other metric's. */
import type { MetricRecord, Protocol } from '../sets/record.js';
import type { ArtefactScores, Channel, Score, Trait } from './index.js';

const CHANNEL_NAMES: Readonly<Record<Channel, string>> = {
  red: 'Red, Wasserstein',
  green: 'Green, Wasserstein',
  blue: 'Blue, Wasserstein',
  saturation: 'Saturation, Wasserstein',
};

export const TRAIT_NAMES: Readonly<Record<Trait, string>> = {
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
  const distance = (metric: string, name: string, unit: string, score: Score, settings: string) =>
    record(
      { metric, name, unit, better: 'lower' },
      {
        value: score.value,
        interval: [score.low, score.high],
        floor: score.floor && {
          value: score.floor.value,
          interval: [score.floor.low, score.floor.high],
          matched: null,
        },
      },
      settings,
    );
  return [
    distance(
      'spectrum',
      'Power spectrum, high band',
      'dB',
      spectrum.distance,
      `luma, Hann window, mean over images, from ${spectrum.highFrom} cycles/px`,
    ),
    distance(
      'checkerboard',
      'Checkerboard',
      'dB',
      checkerboard.score,
      'largest excess over the real images’ at 1/2, 1/4, 1/8 cycles/px in x, y and both',
    ),
    distance(
      'colour',
      'Colours, Jensen–Shannon',
      '',
      colour.joint,
      'joint histogram of L*a*b*, pooled over all pixels',
    ),
    ...(Object.keys(CHANNEL_NAMES) as Channel[]).map((channel) =>
      distance(
        channel,
        CHANNEL_NAMES[channel],
        channel === 'saturation' ? 'points' : 'grey levels',
        colour.channels[channel],
        'histogram pooled over all pixels',
      ),
    ),
    ...(traits
      ? (Object.keys(TRAIT_NAMES) as Trait[]).map((trait) => {
          const { real, synthetic } = traits[trait];
          return record(
            { metric: trait, name: TRAIT_NAMES[trait], unit: 'share', better: 'real' },
            {
              value: synthetic.value,
              interval: [synthetic.low, synthetic.high],
              floor: { value: real.value, interval: [real.low, real.high], matched: null },
            },
            'simple detector; Wilson intervals; the floor is the share of real images',
          );
        })
      : []),
  ];
}
