/**
 * The house's rule: imports run downwards only. This is the table, and the checker that `house.test.ts` runs over
 * the sources (and over planted violations).
 *
 * A room is a folder of src/. Tests may look anywhere, but what they import must exist.
 */
import { posix } from 'node:path';
import ts from 'typescript';

/** Room → rooms it may import, besides itself and the floor. */
export const HOUSE: Readonly<Record<string, readonly string[]>> = {
  torch: [],
  nn: ['torch'],
  optim: ['nn', 'torch'],
  models: ['nn', 'torch'],
  export: ['nn', 'torch'],
  image: ['torch'],
  stats: [],
  report: [],
  data: ['image', 'torch', 'report', 'stats'],
  metrics: ['stats', 'report', 'image', 'data', 'models', 'nn', 'torch', 'run'],
  run: [],
  lineage: ['metrics', 'models', 'data', 'run', 'torch'],
  gan: ['lineage', 'models', 'export', 'optim', 'nn', 'torch', 'data', 'image', 'metrics', 'report', 'run'],
  classify: [
    'lineage',
    'models',
    'export',
    'optim',
    'nn',
    'torch',
    'data',
    'image',
    'metrics',
    'report',
    'run',
    'stats',
  ],
  verdict: ['stats', 'report', 'data', 'run'],
  trial: [
    'verdict',
    'gan',
    'classify',
    'lineage',
    'metrics',
    'stats',
    'report',
    'run',
    'data',
    'image',
    'export',
    'torch',
  ],
};

/** Files of src/ itself that everyone may import; they import nothing but each other. */
export const FLOOR: readonly string[] = [
  'errors',
  'random',
  'files',
  'reading',
  'lock',
  'output-folder',
  'command-line',
  'user-cache',
  'secrets',
  'json-text',
  'yaml-text',
];

/** Rooms and files that may import everything, and that nothing imports. */
export const ROOF: readonly string[] = ['cli', 'index'];

/** Only the run folder's checkpoints hold tensors; the rest of `run` is read where there is no engine. */
const isCheckpoint = (path: string) => posix.basename(path).startsWith('checkpoint');

/**
 * Every broken rule of a tree, one line each.
 * @param files TypeScript sources by path from the project's root, such as `src/gan/train.ts`
 */
export function findViolations(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) => [
    ...importsOf(text).flatMap((specifier) => {
      const reason = judge(path, specifier, files);
      return reason ? [`${path} imports ${specifier}: ${reason}`] : [];
    }),
    ...nativeViolation(path, text),
  ]);
}

/** What a source imports: statically, dynamically, as a type, or re-exported. */
function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
}

function judge(path: string, specifier: string, files: ReadonlyMap<string, string>): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  if (!specifier.endsWith('.js')) return 'relative imports name a file and end in .js';
  const source = target.replace(/\.js$/, '.ts');
  if (!files.has(source) && !files.has(target.replace(/\.js$/, '.d.ts'))) return 'no such file';
  if (!path.startsWith('src/') || path.endsWith('.test.ts')) return undefined;
  if (!source.startsWith('src/')) return 'what is outside src/ is not there at run time';
  if (source.endsWith('.test.ts')) return 'a test is not there to be imported';
  return judgeRooms(path, source);
}

function judgeRooms(path: string, source: string): string | undefined {
  const [from, to] = [roomOf(path), roomOf(source)];
  if (from === to && !FLOOR.includes(from)) return undefined;
  if (ROOF.includes(from)) return undefined;
  if (ROOF.includes(to)) return `nothing below imports ${to}`;
  if (FLOOR.includes(to)) return undefined;
  if (FLOOR.includes(from)) return `${from} is the floor: nothing is below it`;
  const allowed = HOUSE[from];
  if (!allowed) return `${from} is no room of the house: give it a place in test/house.ts`;
  if (allowed.includes(to) || (from === 'run' && to === 'torch' && isCheckpoint(path))) return undefined;
  return `${from} may import ${allowed.length > 0 ? allowed.join(', ') : 'no other room'}, not ${to}`;
}

/** `src/gan/train.ts` → `gan`, `src/errors.ts` → `errors`. */
function roomOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? '';
}

/** Only src/torch/ knows the addon. */
function nativeViolation(path: string, text: string): string[] {
  const loads = /['"`][^'"`\n]*\.node['"`]/.test(text);
  const exempt = !path.startsWith('src/') || path.startsWith('src/torch/') || path.endsWith('.test.ts');
  return loads && !exempt ? [`${path} names a native addon: only src/torch/ may load one`] : [];
}
