/**
 * `npm run bench:hair`: hair removal in images a second against OpenCV from Python, `hair_peer.py`, on the same phantom
 * JPEGs with hair: read and decode → grey, black-hat, threshold, inpaint → encode as JPEG and write.
 *
 * Turns alternate within one run: ours (one process, as `graft data prepare` does it), the peer in one process, the
 * peer with a process a core, ours, … Only one works at a time; each turn's ratio is taken against the turns beside
 * it, and the median over turns is the result.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from 'graft-torch/base';
import { forEachParallel } from '../src/base/parallel.js';
import { renderPhantom, samplePhantom } from '../src/data/phantom/index.js';
import { decodeImage } from '../src/image/decode.js';
import { encodeImage } from '../src/image/encode.js';
import { removeHair } from '../src/image/hair.js';
import { loadAtStart, median, note, PythonPeer } from './peer.js';

/** Images a second to reach. */
const BAR = 20;

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    images: { type: 'string', default: '24' },
    'size-px': { type: 'string', default: '512' },
    turns: { type: 'string', default: '5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    /** Exit with 1 if the bar is missed. */
    check: { type: 'boolean', default: false },
  },
});

/** Phantoms with at least ten dark hairs, as JPEG files. */
async function makeImages(dir: string, count: number, sizePx: number): Promise<string[]> {
  const random = new Random(0);
  const names: string[] = [];
  while (names.length < count) {
    const factors = samplePhantom(random, { prevalence: 0.3 });
    const { hairs, hairDarkness } = factors.nuisance;
    if (hairs < 10 || hairDarkness < 0.6) continue;
    const image = { data: renderPhantom(factors, sizePx), width: sizePx, height: sizePx };
    const name = `${String(names.length).padStart(3, '0')}.jpg`;
    await writeFile(join(dir, name), await encodeImage(image, 'jpeg'));
    names.push(name);
  }
  return names;
}

/** Python processes that work through the folder when asked to. */
class Peer extends PythonPeer {
  constructor(processes: number, from: string, to: string) {
    super('hair_peer.py', { python: args.python, args: [processes, from, to], needs: 'python3-opencv' });
  }

  /** Seconds for the folder. */
  async run(): Promise<number> {
    return (await this.ask<{ seconds: number }>('run')).seconds;
  }
}

/** Seconds for the folder, and the seconds of them in which the removal itself kept the main thread busy. */
async function ours(from: string, to: string, names: readonly string[]) {
  let removalSeconds = 0;
  let hairShare = 0;
  const start = performance.now();
  await forEachParallel(names.length, async (i) => {
    const image = await decodeImage(await readFile(join(from, names[i]!)));
    const begin = performance.now();
    const removed = removeHair(image);
    removalSeconds += (performance.now() - begin) / 1000;
    hairShare += removed.hairShare / names.length;
    await writeFile(join(to, names[i]!), await encodeImage(removed.image, 'jpeg'));
  });
  return { seconds: (performance.now() - start) / 1000, removalSeconds, hairShare };
}

async function main(): Promise<void> {
  const cores = availableParallelism();
  const loadAverage = loadAtStart();
  const dir = mkdtempSync(join(tmpdir(), 'graft-bench-hair-'));
  const [from, to] = [join(dir, 'from'), join(dir, 'to')];
  for (const folder of [from, to]) mkdirSync(folder);
  const peers: Peer[] = [];
  try {
    const count = Number(args.images);
    const names = await makeImages(from, count, Number(args['size-px']));
    const one = new Peer(1, from, to);
    const all = new Peer(cores, from, to);
    peers.push(one, all);
    const { opencv } = await one.answer<{ opencv: string }>();
    await all.answer();
    const turns: { ours: number; removal: number; one: number; all: number }[] = [];
    let hairShare = 0;
    for (let turn = 0; turn <= Number(args.turns); turn++) {
      const own = await ours(from, to, names);
      const rates = {
        ours: count / own.seconds,
        removal: count / own.removalSeconds,
        one: count / (await one.run()),
        all: count / (await all.run()),
      };
      if (turn === 0) continue; // the first turn warms everything up
      hairShare = own.hairShare;
      turns.push(rates);
      note(
        `turn ${turn}/${args.turns}: ${Object.values(rates)
          .map((r) => r.toFixed(1))
          .join(', ')} images/s`,
      );
    }
    const rate = (key: 'ours' | 'removal' | 'one' | 'all') => median(turns.map((turn) => turn[key]));
    const ratio = (key: 'one' | 'all') => {
      const ratios = turns.map((turn) => turn.ours / turn[key]);
      return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
    };
    const result = {
      about: { processor: cpus()[0]?.model ?? 'unknown', cores, opencv, loadAverage },
      images: count,
      sizePx: Number(args['size-px']),
      hairShare,
      bar: BAR,
      imagesPerSecond: {
        ours: rate('ours'),
        removalAlone: rate('removal'),
        peer: rate('one'),
        peerAllCores: rate('all'),
      },
      ratio: ratio('one'),
      ratioAllCores: ratio('all'),
    };
    if (args.json) console.log(JSON.stringify(result, null, 2));
    else print(result);
    if (args.check && result.imagesPerSecond.ours < BAR) process.exitCode = 1;
  } finally {
    for (const peer of peers) peer.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Ratio {
  median: number;
  low: number;
  high: number;
}

function print(result: {
  about: { processor: string; cores: number; opencv: string };
  images: number;
  sizePx: number;
  hairShare: number;
  imagesPerSecond: { ours: number; removalAlone: number; peer: number; peerAllCores: number };
  ratio: Ratio;
  ratioAllCores: Ratio;
}): void {
  const { about, images, sizePx, hairShare, imagesPerSecond: rates } = result;
  const ratio = ({ median: middle, low, high }: Ratio) =>
    `${middle.toFixed(1)} times (${low.toFixed(1)}–${high.toFixed(1)})`;
  console.log(`${about.processor}, ${about.cores} cores; OpenCV ${about.opencv}`);
  console.log(
    `${images} JPEGs of ${sizePx} px, ${(100 * hairShare).toFixed(1)} % of their pixels marked as hair\n`,
  );
  console.log(
    `here: ${rates.ours.toFixed(1)} images/s (${rates.ours >= BAR ? '≥' : 'misses'} ${BAR}); ` +
      `the removal alone, on one thread: ${rates.removalAlone.toFixed(1)}`,
  );
  console.log(`OpenCV, one process: ${rates.peer.toFixed(1)} images/s; here ${ratio(result.ratio)} that`);
  console.log(
    `OpenCV, a process a core: ${rates.peerAllCores.toFixed(1)} images/s; here ${ratio(result.ratioAllCores)} that`,
  );
}

await main();
