/** What `graft metrics …` compares: the options that name the two sets, and both in memory. */
import { type Command, Option } from 'commander';
import type { Fit } from '../image/index.js';
import {
  type Compared,
  chooseCompared,
  framingSentence,
  type LoadedSets,
  poolSets,
  readSets,
} from '../metrics/sets/index.js';
import { collect, globalOptions, integer, notice } from './common.js';

export interface SetFlags {
  real: string;
  synthetic: string;
  class?: string;
  size?: number;
  fit?: Fit;
  /** File of the page. */
  report?: string;
}

/** With a folder of synthetic images a class. */
export interface ClassFlags extends Omit<SetFlags, 'synthetic'> {
  synthetic: string[];
}

/**
 * The options that name the two sets, how their frames become squares, and the page.
 * @param options.page what stands on it
 */
export const addSetOptions = (
  command: Command,
  { page, many = false }: { page: string; many?: boolean },
): Command =>
  command
    .requiredOption('--real <dir>', 'dataset (its training images of the class) or any folder of real images')
    .addOption(syntheticOption(many))
    .option('--class <label>', 'class of a dataset to compare with (default: the one in lineage.json)')
    .option(
      '--size <pixels>',
      'resize both to this square (default: the synthetic images’ own size)',
      integer({ min: 11, max: 1024 }),
    )
    .addOption(
      new Option(
        '--fit <how>',
        'how a frame becomes square: its centre cut out, squashed, padded (default: as the generator saw it, by lineage.json)',
      ).choices(['cover', 'fill', 'contain']),
    )
    .option('--report <file.html>', `write a page with ${page}`);

function syntheticOption(many: boolean): Option {
  const option = new Option(
    '--synthetic <dir>',
    `folder of synthetic images${many ? '; repeatable, a folder a class' : ''}`,
  ).makeOptionMandatory();
  // Without a default, or it would not be missed: the first call has none before it.
  return many ? option.argParser((dir, before?: string[]) => collect(dir, before ?? [])) : option;
}

/**
 * Reads both sets, with progress, and says how their frames became squares.
 * @throws as `chooseCompared`
 */
export async function loadSets(flags: SetFlags, command: Command): Promise<LoadedSets> {
  const compared = await chooseCompared(flags);
  tell(compared, command);
  return readSets(compared, compared.framings[0]!, globalOptions(command));
}

/** Says what the user should know before figures come. */
export function tell({ warnings, framings }: Compared, command: Command): void {
  for (const warning of warnings) notice(command, `graft: warning: ${warning}`);
  for (const framing of framings) notice(command, framingSentence(framing));
}

/**
 * Reads a folder of synthetic images a class, each with its real images, and all of them as one set.
 * @throws as `loadSets`; ConfigError where two folders show one class, none, or images of another size or framing
 */
export async function loadClasses(
  flags: ClassFlags,
  command: Command,
): Promise<{ classes: LoadedSets[]; all: LoadedSets }> {
  const classes: LoadedSets[] = [];
  for (const synthetic of flags.synthetic) classes.push(await loadSets({ ...flags, synthetic }, command));
  return { classes, all: poolSets(classes) };
}
