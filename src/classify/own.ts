/**
 * A classifier of one's own: a network, an augmentation, or both, from a program (`trainClassifier({ network })`) or from
 * a module (`module:` of a recipe, `--module` on the command line):
 *
 *     export default { network: ({ logits, channels }) => new MyNet(logits, channels), fitted: [] };
 *
 * Everything else stays as it is for Graft's own networks: loop, choice of the checkpoint, scores, explanations, trial.
 */
import { basename } from 'node:path';
import { noGrad, type Tensor, tidy, zeros } from 'graft-torch';
import { ConfigError, type Random } from 'graft-torch/base';
import type { Module } from 'graft-torch/nn';
import type { Pipeline } from '../data/augment/index.js';
import { type InputStatistics, networkEntry } from '../models/index.js';
import { loadModule } from '../run/index.js';
import type { ClassifierRecipe } from './config.js';

/** What training, scoring and explaining ask of a network. */
export interface ClassifierModule extends Module {
  /** Normalised images `[N, C, S, S]` → logits: `[N, 1]`, of the positive class against the rest, or `[N, K]`, one a class. */
  forward(images: Tensor): Tensor;
  /**
   * Its parts from the input upwards, each mapping `[N, C, H, W]` to the next; what is in none of them is the head.
   * `layerDecay` slows them down the lower they lie, and Grad-CAM explains their maps. Without them neither can.
   */
  readonly stages?: readonly Module[];
  /** How pixels are normalised; default `imagenet`. */
  readonly inputStatistics?: InputStatistics;
}

/** What a network is made for. */
export interface NetworkContext {
  /** Length of its output: 1 for the positive class against the rest, else one a class. */
  logits: number;
  /** Names in the order of the logits; empty for the positive class against the rest. */
  classes: readonly string[];
  channels: 1 | 3;
  /** Side of the images in pixels. */
  imageSize: number;
}

/** Makes a network with fresh weights from the default generator, which is seeded before: one seed, one network. */
export type NetworkMaker = (context: NetworkContext) => ClassifierModule;

/**
 * A pipeline of Graft's transforms, or a function of a batch: float32 `[N, C, S, S]` in [0, 1] and one random stream a
 * sample → the same shape. Whatever it draws comes from these streams, or a run that resumes ends otherwise.
 */
export type OwnAugmentation = Pipeline | ((images: Tensor, randoms: readonly Random[]) => Tensor);

export interface OwnParts {
  network?: NetworkMaker | undefined;
  augmentation?: OwnAugmentation | undefined;
}

/** A module's parts, and the keys that a run keeps of it. */
export interface OwnModule {
  parts: OwnParts;
  /** `moduleFitted` is what the module says its network was fitted to; left out where it does not say. */
  keys: Pick<ClassifierRecipe, 'module' | 'moduleHash' | 'moduleFitted' | 'own'>;
}

/**
 * Loads what a recipe names as its module; nothing where it names none.
 * @throws ConfigError where the module cannot be had, holds neither part, or is not the one that the run began with
 */
export async function openModule(
  recipe: Pick<ClassifierRecipe, 'module' | 'moduleHash'>,
): Promise<OwnModule> {
  if (recipe.module === undefined) return { parts: {}, keys: {} };
  const { exports, hash, path } = await loadModule(recipe.module, { sha256: recipe.moduleHash });
  const { network, augmentation, fitted, ...others } = exports as Record<string, unknown>;
  const refuse = (what: string): never => {
    throw new ConfigError(`${recipe.module}: ${what}`);
  };
  const [other] = Object.keys(others);
  if (other !== undefined)
    refuse(`exports ${other}; its default export is to be { network?, augmentation?, fitted? }`);
  if (network === undefined && augmentation === undefined)
    refuse('its default export has neither `network` nor `augmentation`');
  if (network !== undefined && typeof network !== 'function')
    refuse('`network` must be a function that makes a network, ({ logits, channels }) => …');
  if (augmentation !== undefined && typeof augmentation !== 'function' && !Array.isArray(augmentation))
    refuse('`augmentation` must be a function of images, or a pipeline of transforms');
  if (fitted !== undefined && !(Array.isArray(fitted) && fitted.every((one) => typeof one === 'string')))
    refuse('`fitted` must list the runs and files that its network was fitted to; [] for none');
  return {
    parts: exports as OwnParts,
    keys: {
      module: path,
      moduleHash: hash,
      ...ownKeys(exports as OwnParts),
      ...(fitted === undefined ? {} : { moduleFitted: fitted as string[] }),
    },
  };
}

/**
 * Asks a network of one's own for logits, before anything rests on it.
 * @throws ConfigError where it is none, or its output has another shape than the run needs
 */
export function requireLogits(network: ClassifierModule, context: NetworkContext): void {
  const { logits, channels, imageSize } = context;
  if (typeof network?.forward !== 'function' || typeof network.parameters !== 'function')
    throw new ConfigError(
      'the network of one’s own is no Module with a forward(images); extend Module of graft-torch/nn',
    );
  network.eval();
  const shape = tidy(() => noGrad(() => network.forward(zeros([2, channels, imageSize, imageSize])).shape));
  network.train();
  if (shape.length === 2 && shape[0] === 2 && shape[1] === logits) return;
  const meaning = logits === 1 ? 'one, of the positive class against the rest' : 'one a class';
  throw new ConfigError(
    `the network of one’s own gives [${shape.join(', ')}] for 2 images, and this run needs logits [2, ${logits}]: ${meaning}`,
  );
}

/** Which parts there are, for a run's `own`. */
export const ownKeys = (parts: OwnParts): Pick<ClassifierRecipe, 'own'> => {
  const own = (['network', 'augmentation'] as const).filter((part) => parts[part] !== undefined);
  return own.length > 0 ? { own } : {};
};

/** How its paper calls a network of Graft: `EfficientNet-B0`, `ResNet-50`. */
export const architectureTitle = (architecture: string): string => networkEntry(architecture).title;

/** How reports call the network of a run. */
export const networkTitle = ({
  architecture,
  module,
  own,
}: Pick<ClassifierRecipe, 'architecture' | 'module' | 'own'>): string =>
  !own?.includes('network')
    ? architecture
    : module === undefined
      ? 'a network of one’s own'
      : `the network of ${basename(module)}`;

/**
 * The parts that a run was trained with, to open its network again.
 * @param given where a program handed them in, not a module: again by a program
 * @throws ConfigError as `openModule`, and where the run's own network is not given
 */
export async function reopenParts(
  dir: string,
  recipe: ClassifierRecipe,
  given: OwnParts = {},
): Promise<OwnParts> {
  if (recipe.module !== undefined) return (await openModule(recipe)).parts;
  if (recipe.own?.includes('network') && given.network === undefined)
    throw new ConfigError(
      `${dir}: its network was handed in by a program; only a program that hands it in again can open it (openClassifier(run, device, { network }))`,
    );
  return given;
}
