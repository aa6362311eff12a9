/**
 * `npm run bench:augment`: augmented images a second, the original's list, the SIIM winners' and RandAugment, against the same
 * written with Pillow and numpy image by image (`augment_peer.py`), in one worker process a core.
 *
 * Lists of transforms are also measured in tensor operations, as other devices than the CPU make them, in turns of their own.
 *
 * Both begin with bytes and end with normalised float32; ours also ends in the memory layout that the network takes.
 * Turns alternate: ours, the peer, ours, … Each turn's ratio is taken against the turn beside it, and the median over
 * turns is the result. Where other work runs on the machine, the ratio of processor time says more than that of seconds.
 */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { engineInfo, liveTensors, setThreads, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { toNetworkInput } from '../src/classify/batch.js';
import { type Pipeline, RAND_AUGMENT, randAugment, SIIM } from '../src/data/augment/index.js';
import { loadAtStart, median, note, PythonPeer } from './peer.js';

/** Ratio to reach. */
const BAR = 5;
const PIPELINES = ['standard', 'siim', 'randaugment'] as const;
type Name = (typeof PIPELINES)[number];

/** Without their instructions, transforms are done in tensor operations. */
const inTensors = (pipeline: Pipeline): Pipeline =>
  pipeline.map((step) => ({ ...step, oneOf: step.oneOf.map(({ encode: _, ...one }) => one) }));
const TENSORS: Partial<Record<Name, Pipeline>> = {
  siim: inTensors(SIIM),
  randaugment: inTensors(randAugment(RAND_AUGMENT)),
};

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** Side of the images in pixels; a multiple of 16. */
    size: { type: 'string', default: '128' },
    batch: { type: 'string', default: '64' },
    /** Images a turn. */
    images: { type: 'string', default: '640' },
    turns: { type: 'string', default: '7' },
    python: { type: 'string', default: '/usr/bin/python3' },
    /** Exit with 1 if the bar is missed. */
    check: { type: 'boolean', default: false },
  },
});

interface Turn {
  seconds: number;
  cpuSeconds: number;
}

/** Our side: batches of the same bytes, each sample with a stream of its own. */
function makeOurs(side: number, batch: number): (augmentation: Name | Pipeline, images: number) => Turn {
  const random = new Random(0);
  const bytes = Uint8Array.from({ length: batch * 3 * side * side }, () => random.int(256));
  const pixels = tensor(bytes, [batch, 3, side, side]);
  let sample = 0;
  return (augmentation, images) => {
    const [start, before] = [performance.now(), process.cpuUsage()];
    for (let done = 0; done < images; done += batch) {
      const randoms = Array.from({ length: batch }, () => random.fork(sample++));
      tidy(() => void toNetworkInput(pixels, 'cpu', { augmentation, randoms }));
    }
    const { user, system } = process.cpuUsage(before);
    return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
}

async function main(): Promise<void> {
  const [side, turns, batch] = [Number(args.size), Number(args.turns), Number(args.batch)];
  // Whole batches, so that both do the same number.
  const images = Math.ceil(Number(args.images) / batch) * batch;
  const cores = availableParallelism();
  const loadAverage = loadAtStart();
  setThreads(cores);
  const ours = makeOurs(side, batch);
  const peer = new PythonPeer('augment_peer.py', {
    python: args.python,
    args: [side, cores],
    environment: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
    needs: 'Pillow and numpy (Debian: python3-pil, python3-numpy)',
  });
  try {
    const versions = await peer.answer<{ pillow: string; numpy: string }>();
    const results = [];
    for (const name of PIPELINES) {
      ours(name, images);
      await peer.ask<Turn>(`${name} ${images}`);
      const live = liveTensors();
      const pairs: [Turn, Turn][] = [];
      const tensors = TENSORS[name];
      const inTensorOperations: Turn[] = [];
      for (let turn = 0; turn < turns; turn++) {
        const a = ours(name, images);
        const b = await peer.ask<Turn>(`${name} ${images}`);
        pairs.push([a, b]);
        if (tensors) inTensorOperations.push(ours(tensors, images));
        note(`${name}, turn ${turn + 1}/${turns}: ${a.seconds.toFixed(2)} s, ${b.seconds.toFixed(2)} s`);
      }
      if (liveTensors() !== live)
        throw new Error(`${name}: ${liveTensors() - live} tensors were left behind`);
      const ratios = pairs.map(([a, b]) => b.seconds / a.seconds);
      results.push({
        augmentation: name,
        imagesPerSecond: images / median(pairs.map(([a]) => a.seconds)),
        peerImagesPerSecond: images / median(pairs.map(([, b]) => b.seconds)),
        ratio: median(ratios),
        low: Math.min(...ratios),
        high: Math.max(...ratios),
        cpuMsAnImage: (1000 * median(pairs.map(([a]) => a.cpuSeconds))) / images,
        peerCpuMsAnImage: (1000 * median(pairs.map(([, b]) => b.cpuSeconds))) / images,
        ...(tensors
          ? {
              tensorImagesPerSecond: images / median(inTensorOperations.map(({ seconds }) => seconds)),
              tensorCpuMsAnImage: (1000 * median(inTensorOperations.map((turn) => turn.cpuSeconds))) / images,
            }
          : {}),
        cpuRatio: median(pairs.map(([a, b]) => b.cpuSeconds / a.cpuSeconds)),
      });
    }
    const about = {
      processor: cpus()[0]?.model ?? 'unknown',
      cores,
      libtorch: engineInfo().libtorch,
      ...versions,
      loadAverage,
    };
    if (args.json) {
      console.log(
        JSON.stringify({ ...about, sizePx: side, batch, imagesATurn: images, bar: BAR, results }, null, 2),
      );
    } else {
      console.log(`${side} px, ${cores} cores of ${about.processor}, libtorch ${about.libtorch}`);
      for (const r of results) {
        const speeds = `${r.imagesPerSecond.toFixed(0)} images/s, Pillow and numpy ${r.peerImagesPerSecond.toFixed(0)}`;
        const range = `${r.low.toFixed(1)} – ${r.high.toFixed(1)}`;
        const tensors =
          r.tensorImagesPerSecond === undefined
            ? ''
            : `; in tensor operations ${r.tensorImagesPerSecond.toFixed(0)} images/s, ${r.tensorCpuMsAnImage!.toFixed(2)} ms an image`;
        console.log(
          `${r.augmentation}: ${speeds}: ratio ${r.ratio.toFixed(1)} (${range}; bar ${BAR}); processor time ${r.cpuMsAnImage.toFixed(2)} and ${r.peerCpuMsAnImage.toFixed(2)} ms an image, ratio ${r.cpuRatio.toFixed(1)}${tensors}`,
        );
      }
    }
    if (args.check && results.some(({ ratio }) => ratio < BAR)) process.exitCode = 1;
  } finally {
    peer.stop();
  }
}

await main();
