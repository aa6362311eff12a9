/** `graft metrics privacy`: do the synthetic images give their training images away? */
import { relative } from 'node:path';
import type { Command } from 'commander';
import { type Device, dispose, tidy } from 'graft-torch';
import { ConfigError, GraftError } from 'graft-torch/base';
import { backboneProtocol } from '../metrics/distribution/index.js';
import {
  assessPrivacy,
  checkNumber,
  type PrivacyAssessment,
  type PrivacySets,
  type PrivacyThresholds,
  parseThresholds,
  passesWith,
  sharedNotes,
} from '../metrics/privacy/index.js';
import { composePrivacyReport } from '../metrics/report/index.js';
import {
  type Chosen,
  type Compared,
  chooseCompared,
  type FramingChoice,
  type ImageSet,
  type LoadedSets,
  type Protocol,
  readImages,
  readSets,
  requireSome,
  toTensor,
} from '../metrics/sets/index.js';
import { withTotal } from '../run/index.js';
import { collect, examples, globalOptions, startEngine } from './common.js';
import { addBackboneOptions, type BackboneFlags, openCommandBackbone } from './metrics-backbone.js';
import { answer } from './metrics-output.js';
import { addSetOptions, type SetFlags, tell } from './metrics-sets.js';
import { plainTable, trimmed } from './table.js';

interface PrivacyFlags extends SetFlags, BackboneFlags {
  heldOut?: string;
  threshold: string[];
}

export function registerPrivacy(metrics: Command): void {
  const privacy = addBackboneOptions(
    addSetOptions(
      metrics
        .command('privacy')
        .description(
          'memorisation: copies, distances to training against held-out images, membership inference; pass or fail',
        ),
      { page: 'figures and the closest pairs' },
    ).option(
      '--held-out <dir>',
      'real images that the generator did not see (default: the dataset’s validation and test split)',
    ),
  )
    .option(
      '--threshold <key=value>',
      'hold a check to another threshold, such as membershipAuc=0.6; repeatable',
      collect,
      [],
    )
    .action(async (flags: PrivacyFlags, command: Command) => privacyCommand(flags, command));
  privacy.addHelpText(
    'after',
    '\nExit code 0 where every check passes, 1 where one fails or cannot be decided.\n',
  );
  examples(privacy, [
    [
      'samples of a GAN against the images it learned from, and those it did not see',
      'graft metrics privacy --real isic2017 --synthetic synthetic --report privacy.html',
    ],
    [
      'by the features of a pretrained network, where its weights are at hand',
      'graft metrics privacy --real isic2017 --synthetic synthetic --backbone auto',
    ],
    ['plain folders', 'graft metrics privacy --real train/ --held-out test/ --synthetic samples/ --size 64'],
  ]);
}

/** What one framing gave. */
interface Assessed {
  assessment: PrivacyAssessment;
  loaded: LoadedSets;
  protocol: Protocol;
  /** What the backbone is, in words. */
  about: string;
  sets: PrivacySets<ImageSet>;
  /** The caller disposes them. */
  features: PrivacySets;
}

async function privacyCommand(flags: PrivacyFlags, command: Command): Promise<void> {
  const device = await startEngine(command);
  const thresholds = parseThresholds(flags.threshold);
  const compared = await chooseCompared({ ...flags, everyFraming: true });
  tell(compared, command);
  const { heldOut } = compared;
  if (!heldOut) {
    throw new ConfigError(
      `--held-out: ${flags.real} is a plain folder; name the folder of real images that the generator did not see`,
    );
  }
  requireSome(heldOut, 'held-out');
  const assessed: Assessed[] = [];
  try {
    for (const framing of compared.framings)
      assessed.push(
        await assessFraming({ compared, heldOut, framing }, { flags, thresholds, device, command }),
      );
    await answerWorst(assessed, flags, command);
  } finally {
    dispose(assessed.flatMap(({ features }) => Object.values(features)));
  }
}

/** Prints the worst that a framing gave, and writes its page. @throws GraftError where it is no pass */
async function answerWorst(
  assessed: readonly Assessed[],
  flags: PrivacyFlags,
  command: Command,
): Promise<void> {
  // A copy that one framing shows is a copy.
  const rank = ({ assessment: { passed } }: Assessed): number =>
    passed === false ? 0 : passed === null ? 1 : 2;
  const copies = ({ assessment: { checks } }: Assessed): number =>
    checks.find(({ id }) => id === 'pictureCopies')?.value ?? 0;
  const [worst] = [...assessed].sort((a, b) => rank(a) - rank(b) || copies(b) - copies(a));
  const { assessment, loaded, protocol, about, sets, features } = worst!;
  const framings = assessed.map((one) => ({ ...one.loaded.framing, passed: one.assessment.passed }));
  await answer(command, flags, {
    sets: loaded,
    page: (words) => composePrivacyReport({ assessment, sets, features, protocol, ...words }),
    json: {
      ...loaded.folders,
      ...{ heldOut: flags.heldOut ?? null, cautions: loaded.cautions, protocol, framings },
      ...assessment,
    },
    text: () => [describe(assessment, about), ...framingLines(framings)].join('\n'),
  });
  if (assessment.passed !== true) throw verdictError(assessment);
}

/** Assesses in one framing. */
async function assessFraming(
  { compared, heldOut, framing }: { compared: Compared; heldOut: Chosen; framing: FramingChoice },
  how: { flags: PrivacyFlags; thresholds: Partial<PrivacyThresholds>; device: Device; command: Command },
): Promise<Assessed> {
  const { flags, thresholds, device, command } = how;
  const { seed, quiet } = globalOptions(command);
  const loaded = await readSets(compared, framing, { quiet });
  const { sizePx } = loaded.protocol;
  const unseen = await readImages(heldOut, { sizePx, ...framing.framing }, { which: 'held-out', quiet });
  const sets = { train: loaded.real, heldOut: unseen, synthetic: loaded.synthetic };
  const opened = await openCommandBackbone(flags, command, { device, calibrate: loaded.real });
  const { backbone, featuresOf } = opened;
  try {
    const features = {
      train: await featuresOf('training', sets.train),
      heldOut: await featuresOf('held-out', sets.heldOut),
      synthetic: await featuresOf('synthetic', sets.synthetic),
    };
    const { groups: train } = sets.train;
    const { groups: others } = sets.heldOut;
    const each = <T>(of: (set: ImageSet) => T): PrivacySets<T> => ({
      train: of(sets.train),
      heldOut: of(sets.heldOut),
      synthetic: of(sets.synthetic),
    });
    const display = { label: 'looking for copied pictures', unit: 'images', quiet };
    const assessment = tidy(() =>
      withTotal(display, (onProgress) =>
        assessPrivacy(
          {
            features,
            images: each(toTensor),
            ...(train && others && { groups: { train, heldOut: others } }),
            names: {
              train: namesIn(flags.real, sets.train),
              heldOut: namesIn(heldOut.dir, sets.heldOut),
              synthetic: namesIn(flags.synthetic, sets.synthetic),
            },
          },
          thresholds,
          { seed, onProgress },
        ),
      ),
    );
    const protocol = { ...loaded.protocol, ...backboneProtocol(backbone) };
    const about = backbone.description;
    return { assessment: asSet(assessment, loaded), loaded, protocol, about, sets, features };
  } finally {
    await backbone.dispose();
  }
}

/** No pass where there is no set to judge: images of one colour are nobody's copies, and nobody's use. */
const asSet = (assessment: PrivacyAssessment, { cautions }: LoadedSets): PrivacyAssessment =>
  assessment.passed === true && cautions.some(({ kind }) => kind === 'degenerate')
    ? { ...assessment, passed: null }
    : assessment;

const framingLines = (framings: readonly (FramingChoice & { passed: boolean | null })[]): string[] =>
  framings.length === 1
    ? []
    : [
        '',
        `Looked at in ${framings.length} framings: ${framings.map(({ framing, passed }) => `${framing.fit}: ${verdictOf(passed)}`).join(', ')}. Shown above: the worst.`,
      ];

/** Paths within their folder. */
const namesIn = (dir: string, { files = [] }: ImageSet): string[] => files.map((file) => relative(dir, file));

const verdictOf = (passed: boolean | null): string =>
  passed === null ? 'undecided' : passed ? 'pass' : 'FAIL';

function describe({ passed, checks, counts }: PrivacyAssessment, about: string): string {
  const shared = sharedNotes(checks);
  const table = plainTable(['check', 'value', 'interval', 'reference', 'passes', 'verdict']);
  for (const check of checks) {
    table.push([
      check.name,
      checkNumber(check.value),
      check.interval ? `${checkNumber(check.interval[0])} to ${checkNumber(check.interval[1])}` : '–',
      checkNumber(check.reference),
      passesWith(check),
      verdictOf(check.passed),
    ]);
  }
  const notes = [
    ...shared,
    ...checks.flatMap(({ name, notes }) =>
      notes.filter((note) => !shared.includes(note)).map((note) => `${name}: ${note}`),
    ),
  ];
  return [
    trimmed(table),
    '',
    ...notes,
    ...(notes.length > 0 ? [''] : []),
    `${counts.train} training, ${counts.heldOut} held-out, ${counts.synthetic} synthetic images.`,
    about,
    ...(passed === true
      ? ['', 'PASS: none of these checks finds what copying would leave. That is no proof of privacy.']
      : []),
  ].join('\n');
}

/** What a command ends with whose result is no pass: the line on stderr, and exit code 1. */
function verdictError({ passed, checks }: PrivacyAssessment): Error {
  const names = checks.filter((check) => check.passed === passed).map(({ name }) => name);
  if (names.length === 0) names.push('the images are no set to judge');
  return new GraftError(
    passed === false
      ? `privacy: FAIL: ${names.join('; ')}; look at the pairs (--report), and train anew or leave those images out`
      : `privacy: UNDECIDED, which is not a pass: ${names.join('; ')}; see the notes, most often it takes more images`,
  );
}
