/**
 * The house's rules. Imports run downwards only; one room enters another through its door (`index.ts`); no file
 * reaches itself again. This is the table, and the checker that `house.test.ts` runs over the sources (and over planted
 * violations).
 *
 * A room is a folder of a package's src/. Folders inside a room may have doors of their own, so that whoever needs DICOM
 * does not load the near-duplicate search. Tests may look anywhere, but what they import must exist.
 */
import { posix } from 'node:path';
import ts from 'typescript';

/** A package: where its sources lie, its rooms and which others each may enter, besides itself. */
export interface Package {
  src: string;
  rooms: Readonly<Record<string, readonly string[]>>;
  /** Rooms of the engine's package that a room may enter, where not all. */
  engine?: Readonly<Record<string, readonly string[]>>;
}

const ENGINE: Package = {
  src: 'packages/torch/src',
  rooms: {
    base: [],
    torch: ['base'],
    nn: ['torch', 'base'],
    optim: ['nn', 'torch', 'base'],
    export: ['nn', 'torch', 'base'],
  },
};

const TOOL: Package = {
  src: 'src',
  rooms: {
    base: [],
    net: ['base'],
    image: ['base'],
    stats: ['base'],
    report: ['base'],
    models: ['net', 'base'],
    data: ['net', 'image', 'report', 'stats', 'base'],
    run: ['base'],
    metrics: ['stats', 'report', 'image', 'data', 'models', 'run', 'base'],
    lineage: ['metrics', 'models', 'data', 'run', 'base'],
    generate: ['lineage', 'models', 'data', 'image', 'metrics', 'report', 'run', 'base'],
    classify: ['lineage', 'models', 'data', 'image', 'metrics', 'report', 'run', 'stats', 'base'],
    verdict: ['stats', 'report', 'data', 'run', 'base'],
    trial: [
      'verdict',
      'generate',
      'classify',
      'lineage',
      'metrics',
      'stats',
      'report',
      'run',
      'data',
      'image',
      'net',
      'base',
    ],
  },
  // What anyone's scores need knows no tensors.
  engine: { base: ['base'], stats: ['base'], report: ['base'], verdict: ['base'] },
};

export const PACKAGES: Readonly<Record<string, Package>> = { 'graft-torch': ENGINE, 'graft-gan': TOOL };

/** The roof of the tool: may enter every room, and nothing enters it. So is the package's own door, src/index.ts. */
export const ROOF = 'cli';
export const FRONT_DOOR = 'index.ts';

/** The engine's main room is the package itself; the others are subpaths. */
const doorOf = (room: string): string => (room === 'torch' ? 'graft-torch' : `graft-torch/${room}`);
const engineDoors = [...Object.keys(ENGINE.rooms).map(doorOf), 'graft-torch/kernels', 'graft-torch/setup'];

const isTest = (path: string): boolean => /\.test(-data)?\.ts$/.test(path);

/**
 * Every broken rule of a tree, one line each.
 * @param files TypeScript sources by path from the project's root, such as `src/generate/train.ts`
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

/** Files that reach themselves again through what they import, types included: each circle once, as its members. */
export function findCircles(files: ReadonlyMap<string, string>): string[][] {
  const below = new Map<string, string[]>();
  for (const [path, text] of files) {
    if (isTest(path)) continue;
    const targets = importsOf(text).map((specifier) => sourceOf(path, specifier));
    below.set(
      path,
      targets.filter((target) => target !== undefined && files.has(target) && !isTest(target)) as string[],
    );
  }
  return stronglyConnected(below).filter((circle) => circle.length > 1);
}

/** Tarjan's algorithm. */
function stronglyConnected(below: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    low.set(node, order.get(node)!);
    stack.push(node);
    for (const next of below.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) === order.get(node)) found.push(stack.splice(stack.indexOf(node)).sort());
  };
  for (const node of below.keys()) if (!order.has(node)) visit(node);
  return found;
}

/** Exported and inner functions and methods with more positional parameters than `limit`, as `path: name`. */
export function findLongSignatures(files: ReadonlyMap<string, string>, limit = 3): string[] {
  const found: string[] = [];
  for (const [path, text] of files) {
    if (isTest(path) || !packageOf(path)) continue;
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      const isFunction =
        ts.isFunctionDeclaration(node) ||
        ts.isFunctionExpression(node) ||
        ts.isArrowFunction(node) ||
        ts.isMethodDeclaration(node) ||
        ts.isConstructorDeclaration(node);
      if (isFunction && node.parameters.length > limit) {
        const named = node.name ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name : undefined);
        found.push(`${path}: ${named?.getText() ?? 'a function without a name'}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

/** What a source imports: statically, dynamically, as a type, or re-exported. */
function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
}

/** The source that a specifier means; undefined for a package of somebody else. */
function sourceOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
  if (!engineDoors.includes(specifier)) return undefined;
  const room = specifier.slice('graft-torch/'.length) || 'torch';
  return `${ENGINE.src}/${room === 'kernels' ? 'torch/kernels' : room}/index.ts`;
}

const packageOf = (path: string): Package | undefined =>
  Object.values(PACKAGES).find(({ src }) => path.startsWith(`${src}/`));

/** `src/generate/choice/choose.ts` → `generate`. */
const roomOf = (path: string, { src }: Package): string => path.slice(src.length + 1).split('/')[0]!;

function judge(path: string, specifier: string, files: ReadonlyMap<string, string>): string | undefined {
  const own = packageOf(path);
  if (specifier === 'graft-torch' || specifier.startsWith('graft-torch/')) {
    if (own === ENGINE && !isTest(path)) return 'a package does not import itself by its name';
    if (!engineDoors.includes(specifier)) return `graft-torch has no such door: ${engineDoors.join(', ')}`;
    return own === TOOL && !isTest(path) ? judgeEngine(path, specifier) : undefined;
  }
  if (!specifier.startsWith('.')) return undefined;
  if (!specifier.endsWith('.js')) return 'relative imports name a file and end in .js';
  const source = sourceOf(path, specifier)!;
  if (!files.has(source) && !files.has(source.replace(/\.ts$/, '.d.ts'))) return 'no such file';
  if (!own || path.endsWith('.test.ts')) return undefined;
  if (source.endsWith('.test.ts')) return 'a test is not there to be imported';
  if (isTest(path)) return undefined;
  if (packageOf(source) !== own) return 'what is outside the package is not there at run time';
  return judgeRooms(path, source, own);
}

function judgeEngine(path: string, specifier: string): string | undefined {
  const room = roomOf(path, TOOL);
  const allowed = TOOL.engine?.[room]?.map(doorOf);
  return allowed && !allowed.includes(specifier)
    ? `${room} knows no tensors: of the engine it may import ${allowed.join(', ')}`
    : undefined;
}

function judgeRooms(path: string, source: string, own: Package): string | undefined {
  const [from, to] = [roomOf(path, own), roomOf(source, own)];
  if (from === to) return undefined;
  if (own === TOOL && (to === ROOF || to === FRONT_DOOR)) return `nothing below imports ${to}`;
  if (posix.basename(source) !== 'index.ts')
    return `past the door: import it from ${posix.join(posix.dirname(source), 'index.js')}`;
  if (own === TOOL && (from === ROOF || from === FRONT_DOOR)) return undefined;
  const allowed = own.rooms[from];
  if (!allowed) return `${from} is no room of the house: give it a place in test/house.ts`;
  if (allowed.includes(to)) return undefined;
  return `${from} may import ${allowed.length > 0 ? allowed.join(', ') : 'no other room'}, not ${to}`;
}

/** Only the engine's main room knows the addon. */
function nativeViolation(path: string, text: string): string[] {
  const loads = /['"`][^'"`\n]*\.node['"`]/.test(text);
  const exempt = !packageOf(path) || path.startsWith(`${ENGINE.src}/torch/`) || isTest(path);
  return loads && !exempt ? [`${path} names a native addon: only ${ENGINE.src}/torch/ may load one`] : [];
}
