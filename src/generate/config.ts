/** What every family's configuration says of data and images; the rest is the family's own (`adversarial/config.ts`). */

export interface GeneratorConfig {
  /** Dataset folder. */
  data: string;
  /** Label of the images that are learned, or several labels; always of the training split. */
  class: string | string[];
  /** Side in pixels. */
  imageSize: number;
  /** Of the images; null in runs of before this key was there, which have three. */
  channels: 1 | 3 | null;
  batchSize: number;
  seed: number;
}

/** The labels that are learned, in the order of their indices. */
export const classesOf = (config: Pick<GeneratorConfig, 'class'>): string[] =>
  typeof config.class === 'string' ? [config.class] : config.class;

/** Channels of the networks' images. */
export const channelsOf = ({ channels }: Pick<GeneratorConfig, 'channels'>): 1 | 3 => channels ?? 3;

/** How the classes are called together, in sentences and folder names. */
export const classTitle = (config: Pick<GeneratorConfig, 'class'>): string => classesOf(config).join('+');
