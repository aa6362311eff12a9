/** A generator with the weights of a finished run, whatever its family: what sampling, pictures and export work on. */
import type { Device } from 'graft-torch';
import type { Lineage } from '../data/lineage/index.js';
import type { DiscriminatorNetwork, GeneratorNetwork } from '../models/index.js';
import type { GanConfig } from './adversarial/config.js';
import type { GanNetworks } from './adversarial/own.js';

export interface TrainedGenerator {
  config: GanConfig;
  /** In evaluation mode; the caller disposes it. */
  network: GeneratorNetwork;
  /** Of the same checkpoint, in evaluation mode; null unless asked for. The caller disposes it. */
  discriminator: DiscriminatorNetwork | null;
  device: Device;
  /** Lineage of the images to come, but for how they will be drawn. */
  origin: Omit<Lineage, 'seed' | 'count' | 'truncation' | 'keptShare' | 'choice'>;
}

export interface OpenGeneratorOptions {
  /** A step, `last`, or `best`; default: the best where the run declares one, else the last. */
  checkpoint?: number | 'best' | 'last';
  /** Default: the moving average, where the run has one. */
  weights?: 'ema' | 'raw';
  /** Forward passes over which batch statistics are computed anew (standing statistics); 0, the default: none. */
  standing?: number;
  withDiscriminator?: boolean;
  /** Of a weights file that holds several state dicts: which. */
  part?: string | undefined;
  device?: Device;
  threads?: number;
  /** Of a run that was trained with networks from outside: the same. */
  networks?: GanNetworks;
}
