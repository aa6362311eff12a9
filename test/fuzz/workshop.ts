/** What the situations work on, made when the first one asks for it: phantoms, and a finished GAN run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { graft } from './program.js';

export interface Workshop {
  /** A folder of its own. */
  dir: string;
  phantoms(): Promise<string>;
  /** Finished at step 4, with two checkpoints. */
  gan(): Promise<string>;
}

const sets = (values: readonly string[]): string[] => values.flatMap((value) => ['--set', value]);
const tinyGan = ['batchSize=4', 'latentSize=8', 'generatorWidth=4', 'discriminatorWidth=4', 'monitorEvery=0'];

/** Arguments that train a tiny GAN. */
export const trainGan = (data: string, out: string, steps: number): string[] => [
  ...[
    'gan',
    'train',
    '--data',
    data,
    '--class',
    'malignant',
    '--out',
    out,
    '--threads',
    '1',
    '--device',
    'cpu',
    '--quiet',
  ],
  ...sets([...tinyGan, `steps=${steps}`, 'checkpointEvery=2']),
];

/** Arguments that train a classifier for two steps. */
export const trainClassifier = (data: string, out: string): string[] => [
  ...['classify', 'train', '--data', data, '--out', out, '--quiet', '--device', 'cpu', '--threads', '1'],
  ...sets(['imageSize=32', 'steps=2', 'warmupSteps=0', 'evaluateEvery=2', 'batchSize=8']),
];

export function openWorkshop(dir: string): Workshop {
  const once =
    (name: string, make: (out: string) => Promise<readonly string[]>) => async (): Promise<string> => {
      const out = join(dir, name);
      if (existsSync(out)) return out;
      const { status, stderr } = await graft(await make(out), { cwd: dir });
      if (status !== 0) throw new Error(`the fuzz cannot make its ${name}: ${stderr}`);
      return out;
    };
  const phantoms = once('phantoms', async (out) => {
    return ['data', 'phantoms', '--count', '80', '--size', '64', '--out', out, '--quiet'];
  });
  return {
    dir,
    phantoms,
    gan: once('gan', async (out) => trainGan(await phantoms(), out, 4)),
  };
}
