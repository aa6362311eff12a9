/** A trained generator out of its run folder, or out of a file of weights. */
import { existsSync, statSync } from 'node:fs';
import { bestDevice, Generator, randn, requireDevice, setThreads } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { standingStatistics } from './adversarial/latent.js';
import { openGanFile, openGanRun } from './adversarial/open.js';
import { classesOf } from './config.js';
import { toLabels } from './data.js';
import type { OpenGeneratorOptions, TrainedGenerator } from './trained-generator.js';

/**
 * @param source run folder, or a file with a generator's weights
 * @throws DataError when it holds no finished run of a generator, or not that checkpoint, or no generator
 */
export async function openGenerator(
  source: string,
  options: OpenGeneratorOptions = {},
): Promise<TrainedGenerator> {
  setThreads(options.threads || undefined);
  const isFile = existsSync(source) && statSync(source).isFile();
  if (options.part !== undefined && !isFile)
    throw new ConfigError(
      `${source}: is no file of weights: a run has no parts to choose from; leave --part out`,
    );
  const device = options.device ? requireDevice(options.device) : bestDevice();
  const opened = isFile ? await openGanFile(source, options) : await openGanRun(source, options);
  opened.network.to({ device }).eval();
  opened.discriminator?.to({ device }).eval();
  const { standing = 0 } = options;
  const generator = { ...opened, device, origin: { ...opened.origin, standing } };
  if (standing > 0) recomputeStatistics(generator, standing);
  return generator;
}

/** Over batches of 64, all classes alike. */
function recomputeStatistics({ network, config, device }: TrainedGenerator, draws: number): void {
  const noise = Generator.seeded(config.seed);
  const classCount = classesOf(config).length;
  const labels = Array.from({ length: 64 }, (_, i) => i % classCount);
  standingStatistics(network, {
    draws,
    draw: () => ({
      z: randn([64, network.latent], { generator: noise }).to({ device }),
      labels: network.classCount > 0 ? toLabels(labels, device) : null,
    }),
  });
}
