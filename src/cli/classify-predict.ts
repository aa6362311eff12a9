/** `graft classify predict`. */
import { open } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { DataError, replaceFileAsync } from 'graft-torch/base';
import type { Pictures, Prediction, Unreadable } from '../classify/index.js';
import {
  columnOf,
  findPictures,
  framingOfRun,
  openClassifier,
  predictFiles,
  showingOfRun,
} from '../classify/index.js';
import type { TestTimeAugmentation } from '../data/augment/index.js';
import { showingOf } from '../data/import/index.js';
import { csvText } from '../data/table/index.js';
import { parseIntensity, parsePage } from '../image/index.js';
import { InterruptedError, withInterrupt, withProgress } from '../run/index.js';
import { likeliest } from '../stats/index.js';
import { addTrustOption, examples, globalOptions, notice, output, startEngine } from './common.js';

interface PredictFlags {
  csv?: string;
  tta?: TestTimeAugmentation;
  skipUnreadable?: boolean;
  intensity?: string;
  page?: string;
}

export function registerPredict(classify: Command): void {
  const predict = addTrustOption(classify.command('predict'))
    .description('score pictures: files, and folders with the folders within')
    .argument('<run>', 'run folder of a classifier')
    .argument('<pictures...>', 'files and folders')
    .option('--csv <file>', 'write file, score and every class’s probability (default: on stdout)')
    .addOption(
      new Option('--tta <views>', 'test-time augmentation (default: the run’s)').choices([
        'none',
        'flips',
        'symmetries',
      ]),
    )
    .option(
      '--intensity <range>',
      'which stored values are black and white, as `graft data import` has it (default: those of the run’s dataset)',
    )
    .option('--page <page>', 'of TIFFs that hold several pictures: first, middle, last or a number')
    .option('--skip-unreadable', 'files that cannot be read are no failure')
    .action(async (run: string, images: string[], flags: PredictFlags) =>
      predictCommand({ run, images, ...flags }, predict),
    );
  examples(predict, [
    ['a folder of new pictures', 'graft classify predict runs/first pictures --csv out.csv'],
    ['single files', 'graft classify predict runs/first today/*.jpg other.png --json'],
    [
      'averaged over the eight symmetries of the square',
      'graft classify predict runs/first pictures --csv out.csv --tta symmetries',
    ],
  ]);
}

type Write = (text: string) => Promise<void>;

async function predictCommand(
  { run, images: given, ...flags }: PredictFlags & { run: string; images: string[] },
  command: Command,
): Promise<void> {
  const { quiet, json } = globalOptions(command);
  const { files, passedOver } = findPictures(given);
  const passed = passedOver.length > 0 ? passedOverWords(passedOver) : '';
  if (files.length === 0)
    throw new DataError(
      `${given.join(', ')}: no images in ${given.length > 1 ? 'these' : 'this folder'}${passed && `; ${passed}`}`,
    );
  if (passed) notice(command, `graft: warning: ${passed}`);
  const device = await startEngine(command);
  const { network, config } = await openClassifier(run, device);
  const framing = framingOfRun(run);
  const page = flags.page === undefined ? undefined : parsePage(flags.page);
  const showing =
    flags.intensity === undefined
      ? { ...showingOfRun(run), page }
      : await showingOf(
          files.map(({ path }) => path),
          { intensity: parseIntensity(flags.intensity), page },
        );
  const tta = flags.tta ?? config.tta;
  const classes = config.target === 'classes' ? config.classes : [];
  const unreadable: Unreadable[] = [];

  /** Hands on the rows of each batch as soon as they are there. */
  const scoreAll = (onRows: (predictions: Prediction[]) => Promise<void>): Promise<void> =>
    withInterrupt(
      (interrupt) =>
        withProgress({ label: 'scoring', total: files.length, unit: 'images', quiet }, async (bar) => {
          const { imageSize: sizePx, evaluationBatchSize: batchSize } = config;
          for await (const part of predictFiles(network, files, {
            classes: classes.length,
            sizePx,
            framing,
            channels: config.channels ?? 3,
            showing,
            device,
            batchSize,
            tta,
          })) {
            await onRows(part.predictions);
            for (const { reason } of part.unreadable) bar.note(`graft: warning: ${reason}`);
            unreadable.push(...part.unreadable);
            bar.update(part.done);
            if ((await interrupt.poll()) && part.done < files.length) {
              const left = flags.csv === undefined ? '' : `; ${flags.csv} is not written`;
              throw new InterruptedError(`stopped after ${part.done} of ${files.length} images${left}`);
            }
          }
        }),
      'stopping after this batch; once more to stop at once',
    );
  const scoreAsCsv = async (write: Write): Promise<void> => {
    await write(
      csvText([['file', 'score', ...(classes.length > 0 ? ['called', ...classes.map(columnOf)] : [])]]),
    );
    await scoreAll((predictions) =>
      write(
        csvText(
          predictions.map(({ file, score, probabilities }) => [
            file,
            score,
            ...(probabilities ? [classes[likeliest(probabilities)]!, ...probabilities] : []),
          ]),
        ),
      ),
    );
  };

  const named = ({ file, score, probabilities }: Prediction): object => ({
    file,
    score,
    ...(probabilities && {
      called: classes[likeliest(probabilities)],
      probabilities: Object.fromEntries(classes.map((name, k) => [name, probabilities[k]])),
    }),
  });
  const predictions: object[] = [];
  try {
    if (flags.csv !== undefined) await replaceFileAsync(flags.csv, (path) => writeTo(path, scoreAsCsv));
    else if (json) await scoreAll(async (rows) => void predictions.push(...rows.map(named)));
    else await scoreAsCsv(writeToStdout);
  } finally {
    network.dispose();
  }

  const scored = files.length - unreadable.length;
  if (flags.csv !== undefined || json) {
    const result = flags.csv === undefined ? { predictions } : { csv: flags.csv };
    output(command, {
      json: {
        run,
        ...(classes.length > 0 ? { classes } : {}),
        ...result,
        images: scored,
        tta,
        unreadable,
        passedOver,
      },
      text: `${scored} images scored: ${flags.csv}`,
    });
  }
  if (unreadable.length === 0) return;
  const told = `${unreadable.length} of ${files.length} files cannot be read and have no score: ${someOf(unreadable)}`;
  if (!flags.skipUnreadable || scored === 0) {
    throw new DataError(`${told}; mend or remove them, or accept that with --skip-unreadable`);
  }
  notice(command, `graft: warning: ${told}`);
}

/** 'passed over 3 files that are no pictures: notes.txt, …' */
function passedOverWords(passedOver: Pictures['passedOver']): string {
  const [first] = passedOver;
  const reasons = new Set(passedOver.map(({ why }) => why));
  const why = reasons.size === 1 ? ` (${first!.why})` : '';
  const named = passedOver.map(({ file, why: own }) => ({ file: why ? file : `${file} (${own})` }));
  return `passed over ${passedOver.length} ${passedOver.length === 1 ? 'file' : 'files'}${why}: ${someOf(named)}`;
}

/** The first few names. */
const someOf = (unreadable: readonly { file: string }[]): string =>
  [...unreadable.slice(0, 3).map(({ file }) => file), ...(unreadable.length > 3 ? ['…'] : [])].join(', ');

async function writeTo(path: string, rows: (write: Write) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await rows(async (text) => void (await file.writeFile(text)));
  } finally {
    await file.close();
  }
}

/** Waits where the reader is slower than the network. */
const writeToStdout: Write = async (text) => {
  if (process.stdout.write(text)) return;
  await new Promise((resolve) => process.stdout.once('drain', resolve));
};
