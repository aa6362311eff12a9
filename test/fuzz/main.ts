/**
 * `npm run fuzz -- [--minutes 5] [--seed N] [--kind NAME] [--out DIR]`: files that are damaged or made to do harm, and
 * situations that commands get into. Each try must be read, or refused in one line; whatever else happens is a fault. The
 * input of each fault is kept, and the exit code is then 1.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { Random } from 'graft-torch/base';
import { settleEnvironment } from '../environment.js';
import { type FileKind, fileKinds } from './file-kinds.js';
import { mutate, pick } from './mutate.js';
import { fault, type Outcome } from './outcome.js';
import { Reading } from './reading.js';
import { type Situation, situations } from './situations.js';
import { openWorkshop } from './workshop.js';

interface Count {
  kind: string;
  tried: number;
  refused: number;
  read: number;
  faults: string[];
  /** Not allowed on this machine. */
  skipped?: boolean;
}

/** A kind that is broken need not be broken a thousand times. */
const mostFaults = 20;

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kind: { type: 'string', multiple: true, default: [] },
    out: { type: 'string', default: 'build/fuzz' },
  },
});
const kinds = [...fileKinds, ...situations];
const unknown = flags.kind.find((name) => !kinds.some((kind) => kind.name === name));
const [minutes, seed] = [Number(flags.minutes), Number(flags.seed)];
if (unknown !== undefined || !(minutes > 0) || !Number.isInteger(seed)) {
  const wrong =
    unknown === undefined ? 'expected --minutes N and --seed N' : `--kind ${unknown}: no such kind`;
  console.error(`fuzz: ${wrong}; there are: ${kinds.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

settleEnvironment(process.env);
const chosen = flags.kind.length === 0 ? kinds : kinds.filter(({ name }) => flags.kind.includes(name));
const scratch = mkdtempSync(join(tmpdir(), 'graft-fuzz-'));
const kept = resolve(flags.out);
const workshop = openWorkshop(join(scratch, 'workshop'));
mkdirSync(workshop.dir);
const ends = Date.now() + minutes * 60_000;
const counts: Count[] = [];
try {
  for (const [i, kind] of chosen.entries()) {
    // What one kind does not need is the others'; files are quick, and get half of the time of situations.
    const weight = (one: FileKind | Situation): number => ('read' in one ? 1 : 2);
    const rest = chosen.slice(i).reduce((sum, one) => sum + weight(one), 0);
    const until = Date.now() + ((ends - Date.now()) * weight(kind)) / rest;
    const count: Count = { kind: kind.name, tried: 0, refused: 0, read: 0, faults: [] };
    counts.push(count);
    const random = new Random(seed).fork(kind.name);
    await ('read' in kind ? tryFiles(kind, count, random, until) : trySituation(kind, count, random, until));
    process.stderr.write(`${kind.name}: ${count.tried} tried, ${count.faults.length} faults\n`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
}
report();

/** Made to do harm first, each of them; then changed ones until the time is up. */
async function tryFiles(kind: FileKind, count: Count, random: Random, until: number): Promise<void> {
  const dir = join(scratch, kind.name.replaceAll(' ', '-'));
  mkdirSync(dir);
  const seeds = Object.entries(await kind.seeds(dir));
  const reading = new Reading();
  const attempt = async (name: string, bytes: Buffer, mustRefuse: boolean): Promise<void> => {
    const path = join(dir, `${count.tried}-${name}`);
    writeFileSync(path, bytes);
    const outcome = await reading.read({ kind: kind.name, path, mustRefuse });
    note(count, outcome, (folder) => writeFileSync(join(folder, name), bytes));
    rmSync(path, { force: true });
    rmSync(`${path}.folder`, { recursive: true, force: true });
  };
  try {
    for (const [name, bytes] of seeds) await attempt(name, bytes, false);
    if (count.read < count.tried) count.faults.push('a sound file was not read');
    for (const [name, bytes] of Object.entries(kind.hostile?.(random) ?? {}))
      await attempt(name.replace(/^!/, ''), bytes, name.startsWith('!'));
    while (Date.now() < until && count.faults.length < mostFaults) {
      const [name, bytes] = pick(seeds, random);
      const [, other] = pick(seeds, random);
      const changed = mutate(bytes, random, { isText: kind.isText, other });
      if (!changed.equals(bytes)) await attempt(name, changed, kind.isSealed === true);
    }
  } finally {
    reading.close();
  }
}

async function trySituation(
  situation: Situation,
  count: Count,
  random: Random,
  until: number,
): Promise<void> {
  while ((count.tried === 0 || Date.now() < until) && count.faults.length < mostFaults) {
    const dir = join(scratch, `${situation.name.replaceAll(' ', '-')}-${count.tried}`);
    mkdirSync(dir);
    const outcome = await situation
      .attempt(workshop, dir, random.fork(count.tried))
      .catch((error: Error) => fault(`it could not be tried: ${error.message}`));
    if (outcome === null) {
      count.skipped = true;
      return;
    }
    note(count, outcome, (folder) =>
      writeFileSync(
        join(folder, 'again.txt'),
        `npm run fuzz -- --kind '${situation.name}' --seed ${seed}   (try ${count.tried})\n`,
      ),
    );
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

function note(count: Count, outcome: Outcome, keep: (folder: string) => void): void {
  count.tried++;
  if (outcome.kind !== 'fault') {
    count[outcome.kind]++;
    return;
  }
  const folder = join(kept, count.kind.replaceAll(' ', '-'), `seed-${seed}-${count.tried}`);
  mkdirSync(folder, { recursive: true });
  keep(folder);
  writeFileSync(join(folder, 'fault.txt'), `${outcome.fault}\n`);
  count.faults.push(`${outcome.fault}; kept in ${folder}`);
}

function report(): void {
  const table = new Table({
    head: ['kind', 'tried', 'refused in one line', 'read', 'FAULTS'],
    style: { head: [], border: [] },
  });
  const number = (value: number): { hAlign: 'right'; content: string } => ({
    hAlign: 'right',
    content: String(value),
  });
  for (const { kind, tried, refused, read, faults, skipped } of counts)
    table.push([
      kind,
      ...(skipped ? ['–', 'not possible here', '–', '–'] : [tried, refused, read, faults.length].map(number)),
    ]);
  console.log(table.toString());
  for (const { kind, faults } of counts) for (const one of faults) console.log(`${kind}: ${one}`);
  const total = counts.reduce((sum, { faults }) => sum + faults.length, 0);
  console.log(`seed ${seed}: ${total === 0 ? 'no fault' : `${total} faults`}`);
  process.exitCode = total === 0 ? 0 : 1;
}
