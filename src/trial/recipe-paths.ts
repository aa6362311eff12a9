/**
 * Paths that a trial has from recipes of the user's own: relative to where the trial is begun, as those of its own file. They
 * are written into its settings, for a job may run, and a trial go on, from elsewhere.
 */
import { openModule } from '../classify/index.js';
import { openModule as openGanModule, settleModule } from '../generate/index.js';
import { AUTO, settleBackbone } from '../metrics/backbone/index.js';
import { wholePaths } from '../run/index.js';
import type { TrialConfig } from './config.js';
import { classifierConfig, ganConfig } from './plan.js';

/** The backbone `auto`, too, is what it is where the trial is begun: another machine of the trial may have other weights. */
export function withRecipePaths(config: TrialConfig): TrialConfig {
  const { classifier, gans } = config;
  return {
    ...config,
    classifier: settled(classifier, ['weights', 'module'], {
      kind: 'classifier',
      resolved: () => classifierConfig(config),
    }),
    gans: Object.fromEntries(
      Object.entries(gans).map(([name, gan]) => [
        name,
        gan.run === null
          ? withBackbone(
              settled(gan, ['initFrom', 'backbone', 'module'], {
                kind: 'gan',
                resolved: () => ganConfig(config, name, { data: config.data }),
              }),
              () => ganConfig(config, name, { data: config.data }).backbone,
            )
          : gan,
      ]),
    ),
  };
}

/**
 * The same with the hashes of modules: all jobs train with those that were there when the trial was begun, and the trial
 * knows what the classifiers' says that its network was fitted to.
 * @throws ConfigError where one cannot be had, is not trusted, or holds something else
 */
export async function withModules(config: TrialConfig): Promise<TrialConfig> {
  const { keys } = await openModule(classifierConfig(config));
  const { classifier, gans } = config;
  const settledGans = await Promise.all(
    Object.entries(gans).map(async ([name, gan]): Promise<[string, typeof gan]> => {
      if (gan.run !== null) return [name, gan];
      const given = ganConfig(config, name, { data: config.data });
      await openGanModule(given);
      const { module, moduleSha256 } = await settleModule(given);
      const hash = module === undefined ? {} : { module, moduleSha256 };
      return [name, { ...gan, set: { ...gan.set, ...hash } }];
    }),
  );
  return {
    ...config,
    classifier: { ...classifier, set: { ...classifier.set, ...keys } },
    gans: Object.fromEntries(settledGans),
  };
}

/** Only a recipe that is a file of one's own names files of one's own. */
function settled<Part extends { recipe: string; set: Record<string, unknown> }>(
  part: Part,
  keys: readonly string[],
  { kind, resolved }: { kind: 'gan' | 'classifier'; resolved: () => object },
): Part {
  if (!/\.ya?ml$/.test(part.recipe)) return part;
  const values = resolved() as Record<string, unknown>;
  const given = Object.fromEntries(
    keys.flatMap((key) =>
      key in part.set || typeof values[key] !== 'string' ? [] : [[key, values[key]] as const],
    ),
  );
  const whole = Object.entries(wholePaths(kind, given)).filter(([key, value]) => value !== given[key]);
  return { ...part, set: { ...part.set, ...Object.fromEntries(whole) } };
}

function withBackbone<Part extends { set: Record<string, unknown> }>(
  part: Part,
  backbone: () => string | null,
): Part {
  return backbone() === AUTO ? { ...part, set: { ...part.set, backbone: settleBackbone(AUTO) } } : part;
}
